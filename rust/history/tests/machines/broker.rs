//! One broker made of the real machines: logs, verification of writes, the coordinators of
//! transactions and of groups. It moves their bytes and their time as the shells of `broker` do; an
//! answer waits for what it rests on to be durable.
//!
//! Killed, it leaves a disk that may have lost what was not synced; another life begins from that.

mod coordinating;
mod describing;
mod group_host;
pub(crate) mod partition;
mod produce;
mod reading;
pub(crate) mod topics;
mod transaction_host;
mod transactional_offsets;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::{Instant, LeaderEpoch, Offset, Rng, SplitMix64, TopicPartition};
use bytes::Bytes;
use coordinator::Now;
use coordinator::transaction::{Markers, MarkersOutcome, TransactionResponse};
use storage::FaultyDisk;
use storage::disk::Survivors;
use wire::fetch::FetchRequest;
use wire::{ApiKey, Message, Reader, encode_response};

use self::group_host::GroupHost;
use self::partition::{Partition, PartitionTerms};
use self::produce::Produce;
use self::topics::{OFFSETS, TRANSACTIONS};
use self::transaction_host::TransactionHost;
use self::transactional_offsets::TransactionalOffsets;
use crate::network::Line;
use crate::protocol::Protocol;
use crate::weakness::Weakness;
use crate::weather::{happens, up_to_ms};

/// Where virtual time begins, in milliseconds since 1970.
const START_UNIX_MS: i64 = 1_700_000_000_000;
/// How long after a write the disk is asked to sync.
const SYNC_MS_MAX: u32 = 6;

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// None if nobody listens any more.
    line: Option<Line>,
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) line: Line,
    pub(crate) correlation_id: i32,
    pub(crate) frame: Bytes,
}

/// Who has asked the coordinator of transactions.
#[derive(Debug)]
pub(crate) enum Asker {
    Client(Caller),
    /// The first write in the queue of this transactional id.
    Produce(String),
    Offsets(Box<TransactionalOffsets>),
}

/// What has to wait until logs are durable up to some offsets.
#[derive(Debug)]
struct Held {
    until: Vec<(TopicPartition, Offset)>,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Answer(Caller, Bytes),
    Tell(Asker, TransactionResponse),
    SendMarkers(Markers),
    Markers(MarkersOutcome),
}

/// What is to be done at its time.
#[derive(Debug)]
enum Work {
    Sync,
    WriteMarkers(Markers),
    Fetch(Caller, FetchRequest),
}

/// What outlives the process: the disk, and what others keep for it.
#[derive(Debug)]
pub(crate) struct Remains {
    disk: FaultyDisk,
    recovery_points: BTreeMap<TopicPartition, Offset>,
    leader_epoch: i32,
    next_producer_id: i64,
    seed: u64,
}

#[derive(Debug)]
pub(crate) struct Broker {
    protocol: Protocol,
    weakness: Option<Weakness>,
    /// The chance in a thousand that a partition does not take a marker.
    pub(crate) marker_fails: u32,
    disk: FaultyDisk,
    leader_epoch: i32,
    now: Now,
    partitions: BTreeMap<TopicPartition, Partition>,
    transactions: TransactionHost,
    groups: GroupHost,
    /// Writes that wait for the coordinator, by transactional id, in their order.
    produces: BTreeMap<String, VecDeque<Produce>>,
    held: VecDeque<Held>,
    work: BTreeMap<(Instant, u64), Work>,
    count: u64,
    is_sync_due: bool,
    answers: Vec<Answered>,
    rng: SplitMix64,
}

impl Remains {
    /// Of a broker that never was.
    pub(crate) fn nothing(seed: u64) -> Self {
        Self {
            disk: FaultyDisk::new(),
            recovery_points: BTreeMap::new(),
            leader_epoch: -1,
            next_producer_id: 1_000,
            seed: seed ^ 0xb20c,
        }
    }
}

