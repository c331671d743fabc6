//! Transactions that a producer resumes after a restart by what it has noted down, its id and
//! epoch, as Flink's sink does: the end that it asks for is done, and if it is done already it is
//! told so.

use base::ErrorCode;
use wire::list_transactions::ListTransactionsRequest;

use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;
use crate::transactional_producer::TransactionalProducer;

const SETTINGS: &[(&str, &str)] = &[("transaction.state.log.num.partitions", "1")];

/// A broker with a transaction that is flushed, and what its producer has noted down of it.
async fn start(is_new: bool) -> (TestBroker, TransactionalProducer) {
    let broker = TestBroker::start(SETTINGS).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut producer = if is_new {
        TransactionalProducer::init(&mut client, "x").await
    } else {
        let producer = TransactionalProducer::init_old(&mut client, "x").await;
        assert_eq!(producer.add_partition(&mut client, "t").await, ErrorCode::None);
        producer
    };
    producer.write(&mut client, "t", &["a", "b"]).await;
    (broker, producer)
}

/// Ends the transaction with what was noted down before.
async fn end_as_noted(client: &mut TestClient, noted: &TransactionalProducer) {
    assert_code(noted.end(client, true).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_transaction_is_committed_by_a_producer_that_has_started_again() {
    for is_new in [true, false] {
        let (broker, noted) = start(is_new).await;
        end_as_noted(&mut broker.connect().await, &noted).await;
        let mut client = broker.connect().await;
        client.wait_for_transaction("x", "CompleteCommit").await;
        assert_eq!(client.read_committed("t").await, ["a", "b"]);
        // It cannot know that it had asked before it died.
        for _ in 0..2 {
            end_as_noted(&mut broker.connect().await, &noted).await;
        }
        let other = noted.end(&mut client, false).await;
        assert_code(other.error_code, ErrorCode::InvalidTxnState);
        assert_eq!(client.read_committed("t").await, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_transaction_is_committed_although_the_broker_has_started_again_too() {
    for is_new in [true, false] {
        let (broker, noted) = start(is_new).await;
        let broker = TestBroker::start_on(broker.kill().await, SETTINGS).await;
        end_as_noted(&mut broker.connect().await, &noted).await;
        let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
        let mut client = broker.connect().await;
        end_as_noted(&mut client, &noted).await;
        client.wait_for_transaction("x", "CompleteCommit").await;
        assert_eq!(client.read_committed("t").await, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_transaction_that_lingers_is_found_and_aborted_by_who_takes_its_id_over() {
    for is_new in [true, false] {
        let (broker, noted) = start(is_new).await;
        let mut client = broker.connect().await;
        let state_filters = vec!["Ongoing".to_owned()];
        let request = ListTransactionsRequest { state_filters, ..Default::default() };
        let listed = client.call(&request).await.transaction_states;
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (&listed[0].transactional_id[..], listed[0].producer_id),
            ("x", noted.producer.0)
        );
        TransactionalProducer::init(&mut client, "x").await;
        client.wait_for_transaction("x", "Empty").await;
        assert_eq!(client.read_committed("t").await, Vec::<String>::new());
        let refused = noted.end(&mut client, true).await;
        assert_code(refused.error_code, ErrorCode::ProducerFenced);
    }
}
