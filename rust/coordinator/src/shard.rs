//! One partition of `__consumer_offsets`: the groups whose ids hash to it, and their offsets.

use std::collections::{BTreeMap, BTreeSet};

use base::{ErrorCode, Instant, Offset, ProducerId, Rng};
use metadata::MetadataImage;
use metadata::image::TopicChanges;
use wire::coordinator_records::GroupMetadataValue;
use wire::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use wire::join_group::JoinGroupRequest;
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use wire::sync_group::SyncGroupRequest;

use crate::classic::join::Join;
use crate::classic::{self, ClassicGroup};
use crate::config::{CoordinatorConfig, GroupConfig};
use crate::consumer::{ConsumerGroup, Draft};
use crate::decision::{Decision, TimerKey};
use crate::explanation::GroupExplanation;
use crate::history::History;
use crate::now::Now;
use crate::offsets::Offsets;
use crate::pending::PendingBytes;
use crate::rebalance::Ongoing;
use crate::record::CoordinatorRecord;
use crate::request::{Client, ReplyToken, Request};

/// A partition's coordinator. See the crate's description for what its host promises.
#[derive(Debug)]
pub struct Shard {
    pub(crate) config: CoordinatorConfig,
    pub(crate) group_configs: BTreeMap<String, GroupConfig>,
    pub(crate) image: MetadataImage,
    /// Persisted.
    pub(crate) offsets: Offsets,
    /// Persisted.
    pub(crate) consumer: BTreeMap<String, ConsumerGroup>,
    /// Persisted: the last record of each classic group.
    pub(crate) persisted: BTreeMap<String, GroupMetadataValue>,
    /// Soft state, which runs ahead of what is persisted of it.
    pub(crate) classic: BTreeMap<String, ClassicGroup>,
    /// Soft state: what the ids take that classic groups have handed out.
    pending: PendingBytes,
    /// Soft state: why consumer groups are being rebalanced.
    pub(crate) rebalances: BTreeMap<String, Ongoing>,
    /// Soft state: when consumer groups resolved their expressions anew.
    pub(crate) resolved: BTreeMap<String, Instant>,
    /// Soft state: classic members of consumer groups that have been told to join again.
    pub(crate) asked_to_join: BTreeSet<TimerKey>,
    /// Soft state: why groups were rebalanced.
    history: History,
    is_loaded: bool,
}

/// The persisted part of a shard's state, to be compared with that of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersistedState<'a> {
    offsets: &'a Offsets,
    consumer: &'a BTreeMap<String, ConsumerGroup>,
    classic: &'a BTreeMap<String, GroupMetadataValue>,
}

impl Shard {
    /// A shard before its first record.
    pub fn new(config: CoordinatorConfig, image: MetadataImage) -> Self {
        Self {
            config,
            group_configs: BTreeMap::new(),
            image,
            offsets: Offsets::default(),
            consumer: BTreeMap::new(),
            persisted: BTreeMap::new(),
            classic: BTreeMap::new(),
            pending: PendingBytes::default(),
            rebalances: BTreeMap::new(),
            resolved: BTreeMap::new(),
            asked_to_join: BTreeSet::new(),
            history: History::default(),
            is_loaded: false,
        }
    }

    /// Takes in a record of the log: while it is loaded, and of each decision as soon as it is
    /// appended.
    pub fn replay(&mut self, offset: Offset, record: &CoordinatorRecord) {
        match record {
            CoordinatorRecord::OffsetCommit(key, value) => {
                self.offsets.replay(offset, key, value.as_ref());
            }
            CoordinatorRecord::GroupMetadata(key, Some(value)) => {
                self.persisted.insert(key.group.clone(), value.clone());
            }
            CoordinatorRecord::GroupMetadata(key, None) => {
                self.persisted.remove(&key.group);
            }
            of_consumers => self.replay_consumer_group(of_consumers),
        }
        if self.is_loaded {
            self.follow(record);
        }
    }

    /// Takes in a record of a producer's transaction: a commit counts once that is committed.
    pub fn replay_transactional(
        &mut self,
        offset: Offset,
        producer: ProducerId,
        record: &CoordinatorRecord,
    ) {
        let CoordinatorRecord::OffsetCommit(key, Some(value)) = record else {
            return self.replay(offset, record);
        };
        self.offsets.replay_pending(offset, producer, key, value);
        if self.is_loaded {
            self.follow(record);
        }
    }

