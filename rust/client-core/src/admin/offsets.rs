//! ListOffsets: where partitions start and end, and what lies at a time. Each partition's leader is
//! asked, so this is one round of a survey.

use std::time::Duration;

use base::{NodeId, TopicPartition};
use wire::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};

use super::topics::millis;
use crate::config::IsolationLevel;
use crate::consumer::{EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, request_offsets};
use crate::inquiry::{Inquiry, Reading, Target};
use crate::metadata_cache::MetadataCache;

/// The record with the largest timestamp (KIP-734).
const MAX_TIMESTAMP: i64 = -3;

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The start of the log.
    Earliest,
    /// The end of the log.
    Latest,
    /// Of the record with the largest timestamp.
    MaxTimestamp,
    /// Of the first record whose timestamp is at least this, in milliseconds since 1970.
    Timestamp(i64),
}

impl OffsetSpec {
    /// The number that stands for it in a request.
    pub fn timestamp(self) -> i64 {
        match self {
            Self::Earliest => EARLIEST_TIMESTAMP,
            Self::Latest => LATEST_TIMESTAMP,
            Self::MaxTimestamp => MAX_TIMESTAMP,
            Self::Timestamp(timestamp_ms) => timestamp_ms,
        }
    }
}

/// Asks `leader` about partitions, each with what stands for an [`OffsetSpec`].
pub fn list_offsets(
    leader: NodeId,
    partitions: &[(TopicPartition, i64)],
    isolation_level: IsolationLevel,
    metadata: &MetadataCache,
    timeout: Duration,
) -> Inquiry<ListOffsetsRequest, ListOffsetsResponse> {
    let rows = partitions.iter().map(|(name, timestamp)| (name, *timestamp));
    let request = request_offsets(rows, isolation_level, metadata, millis(timeout));
    Inquiry::new(Target::Node(leader), request, timeout, Reading::Done)
}
