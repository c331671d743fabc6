//! What clients keep up while nothing is asked of them, and for how long: metadata, topics,
//! connections. Only time shows what these keys do.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, Instant, TopicPartition};
use client_core::consumer::{Assign, Consumer, StartAt};
use client_core::inquiry::InquiryError;
use client_core::producer::{Producer, ProducerInput, ProducerOutput};
use client_core::survey::{Round, Survey};
use client_core::{AdminConfig, Cluster, ConsumerConfig, ProducerConfig};
use records::{BatchBuilder, Compression, CompressionType, ProducerStamp, RecordBatch};

use crate::fake_cluster::{FakeCluster, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

const PARTITIONS: i32 = 3;
const STEPS_MAX: usize = 100_000;
/// What is certain is told within this.
const SOON: Duration = Duration::from_millis(500);
/// More than all frames need that a question takes.
const UNDER_WAY_MAX: Duration = Duration::from_millis(100);

fn network(seed: u64) -> Network {
    let cluster = FakeCluster::new(1, PARTITIONS, seed.is_multiple_of(3));
    Network::new(cluster, Faults::NONE, seed)
}

fn pairs<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut pairs = vec![("bootstrap.servers", "node0:9092")];
    pairs.extend_from_slice(more);
    pairs
}

/// Connections and metadata, and nothing above them.
struct World {
    network: Network,
    cluster: Cluster,
}

impl World {
    fn new(seed: u64, more: &[(&str, &str)]) -> Self {
        let (config, _) = AdminConfig::from_pairs(pairs(more)).unwrap();
        let mut world =
            Self { network: network(seed), cluster: Cluster::new(config.connection, false, seed) };
        world.drive();
        world
    }

    fn drive(&mut self) {
        self.cluster.handle_timeout(self.network.now);
        while let Some(transmit) = self.cluster.poll_transmit() {
            self.network.transmit(transmit);
        }
        while self.cluster.poll_event().is_some() {}
    }

    fn pass(&mut self, time: Duration) {
        let until = self.network.now + time;
        for _ in 0..STEPS_MAX {
            let due = [self.network.due(), self.cluster.poll_timeout(self.network.now)];
            let next = due.into_iter().flatten().min().unwrap_or(until);
            if next > until {
                self.network.now = until;
                return;
            }
            self.network.now = self.network.now.max(next);
            while let Some(event) = self.network.arrive() {
                self.cluster.handle_transport(event, self.network.now);
            }
            self.drive();
        }
        panic!("time does not pass");
    }

    fn questions(&self) -> usize {
        self.network.cluster.asked_topics.len()
    }
}

pub(crate) fn a_missing_partition_is_told(seed: u64) {
    let mut world = World::new(seed, &[]);
    if seed.is_multiple_of(2) {
        // A topic that was known long before the question is looked at again.
        world.cluster.want_topic(&TOPIC.into());
        world.pass(Duration::from_mins(1));
    }
    let begun = world.network.now;
    let missing = TopicPartition::new(TOPIC, PARTITIONS);
    let wanted = BTreeMap::from([(missing.clone(), 0)]);
    let questions = world.questions();
    let mut survey: Survey<i64> = Survey::new(wanted, Duration::from_mins(1), begun);
    let error = loop {
        match survey.poll(&mut world.cluster, world.network.now) {
            Round::Over(mut results) => break results.remove(&missing).unwrap().unwrap_err(),
            Round::Ask(leaders) => panic!("nobody leads it, but {leaders:?}"),
            Round::Wait(until) => {
                world.drive();
                world.pass(until.since(world.network.now));
            }
        }
    };
    let message = Some(format!("topic `{TOPIC}` has no partition 3: it has 3"));
    assert_eq!(error, InquiryError::refused(ErrorCode::UnknownTopicOrPartition, message));
    let after = world.network.now.since(begun);
    assert!(after < SOON, "after {after:?}");
    assert!(world.questions() > questions, "what was known before is not believed");
}

pub(crate) fn old_metadata_is_renewed(seed: u64) {
    const HOUR: Duration = Duration::from_hours(1);
    for (age_max, expected) in [("60000", 60), ("600000", 6)] {
        let mut world = World::new(seed, &[("metadata.max.age.ms", age_max)]);
        world.pass(UNDER_WAY_MAX);
        assert_eq!(world.questions(), 1, "the first is asked at once");
        world.pass(HOUR);
        let questions = world.questions() - 1;
        assert!(questions.abs_diff(expected) <= 1, "{questions} in an hour, with {age_max}");
    }
}

