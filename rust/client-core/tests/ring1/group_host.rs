//! The broker's own group coordinator as the host of one group: it appends, replays, sets timers
//! and holds answers back as a broker does, and is restarted from what it has written.

use std::collections::{BTreeMap, BTreeSet};

use base::{ErrorCode, Instant, Offset, SplitMix64, Uuid};
use bytes::Bytes;
use client_core::ConnectionId;
use coordinator::{
    Client, CoordinatorConfig, CoordinatorRecord, Decision, Now, ReplyToken, Request, Response,
    Shard, TimerChange, TimerKey,
};
use metadata::MetadataImage;
use metadata::record::{MetadataRecord, PartitionRecord, TopicRecord};
use wire::find_coordinator::{Coordinator, FindCoordinatorResponse};
use wire::offset_commit::OffsetCommitRequest;
use wire::{ApiKey, Message, Reader, encode_response};

use crate::fake_cluster::{TOPIC, TOPIC_ID};

/// Where virtual time begins, in milliseconds since 1970.
const START_UNIX_MS: i64 = 1_700_000_000_000;

/// Where an answer goes that is held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) connection: ConnectionId,
    pub(crate) correlation_id: i32,
    pub(crate) version: i16,
}

/// An offset that was accepted, and who has committed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub(crate) connection: ConnectionId,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

#[derive(Debug)]
pub(crate) struct GroupHost {
    shard: Shard,
    image: MetadataImage,
    log: Vec<CoordinatorRecord>,
    timers: BTreeMap<TimerKey, Instant>,
    callers: BTreeMap<ReplyToken, (ApiKey, Caller, Option<OffsetCommitRequest>)>,
    next_token: u64,
    rng: SplitMix64,
    now: Instant,
    released: Vec<(ConnectionId, Bytes)>,
    /// What the coordinator has written of a member of the new protocol: its epoch, and what it
    /// was given and has not given up.
    held: BTreeMap<String, (i32, BTreeSet<i32>)>,
    pub(crate) committed: BTreeMap<i32, i64>,
    /// What was accepted since somebody last looked.
    pub(crate) commits: Vec<Commit>,
}

impl GroupHost {
    pub(crate) fn new(partitions: i32) -> Self {
        let image = image(partitions);
        let mut host = Self {
            shard: Shard::new(config(), image.clone()),
            image,
            log: Vec::new(),
            timers: BTreeMap::new(),
            callers: BTreeMap::new(),
            next_token: 0,
            rng: SplitMix64::new(7),
            now: Instant::default(),
            released: Vec::new(),
            held: BTreeMap::new(),
            committed: BTreeMap::new(),
            commits: Vec::new(),
        };
        let loaded = host.shard.on_loaded(host.time());
        host.apply(loaded);
        host
    }

