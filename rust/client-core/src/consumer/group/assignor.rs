//! Who reads what: the assignors that the leader of a classic group runs over what all members have
//! said. Their results follow from their input alone.

mod program;
mod racks;
mod range;
mod round_robin;
mod sticky;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::TopicPartition;
use bytes::Bytes;

pub(super) use program::check;
pub use program::{AssignmentStrategy, Errand, ErrandAnswer, ProgramAssignor};
pub use racks::PartitionRacks;

/// What each member is assigned, by member id; every member has a row.
pub type Assignments = BTreeMap<String, Vec<TopicPartition>>;

/// How many partitions each topic has.
pub type PartitionCounts = BTreeMap<Arc<str>, i32>;

/// The partitions that a group is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPartitions {
    /// How many each topic has.
    pub counts: PartitionCounts,
    /// Where they are kept, as far as brokers say where they are.
    pub racks: PartitionRacks,
}

/// An assignor of Kafka's (`partition.assignment.strategy`). Where members and brokers say in which
/// rack they are, all but round robin bring what is read near to who reads it (KIP-881).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// Each topic by itself, in ranges.
    Range,
    /// All partitions of all topics, in turns.
    RoundRobin,
    /// Evenly, and everything stays where it is as far as that goes (KIP-54).
    Sticky,
    /// The same, and nobody stops reading what stays (KIP-429).
    CooperativeSticky,
}

/// One member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its id, given by the coordinator.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// What it subscribes to.
    pub topics: Vec<Arc<str>>,
    /// What it says that it owns.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it came to own that; -1 if it does not say.
    pub generation: i32,
    /// What it says to the assignor besides.
    pub user_data: Option<Bytes>,
    /// Where it is (KIP-881).
    pub rack: Option<String>,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// What it is called between members.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// By its name, or by that of Kafka's class.
    pub fn by_name(name: &str) -> Option<Self> {
        let class = name.trim().strip_prefix("class ").unwrap_or(name).trim();
        let class = class.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(class);
        match class {
            "range" | "RangeAssignor" => Some(Self::Range),
            "roundrobin" | "RoundRobinAssignor" => Some(Self::RoundRobin),
            "sticky" | "StickyAssignor" => Some(Self::Sticky),
            "cooperative-sticky" | "CooperativeStickyAssignor" => Some(Self::CooperativeSticky),
            _ => None,
        }
    }

    /// Whether members that all have it may keep what they own while they rebalance.
    pub fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// Gives every partition to one of its subscribers; the order of `subscribers` does not matter.
    pub fn assign(self, subscribers: &[Subscriber], partitions: &GroupPartitions) -> Assignments {
        let mut subscribers: Vec<_> = subscribers.iter().collect();
        subscribers.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let mut assignments: Assignments = subscribers
            .iter()
            .map(|subscriber| (subscriber.member_id.clone(), Vec::new()))
            .collect();
        let owners = match self {
            Self::Range => range::assign(&subscribers, partitions),
            Self::RoundRobin => round_robin::assign(&subscribers, &partitions.counts),
            Self::Sticky => sticky::assign(&subscribers, partitions),
            Self::CooperativeSticky => sticky::assign_cooperatively(&subscribers, partitions),
        };
        for (partition, owner) in owners {
            assignments.entry(subscribers[owner].member_id.clone()).or_default().push(partition);
        }
        assignments
    }
}

impl From<PartitionCounts> for GroupPartitions {
    /// Partitions of which nobody knows where they are.
    fn from(counts: PartitionCounts) -> Self {
        Self { counts, racks: PartitionRacks::new() }
    }
}

impl Subscriber {
    /// Static members go before others, so that who restarts gets what he had.
    fn rank(&self) -> (bool, &str) {
        match &self.instance_id {
            Some(instance_id) => (false, instance_id),
            None => (true, &self.member_id),
        }
    }

    fn wants(&self, topic: &str) -> bool {
        self.topics.iter().any(|wanted| **wanted == *topic)
    }
}

/// Owners by partition: indexes into the ranked subscribers.
type Owners = BTreeMap<TopicPartition, usize>;

/// The subscribers of each topic that exists and has some.
fn by_topic<'a>(
    subscribers: &[&Subscriber],
    partitions: &'a PartitionCounts,
) -> BTreeMap<&'a Arc<str>, Vec<usize>> {
    let subscribed = |topic: &Arc<str>| -> Vec<usize> {
        (0..subscribers.len()).filter(|index| subscribers[*index].wants(topic)).collect()
    };
    let rows = partitions.keys().map(|topic| (topic, subscribed(topic)));
    rows.filter(|(_, subscribed)| !subscribed.is_empty()).collect()
}
