//! The producer: a record is copied once, into its partition's open batch, by the thread that sends
//! it.
//!
//! What the sending thread touches: the table of topics (read without a lock), the topic's sticky
//! partition, the partition's open batch. Nothing of that is ever held while waiting for a broker.
//! Once a batch, not once a record, the driver is told. A record whose topic is not in the table
//! yet is copied aside, and into its batch before the table has the topic: so no later record of
//! the topic overtakes it, and the way of those pays nothing for it.

mod append;
mod early;
mod gate;
mod machine;
mod transaction;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, SystemClock, TopicPartition};
use client_core::ProducerConfig;
use client_core::producer::{FlushId, NewRecord, ProducerInput};
use net::Transport;
use records::Header;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::delivery::Delivery;
use crate::driver::Driver;
use crate::error::{ConnectError, SendError};
use crate::report::FlushReport;
use append::Place;
use machine::Shared;

/// How long the driver is given to give up what a closing producer leaves behind: it only has to
/// say so.
const ABORT_MAX: Duration = Duration::from_secs(1);

/// A record to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it goes.
    pub topic: &'a str,
    /// Which partition; by the key if `None`, and anywhere without a key.
    pub partition: Option<i32>,
    /// What it is about.
    pub key: Option<&'a [u8]>,
    /// What it says.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order; a key may come twice.
    pub headers: &'a [Header<'a>],
    /// Milliseconds since 1970; now if `None`.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Record<'a> {
    /// An empty record to `topic`.
    pub fn to(topic: &'a str) -> Self {
        Self { topic, partition: None, key: None, value: None, headers: &[], timestamp_ms: None }
    }
}

/// Why a record was not taken at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrySendError {
    /// It will be, in a while: see [`Producer::room`].
    Busy(Busy),
    /// It will not be.
    Refused(SendError),
}

/// What a record waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// The topic's metadata: as many records wait for it as may.
    Metadata {
        /// The topic.
        topic: Arc<str>,
    },
    /// Room in the buffer.
    Memory {
        /// How much.
        bytes: usize,
    },
}

/// A producer. All of it can be used from many threads.
#[derive(Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    driver: Driver,
}

impl Producer {
    /// Connects over TCP; fails when no broker answers within [`crate::CONNECT_CHECK_MAX`].
    pub async fn connect(config: ProducerConfig, runtime: &Handle) -> Result<Self, ConnectError> {
        let transport = crate::tcp(&config.connection);
        let clock = Arc::new(SystemClock);
        Self::connect_over(config, transport, clock, crate::entropy(), runtime).await
    }

    /// Connects over any network and by any clock.
    pub async fn connect_over<T: Transport>(
        config: ProducerConfig,
        transport: T,
        clock: Arc<dyn Clock>,
        seed: u64,
        runtime: &Handle,
    ) -> Result<Self, ConnectError> {
        let shared = Arc::new(Shared::new(config, clock.clone(), seed));
        let kick = shared.kick.clone();
        let driver = Driver::start(shared.clone(), kick, transport, clock, runtime);
        let producer = Self { shared, driver };
        producer.driver.connected().await?;
        Ok(producer)
    }

    /// Takes a record if it can be taken at once. Never waits. One whose topic is not known yet is
    /// kept until it is, for `max.block.ms` at most.
    #[inline]
    pub fn try_send(&self, record: &Record<'_>) -> Result<Delivery, TrySendError> {
        let sent = self.try_append(record);
        if let Err(TrySendError::Refused(error)) = &sent {
            self.shared.note_refusal(error);
        }
        sent
    }

    #[inline]
    fn try_append(&self, record: &Record<'_>) -> Result<Delivery, TrySendError> {
        let shared = &*self.shared;
        shared.gate.check().map_err(TrySendError::Refused)?;
        let timestamp_ms = record.timestamp_ms.unwrap_or_else(|| shared.clock.unix_ms());
        let Record { key, value, headers, .. } = *record;
        let new = NewRecord { key, value, headers, timestamp_ms };
        let bytes = new.batch_bytes_max();
        self.check_size(bytes).map_err(TrySendError::Refused)?;
        let place = Place { partition: record.partition, bytes, reserved_bytes: 0 };
        let sent = shared.topics.with(record.topic, |topic| shared.append_to(topic, &new, &place));
        sent.unwrap_or_else(|| shared.send_early(record.topic, &new, &place))
    }

    /// Waits, up to `max.block.ms`, until a record that was [`Busy`] may be taken. Somebody else
    /// may be faster.
    pub async fn room(&self, busy: &Busy) -> Result<(), SendError> {
        let waited = self.shared.config.block_max;
        match busy {
            Busy::Metadata { topic } => {
                let known = timeout(waited, self.shared.topic_known(topic)).await;
                known.unwrap_or_else(|_| Err(self.shared.unknown(topic, waited).into()))
            }
            Busy::Memory { bytes } => {
                let room = timeout(waited, self.shared.room(*bytes)).await;
                room.unwrap_or_else(|_| {
                    let buffer_bytes = self.shared.memory.limit_bytes();
                    Err(SendError::BufferFull { buffer_bytes, waited })
                })
            }
        }
    }

