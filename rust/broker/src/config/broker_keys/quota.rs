//! Quotas, policies, metrics and purgatories.

use super::super::key::config_keys;

config_keys! { QUOTA
    "alter.config.policy.class.name", Class, Null, Any, Low, Refused, ReadOnly,
        "The class that judges changes of configuration.";
    "alter.log.dirs.replication.quota.window.num", Int, Value("11"), AtLeast(1), Low, Tunes,
        ReadOnly,
        "The number of samples of the quota on moves between directories.";
    "alter.log.dirs.replication.quota.window.size.seconds", Int, Value("1"), AtLeast(1), Low, Tunes,
        ReadOnly,
        "The length of each of those samples.";
    "client.quota.callback.class", Class, Null, Any, Low, Refused, ReadOnly,
        "The class that decides on client quotas.";
    "config.providers", List, Value(""), Any, Low, Refused, ReadOnly,
        "Classes that resolve variables in configuration values.";
    "create.topic.policy.class.name", Class, Null, Any, Low, Refused, ReadOnly,
        "The class that judges new topics.";
    "delete.records.purgatory.purge.interval.requests", Int, Value("1"), Any, Medium, Tunes,
        ReadOnly,
        "After how many requests waiting DeleteRecords requests are purged; Ottla drops them as \
        they complete.";
    "fetch.purgatory.purge.interval.requests", Int, Value("1000"), Any, Medium, Tunes, ReadOnly,
        "After how many requests waiting fetches are purged; Ottla drops them as they complete.";
    "kafka.metrics.polling.interval.secs", Int, Value("10"), AtLeast(1), Low, Tunes, ReadOnly,
        "How often old-style metrics are reported.";
    "kafka.metrics.reporters", List, Value(""), Any, Low, Tunes, ReadOnly,
        "The classes that report old-style metrics; Ottla loads no classes.";
    "metric.reporters", List, Value("org.apache.kafka.common.metrics.JmxReporter"), Any, Low, Tunes,
        ReadOnly,
        "The classes that report metrics; Ottla loads no classes.";
    "metrics.num.samples", Int, Value("2"), AtLeast(1), Low, Tunes, ReadOnly,
        "The number of samples of a metric.";
    "metrics.recording.level", String, Value("INFO"), Any, Low, Tunes, ReadOnly,
        "The level of the metrics that are kept.";
    "metrics.sample.window.ms", Long, Value("30000"), AtLeast(1), Low, Tunes, ReadOnly,
        "The length of a metric's sample.";
    "producer.purgatory.purge.interval.requests", Int, Value("1000"), Any, Medium, Tunes, ReadOnly,
        "After how many requests waiting produce requests are purged; Ottla drops them as they \
        complete.";
    "quota.window.num", Int, Value("11"), AtLeast(1), Low, Tunes, ReadOnly,
        "The number of samples of client quotas; quotas are not built yet.";
    "quota.window.size.seconds", Int, Value("1"), AtLeast(1), Low, Tunes, ReadOnly,
        "The length of each of those samples.";
    "replication.quota.window.num", Int, Value("11"), AtLeast(1), Low, Tunes, ReadOnly,
        "The number of samples of replication quotas; quotas are not built yet.";
    "replication.quota.window.size.seconds", Int, Value("1"), AtLeast(1), Low, Tunes, ReadOnly,
        "The length of each of those samples.";
    "telemetry.max.bytes", Int, Value("1048576"), AtLeast(1), Low, Tunes, ReadOnly,
        "The most bytes of client telemetry in one request; Ottla asks clients for none.";
}
