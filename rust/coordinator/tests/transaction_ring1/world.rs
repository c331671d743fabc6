//! One history: a minute of bad weather, then a calm in which every transaction has to end.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, Rng, SplitMix64};
use coordinator::ReplyToken;
use coordinator::transaction::{
    Markers, MarkersOutcome, TransactionConfig, TransactionRequest, TransactionResponse,
};

use crate::group_host::remove_topic;
use crate::host::Host;
use crate::outcomes::{Outcomes, PartitionName};
use crate::partition::PartitionLog;
use crate::producer::{ProducerClient, Step, is_retriable};
use crate::requests::{
    Producer, Speaks, V1, V2, add_request, codes, end_request, error, init_request,
};
use crate::weather::{Weather, happens};

/// How the producers and the cluster speak of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `transaction.version` 0 or 1: clients add partitions, writes are verified.
    V1,
    /// `transaction.version` 2: writes add their partitions, each end bumps the epoch.
    V2,
}

/// What has come of a history.
pub(crate) struct Ends {
    pub(crate) committed: usize,
    pub(crate) aborted: usize,
    pub(crate) log: String,
}

const STORM: Duration = Duration::from_mins(1);
const CALM: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(100);
/// When a producer asks again for what it has no answer to, or that could not be done yet.
const RESEND: Duration = Duration::from_secs(2);
const BACKOFF: Duration = Duration::from_millis(50);
/// The time-out of transactions, and how long one sleeps that exceeds it.
const TIMEOUT_MS: i32 = 4_000;
const SLEEP: Duration = Duration::from_secs(9);
/// Two producers have the same id: they take each other's place.
const IDS: [&str; 4] = ["a", "a", "b", "c"];
/// The topic that may be deleted, with its number.
const DOOMED: (&str, u8) = ("clicks", 2);

/// What happens at its time.
#[derive(Clone, Debug)]
enum Event {
    /// A producer may go on, if it still waits for this request.
    Wake { client: usize, request: u64 },
    /// A producer's request comes to the coordinator.
    Request { from: From, version: i16, request: TransactionRequest },
    /// An answer comes to a producer.
    Answer { from: From, response: TransactionResponse },
    /// A write comes to the leader of its partition.
    Write { from: From, write: Write },
    /// The coordinator has answered the leader that asked for a write.
    Verified { from: From, write: Write, guard: u64, code: ErrorCode },
    /// The leader has answered a write.
    Written { from: From, code: ErrorCode },
    /// Markers come to their partitions.
    Markers { life: i32, markers: Markers },
    /// The coordinator hears of them.
    Outcome { life: i32, outcome: MarkersOutcome },
}

/// Which request of which producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct From {
    client: usize,
    request: u64,
}

#[derive(Clone, Debug)]
struct Write {
    transactional_id: String,
    producer: Producer,
    partition: PartitionName,
    transaction: u64,
    number: u32,
}

/// Who waits for a reply of the coordinator.
#[derive(Clone, Debug)]
enum Waiting {
    Client(From),
    Leader { from: From, write: Write, guard: u64 },
}

pub(crate) struct World {
    host: Host,
    protocol: Protocol,
    rng: SplitMix64,
    weather: Weather,
    events: BTreeMap<(Duration, u64), Event>,
    /// Numbers events, requests and transactions.
    count: u64,
    clients: Vec<ProducerClient>,
    partitions: BTreeMap<PartitionName, PartitionLog>,
    waiting: BTreeMap<ReplyToken, Waiting>,
    outcomes: Outcomes,
    is_calm: bool,
}

