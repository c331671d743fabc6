//! The uniform assignor: as even as can be over all topics together, moving as little as that
//! allows. Where even and sticky are at odds, even wins.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;

use super::Reader;
use crate::consumer::Assignment;

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

    /// Moves partitions, one at a time, from the reader who has most to the one who has least, of
    /// those who have at least two less and read the topic. Each move makes the sum of the squares
    /// of all loads smaller, so that there is a last one.
    fn even_out(&mut self) {
        let mut loads = Loads::new(&self.held, &self.readers_of);
        while let Some((from, to, topic)) = self.next_move(&loads) {
            let Some(partition) = self.dispensable(from, topic) else { return };
            self.held[from].remove(&partition);
            self.held[to].insert(partition);
            self.owner.insert(partition, to);
            for number in [from, to] {
                loads.set(number, self.held[number].len(), self.readers[number]);
            }
        }
    }

    /// From whom, to whom, of which topic.
    fn next_move(&self, loads: &Loads) -> Option<(usize, usize, Uuid)> {
        loads.all.iter().rev().find_map(|&(load, from)| {
            let movable = self.readers[from].topics.iter().filter_map(|&topic| {
                self.of_topic(from, topic).next()?;
                let &(least, to) = loads.of_topic.get(&topic)?.first()?;
                (load >= least + 2).then_some((least, to, topic))
            });
            movable.min().map(|(_, to, topic)| (from, to, topic))
        })
    }

    /// What its reader did not have before goes first: it moves in any case.
    fn dispensable(&self, from: usize, topic: Uuid) -> Option<Partition> {
        let owned = &self.readers[from].owned;
        let new = self.of_topic(from, topic).find(|&(_, index)| !owned.contains(topic, index));
        new.or_else(|| self.of_topic(from, topic).next_back())
    }

    fn of_topic(
        &self,
        number: usize,
        topic: Uuid,
    ) -> impl DoubleEndedIterator<Item = Partition> + '_ {
        self.held[number].range((topic, i32::MIN)..=(topic, i32::MAX)).copied()
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

/// How much each reader holds, in order: of all readers, and of those of each topic.
struct Loads {
    load: Vec<usize>,
    all: BTreeSet<(usize, usize)>,
    of_topic: BTreeMap<Uuid, BTreeSet<(usize, usize)>>,
}

impl Loads {
    fn new(held: &[BTreeSet<Partition>], readers_of: &BTreeMap<Uuid, Vec<usize>>) -> Self {
        let load: Vec<usize> = held.iter().map(BTreeSet::len).collect();
        let entry = |&number: &usize| (load[number], number);
        let of_topic = readers_of
            .iter()
            .map(|(&topic, readers)| (topic, readers.iter().map(entry).collect()))
            .collect();
        let all = (0..load.len()).map(|number| entry(&number)).collect();
        Self { load, all, of_topic }
    }

    fn set(&mut self, number: usize, load: usize, reader: &Reader) {
        let earlier = std::mem::replace(&mut self.load[number], load);
        self.all.remove(&(earlier, number));
        self.all.insert((load, number));
        for topic in &reader.topics {
            if let Some(of_topic) = self.of_topic.get_mut(topic) {
                of_topic.remove(&(earlier, number));
                of_topic.insert((load, number));
            }
        }
    }
}
