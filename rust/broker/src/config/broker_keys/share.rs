//! Share groups, none of which is built yet.

use super::super::key::config_keys;

config_keys! { SHARE
    "group.share.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Tunes,
        ClusterWide,
        "The least time between two assignments of a share group.";
    "group.share.assignors", List, Value("simple"), Any, Medium, Tunes, ReadOnly,
        "The assignors of share groups.";
    "group.share.delivery.count.limit", Int, Value("5"), Between(2, 10), Medium, Tunes, ReadOnly,
        "How often a record is delivered to a share group at most.";
    "group.share.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "How often a share group's member reports.";
    "group.share.max.assignment.interval.ms", Int, Value("15000"), AtLeast(0), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its assignment interval.";
    "group.share.max.delivery.count.limit", Int, Value("10"), Between(5, 25), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its delivery limit.";
    "group.share.max.heartbeat.interval.ms", Int, Value("15000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The most that a group may ask for as its heartbeat interval.";
    "group.share.max.partition.max.record.locks", Int, Value("4000"), Between(2_000, 10_000),
        Medium, Tunes, ReadOnly,
        "The most that a group may ask for as its limit of locks.";
    "group.share.max.record.lock.duration.ms", Int, Value("60000"), Between(30_000, 3_600_000),
        Medium, Tunes, ReadOnly,
        "The most that a group may ask for as its lock duration.";
    "group.share.max.session.timeout.ms", Int, Value("60000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The most that a group may ask for as its session time-out.";
    "group.share.max.share.sessions", Int, Value("2000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The most share sessions of a broker.";
    "group.share.max.size", Int, Value("200"), Between(1, 1_000), Medium, Tunes, ReadOnly,
        "The most members of a share group.";
    "group.share.min.assignment.interval.ms", Int, Value("0"), AtLeast(0), Medium, Tunes, ReadOnly,
        "The least that a group may ask for as its assignment interval.";
    "group.share.min.delivery.count.limit", Int, Value("2"), Between(2, 5), Medium, Tunes, ReadOnly,
        "The least that a group may ask for as its delivery limit.";
    "group.share.min.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes,
        ReadOnly,
        "The least that a group may ask for as its heartbeat interval.";
    "group.share.min.partition.max.record.locks", Int, Value("100"), Between(100, 2_000), Medium,
        Tunes, ReadOnly,
        "The least that a group may ask for as its limit of locks.";
    "group.share.min.record.lock.duration.ms", Int, Value("15000"), Between(1_000, 30_000), Medium,
        Tunes, ReadOnly,
        "The least that a group may ask for as its lock duration.";
    "group.share.min.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The least that a group may ask for as its session time-out.";
    "group.share.partition.max.record.locks", Int, Value("2000"), Between(100, 10_000), Medium,
        Tunes, ReadOnly,
        "The most records of a partition that a share group locks at a time.";
    "group.share.record.lock.duration.ms", Int, Value("30000"), Between(1_000, 3_600_000), Medium,
        Tunes, ReadOnly,
        "How long a share group's record stays locked.";
    "group.share.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes, ReadOnly,
        "How long a share group's member may be silent.";
    "share.coordinator.append.linger.ms", Int, Value("-1"), AtLeast(-1), Medium, Tunes, ReadOnly,
        "How long the share coordinator gathers records before it writes them.";
    "share.coordinator.cached.buffer.max.bytes", Int, Value("1048588"), AtLeast(524_288), Medium,
        Tunes, ReadOnly,
        "The largest buffer that the share coordinator keeps.";
    "share.coordinator.load.buffer.size", Int, Value("5242880"), AtLeast(1), High, Tunes, ReadOnly,
        "The buffer with which share state is loaded.";
    "share.coordinator.snapshot.update.records.per.snapshot", Int, Value("500"), Between(0, 500),
        Medium, Tunes, ReadOnly,
        "After how many updates share state is written whole.";
    "share.coordinator.state.topic.compression.codec", Int, Value("0"), Any, High, Tunes, ReadOnly,
        "The compression of the share state topic.";
    "share.coordinator.state.topic.min.isr", Short, Value("2"), AtLeast(1), High, Tunes, ReadOnly,
        "The min.insync.replicas of the share state topic.";
    "share.coordinator.state.topic.num.partitions", Int, Value("50"), AtLeast(1), High, Tunes,
        ReadOnly,
        "The number of partitions of the share state topic.";
    "share.coordinator.state.topic.replication.factor", Short, Value("3"), AtLeast(1), High, Tunes,
        ReadOnly,
        "The number of replicas of the share state topic.";
    "share.coordinator.state.topic.segment.bytes", Int, Value("104857600"), AtLeast(1), High, Tunes,
        ReadOnly,
        "The size of a segment of the share state topic.";
    "share.coordinator.threads", Int, Value("1"), AtLeast(1), Medium, Tunes, ReadOnly,
        "The number of the share coordinator's threads.";
    "share.coordinator.write.timeout.ms", Int, Value("5000"), AtLeast(1), High, Tunes, ReadOnly,
        "How long a write of share state may take.";
    "share.fetch.purgatory.purge.interval.requests", Int, Value("1000"), Any, Medium, Tunes,
        ReadOnly,
        "After how many requests waiting share fetches are purged.";
}
