//! Members of a group that read numbered records while everything goes wrong, and some of them die.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::consumer::{Consumer, Rebalance, Subscription};
use client_core::{ConnectionId, ConsumerConfig, Transmit, TransportEvent};
use records::{BatchBuilder, Compression, ProducerStamp, RecordBatch};

use crate::fake_cluster::{FakeCluster, TOPIC};
use crate::faults::Faults;
use crate::network::Network;

const PARTITIONS: i32 = 4;
const RECORDS: i64 = 80;
const MEMBERS: usize = 3;
/// Connections of different members are told apart by their number modulo this.
const MEMBERS_MAX: u64 = 64;
const STORMY_STEPS: usize = 1500;
const STEPS_MAX: usize = 100_000;
const ASSIGNORS: [&str; 5] =
    ["range", "roundrobin", "sticky", "cooperative-sticky", "cooperative-sticky,range"];

struct Member {
    number: u64,
    consumer: Consumer,
    /// The offsets after what the program was given, and after what it has come back for.
    given: BTreeMap<TopicPartition, i64>,
    done: BTreeMap<i32, i64>,
}

struct World {
    network: Network,
    members: Vec<Member>,
    config: ConsumerConfig,
    count: u64,
    seed: u64,
    /// How far any member has ever come.
    done: BTreeMap<i32, i64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let assignor = ASSIGNORS[rng.below(ASSIGNORS.len() as u32) as usize];
        let pairs = [
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("socket.connection.setup.timeout.ms", "1000"),
            ("auto.offset.reset", "earliest"),
            ("group.id", "g"),
            ("partition.assignment.strategy", assignor),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "1000"),
            ("max.poll.interval.ms", "15000"),
            ("auto.commit.interval.ms", "700"),
        ];
        let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
        let mut cluster = FakeCluster::new(3, PARTITIONS, seed.is_multiple_of(3));
        for partition in &mut cluster.partitions {
            while partition.end < RECORDS {
                partition.append(batch(partition.end)).unwrap();
            }
        }
        let network = Network::new(cluster, Faults::random(&mut rng), seed);
        let done = BTreeMap::new();
        let mut world = Self { network, members: Vec::new(), config, count: 0, seed, done };
        for _ in 0..MEMBERS {
            world.add_member();
        }
        world
    }

    fn add_member(&mut self) {
        let number = self.count;
        self.count += 1;
        assert!(self.count < MEMBERS_MAX);
        let mut consumer = Consumer::new(self.config.clone(), self.seed ^ (number << 32));
        consumer.subscribe(Subscription::topics([TOPIC])).unwrap();
        let (given, done) = (BTreeMap::new(), BTreeMap::new());
        self.members.push(Member { number, consumer, given, done });
    }

    fn step(&mut self, rng: &mut SplitMix64) {
        let now = self.network.now;
        let hurry = now + Duration::from_millis(300);
        let timeouts = self.members.iter().filter_map(|member| member.consumer.poll_timeout(now));
        let next = timeouts.chain(self.network.due()).chain([hurry]).min().unwrap();
        self.network.now = now.max(next);
        while let Some(event) = self.network.arrive() {
            let (number, event) = to_member(event);
            // What comes for a dead member is lost.
            if let Some(member) = self.members.iter_mut().find(|member| member.number == number) {
                member.consumer.handle_transport(event, self.network.now);
            }
        }
        for index in 0..self.members.len() {
            if rng.below(2) == 0 {
                self.poll(index, 1 + rng.below(20) as usize);
            }
            self.drive(index);
        }
        self.check_commits();
    }

    fn drive(&mut self, index: usize) {
        let member = &mut self.members[index];
        member.consumer.drive(self.network.now, 0);
        while let Some(transmit) = member.consumer.poll_transmit() {
            self.network.transmit(of_member(member.number, transmit));
        }
        while member.consumer.poll_event().is_some() {}
    }

    /// The program comes back, is told what it is to be told, and is given what there is.
    fn poll(&mut self, index: usize, rows: usize) {
        let now = self.network.now;
        let member = &mut self.members[index];
        for (partition, offset) in &member.given {
            member.done.insert(partition.partition.0, *offset);
            let furthest = self.done.entry(partition.partition.0).or_default();
            *furthest = (*furthest).max(*offset);
        }
        let given: Vec<_> = std::mem::take(&mut member.given).into_iter().collect();
        if let Err(error) = member.consumer.begin_poll(&given, now) {
            assert!(error.to_string().contains("max.poll.interval.ms"), "{error}");
            return;
        }
        while let Some(rebalance) = member.consumer.rebalance().cloned() {
            if let Rebalance::Assigned(partitions) = rebalance {
                for partition in partitions {
                    member.done.remove(&partition.partition.0);
                }
            }
            member.consumer.rebalanced();
        }
        for fetched in member.consumer.take(rows).unwrap() {
            member.given.insert(fetched.topic_partition, fetched.end);
        }
        member.consumer.end_poll(now);
    }

    /// Nobody commits what his program has not come back for since it got the partition.
    fn check_commits(&mut self) {
        for (connection, partition, offset) in
            std::mem::take(&mut self.network.cluster.group.commits)
        {
            let number = connection.0 % MEMBERS_MAX;
            let member = self.members.iter().find(|member| member.number == number);
            let furthest = self.done.get(&partition).copied().unwrap_or(0);
            assert!(offset <= furthest, "{partition} was committed at {offset}");
            // One that died may have had a commit under way.
            if let Some(done) = member.and_then(|member| member.done.get(&partition)) {
                assert!(offset <= *done, "{partition}: {offset} of {done} was committed");
            }
        }
    }

    /// Everything is owned by one member each, read, and committed.
    fn is_settled(&self) -> bool {
        let mut owned = BTreeSet::new();
        let disjoint = self
            .members
            .iter()
            .flat_map(|member| member.consumer.assignment())
            .all(|partition| owned.insert(partition.partition.0));
        let group = &self.network.cluster.group;
        let all: BTreeSet<_> = (0..PARTITIONS).collect();
        let committed = group.committed.values().filter(|offset| **offset == RECORDS).count();
        disjoint && owned == all && group.owned() == all && committed == PARTITIONS as usize
    }
}

