//! What the sending threads and the driver share, and the producer's machine as the driver sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Clock, Instant, TopicPartition};
use client_core::producer::{
    Accumulator, DeliveryError, FlushId, PlacementError, Producer, ProducerInput, ProducerOutput,
    Unplaced,
};
use client_core::{ProducerConfig, Reach, Transmit, TransportEvent};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::early::EARLY_BYTES_DIVISOR;
use super::gate::Gate;
use super::transaction::Operations;
use crate::delivery::BatchDelivery;
use crate::driver::Machine;
use crate::error::SendError;
use crate::memory::Memory;
use crate::report::Tally;
use crate::topics::Topics;

type Payload = Arc<BatchDelivery>;

/// Everything of a producer but its task.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ProducerConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) topics: Topics,
    pub(super) memory: Memory,
    pub(super) tally: Tally,
    pub(super) kick: Arc<Notify>,
    /// What the machine is to be told, in order. A partition's batches are told under its lock, so
    /// in their own order too.
    inputs: Mutex<Vec<ProducerInput<Payload>>>,
    machine: Mutex<Producer<Payload>>,
    /// What was sent before its topic was known. Topics become known under this lock.
    pub(super) early: Mutex<Unplaced<Payload>>,
    pub(super) early_changed: Notify,
    metadata_changed: Notify,
    flushes: Mutex<BTreeMap<FlushId, oneshot::Sender<()>>>,
    flush_ids: AtomicU64,
    pub(super) operations: Operations,
    pub(super) gate: Gate,
}

