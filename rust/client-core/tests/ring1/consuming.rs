//! A consumer that reads numbered records while everything goes wrong.

use std::time::Duration;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::ConsumerConfig;
use client_core::consumer::{Assign, ConsumeError, Consumer, ConsumerEvent, StartAt};
use records::{BatchBuilder, Compression, CompressionType, ProducerStamp, RecordBatch};

use crate::fake_cluster::{FakeCluster, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

const PARTITIONS: i32 = 3;
/// `default.api.timeout.ms`.
const API_TIMEOUT: Duration = Duration::from_secs(20);
/// What is certain is told within this.
const SOON: Duration = Duration::from_secs(10);
const RECORDS: i64 = 150;
const PARTITION_FETCH_BYTES: u64 = 600;
const ROWS_AT_ONCE: usize = 10;
const STEPS_MAX: usize = 200_000;

struct World {
    network: Network,
    consumer: Consumer,
    /// What was read of each partition.
    seen: Vec<Vec<i64>>,
    /// The most bytes that may be held: the prefetch bound, and one answer that was let through
    /// just below it.
    held_max: u64,
    /// How often it was told that nobody answers, and that the topic is missing.
    downs: usize,
    missings: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let faults = Faults::random(&mut rng);
        let prefetch = (1 + rng.below(4000)).to_string();
        let pairs = [
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("default.api.timeout.ms", "20000"),
            ("socket.connection.setup.timeout.ms", "1000"),
            ("auto.offset.reset", "earliest"),
            ("max.partition.fetch.bytes", &PARTITION_FETCH_BYTES.to_string()),
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
        let batches = cluster.partitions.iter().flat_map(|partition| &partition.batches);
        let largest = batches.map(|batch| batch.bytes().len()).max().unwrap_or(0);
        let answer_max = PARTITIONS as u64 * PARTITION_FETCH_BYTES.max(largest as u64);
        let held_max = config.prefetch_bytes_max + answer_max;
        Self {
            network: Network::new(cluster, faults, seed),
            consumer: Consumer::new(config, seed),
            seen: vec![Vec::new(); PARTITIONS as usize],
            held_max,
            downs: 0,
            missings: 0,
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
        while let Some(event) = self.consumer.poll_event() {
            match event {
                ConsumerEvent::Down(_) => self.downs += 1,
                ConsumerEvent::Missing { .. } => self.missings += 1,
                _ => {}
            }
        }
        let held = self.consumer.buffered_bytes();
        assert!(held <= self.held_max, "{held} bytes are held, of {} at most", self.held_max);
    }

    /// Goes on until the consumer tells of an error; answers it, and how long that took.
    fn until_error(&mut self) -> (ConsumeError, Duration) {
        let begun = self.network.now;
        for _ in 0..STEPS_MAX {
            if let Err(error) = self.consumer.take(ROWS_AT_ONCE) {
                return (error, self.network.now.since(begun));
            }
            self.tick();
        }
        panic!("no error is told")
    }

    fn step(&mut self, rng: &mut SplitMix64) {
        self.tick();
        if rng.below(3) == 0 {
            self.take(1 + rng.below(40) as usize);
            self.drive();
        }
    }

    fn tick(&mut self) {
        let hurry = self.network.now + Duration::from_millis(500);
        let due = [self.network.due(), self.consumer.poll_timeout(self.network.now), Some(hurry)];
        let next = due.into_iter().flatten().min().expect("something will happen");
        self.network.now = self.network.now.max(next);
        while let Some(event) = self.network.arrive() {
            self.consumer.handle_transport(event, self.network.now);
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

/// Reads a little of what is to be read up to its end.
fn begun(seed: u64) -> World {
    let mut world = World::new(seed);
    world.network.faults = Faults::NONE;
    world.assign(StartAt::Earliest, Some(RECORDS));
    while world.seen.iter().any(Vec::is_empty) {
        world.tick();
        world.take(ROWS_AT_ONCE);
    }
    world
}

pub(crate) fn bounded_without_a_cluster(seed: u64) {
    let mut world = begun(seed);
    world.network.is_down = true;
    let (error, after) = world.until_error();
    let ConsumeError::Unreachable { waited, tried } = error else { panic!("{error}") };
    assert!(!tried.0.is_empty() && tried.0.iter().all(|tried| tried.contains("node")), "{tried}");
    assert_eq!(waited, API_TIMEOUT);
    assert!(after >= API_TIMEOUT && after < API_TIMEOUT * 2, "after {after:?}");
    assert_eq!(world.downs, 1, "an outage is told once");
}

pub(crate) fn bounded_over_a_topic_made_anew(seed: u64) {
    let mut world = begun(seed);
    world.network.cluster.remake_topic();
    let (error, after) = world.until_error();
    assert!(matches!(error, ConsumeError::EndLost { stop_at: RECORDS, .. }), "{error}");
    assert!(after < SOON, "after {after:?}");
}

pub(crate) fn bounded_over_a_deleted_topic(seed: u64) {
    let mut world = begun(seed);
    world.network.cluster.is_deleted = true;
    let (error, after) = world.until_error();
    let is_told = match &error {
        ConsumeError::EndLost { .. } => true,
        // Without ids of topics nobody knows that it was another one.
        ConsumeError::NoSuchTopic { .. } => world.network.cluster.is_old,
        _ => false,
    };
    assert!(is_told, "{error}");
    assert!(after < SOON, "after {after:?}");
}

pub(crate) fn a_missing_topic(seed: u64) {
    let mut world = World::new(seed);
    world.network.faults = Faults::NONE;
    world.network.cluster.is_deleted = true;
    world.assign(StartAt::Reset, None);
    let (error, after) = world.until_error();
    assert_eq!(error, ConsumeError::NoSuchTopic { topic: TOPIC.into() });
    assert!(after >= API_TIMEOUT && after < API_TIMEOUT * 2, "after {after:?}");
    assert_eq!(world.missings, PARTITIONS as usize, "it is told while it is waited for");
}

pub(crate) fn a_missing_partition(seed: u64) {
    let mut world = World::new(seed);
    let topic_partition = TopicPartition::new(TOPIC, PARTITIONS);
    let assign = Assign { topic_partition, start: StartAt::Reset, stop_at: None };
    world.consumer.assign(vec![assign]);
    for _ in 0..2 {
        let (error, _) = world.until_error();
        let topic_partition = TopicPartition::new(TOPIC, PARTITIONS);
        let expected = ConsumeError::NoSuchPartition { topic_partition, partitions: 3 };
        assert_eq!(error, expected);
        // It is told again, for it is looked up again.
        world.consumer.seek(&TopicPartition::new(TOPIC, PARTITIONS), StartAt::Latest).unwrap();
    }
}