    /// Takes in the marker that ends a producer's transaction.
    pub fn replay_marker(&mut self, producer: ProducerId, is_committed: bool) {
        for group in self.offsets.end_transaction(producer, is_committed) {
            self.drop_if_unused(&group);
        }
    }

    fn replay_consumer_group(&mut self, record: &CoordinatorRecord) {
        let Some(id) = ConsumerGroup::of_record(record) else { return };
        let group = self.consumer.entry(id.to_owned()).or_insert_with(|| ConsumerGroup::new(id));
        group.replay(record);
        if group.is_gone() {
            self.consumer.remove(id);
            self.resolved.remove(id);
        }
    }

    /// Soft state begins with the first record of a group, and ends with its tombstone.
    fn follow(&mut self, record: &CoordinatorRecord) {
        match record {
            CoordinatorRecord::OffsetCommit(key, Some(_)) => self.begin_soft_state(&key.group),
            CoordinatorRecord::GroupMetadata(key, Some(_)) => self.begin_soft_state(&key.group),
            CoordinatorRecord::GroupMetadata(key, None) => {
                self.remove_classic(&key.group);
                if self.offsets.has_group(&key.group) {
                    self.begin_soft_state(&key.group);
                }
            }
            CoordinatorRecord::ConsumerGroupMetadata(key, Some(_)) => {
                self.remove_classic(&key.group_id);
            }
            of_consumers => {
                let Some(id) = ConsumerGroup::of_record(of_consumers) else { return };
                if self.offsets.has_group(id) {
                    self.begin_soft_state(id);
                }
            }
        }
    }

    pub(crate) fn begin_soft_state(&mut self, id: &str) {
        if self.consumer.contains_key(id) || self.classic.contains_key(id) {
            return;
        }
        let group = match self.persisted.get(id) {
            Some(value) => ClassicGroup::load(id, value),
            None => ClassicGroup::simple(id),
        };
        self.classic.insert(id.to_owned(), group);
    }

    /// The last record has been replayed: members' sessions begin.
    pub fn on_loaded(&mut self, now: Now) -> Decision {
        let mut decision = Decision::default();
        self.is_loaded = true;
        let ids: Vec<String> =
            self.persisted.keys().chain(self.offsets.groups()).cloned().collect();
        for id in ids {
            self.begin_soft_state(&id);
        }
        for group in self.classic.values_mut() {
            group.on_loaded(now, &self.config, &mut decision);
        }
        self.load_consumer_groups(now, &mut decision);
        let check = now.instant + self.config.offsets_retention_check_interval();
        decision.schedule(TimerKey::OffsetExpiry, check);
        self.remembered(decision)
    }

    /// The cluster's metadata has changed.
    pub fn on_metadata(&mut self, now: Now, image: MetadataImage) -> Decision {
        let mut decision = Decision::default();
        let earlier = std::mem::replace(&mut self.image, image);
        let changes = self.image.topic_changes_since(&earlier);
        self.forget_topics(&changes.deleted, &mut decision);
        if changes != TopicChanges::default() {
            self.follow_topics(now, &mut decision);
        }
        self.remembered(decision)
    }

    /// Where a group stands, and why it was rebalanced.
    pub fn explain(&self, now: Now, group: &str) -> GroupExplanation {
        let standing = match (self.consumer.get(group), self.classic.get(group)) {
            (Some(consumer), _) => {
                let ongoing = self.rebalances.get(group);
                Some(consumer.standing(ongoing.map(|ongoing| ongoing.explained(now))))
            }
            (None, classic) => classic.map(|classic| classic.standing(now)),
        };
        GroupExplanation { group: group.to_owned(), now: standing, past: self.history.of(group) }
    }

    fn remembered(&mut self, decision: Decision) -> Decision {
        decision.rebalances.iter().for_each(|rebalance| self.history.remember(rebalance));
        decision
    }