fn batch(base_offset: i64) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 16);
    for offset in base_offset..base_offset + 8 {
        builder.try_append(offset, None, Some(&offset.to_be_bytes()), &[]).unwrap();
    }
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    RecordBatch::parse(bytes).unwrap()
}

/// Members number their connections from the same start: on the network they have others.
fn of_member(number: u64, transmit: Transmit) -> Transmit {
    let on_network = |id: ConnectionId| ConnectionId(id.0 * MEMBERS_MAX + number);
    match transmit {
        Transmit::Connect { connection, address, timeout } => {
            Transmit::Connect { connection: on_network(connection), address, timeout }
        }
        Transmit::Send { connection, frame } => {
            Transmit::Send { connection: on_network(connection), frame }
        }
        Transmit::Close { connection } => Transmit::Close { connection: on_network(connection) },
    }
}

fn to_member(event: TransportEvent) -> (u64, TransportEvent) {
    let own = |id: ConnectionId| ConnectionId(id.0 / MEMBERS_MAX);
    match event {
        TransportEvent::Connected { connection: id } => {
            (id.0 % MEMBERS_MAX, TransportEvent::Connected { connection: own(id) })
        }
        TransportEvent::Received { connection: id, frame } => {
            (id.0 % MEMBERS_MAX, TransportEvent::Received { connection: own(id), frame })
        }
        TransportEvent::Closed { connection: id, reason } => {
            (id.0 % MEMBERS_MAX, TransportEvent::Closed { connection: own(id), reason })
        }
    }
}

pub(crate) fn members(seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed);
    for _ in 0..STORMY_STEPS {
        if rng.below(150) == 0 {
            let victim = rng.below(MEMBERS as u32) as usize;
            world.members.remove(victim); // without a word
            world.add_member();
        }
        world.step(&mut rng);
    }
    world.network.faults = Faults::NONE;
    let mut steps = 0;
    while !world.is_settled() {
        world.step(&mut rng);
        steps += 1;
        assert!(steps < STEPS_MAX, "the group does not settle");
    }
    assert!(world.done.values().all(|offset| *offset == RECORDS), "{:?}", world.done);
}
