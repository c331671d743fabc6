//! The controller's decisions, one file each: what a request changes, as records, and what it is
//! answered.
//!
//! A decision changes nothing itself. Its records are proposed to the quorum, and the reply goes
//! out when they are committed.

mod allocate_producer_ids;
mod alter_configs;
mod bootstrap;
mod config_rules;
mod create_partitions;
mod create_topics;
mod decision;
mod delete_topics;
mod manual_assignment;
mod placement;
mod register_broker;
mod topic_name;
mod unclean_start;
mod update_features;

#[cfg(test)]
mod tests;

pub use allocate_producer_ids::{AllocateProducerIds, PRODUCER_ID_BLOCK_SIZE, ProducerIdBlock};
pub use alter_configs::{
    ConfigOperation, ConfigUpdate, IncrementalAlterConfigs, ReplaceConfigs, RequestedConfigs,
};
pub use bootstrap::Bootstrap;
pub use config_rules::ConfigRules;
pub use create_partitions::{CreatePartitions, NewPartitions};
pub use create_topics::{CreateTopics, CreatedTopic, NewTopic};
pub use decision::{Answers, Decision, RECORDS_PER_DECISION_MAX, Rejection};
pub use delete_topics::{DeleteTopics, DeletedTopic, TopicReference};
pub use register_broker::RegisterBroker;
pub use topic_name::validate_topic_name;
pub use unclean_start::UncleanStart;
pub use update_features::{FeatureUpdate, UpdateFeatures, UpgradeType};
