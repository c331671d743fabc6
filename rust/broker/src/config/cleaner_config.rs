//! The cleaner's configuration, typed: what was set for the broker while it runs, else what it was
//! started with.

use std::time::Duration;

use storage::CleanerConfig;

use super::broker_keys::broker_key;
use super::error::ConfigError;
use super::layers::Layers;
use super::value::Value;

/// Less memory for a thread makes no progress worth the name.
const DEDUPE_BYTES_MIN: i64 = 1024 * 1024;

const DEDUPE_BUFFER_SIZE: &str = "log.cleaner.dedupe.buffer.size";

/// The configuration, or the first thing that is wrong with it.
pub fn resolve_cleaner(layers: &Layers<'_>) -> Result<CleanerConfig, ConfigError> {
    let value = |name| layers.value(broker_key(name).expect("the name is a row of the table"));
    let integer = |name| match value(name)? {
        Value::Integer(number) => Ok(number),
        value => unreachable!("{name} is a number by the table, and not {value:?}"),
    };
    let double = |name| match value(name)? {
        Value::Double(number) => Ok(number),
        value => unreachable!("{name} is a number by the table, and not {value:?}"),
    };
    let threads = integer("log.cleaner.threads")?;
    let dedupe_buffer_bytes = integer(DEDUPE_BUFFER_SIZE)?;
    if dedupe_buffer_bytes / threads.max(1) < DEDUPE_BYTES_MIN {
        let key = broker_key(DEDUPE_BUFFER_SIZE).expect("the name is a row of the table");
        let reason = format!("each of the {threads} threads needs {DEDUPE_BYTES_MIN} bytes");
        return Err(key.invalid(&dedupe_buffer_bytes.to_string(), reason));
    }
    Ok(CleanerConfig {
        enable: value("log.cleaner.enable")? == Value::Boolean(true),
        threads: usize::try_from(threads).unwrap_or_default(),
        dedupe_buffer_bytes: u64::try_from(dedupe_buffer_bytes).unwrap_or_default(),
        dedupe_buffer_load_factor: double("log.cleaner.io.buffer.load.factor")?,
        io_buffer_bytes: usize::try_from(integer("log.cleaner.io.buffer.size")?)
            .unwrap_or_default(),
        io_bytes_per_second_max: double("log.cleaner.io.max.bytes.per.second")?,
        backoff: Duration::from_millis(
            u64::try_from(integer("log.cleaner.backoff.ms")?).unwrap_or_default(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use metadata::image::Configs;

    use super::super::broker_config::BrokerConfig;
    use super::super::properties::Properties;
    use super::*;

    fn resolve(file: &str, dynamic: &[(&str, &str)]) -> Result<CleanerConfig, ConfigError> {
        let properties = Properties::parse(file).unwrap();
        let started_with = BrokerConfig::load(&properties).unwrap().config;
        let dynamic: Configs =
            dynamic.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let none = Configs::new();
        resolve_cleaner(&Layers {
            broker: &none,
            all_brokers: &dynamic,
            started_with: &started_with,
        })
    }

    #[test]
    fn nothing_set_gives_kafkas_defaults() {
        assert_eq!(resolve("", &[]).unwrap(), CleanerConfig::default());
    }

    #[test]
    fn what_is_set_while_the_broker_runs_counts_before_its_file() {
        let file = "log.cleaner.threads=2\nlog.cleaner.backoff.ms=5\nlog.cleaner.enable=false";
        let config = resolve(file, &[("log.cleaner.backoff.ms", "7")]).unwrap();
        assert_eq!((config.threads, config.backoff.as_millis(), config.enable), (2, 7, false));
    }

    #[test]
    fn each_thread_needs_memory_for_its_keys() {
        let error = resolve("", &[(DEDUPE_BUFFER_SIZE, "1048575")]).unwrap_err();
        assert_eq!(error.key(), DEDUPE_BUFFER_SIZE);
        assert!(resolve("", &[(DEDUPE_BUFFER_SIZE, "1048576")]).is_ok());
        let two = [("log.cleaner.threads", "2"), (DEDUPE_BUFFER_SIZE, "2097151")];
        assert!(resolve("", &two).is_err());
    }
}
