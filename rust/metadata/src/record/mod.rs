//! The kinds of record in the metadata log.
//!
//! The kinds that Apache Kafka has too bear its numbers; ours start at 1000.

mod broker;
mod cluster;
mod config;
mod partition;
mod producer_ids;
mod topic;
mod unclean_start;

pub use broker::{BrokerEndPoint, BrokerFeature, RegisterBrokerRecord};
pub use cluster::{ClusterIdRecord, FeatureLevelRecord};
pub use config::ConfigRecord;
pub use partition::{PartitionChangeRecord, PartitionRecord};
pub use producer_ids::ProducerIdsRecord;
pub use topic::{RemoveTopicRecord, TopicRecord};
pub use unclean_start::UncleanStartRecord;

macro_rules! metadata_records {
    ($($kind:literal $variant:ident($record:ident),)*) => {
        /// A record of the metadata log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $(#[doc = concat!("Kind ", stringify!($kind), ".")] $variant($record),)*
        }

        $(impl From<$record> for MetadataRecord {
            fn from(record: $record) -> Self {
                Self::$variant(record)
            }
        })*
    };
}

metadata_records! {
    0 RegisterBroker(RegisterBrokerRecord),
    2 Topic(TopicRecord),
    3 Partition(PartitionRecord),
    4 Config(ConfigRecord),
    5 PartitionChange(PartitionChangeRecord),
    9 RemoveTopic(RemoveTopicRecord),
    12 FeatureLevel(FeatureLevelRecord),
    15 ProducerIds(ProducerIdsRecord),
    1000 ClusterId(ClusterIdRecord),
    1001 UncleanStart(UncleanStartRecord),
}
