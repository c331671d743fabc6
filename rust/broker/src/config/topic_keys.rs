//! The table of topic keys, and the broker keys that hold their defaults.

use super::error::nearest;
use super::key::{ConfigKey, config_keys};

/// A broker key that holds a topic key's default, in a unit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The broker key.
    pub name: &'static str,
    /// How many of the topic key's units make one of the broker key's.
    pub factor: i64,
}

const fn same(name: &'static str) -> Synonym {
    Synonym { name, factor: 1 }
}

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The topic key of this name.
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC_KEYS.iter().find(|key| key.name == name)
}

/// The topic key that somebody may have meant by `name`.
pub fn nearest_topic_key(name: &str) -> Option<&'static str> {
    nearest(name, TOPIC_KEYS.iter().map(|key| key.name))
}

/// The broker keys that hold the default of a topic key; the first that is set counts. Those of
/// tiered storage that have no broker key have none.
pub fn broker_synonyms(topic_key: &str) -> &'static [Synonym] {
    match topic_key {
        "cleanup.policy" => const { &[same("log.cleanup.policy")] },
        "compression.gzip.level" => const { &[same("compression.gzip.level")] },
        "compression.lz4.level" => const { &[same("compression.lz4.level")] },
        "compression.type" => const { &[same("compression.type")] },
        "compression.zstd.level" => const { &[same("compression.zstd.level")] },
        "delete.retention.ms" => const { &[same("log.cleaner.delete.retention.ms")] },
        "file.delete.delay.ms" => const { &[same("log.segment.delete.delay.ms")] },
        "flush.messages" => const { &[same("log.flush.interval.messages")] },
        "flush.ms" => {
            const { &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")] }
        }
        "index.interval.bytes" => const { &[same("log.index.interval.bytes")] },
        "local.retention.bytes" => const { &[same("log.local.retention.bytes")] },
        "local.retention.ms" => const { &[same("log.local.retention.ms")] },
        "max.compaction.lag.ms" => const { &[same("log.cleaner.max.compaction.lag.ms")] },
        "max.message.bytes" => const { &[same("message.max.bytes")] },
        "message.timestamp.after.max.ms" => const { &[same("log.message.timestamp.after.max.ms")] },
        "message.timestamp.before.max.ms" => {
            const { &[same("log.message.timestamp.before.max.ms")] }
        }
        "message.timestamp.type" => const { &[same("log.message.timestamp.type")] },
        "min.cleanable.dirty.ratio" => const { &[same("log.cleaner.min.cleanable.ratio")] },
        "min.compaction.lag.ms" => const { &[same("log.cleaner.min.compaction.lag.ms")] },
        "min.insync.replicas" => const { &[same("min.insync.replicas")] },
        "ottla.durability" => const { &[same("ottla.durability")] },
        "preallocate" => const { &[same("log.preallocate")] },
        "retention.bytes" => const { &[same("log.retention.bytes")] },
        "retention.ms" => {
            const {
                &[
                    same("log.retention.ms"),
                    Synonym { name: "log.retention.minutes", factor: MINUTE_MS },
                    Synonym { name: "log.retention.hours", factor: HOUR_MS },
                ]
            }
        }
        "segment.bytes" => const { &[same("log.segment.bytes")] },
        "segment.index.bytes" => const { &[same("log.index.size.max.bytes")] },
        "segment.jitter.ms" => {
            const {
                &[
                    same("log.roll.jitter.ms"),
                    Synonym { name: "log.roll.jitter.hours", factor: HOUR_MS },
                ]
            }
        }
        "segment.ms" => {
            const { &[same("log.roll.ms"), Synonym { name: "log.roll.hours", factor: HOUR_MS }] }
        }
        "unclean.leader.election.enable" => const { &[same("unclean.leader.election.enable")] },
        _ => &[],
    }
}

