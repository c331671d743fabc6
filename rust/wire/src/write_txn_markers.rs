//! WriteTxnMarkers: a coordinator tells leaders of partitions how transactions ended (KIP-98).
//!
//! Key 27. Versions 1-2, flexible from 1.
//!
//! - 1: flexible (KIP-482)
//! - 2: the version of the transaction's protocol (KIP-1228)

use wire_derive::Message;

/// The markers to write.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 27, versions = "1-2", flexible = "1+")]
pub struct WriteTxnMarkersRequest {
    #[message(versions = "0+")]
    pub markers: Vec<WritableTxnMarker>,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct WritableTxnMarker {
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    /// Whether it is committed.
    #[message(versions = "0+")]
    pub transaction_result: bool,
    #[message(versions = "0+")]
    pub topics: Vec<WritableTxnMarkerTopic>,
    /// The leader epoch of the partition of `__transaction_state` that keeps the transaction.
    #[message(versions = "0+")]
    pub coordinator_epoch: i32,
    #[message(versions = "2+", ignorable)]
    pub transaction_version: i8,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct WritableTxnMarkerTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partition_indexes: Vec<i32>,
}

/// What became of the markers.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 27, versions = "1-2", flexible = "1+")]
pub struct WriteTxnMarkersResponse {
    #[message(versions = "0+")]
    pub markers: Vec<WritableTxnMarkerResult>,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct WritableTxnMarkerResult {
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub topics: Vec<WritableTxnMarkerTopicResult>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct WritableTxnMarkerTopicResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct WritableTxnMarkerPartitionResult {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
