//! The transaction coordinator's configuration, with Kafka's keys and defaults.

use std::time::Duration;

/// What the broker's keys say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`
    pub max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`
    pub transactional_id_expiration_ms: i32,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub abort_timed_out_transaction_cleanup_interval_ms: i32,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub remove_expired_transaction_cleanup_interval_ms: i32,
    /// The most bytes that the records of one decision may have: what a batch of
    /// `__transaction_state` takes (its `max.message.bytes`).
    pub append_bytes_max: usize,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self {
            max_timeout_ms: 900_000,
            transactional_id_expiration_ms: 604_800_000,
            abort_timed_out_transaction_cleanup_interval_ms: 10_000,
            remove_expired_transaction_cleanup_interval_ms: 3_600_000,
            append_bytes_max: 1_048_588,
        }
    }
}

impl TransactionConfig {
    pub(super) fn abort_interval(&self) -> Duration {
        milliseconds(self.abort_timed_out_transaction_cleanup_interval_ms)
    }

    pub(super) fn expiry_interval(&self) -> Duration {
        milliseconds(self.remove_expired_transaction_cleanup_interval_ms)
    }
}

/// Never none: a timer that is always due would keep its host from everything else.
fn milliseconds(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1))
}
