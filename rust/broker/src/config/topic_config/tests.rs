//! Where a topic's values come from, in which order and unit, and which overrides are refused.

use super::super::broker_config::BrokerConfig;
use super::super::properties::Properties;
use super::*;

/// A topic's overrides, and the layers of its broker.
#[derive(Default)]
struct Fixture {
    topic: Configs,
    broker: Configs,
    all_brokers: Configs,
    file: String,
}

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Fixture {
    fn topic(pairs: &[(&str, &str)]) -> Self {
        Self { topic: configs(pairs), ..Self::default() }
    }

    fn file(text: &str) -> Self {
        Self { file: text.to_owned(), ..Self::default() }
    }

    fn resolve(&self) -> Result<TopicConfig, ConfigError> {
        let properties = Properties::parse(&self.file).unwrap();
        let started_with = BrokerConfig::load(&properties).unwrap().config;
        let layers = Layers {
            broker: &self.broker,
            all_brokers: &self.all_brokers,
            started_with: &started_with,
        };
        TopicConfig::resolve("t", &self.topic, &layers)
    }
}

const HOUR_MS: i64 = 60 * 60 * 1000;

#[test]
fn nothing_set_gives_kafkas_defaults_but_for_the_durability() {
    let config = Fixture::default().resolve().unwrap();
    assert_eq!(
        config,
        TopicConfig {
            durability: Durability::Disk,
            compact: false,
            delete: true,
            delete_retention_ms: 24 * HOUR_MS,
            file_delete_delay_ms: 60_000,
            flush_messages: None,
            flush_ms: None,
            index_interval_bytes: 4096,
            max_compaction_lag_ms: i64::MAX,
            max_message_bytes: 1_048_588,
            message_timestamp_after_max_ms: HOUR_MS,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_type: TimestampType::CreateTime,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            min_insync_replicas: 1,
            producer_id_expiration_ms: 86_400_000,
            verifies_transactions: true,
            retention_bytes: None,
            retention_ms: Some(168 * HOUR_MS),
            segment_bytes: 1 << 30,
            segment_index_bytes: 10 << 20,
            segment_jitter_ms: 0,
            segment_ms: 168 * HOUR_MS,
        }
    );
}

#[test]
fn overrides_count_before_everything() {
    let mut fixture = Fixture::topic(&[
        ("ottla.durability", "memory"),
        ("cleanup.policy", ""),
        ("flush.messages", "1"),
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "-1"),
        ("retention.bytes", "5000"),
        ("segment.bytes", "1048576"),
        ("max.message.bytes", " 10 "),
    ]);
    fixture.broker = configs(&[("log.segment.bytes", "2097152")]);
    let config = fixture.resolve().unwrap();
    assert_eq!(config.durability, Durability::Memory);
    assert!(!config.delete);
    assert_eq!(config.flush_messages, Some(1));
    assert_eq!(config.message_timestamp_type, TimestampType::LogAppendTime);
    assert_eq!((config.retention_ms, config.retention_bytes), (None, Some(5000)));
    assert_eq!((config.segment_bytes, config.max_message_bytes), (1 << 20, 10));
}

#[test]
fn layers_count_from_the_broker_to_its_file() {
    let mut fixture = Fixture::file("log.segment.bytes=1048577\nottla.durability=os");
    assert_eq!(fixture.resolve().unwrap().segment_bytes, 1_048_577);
    assert_eq!(fixture.resolve().unwrap().durability, Durability::Os);
    fixture.all_brokers = configs(&[("log.segment.bytes", "1048578")]);
    assert_eq!(fixture.resolve().unwrap().segment_bytes, 1_048_578);
    fixture.broker = configs(&[("log.segment.bytes", "1048579")]);
    assert_eq!(fixture.resolve().unwrap().segment_bytes, 1_048_579);
}

#[test]
fn the_finer_unit_counts_before_the_coarser() {
    for (file, retention_ms) in [
        ("log.retention.hours=2", Some(2 * HOUR_MS)),
        ("log.retention.hours=2\nlog.retention.minutes=3", Some(180_000)),
        ("log.retention.hours=2\nlog.retention.minutes=3\nlog.retention.ms=4", Some(4)),
        ("log.retention.hours=-1", None),
        ("log.retention.minutes=-5", None),
        ("log.retention.hours=2147483647", Some(2_147_483_647 * HOUR_MS)),
    ] {
        assert_eq!(Fixture::file(file).resolve().unwrap().retention_ms, retention_ms, "{file}");
    }
    let config = Fixture::file("log.roll.hours=1\nlog.roll.jitter.hours=2").resolve().unwrap();
    assert_eq!((config.segment_ms, config.segment_jitter_ms), (HOUR_MS, 2 * HOUR_MS));
    let config = Fixture::file("log.roll.hours=1\nlog.roll.ms=5").resolve().unwrap();
    assert_eq!(config.segment_ms, 5);
    let config = Fixture::file("log.flush.scheduler.interval.ms=9").resolve().unwrap();
    assert_eq!(config.flush_ms, Some(9));
}

