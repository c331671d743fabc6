//! A member of a consumer group: sends heartbeats, gives up what it is told to when it is done with
//! it, and begins anew when it is fenced.

use std::collections::BTreeSet;
use std::time::Duration;

use base::{ErrorCode, Rng, SplitMix64, Uuid};
use coordinator::{Client, Response};
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use wire::offset_commit::{OffsetCommitRequest, OffsetCommitRequestTopic};

use crate::faults::{Faults, happens};
use crate::host::topic_id;
use crate::member::Outgoing;
use crate::positions::Positions;
use crate::scenario::{GROUP, TOPIC};

const REBALANCE_TIMEOUT_MS: i32 = 15_000;
const HEARTBEAT: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_millis(500);
/// How long it tries to commit what it gives up.
const LAST_COMMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct ConsumerMember {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) wakes: Duration,
    epoch: i32,
    owned: Vec<i32>,
    /// What it was told to own of other topics. It does no work on that, so that it gives up at
    /// once what it is to give up of it.
    others: BTreeSet<(Uuid, i32)>,
    giving_up: Option<GivingUp>,
    /// Whether it has to tell everything, since it does not know what has been heard.
    tells_all: bool,
    positions: Positions,
    by_regex: bool,
    life: u32,
    name: String,
}

/// What it has been told to own, which is less than it has.
#[derive(Debug)]
struct GivingUp {
    told: Vec<i32>,
    /// When it is done with the rest, and commits that.
    done: Duration,
}

impl ConsumerMember {
    pub(crate) fn new(name: String, instance: Option<String>, wakes: Duration) -> Self {
        Self {
            id: format!("{name}-0"),
            instance,
            wakes,
            epoch: 0,
            owned: Vec::new(),
            others: BTreeSet::new(),
            giving_up: None,
            tells_all: true,
            positions: Positions::default(),
            by_regex: false,
            life: 0,
            name,
        }
    }

    pub(crate) fn owned(&self) -> Option<(i32, &[i32])> {
        (self.epoch > 0).then_some((self.epoch, &self.owned[..]))
    }

    pub(crate) fn poll(
        &mut self,
        now: Duration,
        rng: &mut SplitMix64,
        faults: &Faults,
    ) -> Option<Outgoing> {
        self.give_up(now);
        if now < self.wakes {
            return None;
        }
        self.wakes = now + HEARTBEAT;
        if let Some(last_commit) = self.last_commit(now) {
            self.wakes = now + 2 * RETRY;
            return Some((client(9), last_commit.into()));
        }
        let giving_up = self.giving_up.as_ref();
        self.wakes = giving_up.map_or(self.wakes, |giving_up| self.wakes.min(giving_up.done));
        self.positions.work(rng);
        if self.epoch > 0 && self.positions.lack_any(&self.owned) && rng.below(2) == 0 {
            let fetch = self.positions.fetch(&self.owned, Some((&self.id, self.epoch)));
            return Some((client(9), fetch.into()));
        }
        if self.epoch > 0 && rng.below(3) == 0 && !self.positions.is_empty() {
            let topics = self.positions.commit_some(rng);
            return Some((client(9), self.commit_request(topics).into()));
        }
        if happens(rng, faults.member_changes_its_mind) {
            self.by_regex = !self.by_regex;
            self.tells_all = true;
        }
        let request = if self.tells_all { self.full_request() } else { self.short_request() };
        // Unless it is answered, it cannot know what has been heard.
        self.tells_all = true;
        Some((client(1), request.into()))
    }

    /// Gives up what it was told to once that is committed, or cannot be.
    fn give_up(&mut self, now: Duration) {
        let Some(GivingUp { told, done }) = &self.giving_up else { return };
        let is_open = self.positions.are_uncommitted(|partition| !told.contains(&partition));
        if now < *done || (is_open && now < *done + LAST_COMMIT) {
            return;
        }
        self.owned.clone_from(told);
        self.positions.keep(told);
        (self.giving_up, self.tells_all, self.wakes) = (None, true, now);
    }

    /// The commit of what it is about to give up.
    fn last_commit(&mut self, now: Duration) -> Option<OffsetCommitRequest> {
        let GivingUp { told, done } = self.giving_up.as_ref()?;
        if now < *done {
            return None;
        }
        let topics = self.positions.commit(|partition| !told.contains(&partition));
        Some(self.commit_request(topics))
    }