impl Broker {
    /// Begins a life.
    pub(crate) fn start(
        remains: Remains,
        protocol: Protocol,
        weakness: Option<Weakness>,
        at: Instant,
    ) -> Self {
        let Remains { disk, recovery_points, leader_epoch, next_producer_id, seed } = remains;
        let (leader_epoch, now) = (leader_epoch + 1, unix_time(at));
        let image = topics::image(protocol.version());
        let mut partitions = BTreeMap::new();
        for (name, topic_id, count) in topics::topics() {
            for index in 0..count {
                let name = TopicPartition::new(name, index);
                let terms = PartitionTerms {
                    name: name.clone(),
                    topic_id,
                    leader_epoch,
                    recovery_point: recovery_points.get(&name).copied().unwrap_or(Offset::ZERO),
                    verifies_transactions: weakness != Some(Weakness::UnverifiedWrites),
                    now_ms: now.unix_ms,
                };
                let partition = Partition::open(&disk, terms);
                if weakness == Some(Weakness::ForgetsProducers) {
                    partition.log.expire_producers(i64::MAX);
                }
                partitions.insert(name, partition);
            }
        }
        let log_of = |topic: &'static str| &partitions[&TopicPartition::new(topic, 0)];
        let transactions = TransactionHost::load(&image, log_of(TRANSACTIONS), next_producer_id);
        let groups = GroupHost::load(&image, log_of(OFFSETS), seed);
        let mut broker = Self {
            protocol,
            weakness,
            marker_fails: 0,
            disk,
            leader_epoch,
            now,
            partitions,
            transactions,
            groups,
            produces: BTreeMap::new(),
            held: VecDeque::new(),
            work: BTreeMap::new(),
            count: 0,
            is_sync_due: false,
            answers: Vec::new(),
            rng: SplitMix64::new(seed.wrapping_add(1)),
        };
        broker.load_coordinators();
        broker.settle();
        broker
    }

    /// Ends it, as `kill -9` does or a power cut: of what was not synced some may be lost.
    pub(crate) fn kill(mut self) -> Remains {
        let unsynced = self.disk.unsynced();
        let survivors = match self.rng.below(3) {
            0 => Survivors::all(),
            1 => Survivors::synced(&self.disk),
            _ => {
                let lost = unsynced.iter().filter(|_| self.rng.below(2) == 0);
                Survivors { lost: lost.map(|lost| lost.operation).collect(), torn: None }
            }
        };
        let partitions = self.partitions.into_iter();
        Remains {
            disk: self.disk.after_crash(&survivors),
            recovery_points: partitions.map(|(name, it)| (name, it.recovery_point)).collect(),
            leader_epoch: self.leader_epoch,
            next_producer_id: self.transactions.next_producer_id,
            seed: self.rng.next_u64(),
        }
    }

    /// A request has come.
    pub(crate) fn handle(&mut self, line: Option<Line>, frame: Bytes, at: Instant) {
        self.now = unix_time(at);
        let mut reader = Reader::new(frame);
        let (api, header) = wire::decode_request_header(&mut reader).expect("our own client's");
        let (version, correlation_id) = (header.request_api_version, header.correlation_id);
        let caller = Caller { line, api, version, correlation_id };
        match api {
            ApiKey::ApiVersions => self.answer(caller, &self.api_versions()),
            ApiKey::Metadata => self.answer(caller, &self.metadata()),
            ApiKey::FindCoordinator => self.find_coordinator(caller, &read(&mut reader, version)),
            ApiKey::Produce => self.produce(caller, read(&mut reader, version)),
            ApiKey::Fetch => self.fetch(caller, read(&mut reader, version)),
            ApiKey::ListOffsets => self.list_offsets(caller, &read(&mut reader, version)),
            ApiKey::OffsetForLeaderEpoch => self.epoch_ends(caller, &read(&mut reader, version)),
            ApiKey::TxnOffsetCommit => {
                self.commit_in_transaction(caller, read(&mut reader, version));
            }
            ApiKey::InitProducerId
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::EndTxn => self.ask_about_transaction(caller, &mut reader),
            _ => self.ask_group(caller, &mut reader),
        }
        self.settle();
    }

