//! The keys of transactions: the coordinator's, those of its topic, and what Produce waits for.

use std::time::Duration;

use coordinator::transaction::TransactionConfig;

use super::Loading;

/// How `__transaction_state` is created, written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionsTopicConfig {
    /// `transaction.state.log.num.partitions`
    pub partitions: i32,
    /// `transaction.state.log.replication.factor`, if it is set.
    pub replication_factor: Option<i16>,
    /// `transaction.state.log.min.isr`, if it is set.
    pub min_in_sync_replicas: Option<i16>,
    /// `transaction.state.log.segment.bytes`
    pub segment_bytes: i64,
    /// `transaction.state.log.load.buffer.size`
    pub load_buffer_bytes: usize,
}

/// How long a write waits for the transaction before it to come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitionsRetryConfig {
    /// `add.partitions.to.txn.retry.backoff.ms`
    pub backoff: Duration,
    /// `add.partitions.to.txn.retry.backoff.max.ms`
    pub backoff_max: Duration,
}

impl Loading {
    pub(super) fn transaction_coordinator(&mut self) -> TransactionConfig {
        TransactionConfig {
            max_timeout_ms: self.integer("transaction.max.timeout.ms") as i32,
            transactional_id_expiration_ms: self.integer("transactional.id.expiration.ms") as i32,
            abort_timed_out_transaction_cleanup_interval_ms: self
                .integer("transaction.abort.timed.out.transaction.cleanup.interval.ms")
                as i32,
            remove_expired_transaction_cleanup_interval_ms: self
                .integer("transaction.remove.expired.transaction.cleanup.interval.ms")
                as i32,
            ..TransactionConfig::default()
        }
    }

    pub(super) fn transactions_topic(&mut self) -> TransactionsTopicConfig {
        TransactionsTopicConfig {
            partitions: self.integer("transaction.state.log.num.partitions") as i32,
            replication_factor: self.if_set("transaction.state.log.replication.factor"),
            min_in_sync_replicas: self.if_set("transaction.state.log.min.isr"),
            segment_bytes: self.integer("transaction.state.log.segment.bytes"),
            load_buffer_bytes: self.size("transaction.state.log.load.buffer.size"),
        }
    }

    pub(super) fn add_partitions_retry(&mut self) -> AddPartitionsRetryConfig {
        let duration = |ms: usize| Duration::from_millis(ms as u64);
        AddPartitionsRetryConfig {
            backoff: duration(self.size("add.partitions.to.txn.retry.backoff.ms")),
            backoff_max: duration(self.size("add.partitions.to.txn.retry.backoff.max.ms")),
        }
    }

    fn if_set(&self, name: &str) -> Option<i16> {
        let is_set = self.values.contains_key(name);
        is_set.then(|| i16::try_from(self.integer(name)).unwrap_or(i16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, Properties};

    fn load(settings: &[(&str, &str)]) -> BrokerConfig {
        let mut properties = Properties::default();
        properties.set("log.dirs", "/data");
        for (key, value) in settings {
            properties.set(*key, *value);
        }
        BrokerConfig::load(&properties).unwrap().config
    }

    #[test]
    fn the_defaults_of_the_keys_are_those_of_the_coordinator() {
        let config = load(&[]);
        assert_eq!(config.transaction_coordinator, TransactionConfig::default());
        let topic = &config.transactions_topic;
        assert_eq!((topic.partitions, topic.segment_bytes), (50, 104_857_600));
        assert_eq!((topic.replication_factor, topic.min_in_sync_replicas), (None, None));
        assert_eq!(config.add_partitions_retry.backoff, Duration::from_millis(20));
        assert_eq!(config.add_partitions_retry.backoff_max, Duration::from_millis(100));
    }

    #[test]
    fn what_is_set_is_taken() {
        let config = load(&[
            ("transaction.max.timeout.ms", "7000"),
            ("transactional.id.expiration.ms", "8000"),
            ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "9"),
            ("transaction.state.log.num.partitions", "3"),
            ("transaction.state.log.replication.factor", "1"),
            ("transaction.state.log.min.isr", "1"),
        ]);
        let coordinator = &config.transaction_coordinator;
        assert_eq!(coordinator.max_timeout_ms, 7_000);
        assert_eq!(coordinator.transactional_id_expiration_ms, 8_000);
        assert_eq!(coordinator.abort_timed_out_transaction_cleanup_interval_ms, 9);
        let topic = &config.transactions_topic;
        assert_eq!(topic.partitions, 3);
        assert_eq!((topic.replication_factor, topic.min_in_sync_replicas), (Some(1), Some(1)));
    }
}
