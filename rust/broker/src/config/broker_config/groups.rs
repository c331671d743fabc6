//! The keys of the group coordinator, and of the topic that it keeps its records in.

use std::time::Duration;

use coordinator::{Assignor, CoordinatorConfig, MigrationPolicy};
use records::CompressionType;

use super::super::error::ConfigWarning;
use super::{Loading, key};

/// How `__consumer_offsets` is created, written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsTopicConfig {
    /// `offsets.topic.num.partitions`
    pub partitions: i32,
    /// `offsets.topic.replication.factor`, if it is set.
    pub replication_factor: Option<i16>,
    /// `offsets.topic.segment.bytes`
    pub segment_bytes: i64,
    /// `offsets.topic.compression.codec`
    pub compression: CompressionType,
    /// `offsets.commit.timeout.ms`
    pub commit_timeout: Duration,
    /// `offsets.load.buffer.size`
    pub load_buffer_bytes: usize,
}

impl Loading {
    pub(super) fn group_coordinator(&mut self) -> CoordinatorConfig {
        let migration_policy = self.value("group.consumer.migration.policy").to_string();
        CoordinatorConfig {
            min_session_timeout_ms: self.integer("group.min.session.timeout.ms") as i32,
            max_session_timeout_ms: self.integer("group.max.session.timeout.ms") as i32,
            max_size: self.integer("group.max.size") as i32,
            initial_rebalance_delay_ms: self.integer("group.initial.rebalance.delay.ms") as i32,
            consumer_session_timeout_ms: self.between_bounds("session.timeout.ms"),
            consumer_heartbeat_interval_ms: self.between_bounds("heartbeat.interval.ms"),
            consumer_assignment_interval_ms: self.between_bounds("assignment.interval.ms"),
            consumer_max_size: self.integer("group.consumer.max.size") as i32,
            consumer_assignors: self.assignors(),
            consumer_migration_policy: MigrationPolicy::from_name(&migration_policy)
                .expect("the table knows the policies"),
            offset_metadata_max_bytes: self.integer("offset.metadata.max.bytes") as i32,
            offsets_retention_minutes: self.integer("offsets.retention.minutes") as i32,
            offsets_retention_check_interval_ms: self
                .integer("offsets.retention.check.interval.ms"),
            ..CoordinatorConfig::default()
        }
    }

    /// Whether consumer groups are offered (KIP-848). Classic ones always are.
    pub(super) fn consumer_protocol_enable(&mut self) -> bool {
        const NAME: &str = "group.coordinator.rebalance.protocols";
        let protocols = self.list(NAME);
        let offers = |protocol: &str| protocols.iter().any(|offered| offered == protocol);
        if !offers("classic") {
            let reason = "the classic protocol cannot be disabled";
            self.errors.push(key(NAME).invalid(&protocols.join(","), reason));
        }
        if offers("share") {
            self.warnings.push(ConfigWarning::Note {
                key: NAME.to_owned(),
                value: protocols.join(","),
                note: "share groups are not built yet".to_owned(),
            });
        }
        offers("consumer")
    }

    /// A key of consumer groups, between the least and the most that a group may ask for.
    fn between_bounds(&mut self, name: &str) -> i32 {
        let own = format!("group.consumer.{name}");
        let value = self.integer(&own);
        let [min, max] =
            ["min", "max"].map(|b| self.integer(&format!("group.consumer.{b}.{name}")));
        if !(min..=max).contains(&value) {
            let reason = format!(
                "it must be between group.consumer.min.{name} ({min}) and \
                 group.consumer.max.{name} ({max})"
            );
            self.errors.push(key(&own).invalid(&value.to_string(), reason));
        }
        value as i32
    }

    fn assignors(&mut self) -> Vec<Assignor> {
        const NAME: &str = "group.consumer.assignors";
        let names = self.list(NAME);
        let mut assignors = Vec::with_capacity(names.len());
        for name in &names {
            if let Some(assignor) = Assignor::from_name(name) {
                assignors.push(assignor);
            } else {
                self.errors.push(key(NAME).refused(name, "only uniform and range are"));
            }
        }
        assignors
    }

