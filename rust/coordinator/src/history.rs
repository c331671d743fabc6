//! The last rebalances of each group: what explains the one that people ask about when it is over.

use std::collections::{BTreeMap, VecDeque};

use crate::rebalance::Rebalance;

/// How many rebalances of a group are remembered.
const REBALANCES_PER_GROUP_MAX: usize = 16;
/// How many groups' rebalances a shard remembers; the group that has been quiet for the longest
/// time makes room.
const GROUPS_MAX: usize = 1_000;

/// The rebalances that a shard has seen since it was loaded.
#[derive(Debug, Default)]
pub(crate) struct History {
    groups: BTreeMap<String, Past>,
    /// Which group was heard of when, the oldest first.
    heard: BTreeMap<u64, String>,
    next_number: u64,
}

#[derive(Debug)]
struct Past {
    number: u64,
    rebalances: VecDeque<Rebalance>,
}

impl History {
    /// Takes in a rebalance that has come to its end.
    pub(crate) fn remember(&mut self, rebalance: &Rebalance) {
        let number = self.next_number;
        self.next_number += 1;
        let past = self
            .groups
            .entry(rebalance.group.clone())
            .or_insert_with(|| Past { number, rebalances: VecDeque::new() });
        self.heard.remove(&past.number);
        past.number = number;
        self.heard.insert(number, rebalance.group.clone());
        if past.rebalances.len() == REBALANCES_PER_GROUP_MAX {
            past.rebalances.pop_front();
        }
        past.rebalances.push_back(rebalance.clone());
        if self.groups.len() > GROUPS_MAX
            && let Some((_, quiet)) = self.heard.pop_first()
        {
            self.groups.remove(&quiet);
        }
    }

    /// The last rebalances of a group, the latest last.
    pub(crate) fn of(&self, group: &str) -> Vec<Rebalance> {
        self.groups
            .get(group)
            .map_or_else(Vec::new, |past| past.rebalances.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rebalance(group: &str, generation: i32) -> Rebalance {
        Rebalance {
            group: group.to_owned(),
            generation,
            members: 1,
            causes: Vec::new(),
            further_causes: 0,
            took: Duration::ZERO,
            ended_unix_ms: 0,
        }
    }

    #[test]
    fn the_last_rebalances_of_a_group_are_remembered() {
        let mut history = History::default();
        for generation in 0..20 {
            history.remember(&rebalance("g", generation));
        }
        let generations: Vec<i32> = history.of("g").iter().map(|past| past.generation).collect();
        assert_eq!(generations, (4..20).collect::<Vec<_>>());
        assert_eq!(history.of("other"), []);
    }

    #[test]
    fn the_group_that_has_been_quiet_for_the_longest_time_makes_room() {
        let mut history = History::default();
        for group in 0..GROUPS_MAX {
            history.remember(&rebalance(&format!("g{group}"), 1));
        }
        history.remember(&rebalance("g0", 2));
        history.remember(&rebalance("one more", 1));
        assert_eq!(history.of("g0").len(), 2);
        assert_eq!(history.of("g1"), []);
        assert_eq!(history.of("g2").len(), 1);
        assert_eq!((history.groups.len(), history.heard.len()), (GROUPS_MAX, GROUPS_MAX));
    }
}
