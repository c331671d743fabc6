//! Prints what the clients' assignors make of random groups, a line of JSON each, for the test that
//! compares them with Kafka's own: `cargo run --package client-core --example client_assignments --
//! 300`.
//!
//! Every group is assigned several times: members come and go, topics grow, and everybody owns what
//! it was assigned before. In half of them, members and brokers say in which rack they are.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::sync::Arc;

use base::{PartitionIndex, Rng, SplitMix64, TopicPartition};
use client_core::consumer::{Assignments, Assignor, GroupPartitions, Subscriber};

const STEPS: i32 = 5;
/// Of brokers; members may also be in another.
const RACKS: [&str; 3] = ["a", "b", "c"];

struct Group {
    rng: SplitMix64,
    reads_all: bool,
    has_racks: bool,
    generation: i32,
    next_member: usize,
    subscribers: Vec<Subscriber>,
    partitions: GroupPartitions,
}

fn main() {
    let groups: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    for assignor in Assignor::ALL {
        for seed in 0..groups {
            let mut group = Group::new(seed);
            for _ in 0..STEPS {
                let assigned = assignor.assign(&group.subscribers, &group.partitions);
                println!("{}", group.line(assignor, seed, &assigned));
                group.go_on(&assigned);
            }
        }
    }
}

impl Group {
    fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let topics = 1 + below(&mut rng, 4);
        let counts: Vec<_> = (1..=topics).map(|_| 1 + below(&mut rng, 9)).collect();
        let mut group = Self {
            rng,
            reads_all: seed.is_multiple_of(2),
            has_racks: seed % 4 >= 2,
            generation: 0,
            next_member: 0,
            subscribers: Vec::new(),
            partitions: GroupPartitions::default(),
        };
        for (number, count) in (1..).zip(counts) {
            let topic = Arc::from(format!("t{number}"));
            (0..count).for_each(|_| group.grow(&topic));
        }
        for _ in 0..=below(&mut group.rng, 7) {
            group.join();
        }
        group
    }

    /// Adds a partition, kept in any racks or in none.
    fn grow(&mut self, topic: &Arc<str>) {
        let count = self.partitions.counts.entry(topic.clone()).or_default();
        let partition = TopicPartition::new(topic.clone(), *count);
        *count += 1;
        if self.has_racks {
            let kept = RACKS.into_iter().filter(|_| below(&mut self.rng, 2) == 0).map(Arc::from);
            self.partitions.racks.insert(partition, kept.collect());
        }
    }

    fn join(&mut self) {
        let number = self.next_member;
        self.next_member += 1;
        let all: Vec<Arc<str>> = self.partitions.counts.keys().cloned().collect();
        let mut topics = all.clone();
        if !self.reads_all {
            let sure = all[below(&mut self.rng, all.len() as u64) as usize].clone();
            topics.retain(|topic| *topic == sure || below(&mut self.rng, 2) == 0);
        }
        // Instances are in another order than members.
        let is_static = below(&mut self.rng, 4) == 0;
        let rack = if self.has_racks { below(&mut self.rng, 6) as usize } else { RACKS.len() + 1 };
        let rack = RACKS.into_iter().chain(["elsewhere"]).nth(rack);
        self.subscribers.push(Subscriber {
            member_id: format!("m{number}"),
            instance_id: is_static.then(|| format!("i{}", 99 - number)),
            topics,
            owned: Vec::new(),
            generation: -1,
            user_data: None,
            rack: rack.map(ToOwned::to_owned),
        });
    }

    fn go_on(&mut self, assigned: &Assignments) {
        self.generation += 1;
        for subscriber in &mut self.subscribers {
            subscriber.owned.clone_from(&assigned[&subscriber.member_id]);
            subscriber.generation = self.generation;
        }
        match below(&mut self.rng, 4) {
            0 if self.subscribers.len() > 1 => {
                let number = below(&mut self.rng, self.subscribers.len() as u64) as usize;
                self.subscribers.remove(number);
            }
            1 => {
                let number = below(&mut self.rng, self.partitions.counts.len() as u64) as usize;
                if let Some(topic) = self.partitions.counts.keys().nth(number).cloned() {
                    self.grow(&topic);
                }
            }
            _ => self.join(),
        }
    }

    fn line(&self, assignor: Assignor, seed: u64, assigned: &Assignments) -> String {
        let GroupPartitions { counts, racks } = &self.partitions;
        let topics: Vec<String> =
            counts.iter().map(|(topic, count)| format!("\"{topic}\":{count}")).collect();
        let racks = racks.iter().map(|(partition, racks)| {
            let racks: Vec<_> = racks.iter().map(|rack| format!("\"{rack}\"")).collect();
            format!("\"{partition}\":[{}]", racks.join(","))
        });
        let racks: Vec<_> = racks.collect();
        let members = self.subscribers.iter().map(|subscriber| {
            let quoted = |text: &Option<String>| {
                text.as_ref().map_or("null".to_owned(), |text| format!("\"{text}\""))
            };
            let reads: Vec<String> =
                subscriber.topics.iter().map(|topic| format!("\"{topic}\"")).collect();
            format!(
                "{{\"id\":\"{}\",\"instance\":{},\"rack\":{},\"topics\":[{}],\"owned\":{},\
                 \"generation\":{}}}",
                subscriber.member_id,
                quoted(&subscriber.instance_id),
                quoted(&subscriber.rack),
                reads.join(","),
                partitions(&subscriber.owned),
                subscriber.generation
            )
        });
        let members: Vec<String> = members.collect();
        let assigned: Vec<String> =
            assigned.iter().map(|(id, owned)| format!("\"{id}\":{}", partitions(owned))).collect();
        format!(
            "{{\"assignor\":\"{}\",\"seed\":{seed},\"topics\":{{{}}},\"racks\":{{{}}},\
             \"members\":[{}],\"assigned\":{{{}}}}}",
            assignor.name(),
            topics.join(","),
            racks.join(","),
            members.join(","),
            assigned.join(",")
        )
    }
}

fn partitions(owned: &[TopicPartition]) -> String {
    let each = owned.iter().map(|owned| {
        let TopicPartition { topic, partition: PartitionIndex(index) } = owned;
        format!("[\"{topic}\",{index}]")
    });
    format!("[{}]", each.collect::<Vec<_>>().join(","))
}

fn below(rng: &mut SplitMix64, end: u64) -> u64 {
    rng.next_u64() % end
}
