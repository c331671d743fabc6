//! An assignor of the program's own: its name goes to the group like any other, and the program is
//! asked on its own thread, without a lock, what only it can know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::TopicPartition;
use bytes::Bytes;
use thiserror::Error;

use super::{Assignments, Assignor, GroupPartitions, PartitionCounts, Subscriber};

/// An assignor that a member offers to the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignmentStrategy {
    /// One of Kafka's.
    Known(Assignor),
    /// The program's.
    Program(ProgramAssignor),
}

/// An assignor of the program's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramAssignor {
    /// What it is called between members.
    pub name: Arc<str>,
    /// Whether members that all have it may keep what they own while they rebalance (KIP-429).
    pub is_cooperative: bool,
}

/// What the program's assignor is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// What this member says to the leader's assignor, besides what all members say.
    Describe {
        /// The assignor's name.
        assignor: Arc<str>,
        /// What this member subscribes to.
        topics: BTreeSet<Arc<str>>,
    },
    /// This member leads: who reads what?
    Assign {
        /// The assignor's name.
        assignor: Arc<str>,
        /// All members.
        subscribers: Vec<Subscriber>,
        /// The partitions of their topics.
        partitions: GroupPartitions,
    },
}

/// What it has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrandAnswer {
    /// To [`Errand::Describe`].
    Described(Option<Bytes>),
    /// To [`Errand::Assign`]: members that are left out get nothing.
    Assigned(Assignments),
    /// It cannot say, for this reason.
    Failed(String),
}

/// What a program's assignor must not do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(in crate::consumer::group) enum AssignError {
    #[error("it gave partitions to `{0}`, who is no member")]
    Stranger(String),
    #[error("it gave {0} to two members")]
    Twice(TopicPartition),
    #[error("it gave out {0}, which does not exist")]
    NoSuchPartition(TopicPartition),
}

impl AssignmentStrategy {
    /// What it is called between members.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(assignor) => assignor.name(),
            Self::Program(assignor) => &assignor.name,
        }
    }

    /// Whether members that all have it may keep what they own while they rebalance.
    pub fn is_cooperative(&self) -> bool {
        match self {
            Self::Known(assignor) => assignor.is_cooperative(),
            Self::Program(assignor) => assignor.is_cooperative,
        }
    }
}

/// What the program says, if the group can have it so. Of a cooperative assignor's partitions those
/// are held back that somebody else still owns: they are given once they are given up.
pub(in crate::consumer::group) fn check(
    mut assignments: Assignments,
    subscribers: &[Subscriber],
    partitions: &PartitionCounts,
    is_cooperative: bool,
) -> Result<Assignments, AssignError> {
    let mut owners: BTreeMap<TopicPartition, String> = BTreeMap::new();
    for (member_id, given) in &assignments {
        if !subscribers.iter().any(|subscriber| subscriber.member_id == *member_id) {
            return Err(AssignError::Stranger(member_id.clone()));
        }
        for partition in given {
            let count = partitions.get(&partition.topic).copied().unwrap_or(0);
            if !(0..count).contains(&partition.partition.0) {
                return Err(AssignError::NoSuchPartition(partition.clone()));
            }
            if owners.insert(partition.clone(), member_id.clone()).is_some() {
                return Err(AssignError::Twice(partition.clone()));
            }
        }
    }
    for subscriber in subscribers {
        assignments.entry(subscriber.member_id.clone()).or_default();
    }
    if is_cooperative {
        for (member_id, given) in &mut assignments {
            given.retain(|partition| {
                let others = subscribers.iter().filter(|other| other.member_id != *member_id);
                !others.flat_map(|other| &other.owned).any(|owned| owned == partition)
            });
        }
    }
    Ok(assignments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriber(member_id: &str, owned: &[i32]) -> Subscriber {
        Subscriber {
            member_id: member_id.to_owned(),
            instance_id: None,
            topics: vec!["t".into()],
            owned: owned.iter().map(|index| TopicPartition::new("t", *index)).collect(),
            generation: 1,
            user_data: None,
            rack: None,
        }
    }

    fn given(rows: &[(&str, &[i32])]) -> Assignments {
        let row = |(member, indexes): &(&str, &[i32])| {
            let partitions = indexes.iter().map(|index| TopicPartition::new("t", *index));
            ((*member).to_owned(), partitions.collect())
        };
        rows.iter().map(row).collect()
    }

    fn checked(rows: &[(&str, &[i32])], is_cooperative: bool) -> Result<Assignments, AssignError> {
        let subscribers = [subscriber("a", &[0, 1]), subscriber("b", &[])];
        check(given(rows), &subscribers, &[("t".into(), 2)].into(), is_cooperative)
    }

    #[test]
    fn who_is_left_out_gets_nothing() {
        assert_eq!(checked(&[("a", &[0])], false), Ok(given(&[("a", &[0]), ("b", &[])])));
    }

    #[test]
    fn what_is_still_owned_is_held_back_if_the_group_is_cooperative() {
        let moved: &[(&str, &[i32])] = &[("a", &[0]), ("b", &[1])];
        assert_eq!(checked(moved, false), Ok(given(moved)));
        assert_eq!(checked(moved, true), Ok(given(&[("a", &[0]), ("b", &[])])));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let twice: &[(&str, &[i32])] = &[("a", &[0]), ("b", &[0])];
        assert_eq!(checked(twice, false).unwrap_err().to_string(), "it gave t-0 to two members");
        for (wrong, word) in [("c", "`c`"), ("a", "t-7")] {
            let error = checked(&[(wrong, &[7])], false).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
