//! Consumer groups and their offsets.

use super::super::key::config_keys;

config_keys! { GROUP
    "group.consumer.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Acted,
        ClusterWide,
        "The least time between two assignments of a consumer group (KIP-848).";
    "group.consumer.assignors", List, Value("uniform,range"), Any, Medium, Acted, ReadOnly,
        "The assignors of consumer groups, the first being the default.";
    "group.consumer.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Acted, ReadOnly,
        "How often a consumer group's member reports.";
    "group.consumer.max.assignment.interval.ms", Int, Value("15000"), AtLeast(0), Medium, Acted,
        ReadOnly,
        "The most that a group may ask for as its assignment interval.";
    "group.consumer.max.heartbeat.interval.ms", Int, Value("15000"), AtLeast(1), Medium, Acted,
        ReadOnly,
        "The most that a group may ask for as its heartbeat interval.";
    "group.consumer.max.session.timeout.ms", Int, Value("60000"), AtLeast(1), Medium, Acted,
        ReadOnly,
        "The most that a group may ask for as its session time-out.";
    "group.consumer.max.size", Int, Value("2147483647"), AtLeast(1), Medium, Acted, ReadOnly,
        "The most members of a consumer group.";
    "group.consumer.migration.policy", String, Value("bidirectional"),
        OneOfIgnoringCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), Medium, Acted,
        ReadOnly,
        "Whether groups may move between the classic and the consumer protocol.";
    "group.consumer.min.assignment.interval.ms", Int, Value("0"), AtLeast(0), Medium, Acted,
        ReadOnly,
        "The least that a group may ask for as its assignment interval.";
    "group.consumer.min.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Acted,
        ReadOnly,
        "The least that a group may ask for as its heartbeat interval.";
    "group.consumer.min.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Acted,
        ReadOnly,
        "The least that a group may ask for as its session time-out.";
    "group.consumer.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Acted, ReadOnly,
        "How long a consumer group's member may be silent.";
    "group.coordinator.append.linger.ms", Int, Value("-1"), AtLeast(-1), Medium, Tunes, ReadOnly,
        "How long the group coordinator gathers records before it writes them.";
    "group.coordinator.background.threads", Int, Value("2"), AtLeast(1), High, Tunes, ReadOnly,
        "The number of the group coordinator's threads for long work.";
    "group.coordinator.cached.buffer.max.bytes", Int, Value("1048588"), AtLeast(524_288), Medium,
        Tunes, ClusterWide,
        "The largest buffer that the group coordinator keeps.";
    "group.coordinator.rebalance.protocols", List, Value("classic,consumer,streams"),
        OneOf(&["consumer", "classic", "share", "streams"]), Medium, Acted, ReadOnly,
        "The group protocols that are offered: classic always is, streams and share are not built.";
    "group.coordinator.threads", Int, Value("4"), AtLeast(1), High, Tunes, ReadOnly,
        "The number of the group coordinator's threads.";
    "group.initial.rebalance.delay.ms", Int, Value("3000"), Any, Medium, Acted, ReadOnly,
        "How long the first rebalance of an empty classic group waits for more members.";
    "group.max.session.timeout.ms", Int, Value("1800000"), Any, Medium, Acted, ReadOnly,
        "The longest session time-out of a classic group's member.";
    "group.max.size", Int, Value("2147483647"), AtLeast(1), Medium, Acted, ReadOnly,
        "The most members of a classic group.";
    "group.min.session.timeout.ms", Int, Value("6000"), Any, Medium, Acted, ReadOnly,
        "The shortest session time-out of a classic group's member.";
    "group.streams.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Tunes,
        ClusterWide,
        "The least time between two assignments of a streams group.";
    "group.streams.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "How often a streams group's member reports.";
    "group.streams.initial.rebalance.delay.ms", Int, Value("3000"), AtLeast(0), Medium, Tunes,
        ReadOnly,
        "How long the first rebalance of an empty streams group waits for more members.";
    "group.streams.max.assignment.interval.ms", Int, Value("15000"), AtLeast(0), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its assignment interval.";
    "group.streams.max.heartbeat.interval.ms", Int, Value("15000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its heartbeat interval.";
    "group.streams.max.session.timeout.ms", Int, Value("60000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its session time-out.";
    "group.streams.max.size", Int, Value("2147483647"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The most members of a streams group.";
    "group.streams.max.standby.replicas", Int, Value("2"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The most standby replicas that a group may ask for.";
    "group.streams.min.assignment.interval.ms", Int, Value("0"), AtLeast(0), Medium, Tunes,
        ReadOnly,
        "The least that a group may ask for as its assignment interval.";
    "group.streams.min.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The least that a group may ask for as its heartbeat interval.";
    "group.streams.min.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The least that a group may ask for as its session time-out.";
    "group.streams.num.standby.replicas", Int, Value("0"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The standby replicas of each task.";
    "group.streams.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "How long a streams group's member may be silent.";
    "offset.metadata.max.bytes", Int, Value("4096"), Any, High, Acted, ReadOnly,
        "The most bytes of text that may be committed with an offset.";
    "offsets.commit.timeout.ms", Int, Value("5000"), AtLeast(1), High, Acted, ReadOnly,
        "How long an answer of the group coordinator waits for its records to be committed.";
    "offsets.load.buffer.size", Int, Value("5242880"), AtLeast(1), High, Acted, ReadOnly,
        "The buffer with which offsets are loaded.";
    "offsets.retention.check.interval.ms", Long, Value("600000"), AtLeast(1), High, Acted, ReadOnly,
        "How often expired offsets are looked for.";
    "offsets.retention.minutes", Int, Value("10080"), AtLeast(1), High, Acted, ReadOnly,
        "How long the offsets of an empty group are kept.";
    "offsets.topic.compression.codec", Int, Value("0"), Any, High, Acted, ReadOnly,
        "The compression of the offsets topic: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.";
    "offsets.topic.num.partitions", Int, Value("50"), AtLeast(1), High, Acted, ReadOnly,
        "The number of partitions of the offsets topic.";
    "offsets.topic.replication.factor", Short, Value("3"), AtLeast(1), High, Acted, ReadOnly,
        "The number of replicas of the offsets topic. Unset, it is no more than there are brokers.";
    "offsets.topic.segment.bytes", Int, Value("104857600"), AtLeast(1), High, Acted, ReadOnly,
        "The size of a segment of the offsets topic.";
}
