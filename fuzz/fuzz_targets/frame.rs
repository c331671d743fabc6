//! A whole frame as a broker reads it: header, then the body that the header asks for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::read_frame(data);
});
