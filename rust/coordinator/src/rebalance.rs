//! Why a group was rebalanced, and how long it took: what people ask first when consumption stalls.

use std::fmt;
use std::time::Duration;

use base::Instant;

use crate::explanation::RebalanceUnderWay;
use crate::now::Now;

/// The most causes that are kept of one rebalance; the rest is counted.
const CAUSES_MAX: usize = 16;

/// A rebalance that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebalance {
    /// The group.
    pub group: String,
    /// The generation, or the group's epoch, that it led to.
    pub generation: i32,
    /// How many members the group has now.
    pub members: usize,
    /// Why, in the order in which it came.
    pub causes: Vec<Cause>,
    /// How many causes there were beyond those.
    pub further_causes: usize,
    /// From the first cause to the new assignment.
    pub took: Duration,
    /// When it came to its end, in milliseconds since 1970.
    pub ended_unix_ms: i64,
}

/// One reason for a rebalance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A member is new.
    Joined {
        /// The member.
        member: String,
        /// Its client's reason (KIP-800).
        reason: Option<String>,
    },
    /// A member joined again: the leader, or one that changed what it subscribes to.
    Rejoined {
        /// The member.
        member: String,
        /// Its client's reason (KIP-800).
        reason: Option<String>,
    },
    /// A static member came back under a new id, and not as it was (KIP-345).
    Replaced {
        /// Its instance.
        instance: String,
        /// Its new id.
        member: String,
    },
    /// A member left.
    Left {
        /// The member.
        member: String,
        /// Its client's reason (KIP-800).
        reason: Option<String>,
    },
    /// Nothing was heard of a member for its session time-out.
    SessionExpired {
        /// The member.
        member: String,
        /// The time-out.
        timeout_ms: i32,
    },
    /// A member did not join in time.
    JoinExpired {
        /// The member.
        member: String,
    },
    /// A member did not fetch its assignment in time.
    SyncExpired {
        /// The member.
        member: String,
    },
    /// A member did not give up its partitions in time.
    RevocationExpired {
        /// The member.
        member: String,
    },
    /// The leader's assignment is more than the log can hold in one record.
    AssignmentTooLarge {
        /// What it can hold.
        bytes_max: usize,
    },
    /// The group that was loaded has more members than it may.
    OverCapacity,
    /// The topics that the group reads have changed.
    TopicsChanged,
    /// The group moved between the classic and the consumer protocol.
    ProtocolChanged,
}

impl Cause {
    /// Every kind that there is.
    pub const KINDS: [&str; 12] = [
        "joined",
        "rejoined",
        "replaced",
        "left",
        "session-expired",
        "join-expired",
        "sync-expired",
        "revocation-expired",
        "assignment-too-large",
        "over-capacity",
        "topics-changed",
        "protocol-changed",
    ];

    /// What kind of cause it is, as metrics name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Joined { .. } => "joined",
            Self::Rejoined { .. } => "rejoined",
            Self::Replaced { .. } => "replaced",
            Self::Left { .. } => "left",
            Self::SessionExpired { .. } => "session-expired",
            Self::JoinExpired { .. } => "join-expired",
            Self::SyncExpired { .. } => "sync-expired",
            Self::RevocationExpired { .. } => "revocation-expired",
            Self::AssignmentTooLarge { .. } => "assignment-too-large",
            Self::OverCapacity => "over-capacity",
            Self::TopicsChanged => "topics-changed",
            Self::ProtocolChanged => "protocol-changed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |f: &mut fmt::Formatter<'_>, reason: &Option<String>| match reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        };
        match self {
            Self::Joined { member, reason } => {
                write!(f, "{member} joined")?;
                because(f, reason)
            }
            Self::Rejoined { member, reason } => {
                write!(f, "{member} joined again")?;
                because(f, reason)
            }
            Self::Replaced { instance, member } => {
                write!(f, "static member {instance} came back as {member}")
            }
            Self::Left { member, reason } => {
                write!(f, "{member} left")?;
                because(f, reason)
            }
            Self::SessionExpired { member, timeout_ms } => {
                write!(f, "{member} was not heard of for its session timeout of {timeout_ms} ms")
            }
            Self::JoinExpired { member } => write!(f, "{member} did not join in time"),
            Self::SyncExpired { member } => write!(f, "{member} did not sync in time"),
            Self::RevocationExpired { member } => {
                write!(f, "{member} did not give up its partitions in time")
            }
            Self::AssignmentTooLarge { bytes_max } => write!(
                f,
                "what members say and are assigned does not fit into {bytes_max} bytes \
                 (max.message.bytes of __consumer_offsets)"
            ),
            Self::OverCapacity => f.write_str("the group was loaded with too many members"),
            Self::TopicsChanged => f.write_str("the topics that the group reads have changed"),
            Self::ProtocolChanged => f.write_str("the group changed its protocol"),
        }
    }
}