    pub(crate) fn hear(&mut self, now: Duration, rng: &mut SplitMix64, response: Response) {
        match response {
            Response::OffsetFetch(response) => {
                if response.groups[0].error_code == 0 && self.epoch > 0 {
                    self.positions.begin(&self.id, &self.owned, &response);
                }
                self.wakes = self.wakes.min(now + RETRY);
            }
            Response::ConsumerGroupHeartbeat(response) => self.obey(now, rng, &response),
            Response::OffsetCommit(response) => {
                let error = response.topics[0].partitions[0].error_code;
                let error = ErrorCode::from_code(error).unwrap();
                let is_known = matches!(
                    error,
                    ErrorCode::None
                        | ErrorCode::StaleMemberEpoch
                        | ErrorCode::UnknownMemberId
                        | ErrorCode::GroupIdNotFound
                );
                assert!(is_known, "{error} is no answer to a commit");
                if error == ErrorCode::None {
                    self.positions.acknowledge();
                    self.give_up(now);
                }
                self.wakes = self.wakes.min(now + RETRY);
            }
            _ => {}
        }
    }

    fn obey(
        &mut self,
        now: Duration,
        rng: &mut SplitMix64,
        response: &ConsumerGroupHeartbeatResponse,
    ) {
        match ErrorCode::from_code(response.error_code).unwrap() {
            ErrorCode::None => {}
            ErrorCode::UnknownMemberId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::GroupIdNotFound => {
                (self.epoch, self.giving_up, self.tells_all) = (0, None, true);
                self.owned.clear();
                self.others.clear();
                self.positions.clear();
                self.wakes = now + RETRY;
                return;
            }
            // Its last life still has the instance; that one's session will end.
            ErrorCode::UnreleasedInstanceId | ErrorCode::FencedInstanceId => return,
            other => panic!("{other} is no answer to a member: {response:?}"),
        }
        if response.member_epoch < 0 {
            return;
        }
        self.epoch = response.member_epoch;
        self.tells_all = false;
        let Some(assignment) = &response.assignment else { return };
        let topics = assignment.topic_partitions.iter();
        let all = topics.flat_map(|topic| topic.partitions.iter().map(|&p| (topic.topic_id, p)));
        let (told, others): (BTreeSet<_>, BTreeSet<_>) =
            all.partition(|(topic, _)| *topic == topic_id(1));
        let told: BTreeSet<i32> = told.into_iter().map(|(_, partition)| partition).collect();
        if self.others != others {
            (self.others, self.tells_all) = (others, true);
            self.wakes = self.wakes.min(now + RETRY);
        }
        let gives_up = self.owned.iter().any(|partition| !told.contains(partition));
        let told: Vec<i32> = told.into_iter().collect();
        if gives_up {
            let done = now + Duration::from_millis(u64::from(rng.below(8_000)));
            self.giving_up = Some(GivingUp { told, done });
            self.wakes = self.wakes.min(done);
        } else if self.owned != told {
            (self.owned, self.giving_up, self.tells_all) = (told, None, true);
            self.wakes = now + RETRY;
        }
    }

    pub(crate) fn die(&mut self, until: Duration) {
        let life = self.life + 1;
        let id = format!("{}-{life}", self.name);
        let (name, instance) = (std::mem::take(&mut self.name), self.instance.take());
        *self = Self { id, life, ..Self::new(name, instance, until) };
    }

    pub(crate) fn leave(&mut self, rng: &mut SplitMix64, until: Duration) -> Outgoing {
        let will_be_back = self.instance.is_some() && rng.below(2) == 0;
        let request = ConsumerGroupHeartbeatRequest {
            member_epoch: if will_be_back { -2 } else { -1 },
            ..self.short_request()
        };
        self.die(until);
        (client(1), request.into())
    }

    fn full_request(&self) -> ConsumerGroupHeartbeatRequest {
        let partitions = TopicPartitions { topic_id: topic_id(1), partitions: self.owned.clone() };
        let owned = if self.owned.is_empty() { Vec::new() } else { vec![partitions] };
        let (names, regex) = if self.by_regex {
            (Vec::new(), "order.*".to_owned())
        } else {
            (vec![TOPIC.to_owned()], String::new())
        };
        ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            subscribed_topic_names: Some(names),
            subscribed_topic_regex: Some(regex),
            topic_partitions: Some(owned),
            ..self.short_request()
        }
    }

    fn short_request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: GROUP.into(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            rebalance_timeout_ms: -1,
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    fn commit_request(&self, topics: Vec<OffsetCommitRequestTopic>) -> OffsetCommitRequest {
        OffsetCommitRequest {
            group_id: GROUP.into(),
            generation_id_or_member_epoch: self.epoch,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            topics,
            ..OffsetCommitRequest::default()
        }
    }
}

fn client(api_version: i16) -> Client {
    Client { client_id: "m".into(), host: "/10.0.0.1".into(), api_version }
}
