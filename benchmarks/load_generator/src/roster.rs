//! What the members of a group have, as each of them says, and when they have settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A group that has not settled by then never will.
const SETTLE_MAX: Duration = Duration::from_mins(2);

/// Shared by all members of a group. Each reports what has changed for it, and nothing else, so
/// that the last report before the group has settled is when it did.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    shares: BTreeMap<usize, Share>,
    last_change: Option<Instant>,
    failure: Option<String>,
}

#[derive(Debug)]
struct Share {
    epoch: i32,
    partitions: BTreeSet<i32>,
}

/// A group that has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) at: Instant,
    pub(crate) epoch: i32,
}

impl Roster {
    /// A member is in this generation or epoch, with these partitions.
    pub(crate) fn report(&self, member: usize, epoch: i32, partitions: BTreeSet<i32>) {
        self.change(|shares| {
            shares.insert(member, Share { epoch, partitions });
        });
    }

    /// A member has given up what it had.
    pub(crate) fn give_up(&self, member: usize) {
        self.change(|shares| {
            shares.remove(&member);
        });
    }

    /// A member cannot go on, and so the group is not what it should be.
    pub(crate) fn fail(&self, member: usize, why: &str) {
        self.lock().failure = Some(format!("member {member}: {why}"));
        self.changed.notify_all();
    }

    /// Waits until `members` members are all in the same epoch, later than `after`, and every
    /// partition is had by one of them.
    pub(crate) fn settled(
        &self,
        members: usize,
        partitions: usize,
        after: i32,
    ) -> Result<Settled, String> {
        let deadline = Instant::now() + SETTLE_MAX;
        let mut inside = self.lock();
        loop {
            if let Some(failure) = &inside.failure {
                return Err(failure.clone());
            }
            if let Some(settled) = inside.settled(members, partitions, after) {
                return Ok(settled);
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(format!("{members} members have not settled: {}", inside.describe()));
            };
            let waited = self.changed.wait_timeout(inside, left);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<usize, Share>)) {
        let mut inside = self.lock();
        change(&mut inside.shares);
        inside.last_change = Some(Instant::now());
        drop(inside);
        self.changed.notify_all();
    }

    /// What is behind the lock is whole between two statements.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn settled(&self, members: usize, partitions: usize, after: i32) -> Option<Settled> {
        let epoch = self.shares.values().next()?.epoch;
        let is_same_epoch = self.shares.values().all(|share| share.epoch == epoch);
        let had: usize = self.shares.values().map(|share| share.partitions.len()).sum();
        let different: BTreeSet<i32> =
            self.shares.values().flat_map(|share| &share.partitions).copied().collect();
        let is_settled = self.shares.len() == members
            && is_same_epoch
            && epoch > after
            && had == partitions
            && different.len() == partitions;
        is_settled.then_some(Settled { at: self.last_change?, epoch })
    }

    fn describe(&self) -> String {
        let epochs: BTreeSet<i32> = self.shares.values().map(|share| share.epoch).collect();
        let had: usize = self.shares.values().map(|share| share.partitions.len()).sum();
        format!("{} have {had} partitions, in epochs {epochs:?}", self.shares.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(of: &[i32]) -> BTreeSet<i32> {
        of.iter().copied().collect()
    }

    fn is_settled(roster: &Roster, after: i32) -> bool {
        roster.lock().settled(2, 3, after).is_some()
    }

    #[test]
    fn a_group_has_settled_when_all_are_in_one_epoch_and_have_everything_once() {
        let roster = Roster::default();
        roster.report(0, 4, partitions(&[0, 1]));
        assert!(!is_settled(&roster, 3), "one is missing");
        roster.report(1, 3, partitions(&[2]));
        assert!(!is_settled(&roster, 2), "one is behind");
        roster.report(1, 4, partitions(&[]));
        assert!(!is_settled(&roster, 3), "a partition is nobody's");
        roster.report(1, 4, partitions(&[1]));
        assert!(!is_settled(&roster, 3), "a partition is had twice, another by nobody");
        roster.report(1, 4, partitions(&[2]));
        assert!(is_settled(&roster, 3));
        assert!(!is_settled(&roster, 4), "that was settled before");
        roster.give_up(1);
        assert!(!is_settled(&roster, 3));
    }

    #[test]
    fn whoever_waits_is_told_when_and_which_epoch_or_what_failed() {
        let roster = Roster::default();
        let before = Instant::now();
        roster.report(0, 1, partitions(&[0]));
        let settled = roster.settled(1, 1, 0).expect("it has settled");
        assert!(settled.epoch == 1 && settled.at >= before && settled.at <= Instant::now());
        roster.fail(0, "the broker has gone");
        let failure = roster.settled(2, 1, 0).expect_err("it failed");
        assert_eq!(failure, "member 0: the broker has gone");
    }
}
