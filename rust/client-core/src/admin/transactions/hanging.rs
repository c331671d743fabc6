//! Which open transactions hang: those that a partition waits for the end of, and no coordinator
//! will ever end. They hold up whoever reads committed records, and compaction, for ever.

use std::collections::BTreeMap;

use base::{ProducerId, TopicPartition};

use super::{ProducerState, TransactionDescription};

/// A transaction that is open in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Where.
    pub topic_partition: TopicPartition,
    /// Whose it is, as the partition knows the producer.
    pub producer: ProducerState,
    /// Where it begins.
    pub start: i64,
}

/// The transactions whose producers have written nothing for longer than `quiet_ms`: no younger one
/// can hang, if that is as long as any transaction may take.
pub fn open_transactions(
    partitions: impl IntoIterator<Item = (TopicPartition, Vec<ProducerState>)>,
    now_ms: i64,
    quiet_ms: i64,
) -> Vec<OpenTransaction> {
    let mut open = Vec::new();
    for (topic_partition, producers) in partitions {
        for producer in producers {
            let is_quiet = now_ms.saturating_sub(producer.last_timestamp_ms) > quiet_ms;
            if let (true, Some(start)) = (is_quiet, producer.transaction_start) {
                let topic_partition = topic_partition.clone();
                open.push(OpenTransaction { topic_partition, producer, start });
            }
        }
    }
    open
}

/// Those of them that no coordinator knows: it knows the partitions of a transaction until each has
/// been told of its end.
pub fn hanging_transactions(
    open: Vec<OpenTransaction>,
    known: &BTreeMap<ProducerId, TransactionDescription>,
) -> Vec<OpenTransaction> {
    let hangs = |open: &OpenTransaction| {
        let known = known.get(&open.producer.producer_id);
        known.is_none_or(|known| !known.partitions.contains(&open.topic_partition))
    };
    open.into_iter().filter(hangs).collect()
}
