//! Asks the coordinator of a transaction about partitions before they are written to: a transaction
//! that does not know of a partition would never end there (KIP-890).
//!
//! Clients of transaction version 2 leave it to this to add their partitions; of older ones it is
//! asked whether they have.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use base::ErrorCode;
use coordinator::Client;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, timeout_at};
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};

use crate::broker::Broker;
use crate::coordinator_runtime::Producer;

/// The version in which brokers ask each other.
const BROKERS_VERSION: i16 = 5;

/// What a client understands of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionSupport {
    /// It adds partitions itself, and knows the errors of old.
    Verify,
    /// It adds partitions itself, and knows `TRANSACTION_ABORTABLE`.
    VerifyAbortable,
    /// Its partitions are added for it, and its epoch grows with each transaction.
    Add,
}

impl TransactionSupport {
    /// By the version of a Produce request.
    pub(crate) fn of_produce(api_version: i16) -> Self {
        match api_version {
            ..=10 => Self::Verify,
            11 => Self::VerifyAbortable,
            12.. => Self::Add,
        }
    }

    /// By the version of a TxnOffsetCommit request.
    pub(crate) fn of_txn_offset_commit(api_version: i16) -> Self {
        match api_version {
            ..=3 => Self::Verify,
            4 => Self::VerifyAbortable,
            5.. => Self::Add,
        }
    }

    /// Whether each transaction has an epoch of its own.
    pub(crate) fn bumps_epoch(self) -> bool {
        self == Self::Add
    }

    /// What is wrong, in words that the client knows.
    fn code(self, code: ErrorCode) -> ErrorCode {
        match (code, self) {
            (ErrorCode::ProducerFenced, _) => ErrorCode::InvalidProducerEpoch,
            (ErrorCode::TransactionAbortable, Self::Verify) => ErrorCode::InvalidTxnState,
            (code, _) => code,
        }
    }
}

/// What is about to be written in a transaction.
#[derive(Clone, Debug)]
pub(crate) struct TransactionalWrite {
    pub transactional_id: String,
    pub producer: Producer,
    pub support: TransactionSupport,
}

/// Partitions, by topic.
pub(crate) type TopicPartitions = BTreeMap<String, Vec<i32>>;

/// What the coordinator says against some of them.
pub(crate) type Refusals = BTreeMap<(String, i32), ErrorCode>;

impl TransactionalWrite {
    /// Whether the write is to be attempted again when the transaction before is over.
    pub(crate) fn comes_too_early(&self, refusals: &Refusals) -> bool {
        let is_concurrent = refusals.values().any(|&c| c == ErrorCode::ConcurrentTransactions);
        self.support.bumps_epoch() && is_concurrent
    }

    /// Adds the partitions to the transaction, or asks whether they are in it.
    pub(crate) async fn ask(
        &self,
        broker: &Broker,
        client: &Client,
        topics: &TopicPartitions,
    ) -> Refusals {
        let client = Client { api_version: BROKERS_VERSION, ..client.clone() };
        let request = AddPartitionsToTxnRequest {
            transactions: vec![self.transaction(topics)],
            ..AddPartitionsToTxnRequest::default()
        };
        let asked = broker.transactions.ask(&client, &self.transactional_id, request).await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(code) => return refuse_all(topics, code),
        };
        let results = answer.results_by_transaction.into_iter().flat_map(|r| r.topic_results);
        let mut refusals = Refusals::new();
        for topic in results {
            for result in topic.results_by_partition {
                let code = ErrorCode::from_code(result.partition_error_code)
                    .unwrap_or(ErrorCode::UnknownServerError);
                if code != ErrorCode::None {
                    let partition = (topic.name.clone(), result.partition_index);
                    refusals.insert(partition, self.support.code(code));
                }
            }
        }
        refusals
    }

    fn transaction(&self, topics: &TopicPartitions) -> AddPartitionsToTxnTransaction {
        let topics = topics.iter().map(|(name, partitions)| AddPartitionsToTxnTopic {
            name: name.clone(),
            partitions: partitions.clone(),
        });
        AddPartitionsToTxnTransaction {
            transactional_id: self.transactional_id.clone(),
            producer_id: self.producer.id.0,
            producer_epoch: self.producer.epoch.0,
            verify_only: !self.support.bumps_epoch(),
            topics: topics.collect(),
        }
    }
}

/// Waits, for a moment at the most, for the transaction before to come to its end.
#[derive(Debug)]
pub(crate) struct Patience {
    deadline: Instant,
    backoff: Duration,
}

impl Patience {
    /// That of this broker's configuration, which begins to wear away now.
    pub(crate) fn new(broker: &Broker) -> Self {
        let retry = &broker.config.add_partitions_retry;
        Self { deadline: Instant::now() + retry.backoff_max, backoff: retry.backoff }
    }

    /// Waits until a transaction has `ended`, or for the backoff; says whether there was time to.
    pub(crate) async fn wait(&self, ended: Pin<&mut Notified<'_>>) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            return false;
        }
        // To have waited in vain is as good a reason to try again.
        drop(timeout_at(self.deadline.min(now + self.backoff), ended).await);
        true
    }
}

fn refuse_all(topics: &TopicPartitions, code: ErrorCode) -> Refusals {
    let partitions = topics.iter().flat_map(|(name, partitions)| {
        partitions.iter().map(|partition| (name.clone(), *partition))
    });
    partitions.map(|partition| (partition, code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_understands_follows_from_the_version_that_it_speaks() {
        use TransactionSupport as Support;
        let of_produce = [10, 11, 12, 13].map(Support::of_produce);
        assert_eq!(
            of_produce,
            [Support::Verify, Support::VerifyAbortable, Support::Add, Support::Add]
        );
        let of_offsets = [3, 4, 5].map(Support::of_txn_offset_commit);
        assert_eq!(of_offsets, [Support::Verify, Support::VerifyAbortable, Support::Add]);
    }

    #[test]
    fn an_old_client_hears_the_errors_that_it_knows() {
        use TransactionSupport as Support;
        for (support, code, expected) in [
            (Support::Verify, ErrorCode::TransactionAbortable, ErrorCode::InvalidTxnState),
            (
                Support::VerifyAbortable,
                ErrorCode::TransactionAbortable,
                ErrorCode::TransactionAbortable,
            ),
            (Support::Add, ErrorCode::ProducerFenced, ErrorCode::InvalidProducerEpoch),
            (Support::Verify, ErrorCode::NotCoordinator, ErrorCode::NotCoordinator),
        ] {
            assert_eq!(support.code(code), expected);
        }
    }
}
