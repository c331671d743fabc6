//! What a shard answers with: records to append, replies to release, timers to set.

use base::{Instant, ProducerEpoch, ProducerId};

use crate::rebalance::Rebalance;
use crate::record::CoordinatorRecord;
use crate::request::{ReplyToken, Response};

/// What follows from one request, timer or change of the metadata.
#[derive(Debug, Default)]
pub struct Decision {
    /// To be appended as one batch and replayed at once.
    pub records: Vec<CoordinatorRecord>,
    /// If the records are part of a transaction: whose. Such a decision stands by itself, and soft
    /// state knows nothing of it.
    pub producer: Option<TransactionalProducer>,
    /// To be released once all that has been appended is committed.
    pub replies: Vec<(ReplyToken, Response)>,
    /// In order; a later change of a key undoes an earlier one.
    pub timers: Vec<TimerChange>,
    /// Rebalances that have come to their end, for the log.
    pub rebalances: Vec<Rebalance>,
}

/// Who has a transaction under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionalProducer {
    /// The producer.
    pub id: ProducerId,
    /// Which incarnation of it.
    pub epoch: ProducerEpoch,
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKey {
    /// A member of a classic group has not been heard of, or has not come back with its new id.
    ClassicSession {
        /// Its group.
        group: String,
        /// The member.
        member: String,
    },
    /// A classic group waits for its members to join.
    ClassicJoin {
        /// The group.
        group: String,
    },
    /// A classic group waits for its members to sync.
    ClassicSync {
        /// The group.
        group: String,
    },
    /// A member of a consumer group has not been heard of.
    ConsumerSession {
        /// Its group.
        group: String,
        /// The member.
        member: String,
    },
    /// A member of a consumer group has not given up its partitions.
    ConsumerRebalance {
        /// Its group.
        group: String,
        /// The member.
        member: String,
    },
    /// A classic member of a consumer group has not joined again.
    ConsumerJoin {
        /// Its group.
        group: String,
        /// The member.
        member: String,
    },
    /// A classic member of a consumer group has not synced.
    ConsumerSync {
        /// Its group.
        group: String,
        /// The member.
        member: String,
    },
    /// A consumer group may compute its next assignment.
    ConsumerAssignment {
        /// The group.
        group: String,
    },
    /// A consumer group is to look at its topics.
    ConsumerTopics {
        /// The group.
        group: String,
    },
    /// It is time to look for expired offsets.
    OffsetExpiry,
}

/// A timer to be set or taken back, by the key of its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange<K = TimerKey> {
    /// Set, or moved if it was set.
    Schedule {
        /// Which.
        key: K,
        /// When it is due.
        at: Instant,
    },
    /// Taken back, if it was set.
    Cancel {
        /// Which.
        key: K,
    },
}

impl Decision {
    pub(crate) fn record(&mut self, record: impl Into<CoordinatorRecord>) {
        self.records.push(record.into());
    }

    pub(crate) fn reply(&mut self, token: ReplyToken, response: impl Into<Response>) {
        self.replies.push((token, response.into()));
    }

    pub(crate) fn schedule(&mut self, key: TimerKey, at: Instant) {
        self.timers.push(TimerChange::Schedule { key, at });
    }

    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.timers.push(TimerChange::Cancel { key });
    }
}
