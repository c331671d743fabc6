//! A log directory: its logs, the journal that makes them durable together, and the machines that
//! move both.
//!
//! ```text
//! submit --> [queue] --> appender --> log (page cache) --> completion
//!                           |
//!                           +--> [queue] --> journal writer --> journal --> flushed moves
//!                                                                   |
//!                                              syncer <-------------+   segments, checkpoints,
//!                                                                       retention, deletions
//! ```
//!
//! The cleaners compact logs beside all this: they read sealed segments and swap them.
//!
//! The machines are step functions: on threads in production ([`DirectoryMachines::spawn`]), in one
//! loop in a simulation.

mod appender;
mod aside;
mod clean_shutdown;
mod cleaner;
mod cleaning_state;
mod command;
mod config;
mod failure;
mod journal_writer;
mod known_topics;
mod lock;
mod meta_properties;
mod occasional;
mod open;
mod progress;
mod queue;
mod replay;
mod shared;
mod syncer;
mod threads;
mod wake;

use std::path::Path;
use std::sync::Arc;

use base::{BrokerEpoch, DirectoryId, Offset, PartitionIndex, TopicId, TopicPartition};

use self::aside::DELETE_SUFFIX;
use self::command::{Command, LogKey};
use self::queue::Refusal;
use self::shared::{Deletion, Shared, describe};
use crate::cleaner::{CleanerConfig, CleanerMetrics};
use crate::log::{Durability, Log, LogCheckpoints, LogConfig, LogOpening};

pub use self::appender::Appender;
pub use self::clean_shutdown::LastShutdown;
pub use self::cleaner::Cleaner;
pub use self::command::{AppendRequest, Completion, Refused, RefusedReason};
pub use self::config::DirectoryConfig;
pub use self::failure::{DirectoryError, Failure};
pub use self::journal_writer::JournalWriter;
pub use self::known_topics::{KnownPartition, KnownTopics};
pub use self::lock::{LockDirectoryError, LockedDirectory};
pub use self::meta_properties::{Identity, MetaProperties, MetaPropertiesError};
pub use self::open::{OpenDirectoryError, RecoveredLog, RecoveryReport};
pub use self::progress::Progress;
pub use self::queue::QueueLimits;
pub use self::syncer::Syncer;
pub use self::threads::DirectoryThreads;

/// An open log directory. Clones are the same directory.
#[derive(Clone, Debug)]
pub struct LogDirectory {
    shared: Arc<Shared>,
}

/// What moves a log directory's records.
#[derive(Debug)]
pub struct DirectoryMachines {
    /// Brings requests to the logs.
    pub appender: Appender,
    /// Makes them durable.
    pub journal_writer: JournalWriter,
    /// Makes the segments durable in the background.
    pub syncer: Syncer,
    /// Compact the logs.
    pub cleaners: Vec<Cleaner>,
}

