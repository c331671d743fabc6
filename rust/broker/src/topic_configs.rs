//! Resolves the configuration of topics from what the metadata says and what this broker was
//! started with.

use std::sync::Arc;

use base::NodeId;
use metadata::MetadataImage;
use metadata::image::{ConfigEntity, Configs};

use crate::config::{BrokerConfig, Layers, TopicConfig};

/// Resolves topics' configurations.
#[derive(Clone, Debug)]
pub(crate) struct TopicConfigs {
    node_id: NodeId,
    started_with: Arc<BrokerConfig>,
}

impl TopicConfigs {
    /// For topics on a broker that was started with this configuration.
    pub(crate) fn new(started_with: Arc<BrokerConfig>) -> Self {
        Self { node_id: started_with.node_id, started_with }
    }

    /// The layers below a topic's own overrides.
    pub(crate) fn layers<'a>(&'a self, image: &'a MetadataImage) -> Layers<'a> {
        Layers {
            broker: image.configs(&ConfigEntity::Broker(self.node_id)),
            all_brokers: image.configs(&ConfigEntity::BrokerDefault),
            started_with: &self.started_with,
        }
    }

    /// The configuration of a topic. Every override was checked before it was committed; one that
    /// this release does not take any more is left out, and said so.
    pub(crate) fn of(&self, image: &MetadataImage, topic: &str) -> TopicConfig {
        let overrides = image.configs(&ConfigEntity::Topic(topic.to_owned()));
        let layers = self.layers(image);
        TopicConfig::resolve(overrides, &layers).unwrap_or_else(|error| {
            tracing::error!(topic, %error, "the topic's own configuration is not in force");
            TopicConfig::resolve(&Configs::new(), &layers)
                .expect("the broker's own configuration was checked when it started")
        })
    }
}