    pub(super) fn offsets_topic(&mut self) -> OffsetsTopicConfig {
        let codec = "offsets.topic.compression.codec";
        let id = self.integer(codec);
        let compression = u8::try_from(id).ok().and_then(CompressionType::from_id);
        if compression.is_none() {
            let reason = "it must be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)";
            self.errors.push(key(codec).invalid(&id.to_string(), reason));
        }
        let replication_factor = "offsets.topic.replication.factor";
        OffsetsTopicConfig {
            partitions: self.integer("offsets.topic.num.partitions") as i32,
            replication_factor: self
                .values
                .contains_key(replication_factor)
                .then(|| self.integer(replication_factor) as i16),
            segment_bytes: self.integer("offsets.topic.segment.bytes"),
            compression: compression.unwrap_or(CompressionType::None),
            commit_timeout: Duration::from_millis(self.size("offsets.commit.timeout.ms") as u64),
            load_buffer_bytes: self.size("offsets.load.buffer.size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, Properties};

    fn load(settings: &[(&str, &str)]) -> Result<BrokerConfig, String> {
        let mut properties = Properties::default();
        properties.set("log.dirs", "/data");
        for (key, value) in settings {
            properties.set(*key, *value);
        }
        BrokerConfig::load(&properties).map(|loaded| loaded.config).map_err(|e| e.to_string())
    }

    #[test]
    fn the_defaults_of_the_keys_are_those_of_the_coordinator() {
        let config = load(&[]).unwrap();
        assert_eq!(config.group_coordinator, CoordinatorConfig::default());
        assert_eq!(config.offsets_topic.replication_factor, None);
    }

    #[test]
    fn what_is_set_is_taken() {
        let config = load(&[
            ("group.consumer.assignors", "range"),
            ("group.consumer.migration.policy", "Upgrade"),
            ("group.consumer.heartbeat.interval.ms", "300"),
            ("group.consumer.min.heartbeat.interval.ms", "200"),
            ("offsets.topic.replication.factor", "3"),
        ])
        .unwrap();
        let coordinator = config.group_coordinator;
        assert_eq!(coordinator.consumer_assignors, [Assignor::Range]);
        assert_eq!(coordinator.consumer_migration_policy, MigrationPolicy::Upgrade);
        assert_eq!(coordinator.consumer_heartbeat_interval_ms, 300);
        assert_eq!(config.offsets_topic.replication_factor, Some(3));
    }

    #[test]
    fn a_key_outside_of_its_bounds_is_refused_with_both_of_them() {
        let error = load(&[("group.consumer.heartbeat.interval.ms", "200")]).unwrap_err();
        assert!(error.contains("group.consumer.min.heartbeat.interval.ms (5000)"), "{error}");
    }

    #[test]
    fn consumer_groups_can_be_disabled_and_classic_ones_cannot() {
        const NAME: &str = "group.coordinator.rebalance.protocols";
        assert!(load(&[]).unwrap().consumer_protocol_enable);
        assert!(!load(&[(NAME, "classic")]).unwrap().consumer_protocol_enable);
        let error = load(&[(NAME, "consumer")]).unwrap_err();
        assert!(error.contains("the classic protocol cannot be disabled"), "{error}");
    }

    #[test]
    fn the_compression_of_the_offsets_topic_has_kafkas_numbers() {
        const NAME: &str = "offsets.topic.compression.codec";
        for (id, compression) in [("0", CompressionType::None), ("4", CompressionType::Zstd)] {
            assert_eq!(load(&[(NAME, id)]).unwrap().offsets_topic.compression, compression);
        }
        let error = load(&[(NAME, "5")]).unwrap_err();
        assert!(error.contains("3 (lz4)"), "{error}");
    }

    #[test]
    fn an_assignor_that_is_not_ours_is_refused() {
        let error = load(&[("group.consumer.assignors", "uniform,org.example.Mine")]).unwrap_err();
        assert!(error.contains("org.example.Mine"), "{error}");
    }
}
