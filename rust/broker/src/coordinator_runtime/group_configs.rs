//! What the metadata says about the configuration of the coordinator and of its groups, told to a
//! shard when it is loaded and whenever it changes.

use coordinator::Shard;
use metadata::MetadataImage;
use metadata::image::ConfigEntity;
use metadata::internal_topic::OFFSETS_TOPIC;

use super::shard_of;
use crate::config::{resolve_group, resolve_group_coordinator};
use crate::topic_configs::TopicConfigs;

/// Tells one shard of its configuration.
#[derive(Clone, Debug)]
pub(crate) struct GroupConfigs {
    /// The broker's own layers are below those of groups as they are below those of topics.
    layers: TopicConfigs,
    append_bytes_max: usize,
    shard: i32,
}

impl GroupConfigs {
    /// For the shard of this partition, in whose log a batch has so many bytes at the most.
    pub(crate) fn new(layers: TopicConfigs, shard: i32, append_bytes_max: usize) -> Self {
        Self { layers, append_bytes_max, shard }
    }

    /// Tells everything.
    pub(crate) fn tell(&self, shard: &mut Shard, image: &MetadataImage) {
        self.tell_coordinator(shard, image);
        for (entity, _) in image.configured() {
            self.tell_group(shard, image, entity);
        }
    }

    /// Tells what has changed.
    pub(crate) fn tell_changes(
        &self,
        shard: &mut Shard,
        earlier: &MetadataImage,
        image: &MetadataImage,
    ) {
        let changed = image.config_changes_since(earlier);
        let are_brokers = |entity: &ConfigEntity| {
            matches!(entity, ConfigEntity::Broker(_) | ConfigEntity::BrokerDefault)
        };
        if changed.iter().any(are_brokers) {
            // The bounds of groups' configurations are brokers' keys.
            return self.tell(shard, image);
        }
        for entity in &changed {
            self.tell_group(shard, image, entity);
        }
    }

    fn tell_coordinator(&self, shard: &mut Shard, image: &MetadataImage) {
        let layers = self.layers.layers(image);
        let mut config = resolve_group_coordinator(&layers).unwrap_or_else(|error| {
            // It was checked before it was committed.
            tracing::error!(%error, "the group coordinator's configuration is not in force");
            layers.started_with.group_coordinator.clone()
        });
        config.append_bytes_max = self.append_bytes_max;
        shard.set_config(config);
    }

    fn tell_group(&self, shard: &mut Shard, image: &MetadataImage, entity: &ConfigEntity) {
        let ConfigEntity::Group(group) = entity else { return };
        if shard_of(image, OFFSETS_TOPIC, group) != Some(self.shard) {
            return;
        }
        let (config, notes) = resolve_group(image.configs(entity), &self.layers.layers(image));
        for note in notes {
            tracing::warn!(%group, %note, "a group's configuration is not in force as it was set");
        }
        shard.set_group_config(group, config);
    }
}