impl Shared {
    pub(super) fn new(config: ProducerConfig, clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            topics: Topics::new(config.batch_bytes, seed),
            memory: Memory::new(config.buffer_memory_bytes),
            tally: Tally::default(),
            kick: Arc::default(),
            inputs: Mutex::default(),
            machine: Mutex::new(Producer::new(config.clone(), seed)),
            early: Mutex::new(Unplaced::new(config.buffer_memory_bytes / EARLY_BYTES_DIVISOR)),
            early_changed: Notify::new(),
            metadata_changed: Notify::new(),
            flushes: Mutex::default(),
            flush_ids: AtomicU64::new(0),
            operations: Operations::default(),
            gate: Gate::new(config.transactional_id.is_some()),
            config,
            clock,
        }
    }

    /// Tells the machine something, when it is next driven.
    pub(super) fn tell(&self, input: ProducerInput<Payload>) {
        self.inputs.lock().push(input);
        self.kick.notify_one();
    }

    /// Takes the open batch away and tells the machine. The caller holds the partition's lock.
    pub(super) fn seal(
        &self,
        accumulator: &mut Accumulator<Payload>,
        topic_partition: &TopicPartition,
    ) {
        if let Some(batch) = accumulator.seal() {
            let records = u64::from(batch.builder.record_count().unsigned_abs());
            self.tally.sealed(topic_partition, records);
            let topic_partition = topic_partition.clone();
            self.tell(ProducerInput::Sealed { topic_partition, batch });
        }
    }

    /// Waits until the topic is known, or never will be.
    pub(super) async fn topic_known(&self, topic: &Arc<str>) -> Result<(), SendError> {
        loop {
            let changed = self.metadata_changed.notified();
            self.gate.check()?;
            if self.topics.get(topic).is_some() {
                return Ok(());
            }
            if let Some(code) = self.topics.error(topic).filter(|code| !code.is_retriable()) {
                return Err(PlacementError::TopicRefused { topic: topic.clone(), code }.into());
            }
            changed.await;
        }
    }

    /// Waits until there is room for `bytes`; open batches stop lingering, for only what is sent
    /// makes room.
    pub(super) async fn room(&self, bytes: usize) -> Result<(), SendError> {
        self.tell(ProducerInput::Flush(None));
        self.memory.room(bytes).await;
        self.gate.check()
    }

    pub(super) fn next_flush_id(&self) -> u64 {
        self.flush_ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn await_flush(&self, id: FlushId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.flushes.lock().insert(id, sender);
        receiver
    }

    pub(super) fn close(&self, because: &str) {
        self.gate.close(because);
        self.metadata_changed.notify_waiters();
    }

    /// What stands in the way of a call about transactions.
    pub(super) fn transaction_complaint(&self) -> String {
        self.machine.lock().transaction_complaint().to_owned()
    }

    /// The records that have no result: those in sealed batches, and those in open ones.
    pub(super) fn pending(&self) -> BTreeMap<TopicPartition, u64> {
        let mut pending = self.tally.pending();
        for buffer in self.topics.buffers() {
            let open = u64::from(buffer.accumulator.lock().record_count().unsigned_abs());
            if open > 0 {
                *pending.entry(buffer.topic_partition.clone()).or_default() += open;
            }
        }
        pending
    }

    /// Seals what the machine asks for. The batch goes the same way as one that a sending thread
    /// seals, so that the machine is told of a partition's batches in their order.
    fn seal_for_machine(&self, topic_partition: &TopicPartition) {
        if let Some(buffer) = self.topics.buffer(topic_partition) {
            self.seal(&mut buffer.accumulator.lock(), topic_partition);
        }
    }

    fn act(
        &self,
        output: ProducerOutput<Payload>,
        machine: &Producer<Payload>,
        transmit: &mut dyn FnMut(Transmit),
    ) {
        match output {
            ProducerOutput::Transmit(frame) => transmit(frame),
            ProducerOutput::Seal(topic_partition) => self.seal_for_machine(&topic_partition),
            ProducerOutput::Completed { topic_partition, payload, record_count, outcome } => {
                self.tally.completed(&topic_partition, record_count, &outcome);
                self.memory.release(payload.reserved_bytes());
                payload.complete(outcome);
            }
            ProducerOutput::MetadataChanged => {
                self.follow(machine.metadata());
                self.metadata_changed.notify_waiters();
            }
            ProducerOutput::Down(tried) => tracing::warn!("{tried}; trying goes on"),
            ProducerOutput::Up => tracing::info!("a broker answers again"),
            ProducerOutput::Flushed(id) => {
                if let Some(waiter) = self.flushes.lock().remove(&id) {
                    let _ = waiter.send(()); // who has stopped waiting need not know
                }
            }
            ProducerOutput::Transacted(id, result) => self.operations.finish(id, result),
            ProducerOutput::TransactionFailed(error) => {
                tracing::debug!(%error, "a transaction has failed");
                self.gate.shut(error);
            }
            ProducerOutput::Failed(error) => {
                self.fail(&error);
                self.abandon_early();
            }
        }
    }

    fn fail(&self, error: &DeliveryError) {
        if !self.gate.is_closed() {
            tracing::error!(%error, "the producer takes no more records");
            if let DeliveryError::Transaction(error) = error {
                self.gate.shut(error.clone());
            }
            self.close(&error.to_string());
        }
    }
}

impl Machine for Shared {
    fn handle_transport(&self, event: TransportEvent, now: Instant) {
        self.machine.lock().handle(ProducerInput::Transport(event), now);
    }

    fn drive(
        &self,
        now: Instant,
        _unix_ms: i64,
        transmit: &mut dyn FnMut(Transmit),
    ) -> Option<Instant> {
        let early = self.expire_early(now);
        let mut machine = self.machine.lock();
        for topic in self.early.lock().topics() {
            machine.handle(ProducerInput::Want(topic), now);
        }
        loop {
            let inputs = std::mem::take(&mut *self.inputs.lock());
            for input in inputs {
                machine.handle(input, now);
            }
            machine.drive(now);
            while let Some(output) = machine.poll_output() {
                self.act(output, &machine, transmit);
            }
            // Sealing has told the machine something, and a result may have made its owner send
            // more.
            if self.inputs.lock().is_empty() {
                return [machine.poll_timeout(now), early].into_iter().flatten().min();
            }
        }
    }

    fn reach(&self) -> Reach {
        self.machine.lock().cluster().reach()
    }
}
