//! The second half of opening a log directory: which logs are there, what the last stop left
//! undone, and putting it right.
//!
//! ```text
//! 1 the marker of a clean stop goes       from here on, a crash is an unclean stop
//! 2 the journal is read once              which logs it knows
//! 3 directories are sorted                logs are opened, their tails checked, strays set aside
//! 4 the journal is read again             logs get back what only it held
//! 5 all logs are synced and checkpointed
//! 6 the journal is told to forget         a crash before this starts over at 1, with nothing new
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Offset, PartitionIndex, TopicId, TopicPartition};
use thiserror::Error;

use super::appender::Appender;
use super::aside::{self, DELETE_SUFFIX, STRAY_SUFFIX};
use super::clean_shutdown::{self, LastShutdown};
use super::cleaner::Cleaner;
use super::cleaning_state::CleaningState;
use super::command::LogKey;
use super::config::DirectoryConfig;
use super::journal_writer::JournalWriter;
use super::known_topics::{KnownPartition, KnownTopics};
use super::lock::LockedDirectory;
use super::replay::{ReplayError, ReplayPlan};
use super::shared::{Deletion, Parts, Shared};
use super::syncer::Syncer;
use super::{DirectoryMachines, LogDirectory};
use crate::checkpoint_file::{
    self, CLEANER_FILE, CheckpointError, HIGH_WATERMARK_FILE, LOG_START_FILE,
    PARTITION_METADATA_FILE, RECOVERY_POINT_FILE,
};
use crate::disk::{Disk, EntryKind};
use crate::journal::{Journal, JournalError};
use crate::log::{Durability, Log, LogCheckpoints, LogOpenError, LogOpening, LogRecovery};

/// The metadata log's directory is looked after by the metadata quorum.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// Why a log directory cannot be opened.
#[derive(Debug, Error)]
pub enum OpenDirectoryError {
    /// The disk failed.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The disk's words.
        source: io::Error,
    },
    /// A checkpoint or a partition's metadata cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal and the segments do not fit together.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A log cannot be opened.
    #[error("cannot open the log of {partition}: {source}")]
    Log {
        /// Whose log it is.
        partition: TopicPartition,
        /// Why.
        source: LogOpenError,
    },
}

/// What opening a log directory had to do.
#[derive(Debug)]
pub struct RecoveryReport {
    /// Whether it was left cleanly. After an unclean stop every partition needs a new leader epoch
    /// before its first append.
    pub clean: bool,
    /// What was done to each log.
    pub logs: Vec<RecoveredLog>,
    /// Directories of partitions that nobody knows, under the names that they were given.
    pub strays: Vec<PathBuf>,
    /// Journal entries of partitions that nobody knows.
    pub skipped_entries: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// What was done to one log.
#[derive(Debug)]
pub struct RecoveredLog {
    /// Whose log it is.
    pub topic_partition: TopicPartition,
    /// What its segments lacked or had too much.
    pub recovery: LogRecovery,
    /// How many journal entries it took.
    pub replayed_entries: u64,
    /// How long its segments took.
    pub elapsed: Duration,
}

pub(super) fn open(
    locked: LockedDirectory,
    config: DirectoryConfig,
    clock: &Arc<dyn Clock>,
    topics: &dyn KnownTopics,
) -> Result<(LogDirectory, DirectoryMachines, RecoveryReport), OpenDirectoryError> {
    let started = clock.now();
    let clean = matches!(locked.last_shutdown(), LastShutdown::Clean { .. });
    let id = locked.id();
    let LockedDirectory { disk, path, lock, .. } = locked;
    clean_shutdown::remove(&*disk, &path).map_err(failed("remove the marker in", &path))?;

    let (journal, recovery) = Journal::open(disk.clone(), &path, id.0, config.journal)?;
    let plan = ReplayPlan::of(&recovery)?;
    let mut opening = Opening::new(&**clock, disk.clone(), path.clone(), clean, topics)?;
    opening.sort_directories()?;
    opening.open_journalled(&plan)?;
    let Opening { logs, mut recovered, strays, deletions, checkpoints, .. } = opening;

    let replayed = plan.run(&recovery, &logs, clock.unix_ms())?;
    for (key, entries) in &replayed.entries {
        let log = recovered.get_mut(key).expect("only logs that are open are replayed to");
        log.replayed_entries = *entries;
    }
    let needs_sync = !clean || !replayed.entries.is_empty();
    let cleaning = CleaningState::of(&logs, &checkpoints.cleaned);
    let forgets_some = cleaning.len() < checkpoints.cleaned.len();
    let clock = clock.clone();
    let parts = Parts { disk, path, id, config, clock, logs, journal, deletions, cleaning, lock };
    let shared = Arc::new(Shared::new(parts));
    if forgets_some {
        let failed = failed("write a checkpoint in", &shared.path);
        shared.checkpoint_cleaned().map_err(failed)?;
    }
    if needs_sync {
        settle(&shared)?;
    }
    let report = RecoveryReport {
        clean,
        logs: recovered.into_values().collect(),
        strays,
        skipped_entries: replayed.skipped,
        elapsed: shared.clock.now().since(started),
    };
    let machines = DirectoryMachines {
        appender: Appender::new(shared.clone()),
        journal_writer: JournalWriter::new(shared.clone()),
        syncer: Syncer::new(shared.clone()),
        cleaners: (0..shared.wakes.cleaners.len())
            .map(|number| Cleaner::new(shared.clone(), number))
            .collect(),
    };
    Ok((LogDirectory { shared }, machines, report))
}

/// Makes what was recovered durable where it belongs, so that the journal may forget it.
fn settle(shared: &Shared) -> Result<(), OpenDirectoryError> {
    for log in shared.logs_on_disk() {
        let path = shared.path.join(log.topic_partition().to_string());
        log.sync().map_err(failed("sync the segments in", &path))?;
    }
    shared.checkpoint_recovery_points().map_err(failed("write checkpoints in", &shared.path))?;
    shared.checkpoint_log_starts().map_err(failed("write checkpoints in", &shared.path))?;
    shared.journal.release(shared.journal.next_sequence());
    shared.journal.checkpoint()?;
    Ok(())
}

/// The logs as they are found.
struct Opening<'a> {
    clock: &'a dyn Clock,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    clean: bool,
    topics: &'a dyn KnownTopics,
    checkpoints: Checkpoints,
    logs: BTreeMap<LogKey, Arc<Log>>,
    recovered: BTreeMap<LogKey, RecoveredLog>,
    strays: Vec<PathBuf>,
    deletions: Vec<Deletion>,
}

