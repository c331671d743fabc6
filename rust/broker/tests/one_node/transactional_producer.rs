//! A transactional producer as a client keeps it, of transaction version 2 or older, whose requests
//! are sent as they are; only what passes by itself is tried again.

use base::ErrorCode;
use wire::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use wire::describe_transactions::{DescribeTransactionsRequest, TransactionState};
use wire::end_txn::{EndTxnRequest, EndTxnResponse};
use wire::find_coordinator::FindCoordinatorRequest;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::produce::{PartitionProduceResponse, ProduceRequest};

use crate::batches::{records_in, transactional_batch};
use crate::requests::{FETCH_BY_NAME, assert_code, fetch_request, only_partition, produce_request};
use crate::test_client::TestClient;

/// The last versions of clients that add partitions themselves and keep their epoch.
pub(crate) const OLD_PRODUCE: i16 = 11;
pub(crate) const OLD_END_TXN: i16 = 4;
pub(crate) const OLD_ADD_PARTITIONS: i16 = 3;
/// The first versions of transaction version 2.
const NEW_PRODUCE: i16 = 12;
const NEW_END_TXN: i16 = 5;

/// The time-out that a producer asks for.
const TIMEOUT_MS: i32 = 60_000;

/// A producer with its id.
#[derive(Clone, Debug)]
pub(crate) struct TransactionalProducer {
    pub(crate) transactional_id: String,
    pub(crate) producer: (i64, i16),
    /// The next batch's first sequence number on partition 0.
    pub(crate) next_sequence: i32,
    /// Whether it speaks transaction version 2.
    is_new: bool,
}

/// What passes by itself.
fn passes(code: i16) -> bool {
    let passing = [
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotCoordinator,
        ErrorCode::ConcurrentTransactions,
        ErrorCode::NotEnoughReplicas,
    ];
    passing.map(ErrorCode::code).contains(&code)
}

impl TransactionalProducer {
    /// Takes the transactional id over, from whoever has it.
    pub(crate) async fn init(client: &mut TestClient, transactional_id: &str) -> Self {
        client.find_transaction_coordinator(transactional_id).await;
        let answer = client.init_transactional(transactional_id, TIMEOUT_MS).await;
        assert_code(answer.error_code, ErrorCode::None);
        Self {
            transactional_id: transactional_id.to_owned(),
            producer: (answer.producer_id, answer.producer_epoch),
            next_sequence: 0,
            is_new: true,
        }
    }

    /// The same, as a client that knows nothing of transaction version 2.
    pub(crate) async fn init_old(client: &mut TestClient, transactional_id: &str) -> Self {
        Self { is_new: false, ..Self::init(client, transactional_id).await }
    }

    /// A request with these values for partition 0, as the next ones of the transaction.
    pub(crate) fn produce_request(&mut self, topic: &str, values: &[&str]) -> ProduceRequest {
        let batch = transactional_batch(self.producer, self.next_sequence, values);
        self.next_sequence += i32::try_from(values.len()).unwrap();
        ProduceRequest {
            transactional_id: Some(self.transactional_id.clone()),
            ..produce_request(topic, 0, -1, batch)
        }
    }

    /// The version that it produces in.
    pub(crate) fn produce_version(&self) -> i16 {
        if self.is_new { NEW_PRODUCE } else { OLD_PRODUCE }
    }

    /// Writes values in the transaction, until it is known what has become of them.
    pub(crate) async fn append(
        &mut self,
        client: &mut TestClient,
        topic: &str,
        values: &[&str],
    ) -> PartitionProduceResponse {
        let request = self.produce_request(topic, values);
        loop {
            let response = client.call_in(self.produce_version(), &request).await;
            let topic = response.responses.into_iter().next().unwrap();
            let answer = topic.partition_responses.into_iter().next().unwrap();
            if !passes(answer.error_code) {
                return answer;
            }
        }
    }

    /// Writes values, which must be taken.
    pub(crate) async fn write(&mut self, client: &mut TestClient, topic: &str, values: &[&str]) {
        assert_code(self.append(client, topic, values).await.error_code, ErrorCode::None);
    }