impl LogDirectory {
    /// The directory's id.
    pub fn id(&self) -> DirectoryId {
        self.shared.id
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Why it has stopped, if it has.
    pub fn failure(&self) -> Option<Arc<Failure>> {
        self.shared.failure()
    }

    /// The partition's log, if it is open.
    pub fn log(&self, topic_id: TopicId, partition: PartitionIndex) -> Option<Arc<Log>> {
        self.shared.logs.read().get(&LogKey { topic_id, partition }).cloned()
    }

    /// All open logs.
    pub fn logs(&self) -> Vec<Arc<Log>> {
        self.shared.all_logs()
    }

    /// The partition's log; a new one has no file until its first record.
    pub fn log_or_create(
        &self,
        topic_id: TopicId,
        partition: PartitionIndex,
        known: KnownPartition,
    ) -> Result<Arc<Log>, DirectoryError> {
        self.shared.check()?;
        let key = LogKey { topic_id, partition };
        let mut logs = self.shared.logs.write();
        if let Some(log) = logs.get(&key) {
            return Ok(log.clone());
        }
        let opening = self.opening(key, known);
        let path = opening.path.clone();
        match Log::open(opening) {
            Ok((log, _)) => {
                let log = Arc::new(log);
                logs.insert(key, log.clone());
                Ok(log)
            }
            Err(error) => {
                // A failing directory tells all its logs.
                drop(logs);
                let cause = format!("cannot make a log in {}: {error}", path.display());
                Err(self.shared.fail(&cause))
            }
        }
    }

    /// Takes a batch for a log, or gives it back.
    pub fn submit(&self, request: AppendRequest) -> Result<(), Box<Refused<AppendRequest>>> {
        if let Err(error) = self.shared.check() {
            let reason = RefusedReason::Stopped(error);
            return Err(Box::new(Refused { request, reason }));
        }
        let bytes = request.batch.size_in_bytes();
        self.shared.commands.push(Command::Append(request), bytes).map_err(|(command, refusal)| {
            let Command::Append(request) = command else {
                unreachable!("the queue gives back what it was given")
            };
            let reason = match refusal {
                Refusal::Full => {
                    self.shared.report_full();
                    RefusedReason::Full
                }
                Refusal::Closed => RefusedReason::Stopped(DirectoryError::Closed),
            };
            Box::new(Refused { request, reason })
        })
    }

    /// Deletes the records below `before`, which must not lie above the high watermark. The
    /// completion gets the new log start, durable.
    pub fn delete_records(&self, log: Arc<Log>, before: Offset, completion: Completion<Offset>) {
        self.command(Command::DeleteRecords { log, before, completion });
    }

    /// Cuts the records from `to` on. The completion gets the log's end, durable; batches submitted
    /// later wait for it.
    pub fn truncate(&self, log: Arc<Log>, to: Offset, completion: Completion<Offset>) {
        self.command(Command::Truncate { log, to, completion });
    }

    /// Gives the log a new configuration. From `os` to `disk` the log is synced first, and batches
    /// submitted later wait.
    pub fn configure(&self, log: Arc<Log>, config: LogConfig, completion: Completion<()>) {
        self.command(Command::Configure { log, config, completion });
    }

    /// Syncs the log's segments. The completion gets the offset below which everything is durable.
    pub fn flush(&self, log: Arc<Log>, completion: Completion<Offset>) {
        self.command(Command::Flush { log, completion });
    }

    /// Deletes the partition's log, which [`KnownTopics`] must not know any more. A log of the same
    /// name may be made at once; its records wait until the deletion is durable, which the
    /// completion is told. The files go later.
    pub fn delete_log(
        &self,
        topic_id: TopicId,
        partition: PartitionIndex,
        completion: Completion<()>,
    ) {
        let key = LogKey { topic_id, partition };
        let Some(log) = self.shared.logs.write().remove(&key) else {
            completion(Ok(()));
            return;
        };
        log.retire();
        if self.shared.cleaning.lock().forget(key)
            && let Err(error) = self.shared.checkpoint_cleaned()
        {
            // A log of the same name must not be taken for clean.
            let error = self.shared.fail(&format!("cannot write how far logs are clean: {error}"));
            completion(Err(error));
            return;
        }
        if let Err(error) = self.move_aside(&log) {
            completion(Err(error));
            return;
        }
        self.command(Command::Deleted { log, completion });
    }

    /// Gives the cleaners another configuration, from their next round on. Their number stays as it
    /// was when the directory was opened.
    pub fn configure_cleaner(&self, config: CleanerConfig) {
        *self.shared.cleaner_config.write() = config;
    }

    /// What the cleaners have done and found so far.
    pub fn cleaner_metrics(&self) -> CleanerMetrics {
        let uncleanable = self.shared.cleaning.lock().uncleanable();
        self.shared.cleaner_notes.lock().read(self.shared.clock.now(), uncleanable)
    }

    /// Takes nothing more. The machines finish what was taken, sync everything and leave the marker
    /// of a clean stop.
    pub fn close(&self, broker_epoch: BrokerEpoch) {
        self.shared.stop.lock().broker_epoch = Some(broker_epoch);
        self.shared.commands.close();
        self.shared.wakes.wake_all();
    }

    fn command(&self, command: Command) {
        let refused = match self.shared.check() {
            Ok(()) => {
                let pushed = self.shared.commands.push_control(command);
                pushed.map_err(|command| (command, DirectoryError::Closed))
            }
            Err(error) => Err((command, error)),
        };
        if let Err((command, error)) = refused {
            command.refuse(error);
        }
    }

    fn opening(&self, key: LogKey, known: KnownPartition) -> LogOpening {
        let topic_partition = TopicPartition { topic: known.topic, partition: key.partition };
        let disk = match known.config.durability {
            Durability::Memory => Arc::new(self.shared.memory.clone()),
            Durability::Os | Durability::Disk => self.shared.disk.clone(),
        };
        LogOpening {
            disk,
            path: self.shared.path.join(topic_partition.to_string()),
            topic_partition,
            topic_id: key.topic_id,
            config: known.config,
            listener: known.listener,
            checkpoints: LogCheckpoints::default(),
            clean: true,
            holes_before: Offset::ZERO,
            now_ms: self.shared.clock.unix_ms(),
            seed: open::jitter_seed(key),
        }
    }

    /// Gives a deleted log's directory a name that no partition has, and sets its time. What lies
    /// in memory goes at once.
    fn move_aside(&self, log: &Log) -> Result<(), DirectoryError> {
        let path = self.shared.path.join(log.topic_partition().to_string());
        if log.durability() == Durability::Memory {
            return aside::remove(&self.shared.memory, &path).map_err(DirectoryError::memory);
        }
        let disk = &*self.shared.disk;
        let partition = log.topic_partition();
        let renamed =
            aside::free_path(disk, &self.shared.path, partition, log.topic_id(), DELETE_SUFFIX)
                .and_then(|aside| disk.rename(&path, &aside).map(|()| aside));
        match renamed {
            Ok(path) => {
                let due = self.shared.clock.now() + self.shared.config.delete_delay;
                self.shared.deletions.lock().push(Deletion { path, due });
                self.shared.wakes.syncer.wake();
                Ok(())
            }
            // It never had a record.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.shared.fail(&describe("rename", &path)(error))),
        }
    }
}

#[cfg(test)]
mod tests;