    /// What is persisted, as the shard sees it: the replay of the log, no more and no less.
    pub fn persisted_state(&self) -> PersistedState<'_> {
        let Self { offsets, consumer, persisted, .. } = self;
        PersistedState { offsets, consumer, classic: persisted }
    }

    /// The broker's keys have changed. Timers that run keep the time-outs they were set with.
    pub fn set_config(&mut self, config: CoordinatorConfig) {
        self.config = config;
    }

    /// What is configured for one group has changed.
    pub fn set_group_config(&mut self, group: &str, config: GroupConfig) {
        if config == GroupConfig::default() {
            self.group_configs.remove(group);
        } else {
            self.group_configs.insert(group.to_owned(), config);
        }
    }

    /// Answers a request, or lets its token wait for a later decision.
    pub fn decide(
        &mut self,
        now: Now,
        rng: &mut dyn Rng,
        client: &Client,
        request: &Request,
        token: ReplyToken,
    ) -> Decision {
        let mut decision = Decision::default();
        let to = &mut decision;
        match request {
            Request::OffsetCommit(request) => {
                let response = self.commit_offsets(now, client, request, to);
                to.reply(token, response);
            }
            Request::TxnOffsetCommit(request) => {
                let response = self.commit_offsets_in_transaction(now, request, to);
                to.reply(token, response);
            }
            Request::OffsetFetch(request) => to.reply(token, self.fetch_offsets(client, request)),
            Request::OffsetDelete(request) => {
                let response = self.delete_offsets(request, to);
                to.reply(token, response);
            }
            Request::JoinGroup(request) => {
                let pending_bytes_left = self.pending.left();
                let config = &self.config.clone();
                let join = Join { now, rng, client, config, pending_bytes_left, request, token };
                self.join(join, to);
            }
            Request::SyncGroup(request) => self.sync(now, request, token, to),
            Request::Heartbeat(request) => {
                let error = self.heartbeat(now, request, to).err().unwrap_or(ErrorCode::None);
                let error_code = error.code();
                to.reply(token, HeartbeatResponse { error_code, ..HeartbeatResponse::default() });
            }
            Request::LeaveGroup(request) => {
                let response = self.leave(now, client, request, to);
                to.reply(token, response);
            }
            Request::ListGroups(request) => to.reply(token, self.list_groups(request)),
            Request::DescribeGroups(request) => {
                to.reply(token, self.describe_groups(client, request));
            }
            Request::DeleteGroups(request) => {
                let response = self.delete_groups(request, to);
                to.reply(token, response);
            }
            Request::ConsumerGroupHeartbeat(request) => {
                let response = self.consumer_heartbeat(now, rng, client, request, to);
                to.reply(token, response);
            }
            Request::ConsumerGroupDescribe(request) => {
                to.reply(token, self.describe_consumer_groups(request));
            }
        }
        self.remembered(decision)
    }

    /// A timer is due.
    pub fn on_timer(&mut self, now: Now, key: &TimerKey) -> Decision {
        let mut decision = Decision::default();
        let to = &mut decision;
        let Self { config, classic, .. } = self;
        match key {
            TimerKey::ClassicSession { group, member } => {
                if let Some(soft) = classic.get_mut(group) {
                    soft.on_session_timer(now, config, member, to);
                }
                self.drop_if_unused(group);
            }
            TimerKey::ClassicJoin { group } => {
                if let Some(group) = classic.get_mut(group) {
                    group.on_join_timer(now, config, to);
                }
            }
            TimerKey::ClassicSync { group } => {
                if let Some(group) = classic.get_mut(group) {
                    group.on_sync_timer(now, config, to);
                }
            }
            TimerKey::OffsetExpiry => self.expire_offsets(now, to),
            TimerKey::ConsumerSession { group, .. }
            | TimerKey::ConsumerRebalance { group, .. }
            | TimerKey::ConsumerJoin { group, .. }
            | TimerKey::ConsumerSync { group, .. }
            | TimerKey::ConsumerAssignment { group }
            | TimerKey::ConsumerTopics { group } => {
                self.on_consumer_timer(now, group, key, to);
            }
        }
        self.remembered(decision)
    }

    fn join(&mut self, mut join: Join<'_>, decision: &mut Decision) {
        let JoinGroupRequest { group_id, member_id, session_timeout_ms, .. } = join.request;
        let bounds = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        if group_id.is_empty() {
            return join.refuse(ErrorCode::InvalidGroupId, decision);
        }
        if !bounds.contains(session_timeout_ms) {
            return join.refuse(ErrorCode::InvalidSessionTimeout, decision);
        }
        if let Some(group) = self.consumer.get(group_id) {
            if !group.is_empty() {
                return self.join_consumer_group(&mut join, decision);
            }
            decision.records.extend(group.tombstones());
            let classic = ClassicGroup::of_generation(group_id, join.now, group.epoch());
            decision.record(classic.record());
            self.classic.insert(group_id.clone(), classic);
        }
        if !self.classic.contains_key(group_id) && !member_id.is_empty() {
            return join.refuse(ErrorCode::UnknownMemberId, decision);
        }
        let now = join.now;
        let new = || ClassicGroup::new(group_id, now);
        self.classic.entry(group_id.clone()).or_insert_with(new).join(join, decision);
        self.drop_if_unused(group_id);
    }

    fn sync(
        &mut self,
        now: Now,
        request: &SyncGroupRequest,
        token: ReplyToken,
        decision: &mut Decision,
    ) {
        if request.group_id.is_empty() {
            return classic::sync::refuse(token, ErrorCode::InvalidGroupId, decision);
        }
        let ask = |draft: &mut Draft<'_>| draft.sync_classic(request);
        match self.ask_consumer_group(now, &request.group_id, decision, ask) {
            Some(Ok(response)) => return decision.reply(token, response),
            Some(Err(error)) => return classic::sync::refuse(token, error, decision),
            None => {}
        }
        match self.classic.get_mut(&request.group_id) {
            Some(group) => group.sync(now, &self.config, request, token, decision),
            None => classic::sync::refuse(token, ErrorCode::UnknownMemberId, decision),
        }
    }

    fn heartbeat(
        &mut self,
        now: Now,
        request: &HeartbeatRequest,
        decision: &mut Decision,
    ) -> Result<(), ErrorCode> {
        if request.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let ask = |draft: &mut Draft<'_>| draft.heartbeat_classic(request);
        if let Some(answer) = self.ask_consumer_group(now, &request.group_id, decision, ask) {
            return answer;
        }
        let group = self.classic.get_mut(&request.group_id).ok_or(ErrorCode::UnknownMemberId)?;
        group.heartbeat(now, request, decision)
    }

    fn leave(
        &mut self,
        now: Now,
        client: &Client,
        request: &LeaveGroupRequest,
        decision: &mut Decision,
    ) -> LeaveGroupResponse {
        if request.group_id.is_empty() {
            let error_code = ErrorCode::InvalidGroupId.code();
            return LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() };
        }
        let leaving = classic::leave::leaving(client.api_version, request);
        let ask = |draft: &mut Draft<'_>| draft.leave_classic(&leaving);
        if let Some(errors) = self.ask_consumer_group(now, &request.group_id, decision, ask) {
            let answers = leaving.iter().zip(errors);
            let members = answers.map(|(identity, error)| classic::leave::answer(identity, error));
            return classic::leave::response(client.api_version, members.collect());
        }
        let members = match self.classic.get_mut(&request.group_id) {
            Some(group) => group.leave(now, &self.config, &leaving, decision),
            None => classic::leave::unknown(&leaving),
        };
        self.drop_if_unused(&request.group_id);
        classic::leave::response(client.api_version, members)
    }

    /// The soft state of a classic group comes to its end.
    pub(crate) fn remove_classic(&mut self, id: &str) -> Option<ClassicGroup> {
        self.pending.set(id, 0);
        self.classic.remove(id)
    }

    /// Soft state of a group that nobody is in, and of which nothing is persisted, says nothing.
    /// What it keeps of those who are about to join is counted.
    pub(crate) fn drop_if_unused(&mut self, id: &str) {
        self.pending.set(id, self.classic.get(id).map_or(0, ClassicGroup::pending_bytes));
        let is_idle = self.classic.get(id).is_some_and(ClassicGroup::is_idle);
        if is_idle && !self.persisted.contains_key(id) && !self.offsets.has_group(id) {
            self.classic.remove(id);
        }
    }
}
