//! The configuration of one topic, typed: its overrides, else its broker's defaults, in whatever
//! unit they are set.

use metadata::image::Configs;
use metadata::internal_topic::{TRANSACTIONS_TOPIC, is_internal};
pub use records::TimestampType;
pub use storage::Durability;
use storage::LogConfig;

use super::broker_keys::broker_key;
use super::error::{ConfigError, ConfigWarning};
use super::key::{ConfigKey, Standing};
use super::layers::Layers;
use super::topic_durability;
use super::topic_keys::{broker_synonyms, nearest_topic_key, topic_key};
use super::value::Value;

/// From here on the active segment of a topic of the brokers' own is closed when it outgrows what
/// is clean: little to read, and much beside what a segment costs.
const INTERNAL_SEGMENT_BYTES_MIN: u32 = 1 << 20;

/// What is acted on, under Kafka's names; limits that are off are none.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// `ottla.durability`
    pub durability: Durability,
    /// Whether `cleanup.policy` says `compact`.
    pub compact: bool,
    /// Whether `cleanup.policy` says `delete`.
    pub delete: bool,
    /// `delete.retention.ms`
    pub delete_retention_ms: i64,
    /// `file.delete.delay.ms`
    pub file_delete_delay_ms: i64,
    /// `flush.messages`
    pub flush_messages: Option<i64>,
    /// `flush.ms`
    pub flush_ms: Option<i64>,
    /// `index.interval.bytes`
    pub index_interval_bytes: u32,
    /// `max.compaction.lag.ms`
    pub max_compaction_lag_ms: i64,
    /// `max.message.bytes`
    pub max_message_bytes: usize,
    /// `message.timestamp.after.max.ms`
    pub message_timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.type`
    pub message_timestamp_type: TimestampType,
    /// `min.cleanable.dirty.ratio`
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`
    pub min_compaction_lag_ms: i64,
    /// `min.insync.replicas`
    pub min_insync_replicas: usize,
    /// `producer.id.expiration.ms`, which is the broker's alone.
    pub producer_id_expiration_ms: i64,
    /// `transaction.partition.verification.enable`, which is the broker's alone.
    pub verifies_transactions: bool,
    /// `retention.bytes`
    pub retention_bytes: Option<u64>,
    /// `retention.ms`
    pub retention_ms: Option<i64>,
    /// `segment.bytes`
    pub segment_bytes: u32,
    /// `segment.index.bytes`
    pub segment_index_bytes: u32,
    /// `segment.jitter.ms`
    pub segment_jitter_ms: i64,
    /// `segment.ms`
    pub segment_ms: i64,
}

impl TopicConfig {
    /// The part that the logs of the topic of this name act on. Whoever keeps state in a topic of
    /// the brokers' own reads all of it when it starts, so that their logs stay short.
    pub fn log_config(&self, topic: &str) -> LogConfig {
        LogConfig {
            durability: self.durability,
            compacted_segment_bytes_min: is_internal(topic).then_some(INTERNAL_SEGMENT_BYTES_MIN),
            segment_bytes: self.segment_bytes,
            segment_ms: self.segment_ms,
            segment_jitter_ms: self.segment_jitter_ms,
            segment_index_bytes: self.segment_index_bytes,
            index_interval_bytes: self.index_interval_bytes,
            retention_bytes: self.retention_bytes,
            retention_ms: self.retention_ms,
            compact: self.compact,
            delete: self.delete,
            delete_retention_ms: self.delete_retention_ms,
            max_compaction_lag_ms: self.max_compaction_lag_ms,
            min_cleanable_dirty_ratio: self.min_cleanable_dirty_ratio,
            min_compaction_lag_ms: self.min_compaction_lag_ms,
            file_delete_delay_ms: self.file_delete_delay_ms,
            flush_messages: self.flush_messages,
            flush_ms: self.flush_ms,
            log_append_time: self.message_timestamp_type == TimestampType::LogAppendTime,
            producer_id_expiration_ms: self.producer_id_expiration_ms,
            verifies_transactions: self.verifies_transactions,
        }
    }

