//! The producer's configuration.

use std::time::Duration;

use records::{Compression, CompressionType};

use super::connection::{int_millis, millis};
use super::{ConfigError, ConnectionConfig, Owners, Settings, Warning};

/// The most requests in flight for which a broker remembers enough batches to keep order and drop
/// repeats (KIP-98).
const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

/// What the producer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    /// Connections and metadata.
    pub connection: ConnectionConfig,
    /// `acks`: whose answer counts.
    pub acks: Acks,
    /// `batch.size`: how large a batch grows before it is sealed.
    pub batch_bytes: usize,
    /// `buffer.memory`: how much may wait to be acknowledged before a send blocks.
    pub buffer_memory_bytes: usize,
    /// `compression.type` and its level.
    pub compression: Compression,
    /// `delivery.timeout.ms`: every record has its result within this.
    pub delivery_timeout: Duration,
    /// `enable.idempotence`: whether retries may neither repeat nor reorder records.
    pub idempotence: bool,
    /// `linger.ms`: how long a batch waits for more records.
    pub linger: Duration,
    /// `max.block.ms`: how long a send waits for metadata or for memory.
    pub block_max: Duration,
    /// `max.in.flight.requests.per.connection`.
    pub in_flight_max: usize,
    /// `max.request.size`: the largest record, and the largest request.
    pub request_bytes_max: usize,
    /// `metadata.max.idle.ms`: a topic that was not written to for this long is forgotten.
    pub metadata_idle_max: Duration,
    /// `partitioner.ignore.keys`: whether keys do not choose the partition.
    pub partitioner_ignore_keys: bool,
    /// `retries`: how often a batch is sent again, inside `delivery.timeout.ms`.
    pub retries: u32,
    /// `transactional.id`: whose transactions the records belong to, if to any's.
    pub transactional_id: Option<String>,
    /// `transaction.timeout.ms`: after how long the coordinator aborts a transaction.
    pub transaction_timeout: Duration,
}

/// Whose answer a produce request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum Acks {
    /// All in-sync replicas.
    All = -1,
    /// Nobody.
    None = 0,
    /// The leader.
    Leader = 1,
}

impl ProducerConfig {
    /// Reads Kafka's dotted keys.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut settings = Settings::check(Owners::PRODUCER, pairs)?;
        let size = |name, min: i32| {
            settings.number::<i32>(name, min..).map(|bytes| bytes.unsigned_abs() as usize)
        };
        let acks = [("all", Acks::All), ("-1", Acks::All), ("0", Acks::None), ("1", Acks::Leader)];
        let mut config = Self {
            connection: ConnectionConfig::read(&settings)?,
            acks: settings.choice("acks", &acks)?,
            batch_bytes: size("batch.size", 0)?,
            buffer_memory_bytes: usize::try_from(settings.number::<i64>("buffer.memory", 0..)?)
                .unwrap_or(usize::MAX),
            compression: compression(&settings)?,
            delivery_timeout: int_millis(&settings, "delivery.timeout.ms")?,
            idempotence: settings.boolean("enable.idempotence")?,
            linger: millis(&settings, "linger.ms")?,
            block_max: millis(&settings, "max.block.ms")?,
            in_flight_max: size("max.in.flight.requests.per.connection", 1)?,
            request_bytes_max: size("max.request.size", 0)?,
            metadata_idle_max: Duration::from_millis(
                settings.number::<i64>("metadata.max.idle.ms", 5000..)?.unsigned_abs(),
            ),
            partitioner_ignore_keys: settings.boolean("partitioner.ignore.keys")?,
            retries: settings.number::<i32>("retries", 0..)?.unsigned_abs(),
            transactional_id: settings.name("transactional.id")?,
            transaction_timeout: int_millis(&settings, "transaction.timeout.ms")?,
        };
        config.reconcile_delivery_timeout(&settings)?;
        config.reconcile_idempotence(&settings)?;
        Ok((config, settings.take_warnings()))
    }

    /// A record needs the time to linger and to be answered once. A default gives way; a value that
    /// was asked for does not.
    fn reconcile_delivery_timeout(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let needed = self.linger + self.connection.request_timeout;
        if self.delivery_timeout >= needed {
            return Ok(());
        }
        if settings.is_given("delivery.timeout.ms") {
            return Err(ConfigError::Contradiction(format!(
                "`delivery.timeout.ms` must be at least `linger.ms` + `request.timeout.ms` = {}",
                needed.as_millis()
            )));
        }
        self.delivery_timeout = needed;
        Ok(())
    }

    /// Idempotence needs `acks=all` and retries. Where only one side was asked for, it wins; but
    /// who wants transactions wants idempotence, too. So many requests in flight that order could
    /// be lost are never meant by the way.
    fn reconcile_idempotence(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let contradiction = |message| Err(ConfigError::Contradiction(message));
        let wish = match &self.transactional_id {
            Some(_) => "`transactional.id`",
            None if settings.is_given("enable.idempotence") => "`enable.idempotence=true`",
            None => "",
        };
        if !self.idempotence {
            return match &self.transactional_id {
                Some(_) => contradiction(format!("{wish} needs `enable.idempotence=true`")),
                None => Ok(()),
            };
        }
        if self.in_flight_max > IDEMPOTENT_IN_FLIGHT_MAX {
            return contradiction(format!(
                "`enable.idempotence=true`, which is the default, needs \
                 `max.in.flight.requests.per.connection` of at most {IDEMPOTENT_IN_FLIGHT_MAX}, \
                 not {}: lower that, or set `enable.idempotence=false`",
                self.in_flight_max
            ));
        }
        let obstacle = match (self.acks, self.retries) {
            (Acks::All, 1..) => return Ok(()),
            (Acks::All, 0) => "`retries` above 0",
            _ => "`acks=all`",
        };
        if !wish.is_empty() {
            return contradiction(format!("{wish} needs {obstacle}"));
        }
        self.idempotence = false;
        Ok(())
    }
}

fn compression(settings: &Settings) -> Result<Compression, ConfigError> {
    const NAME: &str = "compression.type";
    let codec = settings.choice(NAME, &CompressionType::ALL.map(|codec| (codec.name(), codec)))?;
    let gzip = settings.number("compression.gzip.level", -1..=9)?;
    let zstd = settings.number("compression.zstd.level", -131_072..=22)?;
    let level = match codec {
        CompressionType::Gzip if gzip == 0 => {
            return Err(settings.refuse("compression.gzip.level", "expected 1 to 9, or -1"));
        }
        CompressionType::Gzip if gzip > 0 => Some(gzip),
        CompressionType::Zstd => Some(zstd),
        _ => None,
    };
    Ok(Compression { codec, level })
}
