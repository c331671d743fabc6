//! The table of group keys, and the broker keys that hold their defaults and bounds.

use super::error::nearest;
use super::key::{ConfigKey, config_keys};

/// What a broker's configuration says about a group key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerSide {
    /// The broker key that holds its default.
    pub default: Option<&'static str>,
    /// The broker key that holds the least that a group may ask for.
    pub min: Option<&'static str>,
    /// The broker key that holds the most that a group may ask for.
    pub max: Option<&'static str>,
}

/// The group key of this name.
pub fn group_key(name: &str) -> Option<&'static ConfigKey> {
    GROUP_KEYS.iter().find(|key| key.name == name)
}

/// The group key that somebody may have meant by `name`.
pub fn nearest_group_key(name: &str) -> Option<&'static str> {
    nearest(name, GROUP_KEYS.iter().map(|key| key.name))
}

/// The kinds of groups, each with a session time-out that must be longer than its heartbeat
/// interval.
pub const SESSIONS_AND_HEARTBEATS: [(&str, &str); 3] = [
    ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    ("streams.session.timeout.ms", "streams.heartbeat.interval.ms"),
];

/// What brokers say about a group key.
pub fn broker_side(group_key: &str) -> BrokerSide {
    macro_rules! bounded {
        ($kind:literal, $name:literal) => {
            BrokerSide {
                default: Some(concat!("group.", $kind, ".", $name)),
                min: Some(concat!("group.", $kind, ".min.", $name)),
                max: Some(concat!("group.", $kind, ".max.", $name)),
            }
        };
    }
    const NOTHING: BrokerSide = BrokerSide { default: None, min: None, max: None };
    match group_key {
        "consumer.assignment.interval.ms" => bounded!("consumer", "assignment.interval.ms"),
        "consumer.heartbeat.interval.ms" => bounded!("consumer", "heartbeat.interval.ms"),
        "consumer.session.timeout.ms" => bounded!("consumer", "session.timeout.ms"),
        "share.assignment.interval.ms" => bounded!("share", "assignment.interval.ms"),
        "share.delivery.count.limit" => bounded!("share", "delivery.count.limit"),
        "share.heartbeat.interval.ms" => bounded!("share", "heartbeat.interval.ms"),
        "share.partition.max.record.locks" => bounded!("share", "partition.max.record.locks"),
        "share.record.lock.duration.ms" => bounded!("share", "record.lock.duration.ms"),
        "share.session.timeout.ms" => bounded!("share", "session.timeout.ms"),
        "streams.assignment.interval.ms" => bounded!("streams", "assignment.interval.ms"),
        "streams.heartbeat.interval.ms" => bounded!("streams", "heartbeat.interval.ms"),
        "streams.initial.rebalance.delay.ms" => {
            BrokerSide { default: Some("group.streams.initial.rebalance.delay.ms"), ..NOTHING }
        }
        "streams.num.standby.replicas" => BrokerSide {
            default: Some("group.streams.num.standby.replicas"),
            max: Some("group.streams.max.standby.replicas"),
            min: None,
        },
        "streams.session.timeout.ms" => bounded!("streams", "session.timeout.ms"),
        _ => NOTHING,
    }
}

config_keys! { GROUP_KEYS
    "consumer.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Acted, ClusterWide,
        "The least time between two assignments of the group (KIP-1263).";
    "consumer.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Acted, ClusterWide,
        "How often a member of the group reports.";
    "consumer.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Acted, ClusterWide,
        "How long a member of the group may be silent.";
    "share.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Tunes, ClusterWide,
        "The least time between two assignments of a share group.";
    "share.auto.offset.reset", String, Value("latest"), AutoOffsetReset, Medium, Tunes, ClusterWide,
        "Where a share group begins to read.";
    "share.delivery.count.limit", Int, Value("5"), AtLeast(2), Medium, Tunes, ClusterWide,
        "How often a record is delivered to a share group at most.";
    "share.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes, ClusterWide,
        "How often a share group's member reports.";
    "share.isolation.level", String, Value("read_uncommitted"),
        OneOf(&["read_committed", "read_uncommitted"]), Medium, Tunes, ClusterWide,
        "Whether a share group reads records of transactions that are not committed.";
    "share.partition.max.record.locks", Int, Value("2000"), AtLeast(100), Medium, Tunes,
        ClusterWide,
        "The most records of a partition that a share group locks at a time.";
    "share.record.lock.duration.ms", Int, Value("30000"), AtLeast(1_000), Medium, Tunes,
        ClusterWide,
        "How long a share group's record stays locked.";
    "share.renew.acknowledge.enable", Boolean, Value("true"), Any, Medium, Tunes, ClusterWide,
        "Whether a share group's member may prolong the lock of a record.";
    "share.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes, ClusterWide,
        "How long a share group's member may be silent.";
    "streams.assignment.interval.ms", Int, Value("1000"), AtLeast(0), Medium, Tunes, ClusterWide,
        "The least time between two assignments of a streams group.";
    "streams.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), Medium, Tunes, ClusterWide,
        "How often a streams group's member reports.";
    "streams.initial.rebalance.delay.ms", Int, Value("3000"), AtLeast(0), Medium, Tunes,
        ClusterWide,
        "How long the first rebalance of an empty streams group waits for more members.";
    "streams.num.standby.replicas", Int, Value("0"), AtLeast(0), Medium, Tunes, ClusterWide,
        "The standby replicas of each of a streams group's tasks.";
    "streams.session.timeout.ms", Int, Value("45000"), AtLeast(1), Medium, Tunes, ClusterWide,
        "How long a streams group's member may be silent.";
}
