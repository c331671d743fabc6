//! What can be seen of transactions from outside.

use base::ErrorCode;
use coordinator::transaction::{TransactionRequest, TransactionResponse};
use wire::list_transactions::{ListTransactionsRequest, ListTransactionsResponse};

use crate::host::Host;
use crate::requests::{ID, NONE, PARTITIONS, V2, add_request, codes, error, init_request};

fn list(host: &mut Host, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let TransactionResponse::ListTransactions(response) =
        host.ask(2, &TransactionRequest::ListTransactions(request))
    else {
        panic!("another answer")
    };
    response
}

fn names(host: &mut Host, request: ListTransactionsRequest) -> Vec<String> {
    let response = list(host, request);
    assert_eq!(error(response.error_code), ErrorCode::None);
    response.transaction_states.into_iter().map(|listed| listed.transactional_id).collect()
}

/// `a` is idle, `b` has had a transaction for five seconds, `c` for one.
fn three() -> Host {
    let mut host = Host::new(2);
    for (id, pause_ms) in [("a", 0), ("b", 4_000), ("c", 1_000)] {
        let TransactionResponse::InitProducerId(response) =
            host.ask(5, &init_request(id, NONE, 60_000))
        else {
            panic!("another answer")
        };
        let producer = (response.producer_id, response.producer_epoch);
        if id != "a" {
            let added = host.ask(5, &add_request(5, false, id, producer, PARTITIONS));
            assert_eq!(codes(&added), [ErrorCode::None; 3]);
        }
        host.advance_ms(pause_ms);
    }
    host
}

#[test]
fn every_filter_narrows_the_list() {
    let mut host = three();
    let all = ListTransactionsRequest::default;
    assert_eq!(names(&mut host, all()), ["a", "b", "c"]);
    let states = |names: &[&str]| ListTransactionsRequest {
        state_filters: names.iter().map(|&name| name.into()).collect(),
        ..all()
    };
    assert_eq!(names(&mut host, states(&["Ongoing"])), ["b", "c"]);
    assert_eq!(names(&mut host, states(&["Empty", "Dead"])), ["a"]);
    let pattern = |text: &str| ListTransactionsRequest {
        transactional_id_pattern: Some(text.into()),
        ..all()
    };
    assert_eq!(names(&mut host, pattern("[ab]")), ["a", "b"]);
    assert_eq!(names(&mut host, pattern("")), ["a", "b", "c"]);
    assert_eq!(names(&mut host, pattern("x")), [""; 0]);
    let second = list(&mut host, all()).transaction_states[1].producer_id;
    let producers = ListTransactionsRequest { producer_id_filters: vec![second, 99], ..all() };
    assert_eq!(names(&mut host, producers), ["b"]);
    let longer_than = |duration_filter| ListTransactionsRequest { duration_filter, ..all() };
    // Kafka counts one that has not begun from 1970.
    assert_eq!(names(&mut host, longer_than(1_000)), ["a", "b"]);
    assert_eq!(names(&mut host, longer_than(999)), ["a", "b", "c"]);
    let both = ListTransactionsRequest { duration_filter: 1_000, ..states(&["Ongoing"]) };
    assert_eq!(names(&mut host, both), ["b"]);
}

#[test]
fn a_filter_that_nobody_understands_is_told() {
    let mut host = three();
    let request = ListTransactionsRequest {
        state_filters: vec!["Ongoing".into(), "Sleeping".into()],
        ..ListTransactionsRequest::default()
    };
    let response = list(&mut host, request);
    assert_eq!(response.unknown_state_filters, ["Sleeping"]);
    assert_eq!(response.transaction_states.len(), 2);
    let nonsense = ListTransactionsRequest {
        transactional_id_pattern: Some("(".into()),
        ..ListTransactionsRequest::default()
    };
    let response = list(&mut host, nonsense);
    assert_eq!(error(response.error_code), ErrorCode::InvalidRegularExpression);
    assert!(response.transaction_states.is_empty());
}

#[test]
fn a_transaction_is_described_with_what_it_still_waits_for() {
    let mut host = Host::new(2);
    assert_eq!(error(host.describe("").error_code), ErrorCode::InvalidRequest);
    assert_eq!(error(host.describe(ID).error_code), ErrorCode::TransactionalIdNotFound);
    let producer = host.init();
    let described = host.describe(ID);
    assert_eq!(
        (described.transaction_timeout_ms, described.transaction_start_time_ms),
        (60_000, -1)
    );
    assert!(described.topics.is_empty());
    host.add(V2, producer);
    assert_eq!(host.describe(ID).topics.len(), 2);
    host.commit(V2, producer);
    let described = host.describe(ID);
    assert_eq!(
        (described.transaction_state.as_str(), described.topics.len()),
        ("PrepareCommit", 2)
    );
    host.write_markers();
    let described = host.describe(ID);
    assert_eq!(
        (described.transaction_state.as_str(), described.topics.len()),
        ("CompleteCommit", 0)
    );
}
