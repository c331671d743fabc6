//! A read that ends: exactly up to the end offsets that were seen when it began, however fast
//! others write.

use std::collections::BTreeMap;

use base::TopicPartition;
use client_core::ConsumerConfig;
use client_core::consumer::{Assign, Fetched, StartAt};
use tokio::runtime::Handle;

use crate::consumer::Consumer;
use crate::error::ReadError;

/// Where a bounded read ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndAt {
    /// Where the logs end when it begins.
    Latest,
    /// At these offsets, which are not read any more; partitions that are not named end where their
    /// logs end.
    Offsets(BTreeMap<TopicPartition, i64>),
    /// At the first record whose timestamp is at least this, or where the log ends if there is
    /// none.
    Timestamp(i64),
}

/// A read that ends.
#[derive(Debug)]
pub struct BoundedRead {
    consumer: Consumer,
    end_offsets: BTreeMap<TopicPartition, i64>,
}

impl BoundedRead {
    /// Connects, and looks where to begin and end in all partitions of `topics`.
    pub async fn start(
        config: ConsumerConfig,
        topics: &[&str],
        start: StartAt,
        end: EndAt,
        runtime: &Handle,
    ) -> Result<Self, ReadError> {
        let consumer = Consumer::connect(config, runtime).await?;
        let mut partitions = Vec::new();
        for topic in topics {
            partitions.extend(consumer.partitions(topic).await?);
        }
        Self::over(consumer, partitions, start, end).await
    }

    /// Reads some partitions with a consumer that has nothing else to do.
    pub async fn over(
        consumer: Consumer,
        partitions: Vec<TopicPartition>,
        start: StartAt,
        end: EndAt,
    ) -> Result<Self, ReadError> {
        let mut end_offsets = consumer.end_offsets(&partitions).await?;
        match end {
            EndAt::Latest => {}
            EndAt::Offsets(offsets) => {
                for (partition, offset) in offsets {
                    // Beyond the end there is nothing, and nothing is waited for.
                    end_offsets.entry(partition).and_modify(|end| *end = offset.min(*end));
                }
            }
            EndAt::Timestamp(timestamp_ms) => {
                let times: Vec<_> =
                    partitions.iter().map(|name| (name.clone(), timestamp_ms)).collect();
                for (partition, found) in consumer.offsets_for_times(&times).await? {
                    if let Some(found) = found {
                        end_offsets.insert(partition, found.offset);
                    }
                }
            }
        }
        let assign = |(partition, end): (&TopicPartition, &i64)| Assign {
            topic_partition: partition.clone(),
            start,
            stop_at: Some(*end),
        };
        consumer.assign_bounded(end_offsets.iter().map(assign).collect());
        Ok(Self { consumer, end_offsets })
    }

    /// At most `rows` records; `None` once everything has been read.
    pub async fn next(&self, rows: usize) -> Result<Option<Vec<Fetched>>, ReadError> {
        if self.end_offsets.is_empty() {
            return Ok(None);
        }
        Ok(self.consumer.poll(rows).await?)
    }

    /// Where it ends.
    pub fn end_offsets(&self) -> &BTreeMap<TopicPartition, i64> {
        &self.end_offsets
    }

    /// How many offsets lie ahead, in all partitions: no more records than this are left.
    pub fn remaining(&self) -> u64 {
        let left = |(partition, end): (&TopicPartition, &i64)| {
            let position = self.consumer.position(partition).unwrap_or(0);
            u64::try_from(end - position).unwrap_or(0)
        };
        self.end_offsets.iter().map(left).sum()
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.consumer.close().await;
    }
}