    /// Time passes, and what is due happens in its order.
    pub(crate) fn pass_time(&mut self, at: Instant) {
        self.now = unix_time(at);
        while let Some(due) = self.work.first_key_value().map(|((due, _), _)| *due)
            && due <= at
            && let Some((_, work)) = self.work.pop_first()
        {
            match work {
                Work::Sync => self.sync(),
                Work::WriteMarkers(markers) => self.write_markers(&markers),
                Work::Fetch(caller, request) => self.fetch_now(caller, &request),
            }
        }
        self.fire_timers();
        self.settle();
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let work = self.work.first_key_value().map(|((due, _), _)| *due);
        [work, self.transactions.due(), self.groups.due()].into_iter().flatten().min()
    }

    pub(crate) fn take_answers(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.answers)
    }

    /// The high watermark of a partition.
    pub(crate) fn end_of(&self, partition: &TopicPartition) -> i64 {
        self.partitions[partition].log.offsets().high_watermark.0
    }

    fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch)
    }

    fn has(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    fn at(&mut self, after: Duration, work: Work) {
        self.count += 1;
        self.work.insert((self.now.instant + after, self.count), work);
    }

    fn hold(&mut self, until: Vec<(TopicPartition, Offset)>, then: Then) {
        self.held.push_back(Held { until, then });
    }

    fn answer<M: Message>(&mut self, caller: Caller, response: &M) {
        let frame = encoded(caller, response);
        self.send(caller, frame);
    }

    fn send(&mut self, caller: Caller, frame: Bytes) {
        let Some(line) = caller.line else { return };
        self.answers.push(Answered { line, correlation_id: caller.correlation_id, frame });
    }

    fn sync(&mut self) {
        self.is_sync_due = false;
        for (name, partition) in &mut self.partitions {
            // The disk takes its time with some, and with what nobody waits for.
            let is_awaited = match self.weakness {
                Some(Weakness::TellsTooEarly) => &*name.topic != TRANSACTIONS,
                Some(Weakness::AcknowledgesTooEarly) => name.topic.starts_with("__"),
                _ => true,
            };
            let chance = if is_awaited { 800 } else { 10 };
            if !partition.is_synced() && happens(&mut self.rng, chance) {
                partition.sync(self.rng.below(4) == 0);
            }
        }
    }

    /// Does what nothing stands in the way of any more.
    fn settle(&mut self) {
        loop {
            let partitions = &self.partitions;
            let is_ready = |held: &Held| {
                held.until.iter().all(|(name, up_to)| partitions[name].is_committed(*up_to))
            };
            let Some(place) = self.held.iter().position(is_ready) else { break };
            let Some(held) = self.held.remove(place) else { break };
            self.perform(held.then);
        }
        if !self.is_sync_due && self.partitions.values().any(|partition| !partition.is_synced()) {
            self.is_sync_due = true;
            let after = up_to_ms(&mut self.rng, SYNC_MS_MAX);
            self.at(after, Work::Sync);
        }
    }

    fn perform(&mut self, then: Then) {
        match then {
            Then::Answer(caller, frame) => self.send(caller, frame),
            Then::Tell(asker, response) => self.tell(asker, &response),
            Then::SendMarkers(markers) => self.send_markers(markers),
            Then::Markers(outcome) => self.hear_of_markers(&outcome),
        }
    }
}

fn unix_time(instant: Instant) -> Now {
    Now { instant, unix_ms: START_UNIX_MS + (instant.0 / 1_000_000) as i64 }
}

fn read<M: Message>(reader: &mut Reader, version: i16) -> M {
    M::decode(reader, version).expect("our own client's")
}

fn encoded<M: Message>(caller: Caller, response: &M) -> Bytes {
    let Caller { api, version, correlation_id, .. } = caller;
    let frame = encode_response(api, version, correlation_id, response).expect("it is ours");
    frame.collect().expect("it is in memory").slice(4..)
}
