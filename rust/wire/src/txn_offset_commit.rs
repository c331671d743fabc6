//! TxnOffsetCommit: stores how far a group has come, once a transaction is committed (KIP-98).
//!
//! Key 28. Versions 0-5, flexible from 3.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: leader epochs (KIP-320)
//! - 3: flexible (KIP-482); member, generation and instance, so that who lost its partitions is
//!   told from who holds them (KIP-447)
//! - 4: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)
//! - 5: the group becomes part of the transaction with it, without AddOffsetsToTxn (KIP-890)

use wire_derive::Message;

/// Who commits which offsets in which transaction.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 28, versions = "0-5", flexible = "3+")]
pub struct TxnOffsetCommitRequest {
    #[message(versions = "0+")]
    pub transactional_id: String,
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    /// The generation, or a consumer's member epoch; -1: from outside of any membership.
    #[message(versions = "3+", default = "-1")]
    pub generation_id: i32,
    #[message(versions = "3+")]
    pub member_id: String,
    #[message(versions = "3+", nullable = "3+", default = "null")]
    pub group_instance_id: Option<String>,
    #[message(versions = "0+")]
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TxnOffsetCommitRequestTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
}

/// The next offset to read of a partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TxnOffsetCommitRequestPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub committed_offset: i64,
    /// The epoch of the last record read; -1: not known.
    #[message(versions = "2+", default = "-1", ignorable)]
    pub committed_leader_epoch: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub committed_metadata: Option<String>,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 28, versions = "0-5", flexible = "3+")]
pub struct TxnOffsetCommitResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TxnOffsetCommitResponseTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
}

/// What became of a partition's offset.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TxnOffsetCommitResponsePartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
