//! Resolves the configuration of topics, and of their cleaner, from what the metadata says and what
//! this broker was started with.

use std::sync::Arc;

use base::NodeId;
use metadata::MetadataImage;
use metadata::image::ConfigEntity;

use storage::CleanerConfig;

use crate::config::{BrokerConfig, Layers, TopicConfig, resolve_cleaner};

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

    /// What the broker was started with.
    pub(crate) fn started_with(&self) -> &BrokerConfig {
        &self.started_with
    }

    /// The layers below a topic's own overrides.
    pub(crate) fn layers<'a>(&'a self, image: &'a MetadataImage) -> Layers<'a> {
        Layers {
            broker: image.configs(&ConfigEntity::Broker(self.node_id)),
            all_brokers: image.configs(&ConfigEntity::BrokerDefault),
            started_with: &self.started_with,
        }
    }

    /// The cleaner's configuration. Whatever is set was checked before it was committed.
    pub(crate) fn cleaner(&self, image: &MetadataImage) -> CleanerConfig {
        resolve_cleaner(&self.layers(image)).unwrap_or_else(|error| {
            tracing::error!(%error, "the cleaner's configuration is not in force");
            CleanerConfig::default()
        })
    }

    /// The configuration of a topic. Every override was checked before it was committed; one that
    /// this release does not take any more is left out, and said so.
    pub(crate) fn of(&self, image: &MetadataImage, topic: &str) -> TopicConfig {
        let overrides = image.configs(&ConfigEntity::Topic(topic.to_owned()));
        let layers = self.layers(image);
        TopicConfig::resolve(topic, overrides, &layers).unwrap_or_else(|error| {
            tracing::error!(topic, %error, "the topic's own configuration is not in force");
            TopicConfig::without_overrides(&layers)
                .expect("the broker's own configuration was checked when it started")
        })
    }
}
