//! How a transaction ends on a partition: with a marker, which its coordinator has written there.
//!
//! This is where one broker's coordinator meets another broker's partition. On one node they meet
//! in a function call, whether the marker comes from the coordinator here or in a request.

use base::{ErrorCode, ProducerEpoch, ProducerId};
use metadata::internal_topic::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
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
        match topic {
            OFFSETS_TOPIC => return self.write_among_offsets(broker, partition).await,
            // Only its coordinator writes there, which would not know of it.
            TRANSACTIONS_TOPIC => return Err(ErrorCode::InvalidTopicException),
            _ => {}
        }
        let partition = broker.partitions.by_name(topic, partition)?;
        let appended = partition
            .append_marker(&broker.directory, self, broker.clock.unix_ms())
            .map_err(|error| error.code)?;
        match timeout(broker.config.request_timeout(), appended).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.code),
            // The partition has gone, and those who waited for it with it.
            Ok(Err(_)) => Err(ErrorCode::NotLeaderOrFollower),
            Err(_) => Err(ErrorCode::RequestTimedOut),
        }
    }

    /// Only the coordinator of groups writes to its partitions, and what was committed in the
    /// transaction is for it to take in. Whoever writes markers knows leaders, and no coordinators.
    async fn write_among_offsets(&self, broker: &Broker, index: i32) -> Result<(), ErrorCode> {
        let written = broker.coordinator.end_transaction(index, *self);
        let written = timeout(broker.config.request_timeout(), written).await;
        written.unwrap_or(Err(ErrorCode::RequestTimedOut)).map_err(|code| match code {
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::NotCoordinator => ErrorCode::NotLeaderOrFollower,
            code => code,
        })
    }
}