pub(crate) fn idle_connections_are_closed(seed: u64) {
    let never = [("metadata.max.age.ms", "86400000")];
    let idle = [never[0], ("connections.max.idle.ms", "10000")];
    let mut world = World::new(seed, &idle);
    world.pass(Duration::from_secs(9));
    assert_eq!(world.network.open_connections(), 1);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.network.open_connections(), 0, "nobody has used it for 10 s");
    assert_eq!(world.questions(), 1, "its end is no reason to ask");
    world.cluster.request_metadata();
    world.drive();
    world.pass(UNDER_WAY_MAX);
    assert_eq!((world.network.open_connections(), world.questions()), (1, 2));
    let mut world = World::new(seed, &[never[0], ("connections.max.idle.ms", "-1")]);
    world.pass(Duration::from_hours(5));
    assert_eq!(world.network.open_connections(), 1, "a negative time is no limit");
}

pub(crate) fn idle_topics_are_forgotten(seed: u64) {
    let more = [("metadata.max.age.ms", "60000"), ("metadata.max.idle.ms", "120000")];
    let (config, _) = ProducerConfig::from_pairs(pairs(&more)).unwrap();
    let mut producer: Producer<()> = Producer::new(config, seed);
    let mut network = network(seed);
    let begun = network.now;
    producer.handle(ProducerInput::Want(TOPIC.into()), begun);
    // When the topic was asked about, and when nothing was.
    let mut named: Vec<(Duration, bool)> = Vec::new();
    for _ in 0..STEPS_MAX {
        producer.drive(network.now);
        while let Some(output) = producer.poll_output() {
            if let ProducerOutput::Transmit(transmit) = output {
                network.transmit(transmit);
            }
        }
        let due: [Option<Instant>; 2] = [network.due(), producer.poll_timeout(network.now)];
        network.now = network.now.max(due.into_iter().flatten().min().unwrap());
        if network.now.since(begun) > Duration::from_mins(6) {
            break;
        }
        while let Some(event) = network.arrive() {
            producer.handle(ProducerInput::Transport(event), network.now);
        }
        for topics in network.cluster.asked_topics.drain(..) {
            named.push((network.now.since(begun), topics == [TOPIC]));
        }
    }
    let last_named = named.iter().filter(|(_, named)| *named).map(|(at, _)| *at).max().unwrap();
    let idle_max = Duration::from_mins(2);
    assert!((idle_max..idle_max + SOON).contains(&last_named), "{named:?}");
    assert!(named.iter().filter(|(at, _)| *at > last_named).count() >= 3, "{named:?}");
}

pub(crate) fn isolation_is_kept(seed: u64) {
    const COMMITTED: i64 = 4;
    const RECORDS: i64 = 10;
    for (isolation, expected) in [("read_uncommitted", RECORDS), ("read_committed", COMMITTED)] {
        let mut network = network(seed);
        let partition = &mut network.cluster.partitions[0];
        for offset in 0..RECORDS {
            partition.append(batch(offset)).unwrap();
        }
        partition.open_transaction = Some(COMMITTED);
        let (config, _) =
            ConsumerConfig::from_pairs(pairs(&[("isolation.level", isolation)])).unwrap();
        let mut consumer = Consumer::new(config, seed);
        let topic_partition = TopicPartition::new(TOPIC, 0);
        let start = StartAt::Earliest;
        consumer.assign(vec![Assign { topic_partition, start, stop_at: None }]);
        let mut seen = 0;
        let until = network.now + Duration::from_secs(5);
        while network.now < until {
            consumer.drive(network.now, 0);
            while let Some(transmit) = consumer.poll_transmit() {
                network.transmit(transmit);
            }
            while consumer.poll_event().is_some() {}
            let records = consumer.take(100).unwrap();
            seen += records.iter().map(|fetched| fetched.records().count() as i64).sum::<i64>();
            let due = [network.due(), consumer.poll_timeout(network.now), Some(until)];
            network.now = network.now.max(due.into_iter().flatten().min().unwrap());
            while let Some(event) = network.arrive() {
                consumer.handle_transport(event, network.now);
            }
        }
        assert_eq!(seen, expected, "{isolation}");
    }
}

fn batch(offset: i64) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 10);
    builder.try_append(offset, None, Some(&offset.to_be_bytes()), &[]).unwrap();
    let compression = Compression { codec: CompressionType::None, level: None };
    let bytes = builder.finish(&ProducerStamp::NONE, compression).unwrap();
    RecordBatch::parse(bytes).unwrap()
}
