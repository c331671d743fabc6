//! The uniform assignor: as even as can be over all topics together, moving as little as that
//! allows. Where even and sticky are at odds, even wins.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;

use super::Reader;
use crate::consumer::Assignment;

/// The most rounds of evening out among members that read different topics: each about halves what
/// is left to be done, and one is enough as long as the readers of a topic are of one kind.
const ROUNDS_MAX: usize = 16;

type Partition = (Uuid, i32);

pub(super) fn assign(
    members: &BTreeMap<String, Reader>,
    partition_counts: &BTreeMap<Uuid, i32>,
) -> BTreeMap<String, Assignment> {
    if members.is_empty() {
        return BTreeMap::new();
    }
    let mut plan = Plan::new(members, partition_counts);
    plan.keep();
    if plan.all_read_the_same() {
        plan.trim_to_quota();
    }
    plan.give_out();
    if !plan.all_read_the_same() {
        plan.even_out();
    }
    plan.finish()
}

struct Plan<'a> {
    ids: Vec<&'a String>,
    readers: Vec<&'a Reader>,
    partition_counts: &'a BTreeMap<Uuid, i32>,
    /// The readers of each topic, by number.
    readers_of: BTreeMap<Uuid, Vec<usize>>,
    held: Vec<BTreeSet<Partition>>,
    owner: BTreeMap<Partition, usize>,
}

impl<'a> Plan<'a> {
    fn new(
        members: &'a BTreeMap<String, Reader>,
        partition_counts: &'a BTreeMap<Uuid, i32>,
    ) -> Self {
        let readers: Vec<&Reader> = members.values().collect();
        let mut readers_of: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
        for (number, reader) in readers.iter().enumerate() {
            for topic in &reader.topics {
                if partition_counts.contains_key(topic) {
                    readers_of.entry(*topic).or_default().push(number);
                }
            }
        }
        let held = vec![BTreeSet::new(); readers.len()];
        let ids = members.keys().collect();
        Self { ids, readers, partition_counts, readers_of, held, owner: BTreeMap::new() }
    }

    fn all_read_the_same(&self) -> bool {
        self.readers_of.values().all(|readers| readers.len() == self.readers.len())
    }

    /// Everybody keeps what it has, reads, and what still exists.
    fn keep(&mut self) {
        for (number, reader) in self.readers.iter().enumerate() {
            for (topic, partition) in reader.owned.partitions() {
                let exists = self.partition_counts.get(&topic).is_some_and(|&n| partition < n);
                if exists && reader.topics.contains(&topic) {
                    let is_free = !self.owner.contains_key(&(topic, partition));
                    if is_free {
                        self.owner.insert((topic, partition), number);
                        self.held[number].insert((topic, partition));
                    }
                }
            }
        }
    }

    /// Takes from those who have more than their share. Those who have most keep the one that is
    /// over, if there are such: that moves least.
    fn trim_to_quota(&mut self) {
        let total: usize = self.partitions().count();
        let (quota, mut longer_by_one) = (total / self.held.len(), total % self.held.len());
        let mut order: Vec<usize> = (0..self.held.len()).collect();
        order.sort_by_key(|&number| std::cmp::Reverse(self.held[number].len()));
        for number in order {
            let mut share = quota;
            if longer_by_one > 0 && self.held[number].len() > quota {
                longer_by_one -= 1;
                share += 1;
            }
            while self.held[number].len() > share {
                let Some(last) = self.held[number].pop_last() else { break };
                self.owner.remove(&last);
            }
        }
    }

    /// Every partition that nobody has goes to the reader who has least; first those of topics
    /// with the fewest readers a partition, for which there is the least choice.
    fn give_out(&mut self) {
        let mut topics: Vec<Uuid> = self.readers_of.keys().copied().collect();
        topics.sort_by_key(|topic| {
            let (partitions, readers) =
                (self.partition_counts[topic], self.readers_of[topic].len());
            let scaled = i64::from(partitions) * 1_000_000 / readers as i64;
            (std::cmp::Reverse(scaled), readers, *topic)
        });
        for topic in topics {
            let free: Vec<i32> = (0..self.partition_counts[&topic])
                .filter(|&partition| !self.owner.contains_key(&(topic, partition)))
                .collect();
            if free.is_empty() {
                continue;
            }
            let readers = &self.readers_of[&topic];
            let mut by_load: BTreeSet<(usize, usize)> =
                readers.iter().map(|&number| (self.held[number].len(), number)).collect();
            for partition in free {
                let Some((load, number)) = by_load.pop_first() else { break };
                self.held[number].insert((topic, partition));
                self.owner.insert((topic, partition), number);
                by_load.insert((load + 1, number));
            }
        }
    }

    /// Moves partitions from readers that have more to readers that have at least two less.
    fn even_out(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut has_moved = false;
            let topics: Vec<Uuid> = self.readers_of.keys().copied().collect();
            for topic in topics {
                has_moved |= self.even_out_topic(topic);
            }
            if !has_moved {
                return;
            }
        }
    }

    fn even_out_topic(&mut self, topic: Uuid) -> bool {
        let readers = &self.readers_of[&topic];
        let mut by_load: BTreeSet<(usize, usize)> =
            readers.iter().map(|&number| (self.held[number].len(), number)).collect();
        let mut has_moved = false;
        for partition in 0..self.partition_counts[&topic] {
            let Some(&from) = self.owner.get(&(topic, partition)) else { continue };
            let Some(&(least, to)) = by_load.first() else { continue };
            let load = self.held[from].len();
            if load < least + 2 {
                continue;
            }
            self.held[from].remove(&(topic, partition));
            self.held[to].insert((topic, partition));
            self.owner.insert((topic, partition), to);
            by_load.remove(&(load, from));
            by_load.remove(&(least, to));
            by_load.insert((load - 1, from));
            by_load.insert((least + 1, to));
            has_moved = true;
        }
        has_moved
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.readers_of.keys().flat_map(|&topic| {
            (0..self.partition_counts[&topic]).map(move |partition| (topic, partition))
        })
    }

    fn finish(self) -> BTreeMap<String, Assignment> {
        let held = self.held.into_iter().map(|held| held.into_iter().collect());
        self.ids.into_iter().cloned().zip(held).collect()
    }
}
