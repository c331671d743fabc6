//! An answer as a client reads it: the first byte says of which request.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::read_response(data);
});