    /// Adds partition 0 of a topic, as older clients do before they write.
    pub(crate) async fn add_partition(&self, client: &mut TestClient, topic: &str) -> ErrorCode {
        let name = topic.to_owned();
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.transactional_id.clone(),
            v3_and_below_producer_id: self.producer.0,
            v3_and_below_producer_epoch: self.producer.1,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic { name, partitions: vec![0] }],
            ..AddPartitionsToTxnRequest::default()
        };
        loop {
            let answer = client.call_in(OLD_ADD_PARTITIONS, &request).await;
            let result = &answer.results_by_topic_v3_and_below[0].results_by_partition[0];
            if !passes(result.partition_error_code) {
                return ErrorCode::from_code(result.partition_error_code).unwrap();
            }
        }
    }

    /// Ends the transaction, until it is known whether it has.
    pub(crate) async fn end(&self, client: &mut TestClient, committed: bool) -> EndTxnResponse {
        let request = self.end_request(committed);
        let version = if self.is_new { NEW_END_TXN } else { OLD_END_TXN };
        loop {
            let answer = client.call_in(version, &request).await;
            if !passes(answer.error_code) {
                return answer;
            }
        }
    }

    /// The request to end the transaction.
    pub(crate) fn end_request(&self, committed: bool) -> EndTxnRequest {
        EndTxnRequest {
            transactional_id: self.transactional_id.clone(),
            producer_id: self.producer.0,
            producer_epoch: self.producer.1,
            committed,
        }
    }

    /// Ends the transaction, and goes on as the answer says.
    pub(crate) async fn finish(&mut self, client: &mut TestClient, committed: bool) {
        let answer = self.end(client, committed).await;
        assert_code(answer.error_code, ErrorCode::None);
        if self.is_new {
            self.producer = (answer.producer_id, answer.producer_epoch);
            self.next_sequence = 0;
        }
    }
}

impl TestClient {
    /// Looks for the coordinator of a transactional id, which brings the topic into being.
    pub(crate) async fn find_transaction_coordinator(&mut self, transactional_id: &str) {
        let coordinator_keys = vec![transactional_id.to_owned()];
        let request =
            FindCoordinatorRequest { key_type: 1, coordinator_keys, ..Default::default() };
        let answer = self.call(&request).await;
        assert_code(answer.coordinators[0].error_code, ErrorCode::None);
    }

    /// Asks for the producer id of a transactional id, until there is an answer.
    pub(crate) async fn init_transactional(
        &mut self,
        transactional_id: &str,
        timeout_ms: i32,
    ) -> InitProducerIdResponse {
        let request = InitProducerIdRequest {
            transactional_id: Some(transactional_id.to_owned()),
            transaction_timeout_ms: timeout_ms,
            ..InitProducerIdRequest::default()
        };
        loop {
            let answer = self.call(&request).await;
            if !passes(answer.error_code) {
                return answer;
            }
        }
    }

    /// What is said, at once, of a transactional id that nobody knows.
    pub(crate) async fn describe_unknown(&mut self, transactional_id: &str) -> i16 {
        let transactional_ids = vec![transactional_id.to_owned()];
        let answer = self.call(&DescribeTransactionsRequest { transactional_ids }).await;
        answer.transaction_states[0].error_code
    }

    /// Where the transaction of a transactional id stands.
    pub(crate) async fn describe_transaction(
        &mut self,
        transactional_id: &str,
    ) -> TransactionState {
        let transactional_ids = vec![transactional_id.to_owned()];
        let request = DescribeTransactionsRequest { transactional_ids };
        loop {
            let answer = self.call(&request).await;
            let state = answer.transaction_states.into_iter().next().unwrap();
            if !passes(state.error_code) {
                return state;
            }
        }
    }

    /// Waits until the transaction of a transactional id is in one of these states.
    pub(crate) async fn wait_for_transaction(&mut self, transactional_id: &str, state: &str) {
        while self.describe_transaction(transactional_id).await.transaction_state != state {
            tokio::task::yield_now().await;
        }
    }

    /// The values of partition 0 that a reader of committed records gets, with those of aborted
    /// transactions left out as clients do it.
    pub(crate) async fn read_committed(&mut self, topic: &str) -> Vec<String> {
        let request = wire::FetchRequest { isolation_level: 1, ..fetch_request(topic, 0) };
        let fetched = only_partition(self.call_in(FETCH_BY_NAME, &request).await);
        assert_code(fetched.error_code, ErrorCode::None);
        crate::batches::committed_in(&fetched)
    }

    /// All values of partition 0, whatever became of their transactions.
    pub(crate) async fn read_all(&mut self, topic: &str) -> Vec<String> {
        let fetched = self.fetch(topic, 0).await;
        let records = records_in(fetched.records.as_ref(), 0);
        records.into_iter().map(|(_, value)| value).collect()
    }
}
