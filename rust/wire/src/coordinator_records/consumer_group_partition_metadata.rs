//! The topics of a consumer group, as Kafka 4.0 wrote them; a later one keeps a hash instead. It is
//! read, and only ever written as a tombstone.

use base::Uuid;
use wire_derive::Message;

/// Which group.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 4, versions = "0")]
pub struct ConsumerGroupPartitionMetadataKey {
    #[message(versions = "0")]
    pub group_id: String,
}

/// Its topics.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 4, versions = "0", flexible = "0+")]
pub struct ConsumerGroupPartitionMetadataValue {
    #[message(versions = "0+")]
    pub topics: Vec<TopicMetadata>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct TopicMetadata {
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub topic_name: String,
    #[message(versions = "0+")]
    pub num_partitions: i32,
    #[message(versions = "0+")]
    pub partition_metadata: Vec<PartitionMetadata>,
}

/// A partition and the racks of its replicas.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct PartitionMetadata {
    #[message(versions = "0+")]
    pub partition: i32,
    #[message(versions = "0+")]
    pub racks: Vec<String>,
}
