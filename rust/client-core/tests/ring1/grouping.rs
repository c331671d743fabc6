//! Members of a group that read numbered records while everything goes wrong, and some of them die.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Instant, Rng, SplitMix64, TopicPartition};
use client_core::consumer::{
    AssignmentStrategy, Assignments, Assignor, Consumer, Errand, ErrandAnswer, OffsetAndMetadata,
    ProgramAssignor, Rebalance, Subscription, ToCommit,
};
use client_core::{ConnectionId, ConsumerConfig, Transmit, TransportEvent};
use records::{BatchBuilder, Compression, ProducerStamp, RecordBatch};

use crate::fake_cluster::{FakeCluster, TOPIC, rack_of};
use crate::faults::Faults;
use crate::invariants::{CommittedForward, check_assignment, check_calm, check_settled};
use crate::network::Network;

pub(crate) const PARTITIONS: i32 = 4;
pub(crate) const RECORDS: i64 = 80;
const MEMBERS: usize = 3;
/// Of the coordinator and in `session.timeout.ms`.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How long JoinGroup and SyncGroup are waited for: `max.poll.interval.ms`, and 5 s.
const REBALANCE_ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections of different members are told apart by their number modulo this.
pub(crate) const MEMBERS_MAX: u64 = 64;
const STORMY_STEPS: usize = 1500;
pub(crate) const STEPS_MAX: usize = 100_000;
const ASSIGNORS: [&str; 5] =
    ["range", "roundrobin", "sticky", "cooperative-sticky", "cooperative-sticky,range"];

/// What a member's program does when it is told of a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    Returns,
    /// It will not come back from the next one.
    Sticks,
    /// It has not come back since then.
    Stuck(Instant),
}

pub(crate) struct Member {
    pub(crate) number: u64,
    pub(crate) consumer: Consumer,
    pub(crate) callback: Callback,
    /// The offsets after what the program was given, and after what it has come back for.
    given: BTreeMap<TopicPartition, i64>,
    done: BTreeMap<i32, i64>,
    /// Its driver has something to do.
    pub(crate) is_awake: bool,
}

pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) members: Vec<Member>,
    config: ConsumerConfig,
    count: u64,
    seed: u64,
    /// How far any member has ever come.
    pub(crate) done: BTreeMap<i32, i64>,
    committed: CommittedForward,
}

impl Member {
    pub(crate) fn leave(&mut self) {
        self.consumer.unsubscribe();
        self.is_awake = true;
    }

    /// What its program has come back for of these.
    fn finished(&self, partitions: &[TopicPartition]) -> Vec<ToCommit> {
        let finished = partitions.iter().filter_map(|partition| {
            let offset = self.done.get(&partition.partition.0)?;
            let offset = OffsetAndMetadata::of(*offset);
            Some(ToCommit { topic_partition: partition.clone(), offset, tenure: None })
        });
        finished.collect()
    }

