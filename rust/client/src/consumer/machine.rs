//! What the consumer's callers and its driver share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Clock, Instant, TopicPartition};
use client_core::consumer::{
    AskId, CommitError, CommitId, ConsumeError, Consumer, ConsumerEvent, Fetched,
    OffsetAndMetadata, RebalanceReport,
};
use client_core::{Cluster, ConsumerConfig, Reach, Transmit, TransportEvent};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::desk::{Asks, Desk};
use crate::driver::Machine;

/// Who waits for what.
pub(super) type Waiters<K, T> = Mutex<BTreeMap<K, oneshot::Sender<Result<T, CommitError>>>>;

/// Offsets by partition; `None` where nothing is committed.
pub(super) type CommittedOffsets = BTreeMap<TopicPartition, Option<OffsetAndMetadata>>;

/// What a consumer has committed of its own at once.
pub(super) type OwnCommit = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// How many of its own commits a consumer remembers for who wants to hear of them.
const OWN_COMMITS_MAX: usize = 100;

/// Everything of a consumer but its task.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ConsumerConfig,
    pub(super) machine: Mutex<Consumer>,
    pub(super) desk: Desk,
    /// There may be something to hand out, or to tell.
    pub(super) ready: Notify,
    /// There is something to tell: looked at for every record, so without a lock.
    pub(super) is_telling: AtomicBool,
    pub(super) commits: Waiters<CommitId, ()>,
    /// What the consumer has committed of its own, for who wants to hear of it.
    pub(super) own_commits: Mutex<VecDeque<OwnCommit>>,
    pub(super) asks: Waiters<AskId, CommittedOffsets>,
}

impl Shared {
    pub(super) fn new(config: ConsumerConfig, clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            machine: Mutex::new(Consumer::new(config.clone(), seed)),
            desk: Desk::new(clock),
            ready: Notify::new(),
            is_telling: AtomicBool::new(false),
            commits: Mutex::default(),
            own_commits: Mutex::default(),
            asks: Mutex::default(),
            config,
        }
    }

    /// The machine was told something: it is to act on it, and whoever waits is to look.
    pub(super) fn changed(&self) {
        self.desk.kick.notify_one();
        self.ready.notify_waiters();
    }

    /// Takes at most `rows` records, and has more fetched in their place.
    pub(super) fn take(&self, rows: usize) -> Result<Vec<Fetched>, ConsumeError> {
        loop {
            let mut fetched = self.machine.lock().take(rows)?;
            if fetched.is_empty() {
                return Ok(fetched);
            }
            self.desk.kick.notify_one();
            if self.config.check_crcs {
                // Outside the lock: this reads every byte.
                for fetched in &mut fetched {
                    self.check(fetched);
                }
                fetched.retain(|fetched| !fetched.batches.is_empty());
            }
            // Of damaged batches alone nothing is left: the next look finds the error, or what
            // other partitions have.
            if !fetched.is_empty() {
                return Ok(fetched);
            }
        }
    }

    fn note_own_commit(&self, offsets: OwnCommit) {
        let mut own_commits = self.own_commits.lock();
        own_commits.push_back(offsets);
        if own_commits.len() > OWN_COMMITS_MAX {
            own_commits.pop_front();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        let machine = self.machine.lock();
        machine.is_done() && machine.assignment().next().is_some()
    }

    /// Cuts off the first batch whose checksum is wrong and what follows it; the next call tells.
    fn check(&self, fetched: &mut Fetched) {
        for (index, batch) in fetched.batches.iter().enumerate() {
            let first = batch.header().base_offset.0;
            if let Err(error) = batch.verify_crc() {
                let offset = first.max(fetched.start);
                let reason = error.to_string();
                self.machine.lock().reject(&fetched.topic_partition, offset, reason);
                self.ready.notify_waiters();
                fetched.batches.truncate(index);
                fetched.end = offset;
                return;
            }
        }
    }
}

impl Asks for Shared {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn with_cluster<R>(&self, act: impl FnOnce(&mut Cluster) -> R) -> R {
        act(self.machine.lock().cluster_mut())
    }
}

impl Machine for Shared {
    fn handle_transport(&self, event: TransportEvent, now: Instant) {
        self.machine.lock().handle_transport(event, now);
        self.desk.heard();
    }

    fn drive(
        &self,
        now: Instant,
        unix_ms: i64,
        transmit: &mut dyn FnMut(Transmit),
    ) -> Option<Instant> {
        let mut machine = self.machine.lock();
        machine.drive(now, unix_ms);
        let mut acted = false;
        while let Some(frame) = machine.poll_transmit() {
            transmit(frame);
            acted = true;
        }
        while let Some(event) = machine.poll_event() {
            acted = true;
            match event {
                ConsumerEvent::Ready => self.ready.notify_waiters(),
                ConsumerEvent::MetadataChanged => {}
                ConsumerEvent::Committed { id: None, offsets, result: Ok(()) } => {
                    self.note_own_commit(offsets);
                }
                ConsumerEvent::Answered { request, result } => self.desk.answer(request, result),
                ConsumerEvent::Missing { topic } => {
                    tracing::warn!(%topic, "the topic to be read does not exist: waiting for it");
                }
                ConsumerEvent::Down(tried) => tracing::warn!("{tried}; trying goes on"),
                ConsumerEvent::Up => tracing::info!("a broker answers again"),
                ConsumerEvent::Committed { id: Some(id), result, .. } => {
                    hand_over(&self.commits, &id, result);
                }
                ConsumerEvent::Committed { id: None, result: Err(error), .. } => {
                    tracing::warn!(%error, "offsets were not committed automatically");
                }
                ConsumerEvent::CommittedOffsets { id, result } => {
                    hand_over(&self.asks, &id, result);
                }
                ConsumerEvent::Rebalanced(report) => tell_rebalance(&self.config, &report),
                ConsumerEvent::Reset { topic_partition, from } => {
                    tracing::warn!(%topic_partition, from, "the position is not in the log: reset");
                    self.ready.notify_waiters();
                }
            }
        }
        self.is_telling.store(is_telling(&machine), Ordering::Relaxed);
        self.desk.driven(acted);
        machine.poll_timeout(now)
    }

    fn reach(&self) -> Reach {
        self.machine.lock().cluster().reach()
    }
}

fn tell_rebalance(config: &ConsumerConfig, report: &RebalanceReport) {
    let RebalanceReport { cause, duration, generation, partitions_before, partitions } = report;
    let group = config.group.as_ref().map_or("", |group| &group.group_id);
    let duration_ms = duration.as_millis();
    tracing::info!(group, %cause, duration_ms, generation, partitions_before, partitions,
        "the group has rebalanced");
}

/// Whether the program is to be told or asked something.
pub(super) fn is_telling(machine: &Consumer) -> bool {
    machine.has_rebalance() || machine.has_errand()
}

/// Whoever has stopped waiting need not know.
fn hand_over<K: Ord, T>(waiters: &Waiters<K, T>, id: &K, result: Result<T, CommitError>) {
    if let Some(waiter) = waiters.lock().remove(id) {
        let _ = waiter.send(result);
    }
}
