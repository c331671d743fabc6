//! The timers of one shard: each key is due at one time at the most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Instant;
use coordinator::{TimerChange, TimerKey};

/// The timers that are set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due_at: BTreeMap<Arc<TimerKey>, Instant>,
    /// The same keys, which have the names of groups and members in them.
    in_order: BTreeSet<(Instant, Arc<TimerKey>)>,
}

impl Timers {
    /// Sets a timer, moves it, or takes it back.
    pub(crate) fn change(&mut self, change: TimerChange) {
        match change {
            TimerChange::Schedule { key, at } => {
                self.cancel(&key);
                let key = Arc::new(key);
                self.in_order.insert((at, Arc::clone(&key)));
                self.due_at.insert(key, at);
            }
            TimerChange::Cancel { key } => self.cancel(&key),
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// Takes out the first one that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.in_order.pop_first()?;
        self.due_at.remove(&key);
        Some(Arc::unwrap_or_clone(key))
    }

    fn cancel(&mut self, key: &TimerKey) {
        if let Some((key, at)) = self.due_at.remove_entry(key) {
            self.in_order.remove(&(at, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(group: &str) -> TimerKey {
        TimerKey::ClassicJoin { group: group.to_owned() }
    }

    fn schedule(group: &str, at: u64) -> TimerChange {
        TimerChange::Schedule { key: join(group), at: Instant(at) }
    }

    #[test]
    fn timers_are_due_in_their_order_and_once() {
        let mut timers = Timers::default();
        timers.change(schedule("late", 9));
        timers.change(schedule("early", 5));
        assert_eq!(timers.next(), Some(Instant(5)));
        assert_eq!(timers.take_due(Instant(4)), None);
        assert_eq!(timers.take_due(Instant(9)), Some(join("early")));
        assert_eq!(timers.take_due(Instant(9)), Some(join("late")));
        assert_eq!(timers.take_due(Instant(9)), None);
    }

    #[test]
    fn a_timer_that_is_set_again_moves() {
        let mut timers = Timers::default();
        timers.change(schedule("g", 5));
        timers.change(schedule("g", 8));
        assert_eq!(timers.take_due(Instant(7)), None);
        assert_eq!(timers.take_due(Instant(8)), Some(join("g")));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_timer_that_was_taken_back_is_never_due() {
        let mut timers = Timers::default();
        timers.change(schedule("g", 5));
        timers.change(TimerChange::Cancel { key: join("g") });
        timers.change(TimerChange::Cancel { key: join("unknown") });
        assert_eq!((timers.next(), timers.take_due(Instant(9))), (None, None));
    }
}
