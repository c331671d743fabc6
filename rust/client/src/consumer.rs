//! The consumer: hands out fetched batches, and answers questions about offsets.

mod group;
mod machine;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, SystemClock, TopicPartition};
use client_core::ConsumerConfig;
use client_core::consumer::{
    Assign, ConsumeError, ConsumerMetrics, EARLIEST_TIMESTAMP, Fetched, Found, LATEST_TIMESTAMP,
    StartAt, read_offset, request_offsets,
};
use client_core::inquiry::{Inquiry, InquiryError, Reading, Target};
use client_core::survey::Survey;
use net::Transport;
use tokio::runtime::Handle;

use crate::desk::{ask, ask_leaders};
use crate::driver::Driver;
use crate::error::{ConnectError, OffsetsError};
pub use group::{PendingCommit, Polling};
use machine::Shared;

/// An offset, and the timestamp of the record there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndTimestamp {
    /// The offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
}

/// A consumer. All of it can be used from many threads.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    driver: Driver,
}

impl Consumer {
    /// Connects over TCP; fails when no broker answers within [`crate::CONNECT_CHECK_MAX`].
    pub async fn connect(config: ConsumerConfig, runtime: &Handle) -> Result<Self, ConnectError> {
        let transport = crate::tcp(&config.connection);
        let clock = Arc::new(SystemClock);
        Self::connect_over(config, transport, clock, crate::entropy(), runtime).await
    }

    /// Connects over any network and by any clock.
    pub async fn connect_over<T: Transport>(
        config: ConsumerConfig,
        transport: T,
        clock: Arc<dyn Clock>,
        seed: u64,
        runtime: &Handle,
    ) -> Result<Self, ConnectError> {
        let shared = Arc::new(Shared::new(config, clock.clone(), seed));
        let kick = shared.desk.kick.clone();
        let driver = Driver::start(shared.clone(), kick, transport, clock, runtime);
        let consumer = Self { shared, driver };
        consumer.driver.connected().await?;
        Ok(consumer)
    }

    /// Reads these partitions from these positions on, and no others.
    pub fn assign(&self, partitions: impl IntoIterator<Item = (TopicPartition, StartAt)>) {
        let assign = |(topic_partition, start)| Assign { topic_partition, start, stop_at: None };
        self.assign_bounded(partitions.into_iter().map(assign).collect());
    }

    /// Reads these partitions, each up to its end if it has one.
    pub fn assign_bounded(&self, partitions: Vec<Assign>) {
        self.shared.machine.lock().assign(partitions);
        self.shared.changed();
    }

    /// Reads all partitions of these topics, and no others.
    pub async fn assign_topics(
        &self,
        topics: &[&str],
        start: StartAt,
    ) -> Result<Vec<TopicPartition>, OffsetsError> {
        let mut partitions = Vec::new();
        for topic in topics {
            partitions.extend(self.partitions(topic).await?);
        }
        self.assign(partitions.iter().map(|partition| (partition.clone(), start)));
        Ok(partitions)
    }

