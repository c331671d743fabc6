//! Topics and their logs: the defaults of topic configuration, directories, cleaning.

use super::super::key::config_keys;

config_keys! { LOG
    "auto.create.topics.enable", Boolean, Value("true"), Any, High, Acted, ReadOnly,
        "Whether a topic is created when a client first asks for it and wants it created.";
    "compression.gzip.level", Int, Value("-1"), GzipLevel, Medium, Tunes, ClusterWide,
        "The gzip level of topics that are compressed anew; none is.";
    "compression.lz4.level", Int, Value("9"), Between(1, 17), Medium, Tunes, ClusterWide,
        "The lz4 level of topics that are compressed anew; none is.";
    "compression.type", String, Value("producer"),
        OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), High, Refused,
        ClusterWide,
        "The default of a topic's compression.type; only producer is supported, which keeps \
        batches as they were sent.";
    "compression.zstd.level", Int, Value("3"), Between(-131_072, 22), Medium, Tunes, ClusterWide,
        "The zstd level of topics that are compressed anew; none is.";
    "cordoned.log.dirs", List, Value(""), Any, Medium, Refused, ReadOnly,
        "Log directories that take no new partitions.";
    "delete.topic.enable", Boolean, Value("true"), Any, High, Acted, ReadOnly,
        "Whether topics may be deleted.";
    "log.cleaner.backoff.ms", Long, Value("15000"), AtLeast(0), Medium, Acted, ClusterWide,
        "How long a cleaner rests when there is nothing to clean.";
    "log.cleaner.dedupe.buffer.size", Long, Value("134217728"), Any, Medium, Acted, ClusterWide,
        "The most memory that the cleaners take for keys, together; each takes what the records \
        need that it is about to clean, and none when it rests.";
    "log.cleaner.delete.retention.ms", Long, Value("86400000"), AtLeast(0), Medium, Acted,
        ClusterWide,
        "The default of a topic's delete.retention.ms.";
    "log.cleaner.enable", Boolean, Value("true"), Any, Medium, Acted, ReadOnly,
        "Whether compacted topics are compacted.";
    "log.cleaner.io.buffer.load.factor", Double, Value("0.9"), Any, Medium, Acted, ClusterWide,
        "How full a cleaner's map of keys may be.";
    "log.cleaner.io.buffer.size", Int, Value("524288"), AtLeast(0), Medium, Acted, ClusterWide,
        "The cleaners' buffers for reading and writing, together.";
    "log.cleaner.io.max.bytes.per.second", Double, Value("1.7976931348623157E308"), Any, Medium,
        Acted, ClusterWide,
        "How fast the cleaners read and write, together.";
    "log.cleaner.max.compaction.lag.ms", Long, Value("9223372036854775807"), AtLeast(1), Medium,
        Acted, ClusterWide,
        "The default of a topic's max.compaction.lag.ms.";
    "log.cleaner.min.cleanable.ratio", Double, Value("0.5"), Between(0, 1), Medium, Acted,
        ClusterWide,
        "The default of a topic's min.cleanable.dirty.ratio.";
    "log.cleaner.min.compaction.lag.ms", Long, Value("0"), AtLeast(0), Medium, Acted, ClusterWide,
        "The default of a topic's min.compaction.lag.ms.";
    "log.cleaner.threads", Int, Value("1"), AtLeast(0), Medium, Acted, ClusterWide,
        "The number of cleaners; another one counts from the next start.";
    "log.cleanup.policy", List, Value("delete"), OneOf(&["compact", "delete"]), Medium, Acted,
        ClusterWide,
        "The default of a topic's cleanup.policy.";
    "log.dir", List, Value("/tmp/kafka-logs"), Any, High, Acted, ReadOnly,
        "The directory of the logs, unless log.dirs is set.";
    "log.dir.failure.timeout.ms", Long, Value("30000"), AtLeast(1), Low, Tunes, ReadOnly,
        "How long a broker that cannot report a failed directory goes on; Ottla's stops serving it \
        at once.";
    "log.dirs", List, Null, Any, High, Acted, ReadOnly,
        "The directory of the logs. Several of them are not supported yet.";
    "log.flush.interval.messages", Long, Value("9223372036854775807"), AtLeast(1), High, Acted,
        ClusterWide,
        "The default of a topic's flush.messages.";
    "log.flush.interval.ms", Long, Null, Any, High, Acted, ClusterWide,
        "The default of a topic's flush.ms; unless set, log.flush.scheduler.interval.ms.";
    "log.flush.offset.checkpoint.interval.ms", Int, Value("60000"), AtLeast(0), High, Tunes,
        ReadOnly,
        "How often recovery points are written; Ottla's advance with the bytes that were \
        appended.";
    "log.flush.scheduler.interval.ms", Long, Value("9223372036854775807"), Any, High, Acted,
        ReadOnly,
        "The default of a topic's flush.ms when log.flush.interval.ms is not set.";
    "log.flush.start.offset.checkpoint.interval.ms", Int, Value("60000"), AtLeast(0), High, Tunes,
        ReadOnly,
        "How often log start offsets are written; Ottla writes each before it takes effect.";
    "log.index.interval.bytes", Int, Value("4096"), AtLeast(0), Medium, Acted, ClusterWide,
        "The default of a topic's index.interval.bytes.";
    "log.index.size.max.bytes", Int, Value("10485760"), AtLeast(4), Medium, Acted, ClusterWide,
        "The default of a topic's segment.index.bytes.";
    "log.message.timestamp.after.max.ms", Long, Value("3600000"), AtLeast(0), Medium, Acted,
        ClusterWide,
        "The default of a topic's message.timestamp.after.max.ms.";
    "log.message.timestamp.before.max.ms", Long, Value("9223372036854775807"), AtLeast(0), Medium,
        Acted, ClusterWide,
        "The default of a topic's message.timestamp.before.max.ms.";
    "log.message.timestamp.type", String, Value("CreateTime"),
        OneOf(&["CreateTime", "LogAppendTime"]), Medium, Acted, ClusterWide,
        "The default of a topic's message.timestamp.type.";
    "log.preallocate", Boolean, Value("false"), Any, Medium, Tunes, ClusterWide,
        "The default of a topic's preallocate; Ottla always extends segments in steps ahead of the \
        data.";
    "log.retention.bytes", Long, Value("-1"), Any, High, Acted, ClusterWide,
        "The default of a topic's retention.bytes.";
    "log.retention.check.interval.ms", Long, Value("300000"), AtLeast(1), Medium, Acted, ReadOnly,
        "How often it is checked whether segments can be deleted.";
    "log.retention.hours", Int, Value("168"), Any, High, Acted, ReadOnly,
        "The default of a topic's retention.ms, in hours, when neither log.retention.minutes nor \
        log.retention.ms is set; below zero, for ever.";
    "log.retention.minutes", Int, Null, Any, High, Acted, ReadOnly,
        "The default of a topic's retention.ms, in minutes, when log.retention.ms is not set; \
        below zero, for ever.";
    "log.retention.ms", Long, Null, Any, High, Acted, ClusterWide,
        "The default of a topic's retention.ms; unless set, log.retention.minutes, then \
        log.retention.hours; -1, for ever.";
    "log.roll.hours", Int, Value("168"), AtLeast(1), High, Acted, ReadOnly,
        "The default of a topic's segment.ms, in hours, when log.roll.ms is not set.";
    "log.roll.jitter.hours", Int, Value("0"), AtLeast(0), High, Acted, ReadOnly,
        "The default of a topic's segment.jitter.ms, in hours, when log.roll.jitter.ms is not \
        set.";
    "log.roll.jitter.ms", Long, Null, Any, High, Acted, ClusterWide,
        "The default of a topic's segment.jitter.ms; unless set, log.roll.jitter.hours.";
    "log.roll.ms", Long, Null, Any, High, Acted, ClusterWide,
        "The default of a topic's segment.ms; unless set, log.roll.hours.";
    "log.segment.bytes", Int, Value("1073741824"), AtLeast(1_048_576), High, Acted, ClusterWide,
        "The default of a topic's segment.bytes.";
    "log.segment.delete.delay.ms", Long, Value("60000"), AtLeast(0), High, Acted, ClusterWide,
        "The default of a topic's file.delete.delay.ms.";
    "message.max.bytes", Int, Value("1048588"), AtLeast(0), High, Acted, ClusterWide,
        "The default of a topic's max.message.bytes: the largest batch, compressed or not.";
    "min.insync.replicas", Int, Value("1"), AtLeast(1), High, Acted, ClusterWide,
        "The default of a topic's min.insync.replicas.";
    "num.partitions", Int, Value("1"), AtLeast(1), Medium, Acted, ReadOnly,
        "The number of partitions of a topic that is created without one.";
    "num.recovery.threads.per.data.dir", Int, Value("2"), AtLeast(1), High, Tunes, ClusterWide,
        "The number of threads that recover logs at start and flush them at the end; Ottla starts \
        them as needed.";
    "num.replica.alter.log.dirs.threads", Int, Null, Any, High, Tunes, ReadOnly,
        "The number of threads that move replicas between directories; there is one directory.";
    "unclean.leader.election.enable", Boolean, Value("false"), Any, High, Tunes, ClusterWide,
        "The default of a topic's unclean.leader.election.enable.";
}
