//! Our clients against a broker of another make, at the address in `OTTLA_TEST_BOOTSTRAP`.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod suite;

fn bootstrap() -> String {
    std::env::var("OTTLA_TEST_BOOTSTRAP").expect("OTTLA_TEST_BOOTSTRAP names a broker, host:port")
}

suite::on_a_broker!(bootstrap());
