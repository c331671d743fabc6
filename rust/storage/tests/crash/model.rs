//! What a history has been promised: which records must be there after the cut, and which may be.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Offset, TopicId};
use parking_lot::Mutex;
use storage::log::{Durability, Log};

use crate::history::{Partition, Settings};

/// The promises for every topic. Clones are the same promises.
pub(crate) type SharedModel = Arc<Mutex<Model>>;

/// The promises for every topic that was ever made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) logs: BTreeMap<TopicId, LogModel>,
    next_batch_id: u64,
}

/// The promises for one log.
#[derive(Clone, Debug)]
pub(crate) struct LogModel {
    pub(crate) partition: Partition,
    pub(crate) settings: Settings,
    pub(crate) is_deleted: bool,
    /// Everything that was ever appended, in that order.
    pub(crate) batches: Vec<AppendedBatch>,
    /// What was submitted and not answered, with its key: it may be there, or not.
    pub(crate) unanswered: BTreeMap<u64, Option<Keyed>>,
    /// Records below it were acknowledged as durable.
    pub(crate) durable: Offset,
    /// The log start that was acknowledged, and the furthest that it may have moved to.
    pub(crate) log_start: (Offset, Offset),
    /// A truncation that is not acknowledged may have happened or not.
    truncating_to: Option<Offset>,
}

/// A batch that a log has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendedBatch {
    pub(crate) id: u64,
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    /// None in a log that is not compacted.
    pub(crate) key: Option<Keyed>,
    /// An acknowledged truncation has cut it off.
    pub(crate) is_void: bool,
}

/// What compaction looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keyed {
    pub(crate) key: u8,
    pub(crate) is_tombstone: bool,
}

impl Model {
    pub(crate) fn create(&mut self, topic_id: TopicId, partition: Partition, settings: Settings) {
        let log = LogModel {
            partition,
            settings,
            is_deleted: false,
            batches: Vec::new(),
            unanswered: BTreeMap::new(),
            durable: Offset::ZERO,
            log_start: (Offset::ZERO, Offset::ZERO),
            truncating_to: None,
        };
        assert!(
            self.logs.insert(topic_id, log).is_none(),
            "every incarnation has an id of its own"
        );
    }

    pub(crate) fn new_batch_id(&mut self) -> u64 {
        self.next_batch_id += 1;
        self.next_batch_id
    }

    pub(crate) fn log(&mut self, topic_id: TopicId) -> &mut LogModel {
        self.logs.get_mut(&topic_id).expect("the history made the topic before")
    }

    /// The incarnation of the partition's topic that is not deleted.
    pub(crate) fn living(&self, partition: Partition) -> Option<TopicId> {
        let mut living = self.living_logs().filter(|(_, log)| log.partition == partition);
        living.next().map(|(topic_id, _)| topic_id)
    }

    pub(crate) fn living_logs(&self) -> impl Iterator<Item = (TopicId, &LogModel)> {
        self.logs.iter().filter(|(_, log)| !log.is_deleted).map(|(&topic_id, log)| (topic_id, log))
    }
}

impl LogModel {
    pub(crate) fn appended(&mut self, id: u64, base: Offset, end: Offset) {
        let key = self.unanswered.remove(&id).flatten();
        self.batches.push(AppendedBatch { id, base, end, key, is_void: false });
    }

    /// The log is asked to cut records: those may be gone from now on.
    pub(crate) fn truncation_began(&mut self, to: Offset) {
        let cut = self.batches.iter().filter(|batch| !batch.is_void && batch.end > to);
        let boundary = cut.map(|batch| batch.base).min().unwrap_or(to);
        self.truncating_to = Some(boundary);
        self.durable = self.durable.min(boundary);
    }

    /// The cut was acknowledged: those must be gone from now on.
    pub(crate) fn truncation_ended(&mut self, log_end: Offset) {
        self.truncating_to = None;
        for batch in self.batches.iter_mut().filter(|batch| batch.end > log_end) {
            batch.is_void = true;
        }
    }

    /// Looks at what the log says of itself. It only says so when it is true.
    pub(crate) fn observe(&mut self, log: &Log) {
        let offsets = log.offsets();
        let durable = match log.durability() {
            Durability::Disk => offsets.flushed,
            Durability::Os => log.recovery_point(),
            Durability::Memory => Offset::ZERO,
        };
        let durable = self.truncating_to.map_or(durable, |to| durable.min(to));
        self.durable = self.durable.max(durable);
        self.log_start.1 = self.log_start.1.max(offsets.log_start);
    }

    pub(crate) fn deletion_began(&mut self, before: Offset) {
        self.log_start.1 = self.log_start.1.max(before);
    }

    pub(crate) fn deletion_ended(&mut self, log_start: Offset) {
        self.log_start.0 = self.log_start.0.max(log_start);
    }
}