    /// The configuration of the topic of this name with these overrides, or the first thing that is
    /// wrong with them.
    pub fn resolve(
        topic: &str,
        overrides: &Configs,
        layers: &Layers<'_>,
    ) -> Result<Self, ConfigError> {
        for (name, text) in overrides {
            let key = topic_key(name).ok_or_else(|| ConfigError::Unknown {
                scope: "topic",
                key: name.clone(),
                nearest: nearest_topic_key(name),
            })?;
            let value = key.parse(text)?;
            if !is_so_without_doing(topic, key, &value) {
                key.check_supported(&value)?;
            }
        }
        Self::of_values(&Values { overrides, layers })
    }

    /// The configuration of a topic without overrides, which is the brokers' own.
    pub fn without_overrides(layers: &Layers<'_>) -> Result<Self, ConfigError> {
        Self::of_values(&Values { overrides: &Configs::new(), layers })
    }

    fn of_values(values: &Values<'_>) -> Result<Self, ConfigError> {
        values.check_compaction_lags()?;
        Ok(Self {
            durability: match values.text(topic_durability::KEY)?.as_str() {
                "memory" => Durability::Memory,
                "os" => Durability::Os,
                _ => Durability::Disk,
            },
            compact: values.lists("cleanup.policy", "compact")?,
            delete: values.lists("cleanup.policy", "delete")?,
            delete_retention_ms: values.integer("delete.retention.ms")?,
            file_delete_delay_ms: values.integer("file.delete.delay.ms")?,
            flush_messages: values.below_max("flush.messages")?,
            flush_ms: values.below_max("flush.ms")?,
            index_interval_bytes: values.integer("index.interval.bytes")? as u32,
            max_compaction_lag_ms: values.integer("max.compaction.lag.ms")?,
            max_message_bytes: values.integer("max.message.bytes")? as usize,
            message_timestamp_after_max_ms: values.integer("message.timestamp.after.max.ms")?,
            message_timestamp_before_max_ms: values.integer("message.timestamp.before.max.ms")?,
            message_timestamp_type: match values.text("message.timestamp.type")?.as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            min_cleanable_dirty_ratio: values.double("min.cleanable.dirty.ratio")?,
            min_compaction_lag_ms: values.integer("min.compaction.lag.ms")?,
            min_insync_replicas: values.integer("min.insync.replicas")? as usize,
            producer_id_expiration_ms: values.broker_integer("producer.id.expiration.ms")?,
            verifies_transactions: values
                .broker_boolean("transaction.partition.verification.enable")?,
            retention_bytes: u64::try_from(values.integer("retention.bytes")?).ok(),
            retention_ms: Some(values.integer("retention.ms")?).filter(|ms| *ms >= 0),
            segment_bytes: values.integer("segment.bytes")? as u32,
            segment_index_bytes: values.integer("segment.index.bytes")? as u32,
            segment_jitter_ms: values.integer("segment.jitter.ms")?,
            segment_ms: values.integer("segment.ms")?,
        })
    }

    /// The overrides that are accepted and change nothing, for the log.
    pub fn warnings(overrides: &Configs) -> Vec<ConfigWarning> {
        let tunes = |name: &str| topic_key(name).is_some_and(|key| key.standing == Standing::Tunes);
        let without_effect = overrides.iter().filter(|(name, _)| tunes(name));
        without_effect
            .map(|(key, value)| ConfigWarning::NoEffect { key: key.clone(), value: value.clone() })
            .collect()
    }
}

/// What is not supported, and is so all the same: the coordinator of transactions compresses
/// nothing that it writes to its topic, which says so, as Kafka's does.
fn is_so_without_doing(topic: &str, key: &ConfigKey, value: &Value) -> bool {
    topic == TRANSACTIONS_TOPIC
        && key.name == "compression.type"
        && *value == Value::Text("uncompressed".to_owned())
}

