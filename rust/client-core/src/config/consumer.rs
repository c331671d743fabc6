//! The consumer's configuration.

use std::time::Duration;

use super::connection::int_millis;
use super::iso_duration::iso_duration;
use super::{ConfigError, ConnectionConfig, GroupConfig, Owners, Settings, Warning};

/// What the consumer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// Connections and metadata.
    pub connection: ConnectionConfig,
    /// `allow.auto.create.topics`: whether asking for an unknown topic may create it.
    pub allow_auto_create_topics: bool,
    /// `auto.offset.reset`: where to start without a position, or after it was deleted.
    pub auto_offset_reset: OffsetReset,
    /// `check.crcs`: whether a batch's checksum is verified before it is handed out.
    pub check_crcs: bool,
    /// `default.api.timeout.ms`: how long a question about offsets may take, retries included.
    pub default_api_timeout: Duration,
    /// `fetch.max.bytes`: how much one answer may hold, except that the first batch always comes.
    pub fetch_bytes_max: i32,
    /// `fetch.max.wait.ms`: how long the broker may wait for `fetch.min.bytes`.
    pub fetch_wait_max: Duration,
    /// `fetch.min.bytes`: how much the broker waits for.
    pub fetch_bytes_min: i32,
    /// `group.id` and what goes with it, if the consumer is in a group.
    pub group: Option<GroupConfig>,
    /// `isolation.level`: whether records of open and aborted transactions are seen.
    pub isolation_level: IsolationLevel,
    /// `max.partition.fetch.bytes`: how much of it may be one partition's.
    pub partition_fetch_bytes_max: i32,
    /// `max.poll.records`: how many records one poll hands out, unless it says otherwise.
    pub poll_records_max: u32,
    /// `ottla.prefetch.bytes`: how much may be fetched and not yet handed out.
    pub prefetch_bytes_max: u64,
}

/// Where to start without a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// Nowhere: it is an error.
    None,
    /// At the first record that is not older than this (KIP-1106).
    ByDuration(Duration),
}

/// Which records of transactions are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i8)]
pub enum IsolationLevel {
    /// All.
    #[default]
    ReadUncommitted = 0,
    /// Those of committed transactions, up to the first open one.
    ReadCommitted = 1,
}

impl ConsumerConfig {
    /// Reads Kafka's dotted keys.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut settings = Settings::check(Owners::CONSUMER, pairs)?;
        let config = Self {
            connection: ConnectionConfig::read(&settings)?,
            allow_auto_create_topics: settings.boolean("allow.auto.create.topics")?,
            auto_offset_reset: offset_reset(&settings)?,
            check_crcs: settings.boolean("check.crcs")?,
            default_api_timeout: int_millis(&settings, "default.api.timeout.ms")?,
            fetch_bytes_max: settings.number("fetch.max.bytes", 0..)?,
            fetch_wait_max: int_millis(&settings, "fetch.max.wait.ms")?,
            fetch_bytes_min: settings.number("fetch.min.bytes", 0..)?,
            group: GroupConfig::read(&settings)?,
            isolation_level: settings.choice(
                "isolation.level",
                &[
                    ("read_uncommitted", IsolationLevel::ReadUncommitted),
                    ("read_committed", IsolationLevel::ReadCommitted),
                ],
            )?,
            partition_fetch_bytes_max: settings.number("max.partition.fetch.bytes", 0..)?,
            poll_records_max: settings.number::<i32>("max.poll.records", 1..)?.unsigned_abs(),
            prefetch_bytes_max: settings.number("ottla.prefetch.bytes", 1..)?,
        };
        Ok((config, settings.take_warnings()))
    }
}

fn offset_reset(settings: &Settings) -> Result<OffsetReset, ConfigError> {
    const NAME: &str = "auto.offset.reset";
    match settings.text(NAME).to_ascii_lowercase().as_str() {
        "earliest" => Ok(OffsetReset::Earliest),
        "latest" => Ok(OffsetReset::Latest),
        "none" => Ok(OffsetReset::None),
        text => text.strip_prefix("by_duration:").and_then(iso_duration).map_or_else(
            || {
                Err(settings.refuse(
                    NAME,
                    "expected latest, earliest, none or by_duration: and an ISO 8601 duration, \
                     as in by_duration:PT10M",
                ))
            },
            |duration| Ok(OffsetReset::ByDuration(duration)),
        ),
    }
}
