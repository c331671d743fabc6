//! Producer identities and transactions.

use super::super::key::config_keys;

config_keys! { TRANSACTION
    "add.partitions.to.txn.retry.backoff.max.ms", Int, Value("100"), AtLeast(0), High, Acted,
        ReadOnly,
        "How long the first batch of a transaction waits for the one before to come to its end.";
    "add.partitions.to.txn.retry.backoff.ms", Int, Value("20"), AtLeast(1), High, Acted, ReadOnly,
        "The longest rest before adding partitions to a transaction is tried again.";
    "producer.id.expiration.ms", Int, Value("86400000"), AtLeast(1), Low, Acted, ClusterWide,
        "A partition forgets an idempotent producer that was silent for this long.";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, Value("10000"), AtLeast(1),
        Low, Acted, ReadOnly,
        "How often transactions that are over their time are looked for.";
    "transaction.max.timeout.ms", Int, Value("900000"), AtLeast(1), High, Acted, ReadOnly,
        "The longest time-out that a transaction may ask for.";
    "transaction.partition.verification.enable", Boolean, Value("true"), Any, Low, Acted,
        ClusterWide,
        "Whether a partition takes the first batch of a transaction only when the transaction's \
        coordinator knows of it.";
    "transaction.remove.expired.transaction.cleanup.interval.ms", Int, Value("3600000"), AtLeast(1),
        Low, Acted, ReadOnly,
        "How often expired transactional ids are looked for.";
    "transaction.state.log.load.buffer.size", Int, Value("5242880"), AtLeast(1), High, Acted,
        ReadOnly,
        "The buffer with which the transaction log is loaded.";
    "transaction.state.log.min.isr", Int, Value("2"), AtLeast(1), High, Acted, ReadOnly,
        "The min.insync.replicas of the transaction log. Unset, it is no more than the log has \
        replicas.";
    "transaction.state.log.num.partitions", Int, Value("50"), AtLeast(1), High, Acted, ReadOnly,
        "The number of partitions of the transaction log.";
    "transaction.state.log.replication.factor", Short, Value("3"), AtLeast(1), High, Acted,
        ReadOnly,
        "The number of replicas of the transaction log. Unset, it is no more than there are \
        brokers.";
    "transaction.state.log.segment.bytes", Int, Value("104857600"), AtLeast(1), High, Acted,
        ReadOnly,
        "The size of a segment of the transaction log.";
    "transaction.two.phase.commit.enable", Boolean, Value("false"), Any, Low, Refused, ReadOnly,
        "Whether transactions may be prepared by an external coordinator (KIP-939).";
    "transactional.id.expiration.ms", Int, Value("604800000"), AtLeast(1), High, Acted, ReadOnly,
        "How long an unused transactional id is remembered.";
}
