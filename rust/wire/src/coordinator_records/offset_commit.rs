//! How far a group has come with a partition.

use base::Uuid;
use wire_derive::Message;

/// Whose offset it is, as Kafka wrote it before 0.8.2. It is read, and never written.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 0, versions = "0")]
pub struct LegacyOffsetCommitKey {
    #[message(versions = "0", name = "group")]
    pub group: String,
    #[message(versions = "0", name = "topic")]
    pub topic: String,
    #[message(versions = "0", name = "partition")]
    pub partition: i32,
}

/// The offset, as Kafka wrote it then.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 0, versions = "0")]
pub struct LegacyOffsetCommitValue {
    #[message(versions = "0", name = "offset")]
    pub offset: i64,
    #[message(versions = "0", name = "metadata")]
    pub metadata: String,
    #[message(versions = "0", name = "commitTimestamp")]
    pub commit_timestamp: i64,
}

/// Whose offset it is.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 1, versions = "0")]
pub struct OffsetCommitKey {
    #[message(versions = "0", name = "group")]
    pub group: String,
    #[message(versions = "0", name = "topic")]
    pub topic: String,
    #[message(versions = "0", name = "partition")]
    pub partition: i32,
}

/// The offset.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 1, versions = "0-4", flexible = "4+")]
pub struct OffsetCommitValue {
    #[message(versions = "0+", name = "offset")]
    pub offset: i64,
    /// The epoch of the last record that was read; -1: not known.
    #[message(versions = "3+", default = "-1", ignorable, name = "leaderEpoch")]
    pub leader_epoch: i32,
    #[message(versions = "0+", name = "metadata")]
    pub metadata: String,
    #[message(versions = "0+", name = "commitTimestamp")]
    pub commit_timestamp: i64,
    /// When the offset is to be forgotten; -1: when the broker says so.
    #[message(versions = "1", default = "-1", ignorable, name = "expireTimestamp")]
    pub expire_timestamp: i64,
    /// Zero: not known.
    #[message(versions = "4+", tagged = "4+", tag = 0, ignorable, name = "topicId")]
    pub topic_id: Uuid,
}
