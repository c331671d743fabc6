//! Sticky: as even as it can be, and among the even assignments one that moves little (KIP-54,
//! KIP-429).
//!
//! 1. Who owns a partition, keeps it.
//! 2. What nobody owns goes to the subscriber who has the least.
//! 3. While somebody has two more than a subscriber of one of his partitions, that one moves, from
//!    the one who has most to the one who has least.
//! 4. Where racks matter, what is read from afar is brought near (KIP-881), and 3 goes on if that
//!    gives it something to do.
//!
//! No single move makes the result more even, which is what Kafka's own assignor promises. It is as
//! even as it would be if there were no racks, or more so; if it is as even, no less is read near.

mod locality;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::TopicPartition;

use super::racks::Racks;
use super::{GroupPartitions, Owners, PartitionCounts, Subscriber, by_topic};
use locality::{Locality, Moving};

pub(super) fn assign(subscribers: &[&Subscriber], partitions: &GroupPartitions) -> Owners {
    let GroupPartitions { counts, racks } = partitions;
    let claims = claims(subscribers, counts);
    let mut table = Table::new(subscribers, counts);
    for (partition, owner) in &claims {
        if subscribers[*owner].wants(&partition.topic) {
            table.give(partition.clone(), *owner);
        }
    }
    table.give_the_rest(counts);
    table.balance(&claims);
    let racks = Racks::new(subscribers, racks);
    let places = table.owners.keys().map(|partition| racks.of_partition(partition));
    if racks.matter(0..subscribers.len(), places) {
        let locality = Locality::new(subscribers, &racks, &table);
        // A chain leaves less far and nothing less even, a move is more even: there is an end.
        for moving in [Moving::New, Moving::All] {
            while locality.improve(&mut table, &claims, moving) {
                table.balance(&claims);
            }
        }
    }
    table.owners
}

/// The same, but what has to move is given to nobody yet: its owner goes on reading until he has
/// heard, gives it up, and the group rebalances once more.
pub(super) fn assign_cooperatively(
    subscribers: &[&Subscriber],
    partitions: &GroupPartitions,
) -> Owners {
    let mut owners = assign(subscribers, partitions);
    let held = holders(subscribers);
    owners.retain(|partition, owner| {
        held.get(partition).is_none_or(|holders| holders.iter().all(|holder| holder == owner))
    });
    owners
}

/// Who owns what, as far as it can be told. Of two claims the one of the later generation counts;
/// of two of the same generation, neither does.
fn claims(subscribers: &[&Subscriber], partitions: &PartitionCounts) -> Owners {
    let mut claims: BTreeMap<&TopicPartition, (i32, Option<usize>)> = BTreeMap::new();
    for (index, subscriber) in subscribers.iter().enumerate() {
        for partition in owned(subscriber) {
            let count = partitions.get(&partition.topic).copied().unwrap_or(0);
            if !(0..count).contains(&partition.partition.0) {
                continue;
            }
            let claim = claims.entry(partition).or_insert((subscriber.generation, Some(index)));
            if claim.0 < subscriber.generation {
                *claim = (subscriber.generation, Some(index));
            } else if claim.0 == subscriber.generation && claim.1 != Some(index) {
                claim.1 = None;
            }
        }
    }
    let sole = |(partition, (_, owner)): (&TopicPartition, (_, Option<usize>))| {
        owner.map(|owner| (partition.clone(), owner))
    };
    claims.into_iter().filter_map(sole).collect()
}

/// Everybody who may still be reading a partition: those who say so and are of the latest
/// generation.
fn holders<'a>(subscribers: &[&'a Subscriber]) -> BTreeMap<&'a TopicPartition, Vec<usize>> {
    let latest = subscribers.iter().map(|subscriber| subscriber.generation).max().unwrap_or(-1);
    let mut holders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (index, subscriber) in subscribers.iter().enumerate() {
        // One who does not say when may have it from the latest.
        if subscriber.generation == latest || subscriber.generation < 0 {
            for partition in owned(subscriber) {
                holders.entry(partition).or_default().push(index);
            }
        }
    }
    holders
}

fn owned(subscriber: &Subscriber) -> BTreeSet<&TopicPartition> {
    subscriber.owned.iter().collect()
}

struct Table<'a> {
    subscribed: BTreeMap<&'a Arc<str>, Vec<usize>>,
    owners: Owners,
    shares: Vec<BTreeSet<TopicPartition>>,
}

impl<'a> Table<'a> {
    fn new(subscribers: &[&Subscriber], partitions: &'a PartitionCounts) -> Self {
        Self {
            subscribed: by_topic(subscribers, partitions),
            owners: Owners::new(),
            shares: vec![BTreeSet::new(); subscribers.len()],
        }
    }

    fn give(&mut self, partition: TopicPartition, owner: usize) {
        if let Some(before) = self.owners.insert(partition.clone(), owner) {
            self.shares[before].remove(&partition);
        }
        self.shares[owner].insert(partition);
    }

    /// Who subscribes to a partition's topic, in order.
    fn readers(&self, partition: &TopicPartition) -> &[usize] {
        self.subscribed.get(&partition.topic).map_or(&[], Vec::as_slice)
    }

    /// The subscriber of a topic who has the least.
    fn poorest(&self, topic: &Arc<str>) -> Option<usize> {
        let subscribed = self.subscribed.get(topic)?;
        subscribed.iter().copied().min_by_key(|index| (self.shares[*index].len(), *index))
    }

    /// Topics that few can read go first: they have the least choice.
    fn give_the_rest(&mut self, partitions: &PartitionCounts) {
        let mut topics: Vec<_> =
            self.subscribed.iter().map(|(topic, subscribed)| (subscribed.len(), *topic)).collect();
        topics.sort_unstable();
        for (_, topic) in topics {
            for partition in 0..partitions[topic] {
                let partition = TopicPartition::new(topic.clone(), partition);
                if !self.owners.contains_key(&partition)
                    && let Some(poorest) = self.poorest(topic)
                {
                    self.give(partition, poorest);
                }
            }
        }
    }

    /// Each move makes the sum of the squares of the shares smaller, so there is an end.
    fn balance(&mut self, claims: &Owners) {
        let mut richest_first: Vec<_> = (0..self.shares.len()).collect();
        while let Some((partition, to)) = {
            richest_first.sort_by_key(|index| (usize::MAX - self.shares[*index].len(), *index));
            richest_first.iter().find_map(|from| self.best_move(*from, claims))
        } {
            self.give(partition, to);
        }
    }

    /// What `from` should hand over to whom: to the poorest, and rather what he has only just got.
    fn best_move(&self, from: usize, claims: &Owners) -> Option<(TopicPartition, usize)> {
        let share = self.shares[from].len();
        let mut target: BTreeMap<&Arc<str>, Option<usize>> = BTreeMap::new();
        let mut best = None;
        for partition in &self.shares[from] {
            let topic = &partition.topic;
            let to = *target.entry(topic).or_insert_with(|| {
                self.poorest(topic).filter(|to| self.shares[*to].len() + 2 <= share)
            });
            let Some(to) = to else { continue };
            let is_kept = claims.get(partition) == Some(&from);
            let rank = (self.shares[to].len(), is_kept);
            if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                best = Some((rank, (partition.clone(), to)));
            }
        }
        best.map(|(_, found)| found)
    }
}
