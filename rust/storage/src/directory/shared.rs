//! What the machines of a log directory and its callers share.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::{BrokerEpoch, Clock, DirectoryId, Instant, Offset, TopicPartition};
use parking_lot::{Mutex, RwLock};

use super::cleaning_state::CleaningState;
use super::command::{Command, LogKey, WriterItem};
use super::config::DirectoryConfig;
use super::failure::{DirectoryError, Failure};
use super::occasional::Occasional;
use super::queue::{Queue, QueueLimits};
use super::wake::Wake;
use crate::checkpoint_file::{
    self, CLEANER_FILE, HIGH_WATERMARK_FILE, LOG_START_FILE, RECOVERY_POINT_FILE,
};
use crate::cleaner::{CleanerConfig, CleanerNotes};
use crate::disk::{Disk, DiskLock, MemoryDisk};
use crate::journal::Journal;
use crate::log::{Durability, Log};

/// How often the log speaks of batches that found the queue full.
const FULL_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Everything of a log directory but its machines.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    pub(crate) id: DirectoryId,
    pub(crate) config: DirectoryConfig,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where topics of durability `memory` lie.
    pub(crate) memory: MemoryDisk,
    pub(crate) logs: RwLock<BTreeMap<LogKey, Arc<Log>>>,
    pub(crate) journal: Journal,
    pub(crate) commands: Queue<Command>,
    pub(crate) entries: Queue<WriterItem>,
    pub(crate) wakes: Wakes,
    /// Partitions whose commands the appender may take up again.
    pub(crate) unblocked: Mutex<Vec<TopicPartition>>,
    pub(crate) journalled: Mutex<Journalled>,
    /// Logs that have many unsynced bytes.
    pub(crate) sync_wanted: Mutex<BTreeMap<LogKey, Arc<Log>>>,
    /// Renamed directories, and when they may go.
    pub(crate) deletions: Mutex<Vec<Deletion>>,
    /// How far the logs are clean, and which of them are being cleaned.
    pub(crate) cleaning: Mutex<CleaningState>,
    pub(crate) cleaner_config: RwLock<CleanerConfig>,
    pub(crate) cleaner_notes: Mutex<CleanerNotes>,
    pub(crate) stop: Mutex<Stop>,
    failure: OnceLock<Arc<Failure>>,
    /// Batches that found the queue full.
    refused: Mutex<Occasional>,
    /// What the checkpoint files say, as far as it was written since the start; held by whoever
    /// writes them.
    checkpoints: Mutex<Checkpoints>,
    /// Held as long as anybody can reach the directory.
    _lock: Box<dyn DiskLock>,
}

/// The threads to wake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) appender: Arc<Wake>,
    pub(crate) journal_writer: Arc<Wake>,
    pub(crate) syncer: Arc<Wake>,
    pub(crate) cleaners: Vec<Arc<Wake>>,
}

/// What the journal holds that segments may not hold durably.
#[derive(Debug, Default)]
pub(crate) struct Journalled {
    /// The logs with entries in it.
    pub(crate) logs: BTreeMap<LogKey, Arc<Log>>,
    /// The sequence after the last group whose entries have all been acted upon.
    pub(crate) sequence: u64,
    /// The writer waits for a file.
    pub(crate) is_full: bool,
}

/// A deleted log's directory.
#[derive(Debug)]
pub(crate) struct Deletion {
    pub(crate) path: PathBuf,
    pub(crate) due: Instant,
}

/// The offsets in each checkpoint file.
type Checkpoints = BTreeMap<&'static str, BTreeMap<TopicPartition, Offset>>;

/// How far the directory is on its way down.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    pub(crate) broker_epoch: Option<BrokerEpoch>,
    pub(crate) writer_stopped: bool,
    /// The cleaners that have not stopped.
    pub(crate) cleaners: usize,
    /// A machine has panicked.
    pub(crate) is_abandoned: bool,
}

