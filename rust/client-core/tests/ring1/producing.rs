//! A producer that writes numbered records while everything goes wrong, and what must be true when
//! it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use base::{Instant, Rng, SplitMix64, TopicPartition};
use client_core::ProducerConfig;
use client_core::producer::{
    Accumulator, BatchOutcome, DeliveryError, FlushId, NewRecord, OperationId, Producer,
    ProducerInput, ProducerOutput, TransactionError,
};
use history::{Answer, History, Process};

use crate::fake_cluster::{FakeCluster, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

pub(crate) const PARTITIONS: u32 = 4;
const BATCH_BYTES: usize = 200;
/// Who the program is in its history.
const PRODUCER: Process = Process(1);
/// No history takes more steps: one that does hangs.
pub(crate) const STEPS_MAX: usize = 200_000;
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) producer: Producer<u64>,
    accumulators: Vec<Accumulator<u64>>,
    /// The records of each batch, and when they were sent.
    batches: BTreeMap<u64, Vec<(u64, Instant)>>,
    pub(crate) results: BTreeMap<u64, Result<Option<i64>, DeliveryError>>,
    pub(crate) partition_of: BTreeMap<u64, u32>,
    flushed: bool,
    pub(crate) failed: bool,
    /// What came of operations on transactions.
    pub(crate) transacted: BTreeMap<OperationId, Result<(), TransactionError>>,
    /// What the program did, and was told.
    pub(crate) history: History,
    sends: BTreeMap<u64, history::OperationId>,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults, more: &[(&str, &str)]) -> Self {
        let mut pairs = vec![
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("socket.connection.setup.timeout.ms", "1000"),
            ("delivery.timeout.ms", "20000"),
            ("linger.ms", "5"),
        ];
        pairs.extend_from_slice(more);
        let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
        let cluster = FakeCluster::new(3, PARTITIONS as i32, seed.is_multiple_of(3));
        Self {
            network: Network::new(cluster, faults, seed),
            producer: Producer::new(config, seed),
            accumulators: (0..PARTITIONS).map(|_| Accumulator::default()).collect(),
            batches: BTreeMap::new(),
            results: BTreeMap::new(),
            partition_of: BTreeMap::new(),
            flushed: false,
            failed: false,
            transacted: BTreeMap::new(),
            history: History::new(),
            sends: BTreeMap::new(),
        }
    }

    fn send(&mut self, record: u64, partition: u32) {
        let now = self.network.now;
        let sent = history::Operation::Send {
            partition: TopicPartition::new(TOPIC, partition as i32),
            value: record.to_string().into(),
        };
        self.sends.insert(record, self.history.invoke(now.0 / 1_000, PRODUCER, sent));
        let value = record.to_be_bytes();
        let new = NewRecord { value: Some(&value), ..NewRecord::default() };
        let appended = self.accumulators[partition as usize].try_append(&new).unwrap();
        let batch = if let Some((_, batch)) = appended {
            *batch
        } else {
            self.seal(partition);
            let batch = self.batches.len() as u64;
            let accumulator = &mut self.accumulators[partition as usize];
            accumulator.open(BATCH_BYTES, now, batch);
            accumulator.try_append(&new).unwrap().unwrap();
            let topic_partition = TopicPartition::new(TOPIC, partition as i32);
            let opened = ProducerInput::Opened { topic_partition, created_at: now };
            self.producer.handle(opened, now);
            batch
        };
        self.batches.entry(batch).or_default().push((record, now));
        self.partition_of.insert(record, partition);
    }

    fn seal(&mut self, partition: u32) {
        if let Some(batch) = self.accumulators[partition as usize].seal() {
            let topic_partition = TopicPartition::new(TOPIC, partition as i32);
            self.producer
                .handle(ProducerInput::Sealed { topic_partition, batch }, self.network.now);
        }
    }

    /// Lets the machine decide, and does what it says.
    pub(crate) fn drive(&mut self) {
        loop {
            let now = self.network.now;
            self.producer.drive(now);
            let mut sealed = false;
            while let Some(output) = self.producer.poll_output() {
                match output {
                    ProducerOutput::Transmit(transmit) => self.network.transmit(transmit),
                    ProducerOutput::Seal(partition) => {
                        self.seal(partition.partition.0 as u32);
                        sealed = true;
                    }
                    ProducerOutput::Completed { payload, record_count, outcome, .. } => {
                        self.complete(payload, record_count, &outcome);
                    }
                    ProducerOutput::Flushed(_) => self.flushed = true,
                    ProducerOutput::Failed(_) => self.failed = true,
                    ProducerOutput::Transacted(id, result) => {
                        self.transacted.insert(id, result);
                    }
                    ProducerOutput::MetadataChanged
                    | ProducerOutput::Down(_)
                    | ProducerOutput::TransactionFailed(_)
                    | ProducerOutput::Up => {}
                }
            }
            if !sealed {
                return;
            }
        }
    }

    fn complete(&mut self, batch: u64, record_count: u32, outcome: &BatchOutcome) {
        let records = &self.batches[&batch];
        assert_eq!(records.len(), record_count as usize, "a batch is settled whole");
        for (index, (record, sent)) in records.iter().enumerate() {
            let result = outcome.for_record(index as u32);
            let waited = self.network.now.since(*sent);
            assert!(waited <= DELIVERY_TIMEOUT, "record {record} waited {waited:?}");
            let (at_us, send) = (self.network.now.0 / 1_000, self.sends[record]);
            match &result {
                Ok(offset) => self.history.ok(at_us, send, Answer::Sent { offset: *offset }),
                Err(error) if error.is_in_doubt() => {
                    self.history.unknown(at_us, send, error.to_string());
                }
                Err(error) => self.history.failed(at_us, send, error.to_string()),
            }
            let before = self.results.insert(*record, result);
            assert!(before.is_none(), "record {record} has two results");
        }
    }

    /// Goes to the next moment at which anything happens, but not beyond `until`.
    pub(crate) fn step(&mut self, until: Option<Instant>) {
        let due = [self.network.due(), self.producer.poll_timeout(self.network.now), until];
        let next = due.into_iter().flatten().min().expect("something will happen");
        self.network.now = self.network.now.max(next);
        while let Some(event) = self.network.arrive() {
            self.producer.handle(ProducerInput::Transport(event), self.network.now);
        }
        self.drive();
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.network.now + time;
        let mut steps = 0;
        while self.network.now < until {
            self.step(Some(until));
            steps += 1;
            assert!(steps < STEPS_MAX, "time does not pass");
        }
    }

    /// Sends records at random moments.
    pub(crate) fn write(&mut self, records: Range<u64>, rng: &mut SplitMix64) {
        for record in records {
            let pause = if rng.below(20) == 0 { rng.below(500_000) } else { rng.below(2_000) };
            self.wait(Duration::from_micros(u64::from(pause)));
            self.send(record, rng.below(PARTITIONS));
        }
    }

    pub(crate) fn flush(&mut self) {
        self.flushed = false;
        self.producer.handle(ProducerInput::Flush(Some(FlushId(1))), self.network.now);
        self.drive();
        let mut steps = 0;
        while !self.flushed && !self.failed {
            self.step(None);
            steps += 1;
            assert!(steps < STEPS_MAX, "the flush does not end");
        }
    }

    pub(crate) fn delivered(&self) -> usize {
        self.results.values().filter(|result| result.is_ok()).count()
    }

    /// What must hold of every history with idempotence.
    pub(crate) fn check(&self, count: u64) {
        assert_eq!(self.results.len() as u64, count, "every record has a result");
        for partition in 0..PARTITIONS {
            let log = self.network.cluster.values(partition as usize);
            let distinct: BTreeSet<_> = log.iter().collect();
            assert_eq!(distinct.len(), log.len(), "a record is in the log twice");
            assert!(log.is_sorted(), "records are out of order in partition {partition}: {log:?}");
            let of_partition = |(record, _): &(&u64, &_)| self.partition_of[record] == partition;
            for (record, result) in self.results.iter().filter(of_partition) {
                if let Ok(offset) = result {
                    let found = log.binary_search(record);
                    let place = found.unwrap_or_else(|_| panic!("record {record} is lost"));
                    assert!(offset.is_none_or(|offset| offset == place as i64), "wrong offset");
                }
            }
        }
    }
}