impl World {
    pub(crate) fn new(seed: u64, protocol: Protocol) -> Self {
        let mut rng = SplitMix64::new(seed);
        let version = if protocol == Protocol::V2 { 2 } else { (seed % 2) as i16 };
        let config = TransactionConfig {
            abort_timed_out_transaction_cleanup_interval_ms: 1_000,
            ..TransactionConfig::default()
        };
        // In every third history the epochs come to their end.
        let log = match seed % 3 {
            0 => IDS.iter().zip(0..).map(|(id, n)| nearly_exhausted(id, 500 + n)).collect(),
            _ => Vec::new(),
        };
        let mut host = Host::with_log(version, &config, log);
        host.commits_at_once = false;
        let weather = Weather::random(&mut rng);
        let names = (0..4).map(|p| ("orders".to_owned(), p));
        let names = names.chain((0..3).map(|p| (DOOMED.0.to_owned(), p)));
        Self {
            host,
            protocol,
            weather: if protocol == Protocol::V2 { weather } else { weather.in_order() },
            rng,
            events: BTreeMap::new(),
            count: 0,
            clients: IDS.iter().map(|id| ProducerClient::new(id)).collect(),
            partitions: names.map(|name| (name, PartitionLog::default())).collect(),
            waiting: BTreeMap::new(),
            outcomes: Outcomes::default(),
            is_calm: false,
        }
    }

    pub(crate) fn run(mut self) -> Ends {
        for client in 0..self.clients.len() {
            self.act(client);
        }
        while self.host.elapsed() < STORM {
            self.tick();
        }
        self.weather = Weather::default();
        self.is_calm = true;
        while self.host.elapsed() < STORM + CALM {
            self.tick();
        }
        for id in ["a", "b", "c"] {
            self.host.commit_log();
            let state = self.host.describe(id).transaction_state;
            assert!(!state.starts_with("Prepare") && state != "Ongoing", "{id} is left {state}");
        }
        self.outcomes.check(&self.partitions);
        let told = |committed| {
            let all = self.outcomes.transactions.values();
            all.filter(|told| told.committed == Some(committed)).count()
        };
        let log = format!("{:?} {:?}", self.host.log, self.partitions);
        Ends { committed: told(true), aborted: told(false), log }
    }

    /// A tenth of a second: what is due happens, and perhaps a disaster.
    fn tick(&mut self) {
        let end = self.host.elapsed() + TICK;
        while let Some(due) = self.events.first_key_value().map(|((due, _), _)| *due)
            && due <= end
        {
            if due > self.host.elapsed() {
                self.host.advance(due.saturating_sub(self.host.elapsed()));
            }
            if let Some((_, event)) = self.events.pop_first() {
                self.happen(event);
            }
            self.release();
        }
        self.host.advance(end.saturating_sub(self.host.elapsed()));
        self.release();
        if happens(&mut self.rng, self.weather.coordinator_restarts / 10) {
            self.restart();
        }
        if happens(&mut self.rng, self.weather.topic_is_deleted / 10) {
            self.delete_topic();
        }
        for client in 0..self.clients.len() {
            if happens(&mut self.rng, self.weather.producer_dies / 10) {
                self.clients[client].begin_anew();
                self.act(client);
            }
        }
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.count += 1;
        self.events.insert((self.host.elapsed() + delay, self.count), event);
    }

    /// Over the network.
    fn send(&mut self, event: &Event) {
        if happens(&mut self.rng, self.weather.lost) {
            return;
        }
        for _ in 0..=u8::from(happens(&mut self.rng, self.weather.repeated)) {
            let delay = self.weather.delay(&mut self.rng);
            self.after(delay, event.clone());
        }
    }

    /// What has been appended is committed sooner or later, and what waits for it leaves.
    fn release(&mut self) {
        if self.rng.below(3) > 0 || self.is_calm {
            self.host.commit_log();
        }
        for (token, response) in self.host.take_released() {
            match self.waiting.remove(&token) {
                Some(Waiting::Client(from)) => self.send(&Event::Answer { from, response }),
                Some(Waiting::Leader { from, write, guard }) => {
                    let code = codes(&response)[0];
                    let delay = self.weather.delay(&mut self.rng);
                    self.after(delay, Event::Verified { from, write, guard, code });
                }
                None => panic!("nobody waits for {token:?}"),
            }
        }
        let life = self.host.coordinator_epoch;
        for markers in self.host.take_markers() {
            let delay = self.weather.delay(&mut self.rng);
            self.after(delay, Event::Markers { life, markers });
        }
    }

    fn restart(&mut self) {
        self.waiting.clear();
        self.host.restart();
        self.release();
    }