    /// Time passes, and timers fire in their order.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        while let Some((key, at)) = self.timers.iter().min_by_key(|(_, at)| **at)
            && *at <= now
        {
            let key = key.clone();
            self.now = self.now.max(*at);
            self.timers.remove(&key);
            let decision = self.shard.on_timer(self.time(), &key);
            self.apply(decision);
        }
        self.now = now;
    }

    /// The broker stops and starts again: who waits for an answer is forgotten.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.now = now;
        self.shard = Shard::new(config(), self.image.clone());
        for (offset, record) in self.log.iter().enumerate() {
            self.shard.replay(Offset(offset as i64), record);
        }
        self.timers.clear();
        self.callers.clear();
        let loaded = self.shard.on_loaded(self.time());
        self.apply(loaded);
    }

    /// Answers that were held back and are not any more.
    pub(crate) fn released(&mut self) -> Vec<(ConnectionId, Bytes)> {
        std::mem::take(&mut self.released)
    }

    /// What the coordinator believes a member to hold, if it knows it in this epoch.
    pub(crate) fn held(&self, member_id: &str, epoch: i32) -> Option<BTreeSet<i32>> {
        self.held.get(member_id).filter(|(known, _)| *known == epoch).map(|(_, held)| held.clone())
    }

    pub(crate) fn answer(
        &mut self,
        api: ApiKey,
        caller: Caller,
        mut reader: Reader,
        now: Instant,
    ) -> Option<Bytes> {
        self.pass_time(now);
        if api == ApiKey::FindCoordinator {
            return Some(reply(api, caller, &find(caller.version)));
        }
        let request = decode(api, &mut reader, caller.version);
        let commit = match &request {
            Request::OffsetCommit(commit) => Some(commit.clone()),
            _ => None,
        };
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        self.callers.insert(token, (api, caller, commit));
        let client = Client {
            client_id: "ring1".to_owned(),
            host: "/10.0.0.1".to_owned(),
            api_version: caller.version,
        };
        let now = self.time();
        let decision = self.shard.decide(now, &mut self.rng, &client, &request, token);
        self.apply(decision);
        None
    }

    fn time(&self) -> Now {
        Now { instant: self.now, unix_ms: START_UNIX_MS + (self.now.0 / 1_000_000) as i64 }
    }

    fn apply(&mut self, decision: Decision) {
        for record in decision.records {
            self.shard.replay(Offset(self.log.len() as i64), &record);
            self.note(&record);
            self.log.push(record);
        }
        for change in decision.timers {
            match change {
                TimerChange::Schedule { key, at } => {
                    self.timers.insert(key, at);
                }
                TimerChange::Cancel { key } => {
                    self.timers.remove(&key);
                }
            }
        }
        for (token, response) in decision.replies {
            let Some((api, caller, commit)) = self.callers.remove(&token) else { continue };
            if let (Response::OffsetCommit(response), Some(commit)) = (&response, commit) {
                let codes = response.topics.iter().flat_map(|topic| &topic.partitions);
                let asked = commit.topics.iter().flat_map(|topic| &topic.partitions);
                for (row, code) in asked.zip(codes) {
                    if code.error_code == ErrorCode::None as i16 {
                        let (partition, offset) = (row.partition_index, row.committed_offset);
                        let connection = caller.connection;
                        self.commits.push(Commit { connection, partition, offset });
                    }
                }
            }
            self.released.push((caller.connection, encode(api, caller, &response)));
        }
    }

    fn note(&mut self, record: &CoordinatorRecord) {
        match record {
            CoordinatorRecord::OffsetCommit(key, Some(value)) => {
                self.committed.insert(key.partition, value.offset);
            }
            CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(key, Some(value)) => {
                let given = &value.assigned_partitions;
                let topics = given.iter().chain(&value.partitions_pending_revocation);
                let held = topics.flat_map(|topic| topic.partitions.iter().copied()).collect();
                self.held.insert(key.member_id.clone(), (value.member_epoch, held));
            }
            CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(key, None) => {
                self.held.remove(&key.member_id);
            }
            _ => {}
        }
    }
}

/// Nobody waits for more members, and nobody for more heartbeats than a test needs.
fn config() -> CoordinatorConfig {
    CoordinatorConfig {
        initial_rebalance_delay_ms: 0,
        consumer_session_timeout_ms: 6_000,
        consumer_heartbeat_interval_ms: 1_000,
        ..CoordinatorConfig::default()
    }
}

fn image(partitions: i32) -> MetadataImage {
    let mut image = MetadataImage::default();
    let topic = TopicRecord { name: TOPIC.to_owned(), topic_id: TOPIC_ID };
    image.replay(&MetadataRecord::from(topic)).unwrap();
    for partition_id in 0..partitions {
        let partition = PartitionRecord {
            partition_id,
            topic_id: TOPIC_ID,
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: vec![Uuid::ZERO],
        };
        image.replay(&MetadataRecord::from(partition)).unwrap();
    }
    image
}

/// The coordinator is node 1, whoever asks.
fn find(version: i16) -> FindCoordinatorResponse {
    if version < 4 {
        return FindCoordinatorResponse { node_id: 1, ..Default::default() };
    }
    let coordinators = vec![Coordinator { node_id: 1, ..Default::default() }];
    FindCoordinatorResponse { coordinators, ..Default::default() }
}

macro_rules! group_apis {
    ($($api:ident),*) => {
        fn decode(api: ApiKey, reader: &mut Reader, version: i16) -> Request {
            match api {
                $(ApiKey::$api => Request::$api(Message::decode(reader, version).unwrap()),)*
                other => panic!("{other:?} is not for a coordinator"),
            }
        }

        fn encode(api: ApiKey, caller: Caller, response: &Response) -> Bytes {
            match response {
                $(Response::$api(response) => reply(api, caller, response),)*
                other => panic!("nobody has asked for {other:?}"),
            }
        }
    };
}

group_apis! {
    JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch, ConsumerGroupHeartbeat
}

fn reply<M: Message>(api: ApiKey, caller: Caller, response: &M) -> Bytes {
    let frame = encode_response(api, caller.version, caller.correlation_id, response).unwrap();
    frame.collect().unwrap().slice(4..)
}