/// The value of a topic key: the override, else the first broker key that is set, else the default.
pub(super) fn topic_value(
    key: &ConfigKey,
    overrides: &Configs,
    layers: &Layers<'_>,
) -> Result<Value, ConfigError> {
    if let Some(text) = overrides.get(key.name) {
        return key.parse(text);
    }
    if key.name == topic_durability::KEY {
        return topic_durability::without_override(layers);
    }
    for synonym in broker_synonyms(key.name) {
        let broker_key = broker_key(synonym.name).expect("a test finds every synonym in the table");
        match layers.value(broker_key)? {
            Value::Null => {}
            // Any negative number of hours is for ever, which topics write as -1.
            Value::Integer(number) if number < 0 && key.name == "retention.ms" => {
                return Ok(Value::Integer(-1));
            }
            Value::Integer(number) => {
                return Ok(Value::Integer(number.saturating_mul(synonym.factor)));
            }
            value => return Ok(value),
        }
    }
    Ok(key.preset_value())
}

/// Overrides and defaults together, read by type.
struct Values<'a> {
    overrides: &'a Configs,
    layers: &'a Layers<'a>,
}

impl Values<'_> {
    fn value(&self, name: &str) -> Result<Value, ConfigError> {
        let key = topic_key(name).expect("the name is a row of the table");
        topic_value(key, self.overrides, self.layers)
    }

    fn integer(&self, name: &str) -> Result<i64, ConfigError> {
        match self.value(name)? {
            Value::Integer(number) => Ok(number),
            value => unreachable!("{name} is a number by the table, and not {value:?}"),
        }
    }

    fn double(&self, name: &str) -> Result<f64, ConfigError> {
        match self.value(name)? {
            Value::Double(number) => Ok(number),
            value => unreachable!("{name} is a number by the table, and not {value:?}"),
        }
    }

    /// Whether `item` is in a list.
    fn lists(&self, name: &str, item: &str) -> Result<bool, ConfigError> {
        let value = self.value(name)?;
        Ok(matches!(value, Value::List(items) if items.iter().any(|listed| listed == item)))
    }

    /// A key that topics cannot override.
    fn broker_integer(&self, name: &str) -> Result<i64, ConfigError> {
        match self.broker_value(name)? {
            Value::Integer(number) => Ok(number),
            value => unreachable!("{name} is a number by the table, and not {value:?}"),
        }
    }

    /// The same, yes or no.
    fn broker_boolean(&self, name: &str) -> Result<bool, ConfigError> {
        match self.broker_value(name)? {
            Value::Boolean(value) => Ok(value),
            value => unreachable!("{name} is true or false by the table, and not {value:?}"),
        }
    }

    fn broker_value(&self, name: &str) -> Result<Value, ConfigError> {
        let key = broker_key(name).expect("the name is a row of the table");
        self.layers.value(key)
    }

    /// A limit that is off at the largest number.
    fn below_max(&self, name: &str) -> Result<Option<i64>, ConfigError> {
        Ok(Some(self.integer(name)?).filter(|number| *number < i64::MAX))
    }

    fn text(&self, name: &str) -> Result<String, ConfigError> {
        Ok(self.value(name)?.to_string())
    }

    /// Kafka checks this whether the topic is compacted or not.
    fn check_compaction_lags(&self) -> Result<(), ConfigError> {
        let (min, max) =
            (self.integer("min.compaction.lag.ms")?, self.integer("max.compaction.lag.ms")?);
        if min <= max {
            return Ok(());
        }
        let key = topic_key("min.compaction.lag.ms").expect("the name is a row of the table");
        let reason = format!("it must not be larger than max.compaction.lag.ms, which is {max}");
        Err(key.invalid(&min.to_string(), reason))
    }
}

#[cfg(test)]
mod tests;
