//! An AddPartitionsToTxn request of any version.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::read_request(wire::ApiKey::AddPartitionsToTxn, data);
});
