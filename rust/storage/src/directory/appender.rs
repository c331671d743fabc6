//! The appender: one at a time, the requests of a directory reach its logs. It writes to the page
//! cache and never syncs.
//!
//! A truncation, a switch of durability and a deletion need the journal writer's help; until it has
//! helped, what was asked of that partition later waits here, while the other partitions go on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::{LeaderEpoch, TopicPartition};
use records::ProduceBatch;

use super::command::{AfterSync, AppendRequest, Command, LogKey, WriterItem};
use super::failure::DirectoryError;
use super::progress::Progress;
use super::shared::Shared;
use crate::log::{AppendError, Appended, Durability, Log, Unavailable};

/// The most requests of one step: the others get their turn.
const COMMANDS_PER_STEP: usize = 256;

/// Brings requests to the logs.
#[derive(Debug)]
pub struct Appender {
    pub(super) shared: Arc<Shared>,
    /// What waits behind a request that the journal writer has not dealt with.
    blocked: BTreeMap<TopicPartition, VecDeque<(Command, usize)>>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "command for {}", self.topic_partition())
    }
}

/// Whether later requests of the same partition may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Block,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, blocked: BTreeMap::new() }
    }

    /// Takes some of what was submitted.
    pub fn step(&mut self) -> Progress {
        let mut progress = Progress::Idle;
        if self.shared.failure().is_some() {
            // Whatever they wait for will not come; `dispatch` refuses them.
            self.shared.unblocked.lock().extend(self.blocked.keys().cloned());
        }
        let unblocked = std::mem::take(&mut *self.shared.unblocked.lock());
        for partition in unblocked {
            self.resume(&partition);
            progress = Progress::Busy;
        }
        for _ in 0..COMMANDS_PER_STEP {
            // What one command hands to the journal writer is no larger than the command.
            if !self.shared.entries.has_room() && self.shared.failure().is_none() {
                return progress;
            }
            let Some((command, bytes)) = self.shared.commands.pop() else { break };
            progress = Progress::Busy;
            match self.blocked.get_mut(command.topic_partition()) {
                Some(waiting) => waiting.push_back((command, bytes)),
                None => self.run(command, bytes),
            }
        }
        if progress == Progress::Idle && self.shared.commands.is_finished() {
            self.shared.entries.close();
            return Progress::Stopped;
        }
        progress
    }

    /// Goes on with what waited.
    fn resume(&mut self, partition: &TopicPartition) {
        let mut waiting = self.blocked.remove(partition).unwrap_or_default();
        while let Some((command, bytes)) = waiting.pop_front() {
            self.run(command, bytes);
            if let Some(blocked) = self.blocked.get_mut(partition) {
                blocked.append(&mut waiting);
            }
        }
    }

    fn run(&mut self, command: Command, bytes: usize) {
        let partition = command.topic_partition().clone();
        if self.dispatch(command) == Then::Block {
            self.blocked.insert(partition, VecDeque::new());
        }
        self.shared.commands.done(bytes);
    }

    fn dispatch(&mut self, command: Command) -> Then {
        if let Err(error) = self.shared.check() {
            command.refuse(error);
            return Then::GoOn;
        }
        match command {
            Command::Append(request) => self.append(request),
            Command::DeleteRecords { log, before, completion } => {
                // What the log will refuse must not get into the journal.
                let refused = before > log.offsets().high_watermark;
                if refused || log.durability() == Durability::Memory {
                    let deleted = log.delete_records(before);
                    completion(deleted.map_err(|e| DirectoryError::DeleteRecords(Arc::new(e))));
                    return Then::GoOn;
                }
                self.hand_on(WriterItem::DeleteRecords { log, before, completion }, Then::GoOn)
            }
            Command::Truncate { log, to, completion } => match log.durability() {
                Durability::Memory => {
                    let now_ms = self.shared.clock.unix_ms();
                    let truncated = log.truncate_to(to, now_ms);
                    let truncated = truncated.and_then(|log_end| {
                        self.shared.cut_cleaned(&log, log_end).map(|()| log_end)
                    });
                    completion(truncated.map_err(DirectoryError::memory));
                    Then::GoOn
                }
                _ => self.hand_on(WriterItem::Truncate { log, to, completion }, Then::Block),
            },
            Command::Configure { log, config, completion } => {
                if (log.durability(), config.durability) == (Durability::Os, Durability::Disk) {
                    let then = AfterSync::Configure(config, completion);
                    return self.hand_on(WriterItem::Sync { log, then }, Then::Block);
                }
                let configured = log.configure(config);
                completion(configured.map_err(|e| DirectoryError::Configure(Arc::new(e))));
                Then::GoOn
            }
            Command::Flush { log, completion } => {
                let then = AfterSync::Complete(completion);
                self.hand_on(WriterItem::Sync { log, then }, Then::GoOn)
            }
            Command::Deleted { log, completion } => match log.durability() {
                Durability::Memory => {
                    completion(Ok(()));
                    Then::GoOn
                }
                _ => self.hand_on(WriterItem::Deleted { log, completion }, Then::Block),
            },
        }
    }

    fn append(&mut self, request: AppendRequest) -> Then {
        let AppendRequest { log, batch, terms, leader_epoch, completion } = request;
        let now_ms = self.shared.clock.unix_ms();
        let appended = match log.append_on(&terms, &batch, leader_epoch, now_ms) {
            Ok(appended) => appended,
            Err(error) => {
                completion(Err(self.append_failed(&log, error)));
                return Then::GoOn;
            }
        };
        if !appended.duplicate {
            self.make_durable(&log, &appended, leader_epoch, batch);
        }
        completion(Ok(appended));
        Then::GoOn
    }

    /// Sees to it that `flushed` will pass the batch.
    fn make_durable(
        &self,
        log: &Arc<Log>,
        appended: &Appended,
        leader_epoch: LeaderEpoch,
        batch: ProduceBatch,
    ) {
        let durability = log.durability();
        if durability == Durability::Disk {
            let (log, appended) = (log.clone(), *appended);
            self.hand_on(WriterItem::Append { log, leader_epoch, appended, batch }, Then::GoOn);
        } else if appended.sync_due {
            let then = AfterSync::Nothing;
            self.hand_on(WriterItem::Sync { log: log.clone(), then }, Then::GoOn);
        }
        if durability != Durability::Memory
            && log.unchecked_bytes() >= self.shared.config.unchecked_bytes_max
        {
            self.shared.sync_wanted.lock().insert(LogKey::of(log), log.clone());
            self.shared.wakes.syncer.wake();
        }
    }

    fn hand_on(&self, item: WriterItem, then: Then) -> Then {
        // The room was seen before the command was taken, and nobody else fills the queue but for
        // what waited behind a blocked partition, which the limit of the submissions bounds.
        let bytes = item.bytes();
        match self.shared.entries.push_over(item, bytes) {
            Ok(()) => then,
            // The journal writer is gone.
            Err(item) => {
                item.refuse(self.shared.check().err().unwrap_or(DirectoryError::Closed));
                Then::GoOn
            }
        }
    }

    /// A log's refusal is the caller's; a disk's is everybody's. A full disk has left the log as it
    /// was: the others go on, and so does this one once there is room.
    fn append_failed(&self, log: &Log, error: AppendError) -> DirectoryError {
        match &error {
            AppendError::Unavailable(Unavailable::Failed(cause)) => self.shared.fail(cause),
            AppendError::StorageFull(source) => {
                tracing::error!(
                    partition = %log.topic_partition(),
                    directory = %self.shared.path.display(),
                    %source,
                    "no room for a batch: it was refused"
                );
                DirectoryError::Append(Arc::new(error))
            }
            _ => DirectoryError::Append(Arc::new(error)),
        }
    }
}
