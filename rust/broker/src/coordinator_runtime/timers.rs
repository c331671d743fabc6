//! The timers of one shard: each key is due at one time at the most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Instant;

use super::machine::TimerSetting;

/// The timers that are set.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    due_at: BTreeMap<Arc<K>, Instant>,
    /// The same keys, which have the names of groups and members in them.
    in_order: BTreeSet<(Instant, Arc<K>)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { due_at: BTreeMap::new(), in_order: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Timers<K> {
    /// Sets a timer, moves it, or takes it back.
    pub(crate) fn set(&mut self, TimerSetting { key, at }: TimerSetting<K>) {
        self.cancel(&key);
        if let Some(at) = at {
            let key = Arc::new(key);
            self.in_order.insert((at, Arc::clone(&key)));
            self.due_at.insert(key, at);
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// Takes out the first one that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.in_order.pop_first()?;
        self.due_at.remove(&key);
        Some(Arc::unwrap_or_clone(key))
    }

    fn cancel(&mut self, key: &K) {
        if let Some((key, at)) = self.due_at.remove_entry(key) {
            self.in_order.remove(&(at, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(key: &'static str, at: u64) -> TimerSetting<&'static str> {
        TimerSetting { key, at: Some(Instant(at)) }
    }

    #[test]
    fn timers_are_due_in_their_order_and_once() {
        let mut timers = Timers::default();
        timers.set(schedule("late", 9));
        timers.set(schedule("early", 5));
        assert_eq!(timers.next(), Some(Instant(5)));
        assert_eq!(timers.take_due(Instant(4)), None);
        assert_eq!(timers.take_due(Instant(9)), Some("early"));
        assert_eq!(timers.take_due(Instant(9)), Some("late"));
        assert_eq!(timers.take_due(Instant(9)), None);
    }

    #[test]
    fn a_timer_that_is_set_again_moves() {
        let mut timers = Timers::default();
        timers.set(schedule("g", 5));
        timers.set(schedule("g", 8));
        assert_eq!(timers.take_due(Instant(7)), None);
        assert_eq!(timers.take_due(Instant(8)), Some("g"));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_timer_that_was_taken_back_is_never_due() {
        let mut timers = Timers::default();
        timers.set(schedule("g", 5));
        timers.set(TimerSetting { key: "g", at: None });
        timers.set(TimerSetting { key: "unknown", at: None });
        assert_eq!((timers.next(), timers.take_due(Instant(9))), (None, None));
    }
}