    /// Takes a record, waiting for metadata and memory for up to `max.block.ms` in all.
    pub async fn send(&self, record: &Record<'_>) -> Result<Delivery, SendError> {
        let mut busy = match self.try_send(record) {
            Ok(delivery) => return Ok(delivery),
            Err(TrySendError::Refused(error)) => return Err(error),
            Err(TrySendError::Busy(busy)) => busy,
        };
        let clock = &self.shared.clock;
        let deadline = clock.now() + self.shared.config.block_max;
        loop {
            let left = deadline.since(clock.now());
            let room = timeout(left, self.room(&busy)).await;
            let room = room.unwrap_or_else(|_| Err(self.too_late(busy)));
            room.inspect_err(|error| self.shared.note_refusal(error))?;
            match self.try_send(record) {
                Ok(delivery) => return Ok(delivery),
                Err(TrySendError::Refused(error)) => return Err(error),
                Err(TrySendError::Busy(still)) => busy = still,
            }
        }
    }

    /// Waits until everything that was sent has its result; nothing lingers. Reports the results
    /// since the last report.
    pub async fn flush(&self) -> FlushReport {
        self.settle().await;
        self.report()
    }

    /// The results since the last report, without waiting for more.
    pub fn report(&self) -> FlushReport {
        self.shared.tally.take()
    }

    /// Takes no more records, waits up to `time` for the results of those it has, and gives up the
    /// rest. A transaction that is open is aborted, a commit that is under way waited for. A second
    /// call reports nothing new.
    pub async fn close(&self, time: Duration) -> FlushReport {
        let deadline = self.shared.clock.now() + time;
        // Without an answer in time the coordinator aborts it after transaction.timeout.ms.
        let _ = timeout(time, self.end_transaction()).await;
        self.shared.close("the producer is closed");
        let time = deadline.since(self.shared.clock.now());
        let flushed = timeout(time, self.flush()).await;
        if flushed.is_err() {
            self.shared.tell(ProducerInput::Abort);
            // Whether the driver is in time or not, the report says what has no result.
            let _ = timeout(ABORT_MAX, self.settle()).await;
        }
        self.driver.stop().await;
        self.shared.operations.stop();
        self.shared.abandon_early();
        flushed.unwrap_or_else(|_| self.report())
    }

    /// The records that have no result, by partition.
    pub fn pending(&self) -> BTreeMap<TopicPartition, u64> {
        self.shared.pending()
    }

    /// The bytes of `buffer.memory` that are taken.
    pub fn buffered_bytes(&self) -> usize {
        self.shared.memory.used_bytes()
    }

    /// How many partitions `topic` has; asks the cluster if it must.
    pub async fn partitions(&self, topic: &str) -> Result<usize, SendError> {
        let name: Arc<str> = topic.into();
        if self.shared.topics.get(topic).is_none() {
            self.shared.tell(ProducerInput::Want(name.clone()));
            self.room(&Busy::Metadata { topic: name }).await?;
        }
        Ok(self.shared.topics.get(topic).map_or(0, |topic| topic.partitions.len()))
    }

    /// The configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.shared.config
    }

    fn check_size(&self, bytes: usize) -> Result<(), SendError> {
        let config = &self.shared.config;
        if bytes <= config.request_bytes_max.min(config.buffer_memory_bytes) {
            return Ok(());
        }
        let (limit, limit_bytes) = if bytes > config.request_bytes_max {
            ("max.request.size", config.request_bytes_max)
        } else {
            ("buffer.memory", config.buffer_memory_bytes)
        };
        Err(SendError::TooLarge { record_bytes: bytes, limit, limit_bytes })
    }

    fn too_late(&self, busy: Busy) -> SendError {
        let waited = self.shared.config.block_max;
        match busy {
            Busy::Metadata { topic } => self.shared.unknown(&topic, waited).into(),
            Busy::Memory { .. } => {
                SendError::BufferFull { buffer_bytes: self.shared.memory.limit_bytes(), waited }
            }
        }
    }

    /// Waits until everything that was sent has its result.
    async fn settle(&self) {
        // What is in a batch does not wait for what is not.
        self.shared.tell(ProducerInput::Flush(None));
        self.shared.early_placed().await;
        let id = FlushId(self.shared.next_flush_id());
        let done = self.shared.await_flush(id);
        self.shared.tell(ProducerInput::Flush(Some(id)));
        // The driver gives no answer only when it has stopped, and then everything has its result.
        let _ = done.await;
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let pending: u64 = self.pending().values().sum();
        if pending > 0 {
            tracing::warn!(pending, "a producer was dropped with records that have no result");
        }
        self.shared.close("the producer was dropped");
    }
}
