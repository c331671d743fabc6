//! What a log directory is asked to do, in the order in which it was asked.

use std::sync::Arc;

use base::{LeaderEpoch, Offset, PartitionIndex, TopicId, TopicPartition};
use records::ProduceBatch;

use super::failure::DirectoryError;
use crate::log::{AppendTerms, Appended, Log, LogConfig};

/// Called once, on one of the directory's threads, with what became of a request. It must not wait.
pub type Completion<T> = Box<dyn FnOnce(Result<T, DirectoryError>) + Send>;

/// A batch for a log.
pub struct AppendRequest {
    /// The log, of this directory.
    pub log: Arc<Log>,
    /// The batch.
    pub batch: ProduceBatch,
    /// Who appends it, and what that allows.
    pub terms: AppendTerms,
    /// The epoch of the leader that appends it.
    pub leader_epoch: LeaderEpoch,
    /// Called when the log has the batch. It is as durable as its topic asks for when
    /// [`Log::offsets`] says that `flushed` has passed it, which the log's listener is told.
    pub completion: Completion<Appended>,
}

impl std::fmt::Debug for AppendRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppendRequest")
            .field("log", self.log.topic_partition())
            .field("bytes", &self.batch.size_in_bytes())
            .finish_non_exhaustive()
    }
}

/// A request that was not taken, given back.
#[derive(Debug)]
pub struct Refused<T> {
    /// What was asked for.
    pub request: T,
    /// Why it was refused.
    pub reason: RefusedReason,
}

/// Why a request was not taken.
#[derive(Clone, Debug)]
pub enum RefusedReason {
    /// Too much is waiting: try again later.
    Full,
    /// The directory has failed or is closing.
    Stopped(DirectoryError),
}

/// A partition's log, whatever its topic's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogKey {
    pub(crate) topic_id: TopicId,
    pub(crate) partition: PartitionIndex,
}

impl LogKey {
    pub(crate) fn of(log: &Log) -> Self {
        Self { topic_id: log.topic_id(), partition: log.topic_partition().partition }
    }
}

/// A request in the appender's queue.
pub(crate) enum Command {
    Append(AppendRequest),
    DeleteRecords { log: Arc<Log>, before: Offset, completion: Completion<Offset> },
    Truncate { log: Arc<Log>, to: Offset, completion: Completion<Offset> },
    Configure { log: Arc<Log>, config: LogConfig, completion: Completion<()> },
    Flush { log: Arc<Log>, completion: Completion<Offset> },
    Deleted { log: Arc<Log>, completion: Completion<()> },
}

impl Command {
    /// Which directory of segments it is about: a deleted topic and the one that is made under its
    /// name share it.
    pub(crate) fn topic_partition(&self) -> &TopicPartition {
        match self {
            Self::Append(AppendRequest { log, .. })
            | Self::DeleteRecords { log, .. }
            | Self::Truncate { log, .. }
            | Self::Configure { log, .. }
            | Self::Flush { log, .. }
            | Self::Deleted { log, .. } => log.topic_partition(),
        }
    }

    /// Answers it with an error.
    pub(crate) fn refuse(self, error: DirectoryError) {
        match self {
            Self::Append(request) => (request.completion)(Err(error)),
            Self::DeleteRecords { completion, .. }
            | Self::Truncate { completion, .. }
            | Self::Flush { completion, .. } => completion(Err(error)),
            Self::Configure { completion, .. } | Self::Deleted { completion, .. } => {
                completion(Err(error));
            }
        }
    }
}

/// A request in the journal writer's queue.
pub(crate) enum WriterItem {
    /// A batch that its log has, to be made durable.
    Append {
        log: Arc<Log>,
        leader_epoch: LeaderEpoch,
        appended: Appended,
        batch: ProduceBatch,
    },
    /// The log's segments are to be synced.
    Sync {
        log: Arc<Log>,
        then: AfterSync,
    },
    /// Nothing is appended to the log meanwhile.
    Truncate {
        log: Arc<Log>,
        to: Offset,
        completion: Completion<Offset>,
    },
    /// The last thing that a truncation does.
    Truncated {
        log: Arc<Log>,
        log_end: Offset,
        completion: Completion<Offset>,
    },
    DeleteRecords {
        log: Arc<Log>,
        before: Offset,
        completion: Completion<Offset>,
    },
    /// The log's directory has been renamed. Nothing is appended to another log of its name
    /// meanwhile.
    Deleted {
        log: Arc<Log>,
        completion: Completion<()>,
    },
}

/// What follows a sync of a log's segments.
pub(crate) enum AfterSync {
    /// `flush.messages` asked for it.
    Nothing,
    /// Somebody waits for it.
    Complete(Completion<Offset>),
    /// The log takes a configuration. Nothing is appended meanwhile.
    Configure(LogConfig, Completion<()>),
}

impl WriterItem {
    /// What an item of the queue weighs.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Append { batch, .. } => batch.size_in_bytes(),
            _ => 0,
        }
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        match self {
            Self::Append { log, .. }
            | Self::Sync { log, .. }
            | Self::Truncate { log, .. }
            | Self::Truncated { log, .. }
            | Self::DeleteRecords { log, .. }
            | Self::Deleted { log, .. } => log,
        }
    }

    /// Answers it with an error; an append was answered already.
    pub(crate) fn refuse(self, error: DirectoryError) {
        match self {
            Self::Append { .. } | Self::Sync { then: AfterSync::Nothing, .. } => {}
            Self::Truncate { completion, .. }
            | Self::Truncated { completion, .. }
            | Self::DeleteRecords { completion, .. }
            | Self::Sync { then: AfterSync::Complete(completion), .. } => completion(Err(error)),
            Self::Deleted { completion, .. }
            | Self::Sync { then: AfterSync::Configure(_, completion), .. } => {
                completion(Err(error));
            }
        }
    }
}