    fn commit(&mut self, offsets: Vec<ToCommit>, now: Instant) {
        if !offsets.is_empty() {
            // It may be too late for it, which the program is told.
            let _told = self.consumer.commit(offsets, Duration::from_secs(30), now);
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64, is_new_protocol: bool) -> Self {
        let mut rng = SplitMix64::new(seed);
        let assignor = ASSIGNORS[rng.below(ASSIGNORS.len() as u32) as usize];
        let mut pairs = vec![
            ("bootstrap.servers", "node0:9092,node1:9092"),
            ("request.timeout.ms", "3000"),
            ("socket.connection.setup.timeout.ms", "1000"),
            ("auto.offset.reset", "earliest"),
            ("group.id", "g"),
            ("max.poll.interval.ms", "15000"),
            ("auto.commit.interval.ms", "700"),
        ];
        pairs.extend(if is_new_protocol {
            vec![("group.protocol", "consumer")]
        } else {
            vec![
                ("partition.assignment.strategy", assignor),
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "1000"),
            ]
        });
        let (mut config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
        // Some groups are assigned by their program, of those some cooperatively.
        if !is_new_protocol && seed.is_multiple_of(4) {
            let program = ProgramAssignor {
                name: "program's".into(),
                is_cooperative: seed.is_multiple_of(8),
            };
            let group = config.group.as_mut().unwrap();
            group.assignors = vec![AssignmentStrategy::Program(program)];
        }
        // Old brokers know no ids of topics, without which there is no new protocol.
        let is_old = !is_new_protocol && seed.is_multiple_of(3);
        let mut cluster = FakeCluster::new(3, PARTITIONS, is_old);
        for partition in &mut cluster.partitions {
            while partition.end < RECORDS {
                partition.append(batch(partition.end)).unwrap();
            }
        }
        let network = Network::new(cluster, Faults::random(&mut rng), seed);
        let (members, done) = (Vec::new(), BTreeMap::new());
        let committed = CommittedForward::default();
        let mut world = Self { network, members, config, count: 0, seed, done, committed };
        for _ in 0..MEMBERS {
            world.add_member();
        }
        world
    }

    pub(crate) fn add_member(&mut self) {
        let number = self.count;
        self.count += 1;
        assert!(self.count < MEMBERS_MAX);
        let mut consumer = Consumer::new(self.config.clone(), self.seed ^ (number << 32));
        consumer.subscribe(Subscription::topics([TOPIC])).unwrap();
        let (given, done, callback) = (BTreeMap::new(), BTreeMap::new(), Callback::Returns);
        self.members.push(Member { number, consumer, callback, given, done, is_awake: true });
    }

    pub(crate) fn step(&mut self, rng: &mut SplitMix64) {
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
                member.is_awake = true;
            }
        }
        for index in 0..self.members.len() {
            let is_stuck = matches!(self.members[index].callback, Callback::Stuck(_));
            if rng.below(2) == 0 && !is_stuck {
                self.poll(index, 1 + rng.below(20) as usize);
            }
            self.drive(index);
        }
        self.check_commits();
        for member in &self.members {
            check_assignment(&member.consumer, &self.network.cluster.group);
        }
    }

    /// As the driver, who sleeps until something comes, a timer is due, or the program wakes him.
    fn drive(&mut self, index: usize) {
        let member = &mut self.members[index];
        let timer = member.consumer.poll_timeout(self.network.now);
        if !std::mem::take(&mut member.is_awake) && timer.is_none_or(|at| at > self.network.now) {
            return;
        }
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
        match member.consumer.begin_poll(&given, now) {
            Ok(was_awaited) => member.is_awake |= was_awaited,
            Err(error) => {
                assert!(error.to_string().contains("max.poll.interval.ms"), "{error}");
                member.is_awake = true;
                return;
            }
        }
        while let Some(errand) = member.consumer.errand(now) {
            member.is_awake = true;
            member.consumer.answer_errand(run(errand, member.number), now).unwrap();
        }
        while let Some(rebalance) = member.consumer.rebalance(now) {
            member.is_awake = true;
            if member.callback == Callback::Sticks {
                member.callback = Callback::Stuck(now);
                return;
            }
            let mut given_up = Vec::new();
            match rebalance {
                Rebalance::Assigned(partitions) => {
                    for partition in partitions {
                        member.done.remove(&partition.partition.0);
                    }
                }
                Rebalance::Revoked(partitions) => given_up = member.finished(&partitions),
                Rebalance::Lost(_) => {}
            }
            // Some programs commit when they are told, and some a little too late.
            if rows.is_multiple_of(2) {
                member.commit(given_up.clone(), now);
            }
            member.consumer.rebalanced(now).unwrap();
            if rows.is_multiple_of(3) {
                member.commit(given_up, now);
            }
        }
        for fetched in member.consumer.take(rows).unwrap() {
            member.is_awake = true;
            member.given.insert(fetched.topic_partition, fetched.end);
        }
        member.consumer.end_poll(now);
    }

    /// Nobody commits what his program has not come back for since it got the partition, or what
    /// another member has gone beyond.
    fn check_commits(&mut self) {
        for commit in std::mem::take(&mut self.network.cluster.group.commits) {
            self.committed.check(commit.partition, commit.offset);
            let number = commit.connection.0 % MEMBERS_MAX;
            let member = self.members.iter().find(|member| member.number == number);
            let furthest = self.done.get(&commit.partition).copied().unwrap_or(0);
            assert!(commit.offset <= furthest, "{commit:?}, and nobody has come further");
            // One that died may have had a commit under way.
            if let Some(done) = member.and_then(|member| member.done.get(&commit.partition)) {
                assert!(commit.offset <= *done, "{commit:?} of {done}");
            }
        }
    }
}