#[test]
fn a_topic_is_compacted_deleted_both_or_neither() {
    for (policy, compact, delete) in [
        ("compact", true, false),
        ("delete", false, true),
        ("compact,delete", true, true),
        ("", false, false),
    ] {
        let config = Fixture::topic(&[("cleanup.policy", policy)]).resolve().unwrap();
        assert_eq!((config.compact, config.delete), (compact, delete), "{policy}");
        let log = config.log_config("t");
        assert_eq!((log.compact, log.delete), (compact, delete), "{policy}");
    }
    let config = Fixture::topic(&[
        ("min.cleanable.dirty.ratio", "0.25"),
        ("min.compaction.lag.ms", "1"),
        ("max.compaction.lag.ms", "2"),
        ("delete.retention.ms", "3"),
    ]);
    let log = config.resolve().unwrap().log_config("t");
    assert!((log.min_cleanable_dirty_ratio - 0.25).abs() < f64::EPSILON);
    let lags = (log.min_compaction_lag_ms, log.max_compaction_lag_ms, log.delete_retention_ms);
    assert_eq!(lags, (1, 2, 3));
}

#[test]
fn the_logs_of_the_brokers_own_topics_are_kept_short() {
    let config = Fixture::topic(&[("cleanup.policy", "compact")]).resolve().unwrap();
    assert_eq!(config.log_config("t").compacted_segment_bytes_min, None);
    let own = config.log_config("__consumer_offsets");
    assert_eq!(own.compacted_segment_bytes_min, Some(1 << 20));
}

#[test]
fn an_override_that_cannot_be_is_refused_by_name() {
    for (key, value, kind) in [
        ("cleanup.policy", "shred", "invalid"),
        ("compression.type", "zstd", "only producer"),
        ("compression.type", "brotli", "invalid"),
        ("remote.storage.enable", "true", "only false"),
        ("segment.bytes", "1", "[1048576,...]"),
        ("retention.ms", "-2", "[-1,...]"),
        ("ottla.durability", "Disk", "[memory, os, disk]"),
        ("retention.mss", "1", "did you mean retention.ms?"),
        ("min.compaction.lag.ms", "9223372036854775807", ""),
    ] {
        let resolved = Fixture::topic(&[(key, value), ("max.compaction.lag.ms", "1")]).resolve();
        let error = resolved.unwrap_err();
        assert_eq!(error.key(), key);
        assert_eq!(error.error_code(), base::ErrorCode::InvalidConfig);
        assert!(error.to_string().contains(kind), "{error}");
    }
}

#[test]
fn an_override_that_only_tunes_is_accepted_with_a_warning() {
    let fixture = Fixture::topic(&[("preallocate", "true"), ("segment.ms", "5")]);
    assert!(fixture.resolve().is_ok());
    let warnings = TopicConfig::warnings(&fixture.topic);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().starts_with("preallocate=true"));
}

#[test]
fn only_the_log_of_transactions_is_uncompressed_by_itself() {
    let started_with = BrokerConfig::load(&Properties::default()).unwrap().config;
    let none = Configs::new();
    let layers = Layers { broker: &none, all_brokers: &none, started_with: &started_with };
    let resolve = |topic: &str, codec: &str| {
        TopicConfig::resolve(topic, &configs(&[("compression.type", codec)]), &layers)
    };
    assert_eq!(
        resolve("__transaction_state", "uncompressed"),
        TopicConfig::without_overrides(&layers)
    );
    assert_eq!(resolve("__transaction_state", "producer"), TopicConfig::without_overrides(&layers));
    for (topic, codec) in [
        ("__transaction_state", "zstd"),
        ("__consumer_offsets", "uncompressed"),
        ("t", "uncompressed"),
    ] {
        let error = resolve(topic, codec).unwrap_err();
        assert!(error.to_string().contains("only producer"), "{topic}: {error}");
    }
}