    fn delete_topic(&mut self) {
        let mut image = self.host.image.clone();
        if image.topic_by_name(DOOMED.0).is_some() {
            remove_topic(&mut image, DOOMED.1);
            self.partitions.retain(|(topic, _), _| topic != DOOMED.0);
            self.host.set_image(image);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { client, request } => {
                if self.clients[client].request == request {
                    self.act(client);
                }
            }
            Event::Request { from, version, request } => {
                let token = self.host.send(version, &request);
                self.waiting.insert(token, Waiting::Client(from));
            }
            Event::Answer { from, response } => {
                if self.clients[from.client].request == from.request {
                    self.hear(from.client, &response);
                }
            }
            Event::Write { from, write } => self.verify(from, write),
            Event::Verified { from, write, guard, code } => {
                let code = self.append(&write, guard, code);
                self.send(&Event::Written { from, code });
            }
            Event::Written { from, code } => {
                if self.clients[from.client].request == from.request {
                    self.hear_of_write(from.client, code);
                }
            }
            Event::Markers { life, markers } => self.write_markers(life, &markers),
            Event::Outcome { life, outcome } => {
                // Of a coordinator that is no more nobody wants to know.
                if life == self.host.coordinator_epoch {
                    self.host.on_markers(&outcome);
                }
            }
        }
    }

    fn speaks(&self) -> Speaks {
        if self.protocol == Protocol::V2 { V2 } else { V1 }
    }

    /// Sends what the producer's step asks for.
    fn act(&mut self, client: usize) {
        self.count += 1;
        let from = From { client, request: self.count };
        self.clients[client].request = from.request;
        let speaks = self.speaks();
        let producer = self.clients[client].clone();
        let (id, identity) = (producer.transactional_id.as_str(), producer.identity);
        let (version, request) = match producer.step {
            Step::Rest => return,
            Step::Begin => (speaks.init, init_request(id, producer.expected, TIMEOUT_MS)),
            Step::Add => {
                let partitions: Vec<[i32; 1]> = producer.plan.iter().map(|(_, p)| [*p]).collect();
                let topics = producer.plan.iter().zip(&partitions);
                let topics: Vec<(&str, &[i32])> =
                    topics.map(|((topic, _), p)| (topic.as_str(), &p[..])).collect();
                (speaks.add, add_request(speaks.add, false, id, identity, &topics))
            }
            Step::Write(number) => {
                let write = Write {
                    transactional_id: id.to_owned(),
                    producer: identity,
                    partition: producer.plan[number].clone(),
                    transaction: producer.transaction,
                    number: u32::try_from(number).unwrap(),
                };
                self.send(&Event::Write { from, write });
                return self.after(RESEND, Event::Wake { client, request: from.request });
            }
            Step::End(commit) => (speaks.end, end_request(id, identity, commit)),
        };
        self.send(&Event::Request { from, version, request });
        self.after(RESEND, Event::Wake { client, request: from.request });
    }

    fn again_later(&mut self, client: usize) {
        self.count += 1;
        let request = self.count;
        self.clients[client].request = request;
        self.after(BACKOFF, Event::Wake { client, request });
    }

    /// The producer hears from the coordinator.
    fn hear(&mut self, client: usize, response: &TransactionResponse) {
        let session = (client, self.clients[client].session);
        let (code, identity) = match response {
            TransactionResponse::InitProducerId(r) => {
                (error(r.error_code), Some((r.producer_id, r.producer_epoch)))
            }
            TransactionResponse::EndTxn(r) => {
                let is_bumped = self.protocol == Protocol::V2;
                (error(r.error_code), is_bumped.then_some((r.producer_id, r.producer_epoch)))
            }
            added => (codes(added)[0], None),
        };
        if is_retriable(code) {
            return self.again_later(client);
        }
        if code != ErrorCode::None {
            return self.fail(client);
        }
        if let Some(identity) = identity {
            self.outcomes.give(identity, session);
            self.clients[client].identity = identity;
        }
        match self.clients[client].step.clone() {
            Step::Begin => self.begin_transaction(client),
            Step::Add => self.clients[client].step = Step::Write(0),
            Step::End(commit) => {
                let transaction = self.clients[client].transaction;
                let told = self.outcomes.transactions.entry(transaction).or_default();
                told.committed = Some(commit);
                self.begin_transaction(client);
            }
            other => panic!("{other:?} is not asked of the coordinator"),
        }
        self.go_on(client);
    }