/// Whoever has the lowest number reads what the others do not, and each of those one partition.
fn run(errand: Errand, number: u64) -> ErrandAnswer {
    let (mut subscribers, partitions) = match errand {
        Errand::Describe { .. } => {
            return ErrandAnswer::Described(Some(number.to_be_bytes().to_vec().into()));
        }
        Errand::Assign { subscribers, partitions, .. } => (subscribers, partitions.counts),
    };
    subscribers.sort_by_key(|subscriber| subscriber.user_data.clone());
    let mut assignments: Assignments = BTreeMap::new();
    for (topic, count) in partitions {
        for partition in 0..count {
            let place = partition as usize + 1;
            let reader = subscribers.get(place).unwrap_or(&subscribers[0]);
            let given = assignments.entry(reader.member_id.clone()).or_default();
            given.push(TopicPartition::new(topic.clone(), partition));
        }
    }
    ErrandAnswer::Assigned(assignments)
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

pub(crate) fn classic_members(seed: u64) {
    members(seed, World::new(seed, false));
}

pub(crate) fn consumer_members(seed: u64) {
    members(seed, World::new(seed, true));
}

fn members(seed: u64, mut world: World) {
    let mut rng = SplitMix64::new(seed);
    for _ in 0..STORMY_STEPS {
        if rng.below(150) == 0 {
            let victim = rng.below(MEMBERS as u32) as usize;
            world.members.remove(victim); // without a word
            world.add_member();
        }
        if rng.below(400) == 0 {
            world.network.cluster.group.restart(world.network.now);
        }
        world.step(&mut rng);
    }
    world.network.faults = Faults::NONE;
    let mut steps = 0;
    while let Err(reason) = check_settled(&world) {
        world.step(&mut rng);
        steps += 1;
        assert!(steps < STEPS_MAX, "the group does not settle: {reason}");
    }
    assert!(world.done.values().all(|offset| *offset == RECORDS), "{:?}", world.done);
    step_until_polls_wake_nobody(&mut world, &mut rng);
    // Time without records costs thousands of steps: some histories are enough.
    if seed % 6 == 1 {
        // Until nobody is remembered who has died, and nobody waits for an answer that was lost in
        // the storm and finds out only then that he was given up.
        let forgotten = world.network.now + REBALANCE_ANSWER_TIMEOUT;
        while world.network.now < forgotten {
            world.step(&mut rng);
        }
        check_calm(&mut world, &mut rng);
    }
}

/// A driver is woken by the first poll, which the membership waits for, and no more once all is as
/// it should be.
fn step_until_polls_wake_nobody(world: &mut World, rng: &mut SplitMix64) {
    let mut stranger = Consumer::new(world.config.clone(), world.seed);
    stranger.subscribe(Subscription::topics([TOPIC])).unwrap();
    assert!(stranger.begin_poll(&[], world.network.now).unwrap());
    for _ in 0..STEPS_MAX {
        let now = world.network.now;
        let is_awaited = |member: &mut Member| {
            let was_awaited = member.consumer.begin_poll(&[], now).unwrap();
            member.consumer.end_poll(now);
            was_awaited
        };
        let awaited: Vec<_> = world.members.iter_mut().map(is_awaited).collect();
        if awaited.iter().all(|was_awaited| !was_awaited) {
            return;
        }
        world.step(rng);
    }
    panic!("a member waits for its program for ever");
}

/// Beside which broker each member is.
const MEMBERS_STAND: [i32; MEMBERS] = [2, 0, 1];

/// Members that say where they are read what is kept there, also after it was moved: the leader
/// hears of it with the metadata.
pub(crate) fn members_in_racks(seed: u64) {
    const ASSIGNORS: [Assignor; 3] =
        [Assignor::Range, Assignor::Sticky, Assignor::CooperativeSticky];
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed, false);
    world.network.faults = Faults::NONE;
    world.members.clear();
    world.config.connection.metadata_age_max = Duration::from_secs(2);
    for node in MEMBERS_STAND {
        let group = world.config.group.as_mut().unwrap();
        let assignor = ASSIGNORS[seed as usize % ASSIGNORS.len()];
        group.assignors = vec![AssignmentStrategy::Known(assignor)];
        group.rack = Some(rack_of(node));
        world.add_member();
    }
    for replicas_from in [0, 1, 2] {
        world.network.cluster.replicas_from = replicas_from;
        let mut steps = 0;
        while !reads_near(&world) {
            world.step(&mut rng);
            steps += 1;
            assert!(steps < STEPS_MAX, "not everything is read where it is kept");
        }
    }
}

fn reads_near(world: &World) -> bool {
    let mut count = 0;
    for (member, node) in world.members.iter().zip(MEMBERS_STAND) {
        for read in member.consumer.assignment() {
            if world.network.cluster.keeper(read.partition.0) != node {
                return false;
            }
            count += 1;
        }
    }
    count == PARTITIONS
}