fn run(seed: u64, faults: Faults, count: u64, more: &[(&str, &str)]) -> World {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed, faults, more);
    world.drive();
    world.write(0..count, &mut rng);
    world.flush();
    world
}

pub(crate) fn idempotent(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let codec = ["none", "lz4", "zstd", "snappy", "gzip"][seed as usize % 5];
    let world = run(seed, faults, 300, &[("compression.type", codec)]);
    world.check(300);
    // The weather is bad, not hopeless: most records get through.
    assert!(world.delivered() > 50, "only {} were delivered", world.delivered());
}

pub(crate) fn without_faults(seed: u64) {
    let world = run(seed, Faults::NONE, 500, &[]);
    world.check(500);
    assert_eq!(world.delivered(), 500);
}

pub(crate) fn without_idempotence(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let world = run(seed, faults, 200, &[("enable.idempotence", "false")]);
    assert_eq!(world.results.len(), 200);
    for partition in 0..PARTITIONS {
        let log: BTreeSet<_> =
            world.network.cluster.values(partition as usize).into_iter().collect();
        for (record, result) in &world.results {
            let lost = world.partition_of[record] == partition && !log.contains(record);
            assert!(!(lost && result.is_ok()), "record {record} is lost");
        }
    }
}

/// Brokers take smaller batches than the producer writes: they arrive in pieces.
pub(crate) fn too_large(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let codec = ["none", "lz4", "zstd"][seed as usize % 3];
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed, faults, &[("compression.type", codec), ("linger.ms", "200")]);
    world.network.cluster.batch_bytes_max = Some(100 + rng.below(60) as usize);
    world.drive();
    world.write(0..300, &mut rng);
    world.flush();
    world.check(300);
    assert!(world.delivered() > 50, "only {} were delivered", world.delivered());
    let refused = world.network.cluster.refused_too_large;
    assert!(refused > 0 || codec != "none", "nothing had to be split");
}

pub(crate) fn cluster_gone(seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed, Faults::NONE, &[]);
    world.drive();
    world.write(0..50, &mut rng);
    world.network.is_down = true;
    for record in 50..100 {
        world.send(record, rng.below(PARTITIONS));
    }
    world.flush();
    world.check(100);
    assert!(world.delivered() < 100);
    for result in world.results.values().filter_map(|result| result.as_ref().err()) {
        let is_expected =
            matches!(result, DeliveryError::TimedOut { .. } | DeliveryError::Unresolved { .. });
        assert!(is_expected, "{result}");
    }
}

pub(crate) fn is_deterministic(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let history = || run(seed, faults, 100, &[]).network.history;
    assert_eq!(history(), history());
}
