//! A consumer that reads numbered records while everything goes wrong.

use std::time::Duration;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::ConsumerConfig;
use client_core::consumer::{Assign, Consumer, StartAt};
use records::{BatchBuilder, Compression, CompressionType, ProducerStamp, RecordBatch};

use crate::fake_cluster::{FakeCluster, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

const PARTITIONS: i32 = 3;
const RECORDS: i64 = 150;
const STEPS_MAX: usize = 200_000;

struct World {
    network: Network,
    consumer: Consumer,
    /// What was read of each partition.
    seen: Vec<Vec<i64>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let faults = Faults::random(&mut rng);
        let prefetch = (1 + rng.below(4000)).to_string();
        let pairs = [
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("socket.connection.setup.timeout.ms", "1000"),
            ("auto.offset.reset", "earliest"),
            ("max.partition.fetch.bytes", "600"),
            ("ottla.prefetch.bytes", &prefetch),
        ];
        let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
        let mut cluster = FakeCluster::new(3, PARTITIONS, seed.is_multiple_of(3));
        for partition in &mut cluster.partitions {
            while partition.end < RECORDS {
                let count = (1 + i64::from(rng.below(12))).min(RECORDS - partition.end);
                partition.append(batch(partition.end, count, &mut rng)).unwrap();
            }
        }
        Self {
            network: Network::new(cluster, faults, seed),
            consumer: Consumer::new(config, seed),
            seen: vec![Vec::new(); PARTITIONS as usize],
        }
    }

    fn assign(&mut self, start: StartAt, stop_at: Option<i64>) {
        let partition =
            |index| Assign { topic_partition: TopicPartition::new(TOPIC, index), start, stop_at };
        self.consumer.assign((0..PARTITIONS).map(partition).collect());
        self.drive();
    }

    fn drive(&mut self) {
        self.consumer.drive(self.network.now, 0);
        while let Some(transmit) = self.consumer.poll_transmit() {
            self.network.transmit(transmit);
        }
        while self.consumer.poll_event().is_some() {}
    }

    fn step(&mut self, rng: &mut SplitMix64) {
        let hurry = self.network.now + Duration::from_millis(500);
        let due = [self.network.due(), self.consumer.poll_timeout(self.network.now), Some(hurry)];
        let next = due.into_iter().flatten().min().expect("something will happen");
        self.network.now = self.network.now.max(next);
        while let Some(event) = self.network.arrive() {
            self.consumer.handle_transport(event, self.network.now);
        }
        if rng.below(3) == 0 {
            self.take(1 + rng.below(40) as usize);
        }
        self.drive();
    }

    fn take(&mut self, rows: usize) {
        let mut count = 0;
        for fetched in self.consumer.take(rows).unwrap() {
            let seen = &mut self.seen[fetched.topic_partition.partition.0 as usize];
            for record in fetched.records() {
                let record = record.unwrap();
                let value = record.value.unwrap();
                assert_eq!(value[..8], record.offset.0.to_be_bytes());
                seen.push(record.offset.0);
                count += 1;
            }
        }
        assert!(count <= rows);
    }
}

fn batch(base_offset: i64, count: i64, rng: &mut SplitMix64) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 16);
    for offset in base_offset..base_offset + count {
        builder.try_append(offset, None, Some(&offset.to_be_bytes()), &[]).unwrap();
    }
    let codec = CompressionType::ALL[rng.below(5) as usize];
    let compression = Compression { codec, level: None };
    RecordBatch::parse(builder.finish(&ProducerStamp::NONE, compression).unwrap()).unwrap()
}

pub(crate) fn everything_once(seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed);
    world.assign(StartAt::Reset, None);
    for _ in 0..STEPS_MAX {
        if world.seen.iter().all(|seen| seen.len() as i64 >= RECORDS) {
            break;
        }
        world.step(&mut rng);
    }
    for seen in &world.seen {
        assert_eq!(*seen, (0..RECORDS).collect::<Vec<_>>());
    }
}

pub(crate) fn bounded(seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed);
    let start = i64::from(rng.below(50));
    let stop = 60 + i64::from(rng.below(90));
    world.assign(StartAt::Offset(start), Some(stop));
    let mut steps = 0;
    while !world.consumer.is_done() {
        world.step(&mut rng);
        steps += 1;
        assert!(steps < STEPS_MAX, "the read does not end");
    }
    for seen in &world.seen {
        assert_eq!(*seen, (start..stop).collect::<Vec<_>>());
    }
}
