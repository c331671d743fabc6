//! DescribeLogDirs: tells what lies in a broker's log directories (KIP-113).
//!
//! Key 35. Versions 1-5, flexible from 2.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)
//! - 3: an error for the whole request
//! - 4: total and usable bytes (KIP-827)
//! - 5: cordoned directories (KIP-1066)

use wire_derive::Message;

/// Whose directories to look up.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 35, versions = "1-5", flexible = "2+")]
pub struct DescribeLogDirsRequest {
    /// Null: all of them.
    #[message(versions = "0+", nullable = "0+")]
    pub topics: Option<Vec<DescribableLogDirTopic>>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribableLogDirTopic {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}

/// The log directories.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 35, versions = "1-5", flexible = "2+")]
pub struct DescribeLogDirsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "3+", ignorable)]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub results: Vec<DescribeLogDirsResult>,
}

/// A log directory.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeLogDirsResult {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub log_dir: String,
    #[message(versions = "0+")]
    pub topics: Vec<DescribeLogDirsTopic>,
    #[message(versions = "4+", default = "-1", ignorable)]
    pub total_bytes: i64,
    #[message(versions = "4+", default = "-1", ignorable)]
    pub usable_bytes: i64,
    #[message(versions = "5+", ignorable)]
    pub is_cordoned: bool,
}

/// The partitions of a topic in it.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeLogDirsTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<DescribeLogDirsPartition>,
}

/// A partition in it.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeLogDirsPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub partition_size: i64,
    #[message(versions = "0+")]
    pub offset_lag: i64,
    /// Whether it is being moved here from another directory.
    #[message(versions = "0+")]
    pub is_future_key: bool,
}
