//! Our clients against a broker of another make, at the address in `OTTLA_TEST_BOOTSTRAP`.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod suite;
#[path = "suite/transact.rs"]
mod transact;

fn bootstrap() -> String {
    std::env::var("OTTLA_TEST_BOOTSTRAP").expect("OTTLA_TEST_BOOTSTRAP names a broker, host:port")
}

suite::on_a_broker!(bootstrap());

/// Makes a test of each body of [`transact`].
macro_rules! transactions {
    ($($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                suite::fixture::run(transact::$test, &bootstrap());
            }
        )*
    };
}

transactions! {
    a_committed_transaction_is_seen_whole_and_an_aborted_one_not_at_all,
    what_is_sent_before_its_topic_is_known_belongs_to_the_transaction,
    offsets_are_committed_with_the_transaction_or_not_at_all,
    a_member_of_another_generation_commits_nothing,
    a_second_producer_fences_the_first_off,
    a_record_that_is_refused_costs_its_transaction_alone,
    a_producer_that_is_closed_aborts_what_it_has_begun,
}
