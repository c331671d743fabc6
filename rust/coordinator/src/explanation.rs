//! Where a group stands, whom it waits for, and why it was rebalanced: for people who ask why
//! nothing is consumed.

use std::fmt;
use std::time::Duration;

use crate::rebalance::{Cause, Rebalance};

/// The most members that the text of an explanation names; it counts the rest.
const MEMBERS_SHOWN_MAX: usize = 50;

/// What there is to say about a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupExplanation {
    /// Its id.
    pub group: String,
    /// What it is now; none if there is no such group any more.
    pub now: Option<GroupStanding>,
    /// Its last rebalances since the coordinator was started, the latest last.
    pub past: Vec<Rebalance>,
}

/// Where a group stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStanding {
    /// `classic` or `consumer`.
    pub group_type: &'static str,
    /// The state, as Kafka names it.
    pub state: String,
    /// The generation, or the group's epoch.
    pub generation: i32,
    /// Its members.
    pub members: Vec<MemberStanding>,
    /// The rebalance that is under way, if there is one.
    pub rebalance: Option<RebalanceUnderWay>,
}

/// Where a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStanding {
    /// The member.
    pub member: String,
    /// Its instance, if it is a static one.
    pub instance: Option<String>,
    /// Its client's name for itself.
    pub client_id: String,
    /// Where it is.
    pub host: String,
    /// What the group waits for from it, if it does.
    pub awaited: Option<&'static str>,
}

/// A rebalance that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceUnderWay {
    /// Why, in the order in which it came.
    pub causes: Vec<Cause>,
    /// How many causes there were beyond those.
    pub further_causes: usize,
    /// From the first cause until now.
    pub since: Duration,
}

impl fmt::Display for GroupExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, now, past } = self;
        match now {
            Some(now) => write!(f, "group {group}: {now}")?,
            None => write!(f, "group {group}: there is no such group")?,
        }
        match past.len() {
            0 => write!(f, "\nno rebalance has ended since the coordinator was started")?,
            count => write!(f, "\nthe last {count} rebalances, the latest first:")?,
        }
        past.iter().rev().try_for_each(|rebalance| write!(f, "\n  {rebalance}"))
    }
}

impl fmt::Display for GroupStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group_type, state, generation, members, rebalance } = self;
        let count = members.len();
        write!(f, "{group_type}, {state}, generation {generation}, {count} members")?;
        if let Some(RebalanceUnderWay { causes, further_causes, since }) = rebalance {
            let causes = Causes { causes, further_causes: *further_causes };
            write!(f, "\nrebalancing for {} ms: {causes}", since.as_millis())?;
        }
        // Those that are waited for are what is asked for.
        let awaited = members.iter().filter(|member| member.awaited.is_some());
        let others = members.iter().filter(|member| member.awaited.is_none());
        for member in awaited.chain(others).take(MEMBERS_SHOWN_MAX) {
            write!(f, "\n  {member}")?;
        }
        match count.saturating_sub(MEMBERS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl fmt::Display for MemberStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, instance, client_id, host, awaited } = self;
        write!(f, "{member} ({client_id} at {host}")?;
        if let Some(instance) = instance {
            write!(f, ", instance {instance}")?;
        }
        f.write_str(")")?;
        match awaited {
            Some(awaited) => write!(f, ": it {awaited}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Rebalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, members, causes, further_causes, took, .. } = self;
        let causes = Causes { causes, further_causes: *further_causes };
        let took_ms = took.as_millis();
        write!(f, "generation {generation}, {members} members, after {took_ms} ms: {causes}")
    }
}

struct Causes<'a> {
    causes: &'a [Cause],
    further_causes: usize,
}

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes: Vec<String> = self.causes.iter().map(ToString::to_string).collect();
        f.write_str(&causes.join("; "))?;
        match self.further_causes {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
