//! Prints what the clients' assignors make of random groups, a line of JSON each, for the test that
//! compares them with Kafka's own: `cargo run --package client-core --example client_assignments --
//! 300`.
//!
//! Every group is assigned several times: members come and go, topics grow, and everybody owns what
//! it was assigned before.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::sync::Arc;

use base::{PartitionIndex, Rng, SplitMix64, TopicPartition};
use client_core::consumer::{Assignments, Assignor, PartitionCounts, Subscriber};

const STEPS: i32 = 5;

struct Group {
    rng: SplitMix64,
    reads_all: bool,
    generation: i32,
    next_member: usize,
    subscribers: Vec<Subscriber>,
    counts: PartitionCounts,
}

fn main() {
    let groups: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    for assignor in Assignor::ALL {
        for seed in 0..groups {
            let mut group = Group::new(seed);
            for _ in 0..STEPS {
                let assigned = assignor.assign(&group.subscribers, &group.counts);
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
        let topic = |number| (Arc::from(format!("t{number}")), 1 + below(&mut rng, 9) as i32);
        let counts = (1..=topics).map(topic).collect();
        let reads_all = seed.is_multiple_of(2);
        let subscribers = Vec::new();
        let mut group = Self { rng, reads_all, generation: 0, next_member: 0, subscribers, counts };
        for _ in 0..=below(&mut group.rng, 7) {
            group.join();
        }
        group
    }

    fn join(&mut self) {
        let number = self.next_member;
        self.next_member += 1;
        let all: Vec<Arc<str>> = self.counts.keys().cloned().collect();
        let mut topics = all.clone();
        if !self.reads_all {
            let sure = all[below(&mut self.rng, all.len() as u64) as usize].clone();
            topics.retain(|topic| *topic == sure || below(&mut self.rng, 2) == 0);
        }
        // Instances are in another order than members.
        let is_static = below(&mut self.rng, 4) == 0;
        self.subscribers.push(Subscriber {
            member_id: format!("m{number}"),
            instance_id: is_static.then(|| format!("i{}", 99 - number)),
            topics,
            owned: Vec::new(),
            generation: -1,
            user_data: None,
            rack: None,
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
                let number = below(&mut self.rng, self.counts.len() as u64) as usize;
                if let Some(count) = self.counts.values_mut().nth(number) {
                    *count += 1;
                }
            }
            _ => self.join(),
        }
    }

    fn line(&self, assignor: Assignor, seed: u64, assigned: &Assignments) -> String {
        let topics: Vec<String> =
            self.counts.iter().map(|(topic, count)| format!("\"{topic}\":{count}")).collect();
        let members = self.subscribers.iter().map(|subscriber| {
            let instance = subscriber.instance_id.as_ref().map(|id| format!("\"{id}\""));
            let reads: Vec<String> =
                subscriber.topics.iter().map(|topic| format!("\"{topic}\"")).collect();
            format!(
                "{{\"id\":\"{}\",\"instance\":{},\"topics\":[{}],\"owned\":{},\"generation\":{}}}",
                subscriber.member_id,
                instance.as_deref().unwrap_or("null"),
                reads.join(","),
                partitions(&subscriber.owned),
                subscriber.generation
            )
        });
        let members: Vec<String> = members.collect();
        let assigned: Vec<String> =
            assigned.iter().map(|(id, owned)| format!("\"{id}\":{}", partitions(owned))).collect();
        format!(
            "{{\"assignor\":\"{}\",\"seed\":{seed},\"topics\":{{{}}},\"members\":[{}],\
             \"assigned\":{{{}}}}}",
            assignor.name(),
            topics.join(","),
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