    /// The next step, perhaps after a sleep that is too long.
    fn go_on(&mut self, client: usize) {
        if happens(&mut self.rng, self.weather.producer_sleeps) {
            self.count += 1;
            let request = self.count;
            self.clients[client].request = request;
            return self.after(SLEEP, Event::Wake { client, request });
        }
        self.act(client);
    }

    fn begin_transaction(&mut self, client: usize) {
        if self.is_calm {
            self.clients[client].step = Step::Rest;
            return;
        }
        self.count += 1;
        let names: Vec<PartitionName> = self.partitions.keys().cloned().collect();
        let adds = self.protocol == Protocol::V1;
        self.clients[client].plan(self.count, &names, adds, &mut self.rng);
    }

    /// Who cannot go on begins anew, as somebody else or as who it was.
    fn fail(&mut self, client: usize) {
        if self.rng.below(2) == 0 && self.clients[client].expected == (-1, -1) {
            self.clients[client].go_on();
        } else {
            self.clients[client].begin_anew();
        }
        self.again_later(client);
    }

    /// The leader asks the coordinator whether a write belongs to a transaction, or makes it so.
    fn verify(&mut self, from: From, write: Write) {
        let Some(log) = self.partitions.get(&write.partition) else {
            let code = ErrorCode::UnknownTopicOrPartition;
            return self.send(&Event::Written { from, code });
        };
        let guard = log.guard(write.producer);
        let (topic, partition) = &write.partition;
        let topics: &[(&str, &[i32])] = &[(topic.as_str(), &[*partition])];
        let verify_only = self.protocol == Protocol::V1;
        let version = if verify_only { 4 } else { 5 };
        let id = &write.transactional_id;
        let request = add_request(version, verify_only, id, write.producer, topics);
        let token = self.host.send(version, &request);
        self.waiting.insert(token, Waiting::Leader { from, write, guard });
    }

    fn append(&mut self, write: &Write, guard: u64, code: ErrorCode) -> ErrorCode {
        if code != ErrorCode::None {
            return code;
        }
        let Some(log) = self.partitions.get_mut(&write.partition) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        let record = (write.transaction, write.number);
        log.append(write.producer, guard, record).err().unwrap_or(ErrorCode::None)
    }

    fn hear_of_write(&mut self, client: usize, code: ErrorCode) {
        if is_retriable(code) {
            return self.again_later(client);
        }
        let producer = &mut self.clients[client];
        let Step::Write(number) = producer.step else { panic!("{:?}", producer.step) };
        if code != ErrorCode::None {
            return self.fail(client);
        }
        let (transaction, partition) = (producer.transaction, producer.plan[number].clone());
        producer.has_written(number, &mut self.rng);
        let told = self.outcomes.transactions.entry(transaction).or_default();
        told.written.insert((partition, u32::try_from(number).unwrap()));
        self.go_on(client);
    }

    fn write_markers(&mut self, life: i32, markers: &Markers) {
        let mut outcome = Vec::new();
        for (topic, partitions) in &markers.partitions {
            let mut codes = Vec::new();
            for &partition in partitions {
                let fails = happens(&mut self.rng, self.weather.marker_fails);
                let log = self.partitions.get_mut(&(topic.clone(), partition));
                let code = match log {
                    _ if fails => ErrorCode::NotLeaderOrFollower,
                    Some(log) => log.end(markers),
                    None => ErrorCode::UnknownTopicOrPartition,
                };
                codes.push((partition, code));
            }
            outcome.push((topic.clone(), codes));
        }
        // Each topic's answer comes by itself, and some come twice.
        for topic in outcome {
            let transactional_id = markers.transactional_id.clone();
            let outcome =
                MarkersOutcome { token: markers.token, transactional_id, partitions: vec![topic] };
            for _ in 0..=u8::from(happens(&mut self.rng, self.weather.repeated)) {
                let delay = self.weather.delay(&mut self.rng);
                self.after(delay, Event::Outcome { life, outcome: outcome.clone() });
            }
        }
    }
}

/// An id whose producer has few epochs left.
fn nearly_exhausted(id: &str, producer_id: i64) -> coordinator::transaction::TransactionRecord {
    crate::requests::idle_record(id, producer_id, i16::MAX - 6)
}
