//! Prints what the server's assignors make of random groups, a line of JSON each, for the test that
//! compares them with Kafka's own: `cargo run --package coordinator --example server_assignments --
//! 300`.
//!
//! Every group is assigned several times: members come and go, topics grow, and everybody owns what
//! it was assigned before.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::{BTreeMap, BTreeSet};

use base::{Rng, SplitMix64, Uuid};
use coordinator::{Assignment, Assignor, Reader};

const STEPS: usize = 5;

struct Group {
    rng: SplitMix64,
    reads_all: bool,
    next_member: usize,
    readers: BTreeMap<String, Reader>,
    counts: BTreeMap<Uuid, i32>,
}

fn main() {
    let groups: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    for assignor in [Assignor::Range, Assignor::Uniform] {
        for seed in 0..groups {
            let mut group = Group::new(seed);
            for _ in 0..STEPS {
                let assigned = assignor.assign(&group.readers, &group.counts);
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
        let counts = (1..=topics).map(|number| (topic(number), 1 + below(&mut rng, 9) as i32));
        let (counts, reads_all) = (counts.collect(), seed.is_multiple_of(2));
        let readers = BTreeMap::new();
        let mut group = Self { rng, reads_all, next_member: 0, readers, counts };
        for _ in 0..=below(&mut group.rng, 7) {
            group.join();
        }
        group
    }

    fn join(&mut self) {
        let number = self.next_member;
        self.next_member += 1;
        let all: Vec<Uuid> = self.counts.keys().copied().collect();
        let mut topics: BTreeSet<Uuid> = all.iter().copied().collect();
        if !self.reads_all {
            topics.retain(|_| below(&mut self.rng, 2) == 0);
            topics.insert(all[below(&mut self.rng, all.len() as u64) as usize]);
        }
        // Instances are in another order than members.
        let is_static = below(&mut self.rng, 4) == 0;
        let instance_id = is_static.then(|| format!("i{}", 99 - number));
        let reader = Reader { instance_id, topics, owned: Assignment::default() };
        self.readers.insert(format!("m{number}"), reader);
    }

    fn go_on(&mut self, assigned: &BTreeMap<String, Assignment>) {
        for (id, reader) in &mut self.readers {
            reader.owned.clone_from(&assigned[id]);
        }
        match below(&mut self.rng, 4) {
            0 if self.readers.len() > 1 => {
                let number = below(&mut self.rng, self.readers.len() as u64) as usize;
                let gone = self.readers.keys().nth(number).cloned().unwrap_or_default();
                self.readers.remove(&gone);
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

    fn line(
        &self,
        assignor: Assignor,
        seed: u64,
        assigned: &BTreeMap<String, Assignment>,
    ) -> String {
        let topics: Vec<String> =
            self.counts.iter().map(|(id, count)| format!("\"{}\":{count}", name(*id))).collect();
        let members = self.readers.iter().map(|(id, reader)| {
            let instance = reader.instance_id.as_ref().map(|id| format!("\"{id}\""));
            let reads: Vec<String> =
                reader.topics.iter().map(|id| format!("\"{}\"", name(*id))).collect();
            format!(
                "{{\"id\":\"{id}\",\"instance\":{},\"topics\":[{}],\"owned\":{}}}",
                instance.as_deref().unwrap_or("null"),
                reads.join(","),
                partitions(&reader.owned)
            )
        });
        let members: Vec<String> = members.collect();
        let assigned: Vec<String> =
            assigned.iter().map(|(id, owned)| format!("\"{id}\":{}", partitions(owned))).collect();
        format!(
            "{{\"assignor\":\"server-{}\",\"seed\":{seed},\"topics\":{{{}}},\"members\":[{}],\
             \"assigned\":{{{}}}}}",
            assignor.name(),
            topics.join(","),
            members.join(","),
            assigned.join(",")
        )
    }
}

fn partitions(assignment: &Assignment) -> String {
    let each = assignment.partitions().map(|(id, index)| format!("[\"{}\",{index}]", name(id)));
    format!("[{}]", each.collect::<Vec<_>>().join(","))
}

fn topic(number: u64) -> Uuid {
    Uuid(u128::from(number).to_be_bytes())
}

fn name(id: Uuid) -> String {
    format!("t{}", u128::from_be_bytes(id.0))
}

fn below(rng: &mut SplitMix64, end: u64) -> u64 {
    rng.next_u64() % end
}