    /// What is assigned.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.shared.machine.lock().assignment().cloned().collect()
    }

    /// At most `rows` records that have been fetched, maybe none. In turns from the partitions that
    /// have some.
    pub fn try_poll(&self, rows: usize) -> Result<Vec<Fetched>, ConsumeError> {
        self.shared.take(rows)
    }

    /// At most `rows` records; waits for the first. `None` when a bounded assignment has been read
    /// to its end; nothing at all when there is a [`Self::rebalance`] or [`Self::errand`] first.
    pub async fn poll(&self, rows: usize) -> Result<Option<Vec<Fetched>>, ConsumeError> {
        loop {
            // Before looking, or the news could come in between.
            let ready = self.shared.ready.notified();
            let fetched = self.shared.take(rows)?;
            if !fetched.is_empty() {
                return Ok(Some(fetched));
            }
            if machine::is_telling(&self.shared.machine.lock()) {
                return Ok(Some(Vec::new()));
            }
            if self.shared.is_done() {
                return Ok(None);
            }
            ready.await;
        }
    }

    /// Reads a partition on elsewhere.
    pub fn seek(&self, partition: &TopicPartition, start: StartAt) -> Result<(), ConsumeError> {
        self.shared.machine.lock().seek(partition, start)?;
        self.shared.changed();
        Ok(())
    }

    /// Reads no more of these, until [`Self::resume`].
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<(), ConsumeError> {
        self.shared.machine.lock().set_paused(partitions, true)
    }

    /// Reads on.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<(), ConsumeError> {
        self.shared.machine.lock().set_paused(partitions, false)?;
        self.shared.changed();
        Ok(())
    }

    /// What is paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.shared.machine.lock().paused().cloned().collect()
    }

    /// The offset of the next record to be handed out; `None` until it is known.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.shared.machine.lock().position(partition)
    }

    /// Where the logs start.
    pub async fn beginning_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, OffsetsError> {
        self.special_offsets(partitions, EARLIEST_TIMESTAMP).await
    }

    /// Where the logs end, for this consumer's isolation level.
    pub async fn end_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, OffsetsError> {
        self.special_offsets(partitions, LATEST_TIMESTAMP).await
    }

    /// The first records whose timestamps are not below the given ones, in milliseconds since 1970;
    /// `None` where there is none.
    pub async fn offsets_for_times(
        &self,
        times: &[(TopicPartition, i64)],
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndTimestamp>>, OffsetsError> {
        let wanted = times.iter().map(|(name, time)| (name.clone(), (*time).max(0))).collect();
        let found = self.find_offsets(wanted).await?;
        let read = |found: Found| {
            let timestamp_ms = found.timestamp_ms;
            found.offset.map(|offset| OffsetAndTimestamp { offset, timestamp_ms })
        };
        Ok(found.into_iter().map(|(partition, found)| (partition, read(found))).collect())
    }

    /// The partitions of a topic.
    pub async fn partitions(&self, topic: &str) -> Result<Vec<TopicPartition>, OffsetsError> {
        let timeout = self.shared.config.default_api_timeout;
        let describe = client_core::admin::describe_topics(&[topic.to_owned()], timeout);
        let refuse = |error| OffsetsError { about: topic.to_owned(), error };
        let described = ask(&*self.shared, describe).await.map_err(refuse)?;
        let unknown = base::ErrorCode::UnknownTopicOrPartition;
        let (_, described) = described
            .into_iter()
            .next()
            .ok_or_else(|| refuse(InquiryError::refused(unknown, None)))?;
        let name: Arc<str> = topic.into();
        let partitions = described.map_err(refuse)?.partitions.into_iter();
        Ok(partitions.map(|row| TopicPartition::new(name.clone(), row.partition)).collect())
    }

    /// What the consumer has done so far, in numbers.
    pub fn metrics(&self) -> ConsumerMetrics {
        self.shared.machine.lock().metrics()
    }

    /// The configuration.
    pub fn config(&self) -> &ConsumerConfig {
        &self.shared.config
    }

    /// Stops fetching and closes the connections. What was handed out stays good.
    pub async fn close(&self) {
        self.driver.stop().await;
    }

    async fn special_offsets(
        &self,
        partitions: &[TopicPartition],
        timestamp: i64,
    ) -> Result<BTreeMap<TopicPartition, i64>, OffsetsError> {
        let wanted = partitions.iter().map(|name| (name.clone(), timestamp)).collect();
        let found = self.find_offsets(wanted).await?;
        // A log always has a start and an end: a broker that names none means an empty one.
        let offsets = found.into_iter().map(|(name, found)| (name, found.offset.unwrap_or(0)));
        Ok(offsets.collect())
    }

    async fn find_offsets(
        &self,
        wanted: BTreeMap<TopicPartition, i64>,
    ) -> Result<BTreeMap<TopicPartition, Found>, OffsetsError> {
        let config = &self.shared.config;
        let (timeout, isolation_level) = (config.default_api_timeout, config.isolation_level);
        let survey = Survey::new(wanted, timeout, self.shared.desk.clock.now());
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let results = ask_leaders(
            &*self.shared,
            survey,
            |cluster, leader, partitions| {
                let rows = partitions.iter().map(|(name, timestamp)| (name, *timestamp));
                let metadata = cluster.metadata();
                let request = request_offsets(rows, isolation_level, metadata, timeout_ms);
                Inquiry::new(Target::Node(leader), request, timeout, Reading::Done)
            },
            read_offset,
        );
        let mut found = BTreeMap::new();
        for (partition, result) in results.await {
            let about = partition.to_string();
            found.insert(partition, result.map_err(|error| OffsetsError { about, error })?);
        }
        Ok(found)
    }
}
