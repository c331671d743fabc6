//! What every member does, whichever protocol it speaks: it dies, comes back, leaves, commits.

use std::time::Duration;

use base::SplitMix64;
use coordinator::{Client, Request, Response};

use crate::classic::ClassicMember;
use crate::consumer::ConsumerMember;
use crate::faults::Faults;

/// A request that a member sends.
pub(crate) type Outgoing = (Client, Request);

/// A member of the group, as its client runs it.
#[derive(Debug)]
pub(crate) enum Member {
    Classic(ClassicMember),
    Consumer(ConsumerMember),
}

impl Member {
    /// What it sends now, if it is time.
    pub(crate) fn poll(
        &mut self,
        now: Duration,
        rng: &mut SplitMix64,
        faults: &Faults,
    ) -> Option<Outgoing> {
        match self {
            Self::Classic(member) => member.poll(now, rng, faults),
            Self::Consumer(member) => member.poll(now, rng, faults),
        }
    }

    /// When it wants to be asked again.
    pub(crate) fn wakes(&self) -> Duration {
        match self {
            Self::Classic(member) => member.wakes,
            Self::Consumer(member) => member.wakes,
        }
    }

    /// It hears the answer to its last request.
    pub(crate) fn hear(&mut self, now: Duration, rng: &mut SplitMix64, response: Response) {
        match self {
            Self::Classic(member) => member.hear(now, response),
            Self::Consumer(member) => member.hear(now, rng, response),
        }
    }

    /// The process is gone; another takes its place after a while.
    pub(crate) fn die(&mut self, until: Duration) {
        match self {
            Self::Classic(member) => member.die(until),
            Self::Consumer(member) => member.die(until),
        }
    }

    /// It says that it leaves, as the last thing in its life.
    pub(crate) fn leave(&mut self, rng: &mut SplitMix64, until: Duration) -> Outgoing {
        match self {
            Self::Classic(member) => member.leave(until),
            Self::Consumer(member) => member.leave(rng, until),
        }
    }

    /// Who it is to the invariants: its instance, if it has one.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Classic(member) => member.instance.clone().unwrap_or_else(|| member.id.clone()),
            Self::Consumer(member) => member.instance.clone().unwrap_or_else(|| member.id.clone()),
        }
    }

    /// What it believes to own, and as of which generation or epoch.
    pub(crate) fn owned(&self) -> Option<(i32, &[i32])> {
        match self {
            Self::Classic(member) => member.owned(),
            Self::Consumer(member) => member.owned(),
        }
    }
}