/// What the checkpoint files say.
struct Checkpoints {
    recovery_points: BTreeMap<TopicPartition, Offset>,
    log_starts: BTreeMap<TopicPartition, Offset>,
    high_watermarks: BTreeMap<TopicPartition, Offset>,
    cleaned: BTreeMap<TopicPartition, Offset>,
}

impl<'a> Opening<'a> {
    fn new(
        clock: &'a dyn Clock,
        disk: Arc<dyn Disk>,
        path: PathBuf,
        clean: bool,
        topics: &'a dyn KnownTopics,
    ) -> Result<Self, CheckpointError> {
        let read = |name| checkpoint_file::read_offsets(&*disk, &path.join(name));
        let checkpoints = Checkpoints {
            recovery_points: read(RECOVERY_POINT_FILE)?,
            log_starts: read(LOG_START_FILE)?,
            high_watermarks: read(HIGH_WATERMARK_FILE)?,
            cleaned: read(CLEANER_FILE)?,
        };
        Ok(Self {
            clock,
            disk,
            path,
            clean,
            topics,
            checkpoints,
            logs: BTreeMap::new(),
            recovered: BTreeMap::new(),
            strays: Vec::new(),
            deletions: Vec::new(),
        })
    }

    /// Opens the logs that are there, sets aside what nobody knows, and lists what is to be
    /// removed.
    fn sort_directories(&mut self) -> Result<(), OpenDirectoryError> {
        let entries = self.disk.list(&self.path).map_err(failed("list", &self.path))?;
        let mut any_stray = false;
        for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let path = self.path.join(&entry.name);
            if entry.name.ends_with(DELETE_SUFFIX) {
                self.deletions.push(Deletion { path, due: self.clock.now() });
                continue;
            }
            let Some(partition) = parse_name(&entry.name) else { continue };
            if &*partition.topic == METADATA_TOPIC {
                continue;
            }
            let id_path = path.join(PARTITION_METADATA_FILE);
            let topic_id = match checkpoint_file::read_topic_id(&*self.disk, &id_path) {
                // The power went before the directory was durable: so nothing in it was
                // acknowledged as durable.
                Err(CheckpointError::Malformed { .. }) if !self.clean => None,
                found => found?,
            };
            let known = topic_id.and_then(|topic_id| self.known(topic_id, &partition));
            if let Some((key, known)) = known {
                self.open(key, known)?;
            } else {
                self.set_aside(&path, &partition, topic_id.unwrap_or(TopicId::ZERO))?;
                any_stray = true;
            }
        }
        if any_stray {
            self.disk.sync_dir(&self.path).map_err(failed("sync", &self.path))?;
        }
        Ok(())
    }

    /// Opens the logs of which only the journal tells: their directories were not durable.
    fn open_journalled(&mut self, plan: &ReplayPlan) -> Result<(), OpenDirectoryError> {
        for &key in plan.logs.iter().filter(|key| !self.logs.contains_key(key)).collect::<Vec<_>>()
        {
            if let Some(known) = self.topics.partition(key.topic_id, key.partition) {
                self.open(key, known)?;
            }
        }
        Ok(())
    }

    fn known(
        &self,
        topic_id: TopicId,
        partition: &TopicPartition,
    ) -> Option<(LogKey, KnownPartition)> {
        let key = LogKey { topic_id, partition: partition.partition };
        let known = self.topics.partition(key.topic_id, key.partition)?;
        (known.topic == partition.topic).then_some((key, known))
    }

    /// Opens a log of which something is on the disk.
    fn open(&mut self, key: LogKey, mut known: KnownPartition) -> Result<(), OpenDirectoryError> {
        let started = self.clock.now();
        let partition = TopicPartition { topic: known.topic, partition: key.partition };
        if known.config.durability == Durability::Memory {
            // Nothing is converted, and nothing that was acknowledged goes for a word in a config.
            tracing::error!(
                %partition,
                "its records are on the disk, where they stay with durability `disk`: to hold them \
                 in memory as the configuration says, delete the topic and make it again"
            );
            known.config.durability = Durability::Disk;
        }
        let checkpoint =
            |offsets: &BTreeMap<_, Offset>| offsets.get(&partition).copied().unwrap_or_default();
        let opening = LogOpening {
            disk: self.disk.clone(),
            path: self.path.join(partition.to_string()),
            topic_partition: partition.clone(),
            topic_id: key.topic_id,
            config: known.config,
            listener: known.listener,
            checkpoints: LogCheckpoints {
                recovery_point: checkpoint(&self.checkpoints.recovery_points),
                log_start: checkpoint(&self.checkpoints.log_starts),
                high_watermark: checkpoint(&self.checkpoints.high_watermarks),
            },
            clean: self.clean,
            holes_before: checkpoint(&self.checkpoints.cleaned),
            now_ms: self.clock.unix_ms(),
            seed: jitter_seed(key),
        };
        let (log, recovery) = Log::open(opening)
            .map_err(|source| OpenDirectoryError::Log { partition: partition.clone(), source })?;
        self.logs.insert(key, Arc::new(log));
        let elapsed = self.clock.now().since(started);
        let recovered =
            RecoveredLog { topic_partition: partition, recovery, replayed_entries: 0, elapsed };
        self.recovered.insert(key, recovered);
        Ok(())
    }

    /// Nobody knows the partition: its directory gets a name that says so and is kept, as Kafka
    /// does.
    fn set_aside(
        &mut self,
        path: &Path,
        partition: &TopicPartition,
        topic_id: TopicId,
    ) -> Result<(), OpenDirectoryError> {
        let aside = aside::free_path(&*self.disk, &self.path, partition, topic_id, STRAY_SUFFIX)
            .map_err(failed("find another name for", path))?;
        self.disk.rename(path, &aside).map_err(failed("rename", path))?;
        tracing::warn!(
            directory = %path.display(),
            %topic_id,
            renamed_to = %aside.display(),
            "the cluster does not know this partition: its directory was set aside"
        );
        self.strays.push(aside);
        Ok(())
    }
}

/// The partition that a directory is named after.
fn parse_name(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let partition = partition.parse().ok().filter(|&partition| partition >= 0)?;
    (!topic.is_empty())
        .then(|| TopicPartition { topic: topic.into(), partition: PartitionIndex(partition) })
}

/// A number of its own for each log, the same after every start.
pub(super) fn jitter_seed(key: LogKey) -> u64 {
    let id = u128::from_be_bytes(key.topic_id.0.0);
    (id as u64) ^ ((id >> 64) as u64) ^ key.partition.0 as u64
}

fn failed<'a>(
    operation: &'static str,
    path: &'a Path,
) -> impl Fn(io::Error) -> OpenDirectoryError + 'a {
    move |source| OpenDirectoryError::Io { operation, path: path.to_owned(), source }
}
