//! Requests that wait for a position of the log, keyed by the offset that they need.
//!
//! Their number is bounded by the requests that the broker has in memory: each waiter stands for
//! one of those.

use std::collections::BTreeMap;

use base::Offset;

/// Which position has to reach a waiter's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// The end of the leader's log: a follower's fetch.
    Appended,
    /// What the leader has flushed: a produce request with acks=1.
    Flushed,
    /// The high watermark, and then enough in-sync replicas: a produce request with acks=all.
    Replicated,
    /// The high watermark: a consumer's fetch.
    Visible,
    /// The last stable offset: the fetch of a consumer that reads committed records.
    Stable,
}

/// Names a waiter, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaiterId {
    until: Until,
    offset: Offset,
    sequence: u64,
}

/// The waiters of one partition, in the order in which they are released: by offset, then by
/// arrival.
#[derive(Debug)]
pub(crate) struct Waiters<W> {
    by_position: [BTreeMap<(Offset, u64), W>; 5],
    next_sequence: u64,
}

impl<W> Waiters<W> {
    pub(crate) fn new() -> Self {
        Self { by_position: std::array::from_fn(|_| BTreeMap::new()), next_sequence: 0 }
    }

    pub(crate) fn insert(&mut self, until: Until, offset: Offset, waiter: W) -> WaiterId {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.by_position[until as usize].insert((offset, sequence), waiter);
        WaiterId { until, offset, sequence }
    }

    pub(crate) fn remove(&mut self, id: WaiterId) -> Option<W> {
        self.by_position[id.until as usize].remove(&(id.offset, id.sequence))
    }

    /// Takes out those whose offset `position` has reached.
    pub(crate) fn reached(&mut self, until: Until, position: Offset) -> impl Iterator<Item = W> {
        let waiting = &mut self.by_position[until as usize];
        std::iter::from_fn(move || {
            let first = waiting.first_entry()?;
            (first.key().0 <= position).then(|| first.remove())
        })
    }

    /// Takes out all of them.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = W> {
        self.by_position.iter_mut().flat_map(std::mem::take).map(|(_, waiter)| waiter)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_position.iter().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_leave_by_offset_then_by_arrival_once_their_own_position_is_there() {
        let mut waiters = Waiters::new();
        waiters.insert(Until::Flushed, Offset(5), "five");
        waiters.insert(Until::Flushed, Offset(3), "three, first");
        waiters.insert(Until::Flushed, Offset(3), "three, second");
        waiters.insert(Until::Visible, Offset(1), "visible");
        let mut reached =
            |position| waiters.reached(Until::Flushed, Offset(position)).collect::<Vec<_>>();
        assert_eq!(reached(2), Vec::<&str>::new());
        assert_eq!(reached(4), ["three, first", "three, second"]);
        assert_eq!(reached(5), ["five"]);
        assert_eq!(waiters.len(), 1);
    }

    #[test]
    fn a_waiter_that_was_taken_back_never_leaves_again() {
        let mut waiters = Waiters::new();
        let id = waiters.insert(Until::Appended, Offset(0), "gone");
        assert_eq!(waiters.remove(id), Some("gone"));
        assert_eq!(waiters.remove(id), None);
        assert_eq!(waiters.reached(Until::Appended, Offset(9)).count(), 0);
    }

    #[test]
    fn draining_empties_every_position() {
        let mut waiters = Waiters::new();
        let all =
            [Until::Appended, Until::Flushed, Until::Replicated, Until::Visible, Until::Stable];
        for until in all {
            waiters.insert(until, Offset(1), until);
        }
        assert_eq!(waiters.drain().count(), 5);
        assert_eq!(waiters.len(), 0);
    }
}
