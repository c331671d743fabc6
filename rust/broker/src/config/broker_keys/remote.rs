//! Tiered storage, none of which is built yet.

use super::super::key::config_keys;

config_keys! { REMOTE
    "follower.fetch.last.tiered.offset.enable", Boolean, Value("false"), Any, Medium, Tunes,
        ReadOnly,
        "Whether a new follower begins behind what is tiered.";
    "log.local.retention.bytes", Long, Value("-2"), AtLeast(-2), Medium, Tunes, ClusterWide,
        "The default of a topic's local.retention.bytes.";
    "log.local.retention.ms", Long, Value("-2"), AtLeast(-2), Medium, Tunes, ClusterWide,
        "The default of a topic's local.retention.ms.";
    "remote.fetch.max.wait.ms", Int, Value("500"), AtLeast(1), Medium, Tunes, ClusterWide,
        "How long a fetch waits for tiered data.";
    "remote.list.offsets.request.timeout.ms", Long, Value("30000"), AtLeast(1), Medium, Tunes,
        ClusterWide,
        "How long ListOffsets waits for tiered data.";
    "remote.log.index.file.cache.total.size.bytes", Long, Value("1073741824"), AtLeast(1), Low,
        Tunes, ClusterWide,
        "The size of the cache of tiered indexes.";
    "remote.log.manager.copier.thread.pool.size", Int, Value("10"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The number of threads that copy segments to the tier.";
    "remote.log.manager.copy.max.bytes.per.second", Long, Value("9223372036854775807"), AtLeast(1),
        Medium, Tunes, ClusterWide,
        "The speed limit of those copies.";
    "remote.log.manager.copy.quota.window.num", Int, Value("11"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The number of samples of that limit.";
    "remote.log.manager.copy.quota.window.size.seconds", Int, Value("1"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The length of each of those samples.";
    "remote.log.manager.expiration.thread.pool.size", Int, Value("10"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The number of threads that delete expired tiered segments.";
    "remote.log.manager.fetch.max.bytes.per.second", Long, Value("9223372036854775807"), AtLeast(1),
        Medium, Tunes, ClusterWide,
        "The speed limit of reading tiered data.";
    "remote.log.manager.fetch.quota.window.num", Int, Value("11"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The number of samples of that limit.";
    "remote.log.manager.fetch.quota.window.size.seconds", Int, Value("1"), AtLeast(1), Medium,
        Tunes, ReadOnly,
        "The length of each of those samples.";
    "remote.log.manager.follower.thread.pool.size", Int, Value("2"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The number of threads for followers of tiered topics.";
    "remote.log.manager.task.interval.ms", Long, Value("30000"), AtLeast(1), Low, Tunes, ReadOnly,
        "How often tiering looks for work.";
    "remote.log.manager.thread.pool.size", Int, Value("2"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The number of threads that plan tiering.";
    "remote.log.metadata.custom.metadata.max.bytes", Int, Value("128"), AtLeast(0), Low, Tunes,
        ReadOnly,
        "The most bytes that a tier may remember of a segment.";
    "remote.log.metadata.manager.class.name", String,
        Value("org.apache.kafka.server.log.remote.metadata.storage.\
            TopicBasedRemoteLogMetadataManager"),
        NonEmpty, Medium, Tunes, ReadOnly,
        "The class that keeps the tier's metadata.";
    "remote.log.metadata.manager.class.path", String, Null, Any, Medium, Tunes, ReadOnly,
        "Where that class is found.";
    "remote.log.metadata.manager.impl.prefix", String, Value("rlmm.config."), NonEmpty, Medium,
        Tunes, ReadOnly,
        "The prefix of that class's own keys.";
    "remote.log.metadata.manager.listener.name", String, Null, NonEmpty, Medium, Tunes, ReadOnly,
        "The listener that that class connects to.";
    "remote.log.reader.max.pending.tasks", Int, Value("100"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The most reads of tiered data that wait.";
    "remote.log.reader.threads", Int, Value("10"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The number of threads that read tiered data.";
    "remote.log.storage.manager.class.name", String, Null, NonEmpty, Medium, Tunes, ReadOnly,
        "The class that stores tiered segments.";
    "remote.log.storage.manager.class.path", String, Null, Any, Medium, Tunes, ReadOnly,
        "Where that class is found.";
    "remote.log.storage.manager.impl.prefix", String, Value("rsm.config."), NonEmpty, Medium, Tunes,
        ReadOnly,
        "The prefix of that class's own keys.";
    "remote.log.storage.system.enable", Boolean, Value("false"), Any, Medium, Refused, ReadOnly,
        "Whether topics may be tiered.";
}