config_keys! { TOPIC_KEYS
    "ottla.durability", String, Value("disk"), OneOf(&["memory", "os", "disk"]), High, Acted,
        ClusterWide,
        "When a replica answers for a record: memory, when it lies in the broker's process; os, \
        when it lies in the page cache, which is Kafka's default; disk, when it has been synced. A \
        topic is created in memory or not, and stays so.";
    "cleanup.policy", List, Value("delete"), OneOf(&["compact", "delete"]), Medium, Acted,
        ClusterWide,
        "What happens to old segments: delete removes them by age and size, compact keeps the last \
        record of each key, both do both, an empty list keeps them.";
    "compression.gzip.level", Int, Value("-1"), GzipLevel, Medium, Tunes, ClusterWide,
        "The gzip level when batches are compressed anew; none is.";
    "compression.lz4.level", Int, Value("9"), Between(1, 17), Medium, Tunes, ClusterWide,
        "The lz4 level when batches are compressed anew; none is.";
    "compression.type", String, Value("producer"),
        OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Medium, Refused,
        ClusterWide,
        "The compression in which batches are kept; only producer is supported, which keeps them \
        as they were sent. Only the log of transactions may say uncompressed, as in Kafka, which \
        is how its coordinator writes it.";
    "compression.zstd.level", Int, Value("3"), Between(-131_072, 22), Medium, Tunes, ClusterWide,
        "The zstd level when batches are compressed anew; none is.";
    "delete.retention.ms", Long, Value("86400000"), AtLeast(0), Medium, Acted, ClusterWide,
        "How long a compacted topic keeps a tombstone after the cleaner has first seen it.";
    "file.delete.delay.ms", Long, Value("60000"), AtLeast(0), Medium, Acted, ClusterWide,
        "How long the file of a deleted segment is kept.";
    "flush.messages", Long, Value("9223372036854775807"), AtLeast(1), Medium, Acted, ClusterWide,
        "So many records are synced at the latest, and the batch that makes them so many is \
        acknowledged after the sync.";
    "flush.ms", Long, Value("9223372036854775807"), AtLeast(0), Medium, Acted, ClusterWide,
        "A record is synced at the latest so long after it was appended.";
    "follower.replication.throttled.replicas", List, Value(""), ThrottledReplicas, Medium, Tunes,
        ClusterWide,
        "The followers whose replication is throttled; a single node follows nobody.";
    "index.interval.bytes", Int, Value("4096"), AtLeast(0), Medium, Acted, ClusterWide,
        "An index has an entry about every so many bytes.";
    "leader.replication.throttled.replicas", List, Value(""), ThrottledReplicas, Medium, Tunes,
        ClusterWide,
        "The leaders whose replication is throttled; a single node has no followers.";
    "local.retention.bytes", Long, Value("-2"), AtLeast(-2), Medium, Tunes, ClusterWide,
        "The size of a tiered topic on local disks; there is no tiering yet.";
    "local.retention.ms", Long, Value("-2"), AtLeast(-2), Medium, Tunes, ClusterWide,
        "The age of a tiered topic on local disks; there is no tiering yet.";
    "max.compaction.lag.ms", Long, Value("9223372036854775807"), AtLeast(1), Medium, Acted,
        ClusterWide,
        "A log is cleaned when a record was not for so long, however little of it is dirty; and a \
        segment is closed when it is this old.";
    "max.message.bytes", Int, Value("1048588"), AtLeast(0), Medium, Acted, ClusterWide,
        "The largest batch, as it was sent, compressed or not.";
    "message.timestamp.after.max.ms", Long, Value("3600000"), AtLeast(0), Medium, Acted,
        ClusterWide,
        "How far a record's timestamp may lie ahead of the broker's clock.";
    "message.timestamp.before.max.ms", Long, Value("9223372036854775807"), AtLeast(0), Medium,
        Acted, ClusterWide,
        "How far a record's timestamp may lie behind the broker's clock.";
    "message.timestamp.type", String, Value("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]),
        Medium, Acted, ClusterWide,
        "Whether records keep the producer's timestamp or get the time of the append.";
    "min.cleanable.dirty.ratio", Double, Value("0.5"), Between(0, 1), Medium, Acted, ClusterWide,
        "A log is cleaned when more than this part of it was not yet.";
    "min.compaction.lag.ms", Long, Value("0"), AtLeast(0), Medium, Acted, ClusterWide,
        "A record is compacted away no sooner than so long after it was written.";
    "min.insync.replicas", Int, Value("1"), AtLeast(1), Medium, Acted, ClusterWide,
        "How many replicas must hold a record before acks=all is answered; with fewer in sync it \
        is refused.";
    "preallocate", Boolean, Value("false"), Any, Medium, Tunes, ClusterWide,
        "Whether segments are created in full size; Ottla always extends them in steps ahead of \
        the data.";
    "remote.log.copy.disable", Boolean, Value("false"), Any, Medium, Tunes, ClusterWide,
        "Whether copying to the tier stops; there is no tiering yet.";
    "remote.log.delete.on.disable", Boolean, Value("false"), Any, Medium, Tunes, ClusterWide,
        "Whether tiered data is deleted when tiering ends; there is no tiering yet.";
    "remote.storage.enable", Boolean, Value("false"), Any, Medium, Refused, ClusterWide,
        "Whether the topic is tiered.";
    "retention.bytes", Long, Value("-1"), Any, Medium, Acted, ClusterWide,
        "A partition's oldest segments are deleted while it is larger than this; -1, never.";
    "retention.ms", Long, Value("604800000"), AtLeast(-1), Medium, Acted, ClusterWide,
        "A segment is deleted when its newest record is older than this; -1, never.";
    "segment.bytes", Int, Value("1073741824"), AtLeast(1_048_576), Medium, Acted, ClusterWide,
        "The size of a segment.";
    "segment.index.bytes", Int, Value("10485760"), AtLeast(4), Medium, Acted, ClusterWide,
        "The size of a segment's index.";
    "segment.jitter.ms", Long, Value("0"), AtLeast(0), Medium, Acted, ClusterWide,
        "Up to so much is taken off segment.ms by chance, so that not all segments are closed at \
        once.";
    "segment.ms", Long, Value("604800000"), AtLeast(1), Medium, Acted, ClusterWide,
        "A segment is closed when it is this old, even if it is not full.";
    "unclean.leader.election.enable", Boolean, Value("false"), Any, Medium, Tunes, ClusterWide,
        "Whether a replica that is not in sync may lead, losing records; with a single node there \
        is none.";
}