/// What a directory is made from.
pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    pub(crate) id: DirectoryId,
    pub(crate) config: DirectoryConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) logs: BTreeMap<LogKey, Arc<Log>>,
    pub(crate) journal: Journal,
    pub(crate) deletions: Vec<Deletion>,
    pub(crate) cleaning: CleaningState,
    pub(crate) lock: Box<dyn DiskLock>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { disk, path, id, config, clock, logs, journal, deletions, cleaning, lock } =
            parts;
        let cleaners = config.cleaner.cleaners();
        let wakes =
            Wakes { cleaners: (0..cleaners).map(|_| Arc::default()).collect(), ..Wakes::default() };
        let sequence = journal.next_sequence();
        Self {
            disk,
            path,
            id,
            clock,
            memory: MemoryDisk::new(config.memory_bytes_max),
            logs: RwLock::new(logs),
            journal,
            // Whoever submits does not wait for room.
            commands: Queue::new(config.submissions, wakes.appender.clone(), Arc::default()),
            entries: Queue::new(
                config.journal_entries,
                wakes.journal_writer.clone(),
                wakes.appender.clone(),
            ),
            wakes,
            unblocked: Mutex::default(),
            journalled: Mutex::new(Journalled { sequence, ..Journalled::default() }),
            sync_wanted: Mutex::default(),
            deletions: Mutex::new(deletions),
            cleaning: Mutex::new(cleaning),
            cleaner_config: RwLock::new(config.cleaner.clone()),
            cleaner_notes: Mutex::default(),
            stop: Mutex::new(Stop { cleaners, ..Stop::default() }),
            failure: OnceLock::new(),
            refused: Mutex::default(),
            checkpoints: Mutex::default(),
            config,
            _lock: lock,
        }
    }

    /// Why the directory has stopped, if it has.
    pub(crate) fn failure(&self) -> Option<Arc<Failure>> {
        self.failure.get().cloned()
    }

    /// The same as an error.
    pub(crate) fn check(&self) -> Result<(), DirectoryError> {
        self.failure().map_or(Ok(()), |failure| Err(DirectoryError::Failed(failure)))
    }

    /// Stops the directory: nothing more is written or acknowledged. Only the first cause counts.
    pub(crate) fn fail(&self, cause: &dyn std::fmt::Display) -> DirectoryError {
        let failure = Arc::new(Failure::new(&self.path, cause.to_string()));
        if self.failure.set(failure).is_ok() {
            let failure = self.failure().expect("it was just set");
            tracing::error!(directory = %self.path.display(), %failure, "log directory failed");
            let reason = failure.to_string();
            for log in self.all_logs() {
                if log.durability() != Durability::Memory {
                    log.fail(&reason);
                }
            }
            self.wakes.wake_all();
        }
        DirectoryError::Failed(self.failure().expect("a failure was set before or now"))
    }

    /// A batch was refused because too many wait. The operator hears of it now and then: a line for
    /// each would only make it worse.
    pub(crate) fn report_full(&self) {
        let now = self.clock.now();
        let Some(refused) = self.refused.lock().happened(now, FULL_LOG_INTERVAL) else { return };
        let QueueLimits { items_max, bytes_max } = self.config.submissions;
        tracing::warn!(
            directory = %self.path.display(),
            refused,
            items_max,
            bytes_max,
            "batches were refused: so many as may wait for this log directory do; is its disk slow?"
        );
    }

    /// A machine is gone: the others stop without it, and what waits for it is answered.
    pub(crate) fn abandon(&self) {
        let failed = || DirectoryError::Failed(self.failure().expect("the directory has failed"));
        self.commands.close();
        self.entries.close();
        while let Some((command, bytes)) = self.commands.pop() {
            command.refuse(failed());
            self.commands.done(bytes);
        }
        while let Some((item, bytes)) = self.entries.pop() {
            item.refuse(failed());
            self.entries.done(bytes);
        }
        let mut stop = self.stop.lock();
        stop.writer_stopped = true;
        stop.is_abandoned = true;
        drop(stop);
        self.wakes.wake_all();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.stop.lock().is_abandoned
    }

    pub(crate) fn all_logs(&self) -> Vec<Arc<Log>> {
        self.logs.read().values().cloned().collect()
    }

    /// The logs whose files are in the directory.
    pub(crate) fn logs_on_disk(&self) -> Vec<Arc<Log>> {
        let mut logs = self.all_logs();
        logs.retain(|log| log.durability() != Durability::Memory);
        logs
    }

    /// Lets the appender go on with the partition's commands.
    pub(crate) fn unblock(&self, partition: &TopicPartition) {
        self.unblocked.lock().push(partition.clone());
        self.wakes.appender.wake();
    }

    /// Writes down from where recovery must scan each log, and how far consumers could read.
    pub(crate) fn checkpoint_recovery_points(&self) -> io::Result<()> {
        let mut written = self.checkpoints.lock();
        let logs = self.logs_on_disk();
        let points: Vec<Offset> = logs.iter().map(|log| log.recovery_point()).collect();
        let offsets = |of: &dyn Fn(&Log) -> Offset| -> BTreeMap<TopicPartition, Offset> {
            logs.iter().map(|log| (log.topic_partition().clone(), of(log))).collect()
        };
        let by_partition =
            logs.iter().zip(&points).map(|(log, point)| (log.topic_partition().clone(), *point));
        let high_watermarks = offsets(&|log| log.offsets().high_watermark);
        self.write_checkpoint(&mut written, RECOVERY_POINT_FILE, by_partition.collect())?;
        self.write_checkpoint(&mut written, HIGH_WATERMARK_FILE, high_watermarks)?;
        for (log, point) in logs.iter().zip(points) {
            log.recovery_point_persisted(point)?;
        }
        Ok(())
    }

    /// Writes down where each log starts. A start is written only when the segments hold durably
    /// what comes after it, or recovery could find a log that ends before it starts.
    pub(crate) fn checkpoint_log_starts(&self) -> io::Result<()> {
        let mut written = self.checkpoints.lock();
        let mut starts = BTreeMap::new();
        for log in self.logs_on_disk() {
            let start = log.offsets().log_start;
            if start > log.recovery_point() {
                log.sync()?;
            }
            if start > Offset::ZERO {
                starts.insert(log.topic_partition().clone(), start);
            }
        }
        self.write_checkpoint(&mut written, LOG_START_FILE, starts)
    }

    /// Writes down how far logs are clean.
    pub(crate) fn checkpoint_cleaned(&self) -> io::Result<()> {
        let mut written = self.checkpoints.lock();
        let cleaning = self.cleaning.lock();
        let cleaned = |log: Arc<Log>| {
            let offset = cleaning.cleaned(LogKey::of(&log))?;
            Some((log.topic_partition().clone(), offset))
        };
        let cleaned: BTreeMap<_, _> = self.logs_on_disk().into_iter().filter_map(cleaned).collect();
        drop(cleaning);
        self.write_checkpoint(&mut written, CLEANER_FILE, cleaned)
    }

    /// The log was cut off at `log_end`: what comes there now is dirty. Durable when it returns,
    /// before anything comes there.
    pub(crate) fn cut_cleaned(&self, log: &Log, log_end: Offset) -> io::Result<()> {
        let was_lower = self.cleaning.lock().cut(LogKey::of(log), log_end);
        if was_lower { self.checkpoint_cleaned() } else { Ok(()) }
    }

    /// Writes the file, unless that is what it says.
    fn write_checkpoint(
        &self,
        written: &mut Checkpoints,
        name: &'static str,
        offsets: BTreeMap<TopicPartition, Offset>,
    ) -> io::Result<()> {
        if written.get(name) != Some(&offsets) {
            checkpoint_file::write_offsets(&*self.disk, &self.path.join(name), &offsets)?;
            written.insert(name, offsets);
        }
        Ok(())
    }
}

impl Wakes {
    pub(crate) fn wake_all(&self) {
        let others = [&self.appender, &self.journal_writer, &self.syncer];
        for wake in others.into_iter().chain(&self.cleaners) {
            wake.wake();
        }
    }
}

/// The error of an operation on `path`, with what was tried.
pub(crate) fn describe(operation: &str, path: &Path) -> impl Fn(io::Error) -> String {
    let (operation, path) = (operation.to_owned(), path.display().to_string());
    move |error| format!("cannot {operation} {path}: {error}")
}
