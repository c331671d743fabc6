//! How a transaction ends on a partition: with a marker, which its coordinator has written there.
//!
//! This is where one broker's coordinator meets another broker's partition. On one node they meet
//! in a function call, whether the marker comes from the coordinator here or in a request.

use std::time::Duration;

use base::{ErrorCode, ProducerEpoch, ProducerId};
use records::{ControlRecord, ProduceBatch};
use tokio::time::timeout;

use crate::broker::Broker;

/// What ends a producer's transaction on each of its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndTransactionMarker {
    pub producer_id: ProducerId,
    /// With transaction version 2 one above that of the transaction's records.
    pub producer_epoch: ProducerEpoch,
    /// The leader epoch of the partition that keeps the transaction.
    pub coordinator_epoch: i32,
    /// Whether the records hold.
    pub is_commit: bool,
    /// The version of transactions that the producer uses (KIP-890).
    pub transaction_version: i16,
}

impl EndTransactionMarker {
    /// The batch that says so.
    pub(crate) fn batch(&self, now_ms: i64) -> ProduceBatch {
        let coordinator_epoch = self.coordinator_epoch;
        let record = if self.is_commit {
            ControlRecord::Commit { coordinator_epoch }
        } else {
            ControlRecord::Abort { coordinator_epoch }
        };
        ProduceBatch::end_transaction(&record, self.producer_id, self.producer_epoch, now_ms)
    }

    /// Writes it to a partition, which may take `request.timeout.ms`. It has ended the transaction
    /// there when every in-sync replica has it; then the answer is [`ErrorCode::None`].
    pub(crate) async fn write(&self, broker: &Broker, topic: &str, partition: i32) -> ErrorCode {
        self.try_write(broker, topic, partition).await.err().unwrap_or(ErrorCode::None)
    }

    async fn try_write(
        &self,
        broker: &Broker,
        topic: &str,
        partition: i32,
    ) -> Result<(), ErrorCode> {
        let partition = broker.partitions.by_name(topic, partition)?;
        let appended = partition
            .append_marker(&broker.directory, self, broker.clock.unix_ms())
            .map_err(|error| error.code)?;
        let timeout_ms = u64::try_from(broker.config.request_timeout_ms).unwrap_or_default();
        match timeout(Duration::from_millis(timeout_ms), appended).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.code),
            // The partition has gone, and those who waited for it with it.
            Ok(Err(_)) => Err(ErrorCode::NotLeaderOrFollower),
            Err(_) => Err(ErrorCode::RequestTimedOut),
        }
    }
}