/// A rebalance under way.
#[derive(Clone, Debug)]
pub(crate) struct Ongoing {
    began: Instant,
    causes: Vec<Cause>,
    further_causes: usize,
}

impl Ongoing {
    /// Adds a cause to the rebalance under way, or begins one.
    pub(crate) fn add(ongoing: &mut Option<Self>, now: Now, cause: Cause) {
        let ongoing = ongoing.get_or_insert_with(|| Self {
            began: now.instant,
            causes: Vec::new(),
            further_causes: 0,
        });
        if ongoing.causes.len() < CAUSES_MAX {
            ongoing.causes.push(cause);
        } else {
            ongoing.further_causes += 1;
        }
    }

    /// What there is to tell of it while it lasts.
    pub(crate) fn explained(&self, now: Now) -> RebalanceUnderWay {
        RebalanceUnderWay {
            causes: self.causes.clone(),
            further_causes: self.further_causes,
            since: now.instant.since(self.began),
        }
    }

    pub(crate) fn end(self, now: Now, group: &str, generation: i32, members: usize) -> Rebalance {
        Rebalance {
            group: group.to_owned(),
            generation,
            members,
            causes: self.causes,
            further_causes: self.further_causes,
            took: now.instant.since(self.began),
            ended_unix_ms: now.unix_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { instant: Instant(ms * 1_000_000), unix_ms: 0 }
    }

    #[test]
    fn a_rebalance_keeps_its_first_causes_and_counts_the_rest() {
        let mut ongoing = None;
        for member in 0..20 {
            let cause = Cause::Joined { member: format!("m{member}"), reason: None };
            Ongoing::add(&mut ongoing, at(100 + member), cause);
        }
        let rebalance = ongoing.unwrap().end(at(350), "g", 4, 20);
        assert_eq!(rebalance.causes.len(), CAUSES_MAX);
        assert_eq!(rebalance.further_causes, 4);
        assert_eq!(rebalance.took, Duration::from_millis(250));
        assert_eq!(rebalance.causes[0].to_string(), "m0 joined");
    }

    #[test]
    fn every_cause_is_of_a_kind_that_is_listed() {
        let (member, reason) = (String::new(), None);
        let causes = [
            Cause::Joined { member: member.clone(), reason: reason.clone() },
            Cause::Rejoined { member: member.clone(), reason: reason.clone() },
            Cause::Replaced { instance: String::new(), member: member.clone() },
            Cause::Left { member: member.clone(), reason },
            Cause::SessionExpired { member: member.clone(), timeout_ms: 1 },
            Cause::JoinExpired { member: member.clone() },
            Cause::SyncExpired { member: member.clone() },
            Cause::RevocationExpired { member },
            Cause::AssignmentTooLarge { bytes_max: 1 },
            Cause::OverCapacity,
            Cause::TopicsChanged,
            Cause::ProtocolChanged,
        ];
        assert_eq!(causes.map(|cause| cause.kind()), Cause::KINDS);
    }

    #[test]
    fn a_cause_tells_the_clients_reason() {
        let cause = Cause::Left { member: "m".into(), reason: Some("closed".into()) };
        assert_eq!(cause.to_string(), "m left (closed)");
    }
}
