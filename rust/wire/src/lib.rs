//! Kafka's protocol: framing, headers, one file per API message, and the one table of keys and
//! versions.
//!
//! The files in this directory are the API's coverage: each opens with its key, its versions and
//! what they brought. Struct and field names are Kafka's in Rust's case. A frame on a socket is
//!
//! ```text
//! +---------+----------------+------+
//! | int32 n | header         | body |   n counts what follows it
//! +---------+----------------+------+
//! ```

pub mod alter_configs;
mod any;
pub mod api;
pub mod api_versions;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_log_dirs;
pub mod describe_topic_partitions;
pub mod fetch;
pub mod find_coordinator;
mod framing;
mod header;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod list_offsets;
pub mod metadata;
pub mod offset_for_leader_epoch;
pub mod produce;

pub use base::codec::{
    DecodeError, DecodeReason, EncodeError, EncodeReason, Frame, Message, Part, Reader, Records,
    Writer,
};

pub use alter_configs::{AlterConfigsRequest, AlterConfigsResponse};
pub use any::{AnyRequest, AnyResponse};
pub use api::{ApiKey, Request};
pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
pub use create_topics::{CreateTopicsRequest, CreateTopicsResponse};
pub use delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
pub use delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
pub use describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
pub use describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse};
pub use describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
pub use describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
};
pub use fetch::{FetchRequest, FetchResponse};
pub use find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
pub use framing::{
    correlation_id, decode_request_header, decode_response, decode_response_header, encode_request,
    encode_response,
};
pub use header::{RequestHeader, RequestHeaderError, ResponseHeader};
pub use incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
pub use init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
pub use list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
pub use metadata::{MetadataRequest, MetadataResponse};
pub use offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
pub use produce::{ProduceRequest, ProduceResponse};
