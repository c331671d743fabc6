//! The shard's decisions about consumer groups: heartbeats, timers, changes of the metadata.

use std::borrow::Cow;
use std::time::Duration;

use base::{ErrorCode, Rng};
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

use super::heartbeat::{self, Refusal};
use super::member::JOIN_EPOCH;
use super::{ConsumerGroup, Draft, GroupState, MemberState};
use crate::assignor::Assignor;
use crate::classic::join::Join;
use crate::classic::{self, ClassicGroup};
use crate::decision::{Decision, TimerChange, TimerKey};
use crate::now::Now;
use crate::rebalance::{Cause, Ongoing};
use crate::request::Client;
use crate::shard::Shard;

/// How often a group resolves its expressions anew, at the most.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(1);

impl Shard {
    pub(crate) fn assignor_of(&self, group: &ConsumerGroup) -> Assignor {
        group.preferred_assignor().unwrap_or(self.config.default_assignor())
    }

    pub(crate) fn consumer_heartbeat(
        &mut self,
        now: Now,
        rng: &mut dyn Rng,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
        decision: &mut Decision,
    ) -> ConsumerGroupHeartbeatResponse {
        match self.try_heartbeat(now, rng, client, request, decision) {
            Ok(response) => response,
            Err(refusal) => refusal.response(),
        }
    }

    fn try_heartbeat(
        &mut self,
        now: Now,
        rng: &mut dyn Rng,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
        decision: &mut Decision,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        heartbeat::validate(client.api_version, &self.config.consumer_assignors, request)?;
        let mut draft = self.draft_of(now, request)?;
        let response = draft.heartbeat(rng, client, request)?;
        let outcome = Outcome::of(draft);
        self.conclude(now, outcome, decision);
        Ok(response)
    }

    /// A draft of the group, which a member may found by joining it.
    fn draft_of(
        &self,
        now: Now,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Draft<'_>, Refusal> {
        let id = request.group_id.as_str();
        if let Some(group) = self.consumer.get(id) {
            return Ok(self.draft(now, Cow::Borrowed(group)));
        }
        if request.member_epoch != JOIN_EPOCH {
            let message = format!("Group {id} not found.");
            return Err(Refusal::new(ErrorCode::GroupIdNotFound, message));
        }
        let mut draft = self.draft(now, Cow::Owned(ConsumerGroup::new(id)));
        if self.persisted.contains_key(id) {
            draft.write(classic::persisted::tombstone(id));
        }
        match self.classic.get(id) {
            Some(classic) if !classic.is_empty() => {
                if !classic.may_be_upgraded(&self.config) {
                    let message = format!("Group {id} is not a consumer group.");
                    return Err(Refusal::new(ErrorCode::GroupIdNotFound, message));
                }
                draft.upgrade(classic)?;
            }
            Some(classic) => {
                classic.dissolve(ErrorCode::RebalanceInProgress, &mut draft.decision);
                draft.begin_after(classic.generation());
            }
            None => {}
        }
        Ok(draft)
    }

    pub(crate) fn draft<'a>(&'a self, now: Now, group: Cow<'a, ConsumerGroup>) -> Draft<'a> {
        let group_config = self.group_configs.get(&group.id).copied().unwrap_or_default();
        Draft::new(now, &self.config, group_config, &self.image, group)
    }

    /// Takes a draft's decision over, and the causes of the rebalance that it began or ended.
    pub(crate) fn conclude(&mut self, now: Now, outcome: Outcome, decision: &mut Decision) {
        let Outcome { decision: made, group, causes, state, epoch, members, downgraded } = outcome;
        let mut ongoing = self.rebalances.remove(&group);
        for cause in causes {
            Ongoing::add(&mut ongoing, now, cause);
        }
        if let Some(classic) = downgraded {
            // The rebalance goes on as one of the classic group.
            self.classic.insert(group, classic);
        } else if let Some(ongoing) = ongoing {
            if matches!(state, GroupState::Stable | GroupState::Empty) {
                decision.rebalances.push(ongoing.end(now, &group, epoch, members));
            } else {
                self.rebalances.insert(group, ongoing);
            }
        }
        decision.records.extend(made.records);
        decision.replies.extend(made.replies);
        for change in made.timers {
            if self.is_news(&change) {
                decision.timers.push(change);
            }
        }
    }

    /// A classic member that was asked to join has its time from the first time on.
    fn is_news(&mut self, change: &TimerChange) -> bool {
        match change {
            TimerChange::Schedule { key: key @ TimerKey::ConsumerJoin { .. }, .. } => {
                self.asked_to_join.insert(key.clone())
            }
            TimerChange::Cancel { key } => {
                self.asked_to_join.remove(key);
                true
            }
            TimerChange::Schedule { .. } => true,
        }
    }

    /// A member that speaks the classic protocol joins a consumer group that has members.
    pub(crate) fn join_consumer_group(&mut self, join: &mut Join<'_>, decision: &mut Decision) {
        let Some(group) = self.consumer.get(&join.request.group_id) else { return };
        let mut draft = self.draft(join.now, Cow::Borrowed(group));
        match draft.join_classic(&mut *join.rng, join.client, join.request) {
            Ok(response) => {
                let outcome = Outcome::of(draft);
                self.conclude(join.now, outcome, decision);
                join.joining().reply(response, decision);
            }
            Err((error, member_id)) => join.joining().refuse(error, &member_id, decision),
        }
    }

    /// A classic request to a consumer group, if there is one of this name.
    pub(crate) fn ask_consumer_group<T>(
        &mut self,
        now: Now,
        group: &str,
        decision: &mut Decision,
        ask: impl FnOnce(&mut Draft<'_>) -> T,
    ) -> Option<T> {
        let group = self.consumer.get(group)?;
        let mut draft = self.draft(now, Cow::Borrowed(group));
        let answer = ask(&mut draft);
        let outcome = Outcome::of(draft);
        self.conclude(now, outcome, decision);
        Some(answer)
    }

    pub(crate) fn on_consumer_timer(
        &mut self,
        now: Now,
        group: &str,
        key: &TimerKey,
        decision: &mut Decision,
    ) {
        self.asked_to_join.remove(key);
        let Some(group) = self.consumer.get(group) else { return };
        if matches!(key, TimerKey::ConsumerTopics { .. }) && group.uses_regexes() {
            self.resolved.insert(group.id.clone(), now.instant);
        }
        let mut draft = self.draft(now, Cow::Borrowed(group));
        draft.on_timer(key);
        let outcome = Outcome::of(draft);
        self.conclude(now, outcome, decision);
    }

    /// Sessions begin anew, and what has changed in the meantime is looked at.
    pub(crate) fn load_consumer_groups(&mut self, now: Now, decision: &mut Decision) {
        let ids: Vec<String> = self.consumer.keys().cloned().collect();
        for id in ids {
            let Some(group) = self.consumer.get(&id) else { continue };
            let mut draft = self.draft(now, Cow::Borrowed(group));
            draft.begin_sessions();
            let outcome = Outcome::of(draft);
            self.conclude(now, outcome, decision);
        }
        self.follow_topics(now, decision);
    }

    /// Topics have come, gone or grown: every group looks at its own, each in a decision of its
    /// own, since all of them together may be more than a batch can hold.
    ///
    /// To resolve expressions takes time, so that a group of them does it once in a while, however
    /// often topics change.
    pub(crate) fn follow_topics(&self, now: Now, decision: &mut Decision) {
        for (id, group) in &self.consumer {
            if group.is_empty() {
                continue;
            }
            let last = self.resolved.get(id).map(|&last| last + RESOLVE_INTERVAL);
            let at = last.map_or(now.instant, |next| next.max(now.instant));
            decision.schedule(TimerKey::ConsumerTopics { group: id.clone() }, at);
        }
    }
}

/// What a draft has come to, without what it borrowed.
#[derive(Debug)]
pub(crate) struct Outcome {
    decision: Decision,
    group: String,
    causes: Vec<Cause>,
    state: GroupState,
    epoch: i32,
    members: usize,
    downgraded: Option<ClassicGroup>,
}

impl Outcome {
    pub(crate) fn of(mut draft: Draft<'_>) -> Self {
        Self {
            decision: std::mem::take(&mut draft.decision),
            causes: std::mem::take(&mut draft.causes),
            downgraded: draft.downgraded.take(),
            group: draft.id.clone(),
            state: draft.state(),
            epoch: draft.epoch(),
            members: draft.members().len(),
        }
    }
}

impl Draft<'_> {
    fn on_timer(&mut self, key: &TimerKey) {
        let (member, cause) = match key {
            TimerKey::ConsumerSession { member, .. } => {
                let timeout_ms = self.session_timeout_of(member);
                (member, Cause::SessionExpired { member: member.clone(), timeout_ms })
            }
            TimerKey::ConsumerRebalance { member, .. } => {
                let is_late = self
                    .member(member)
                    .is_some_and(|member| member.current.state == MemberState::UnrevokedPartitions);
                if !is_late {
                    return;
                }
                (member, Cause::RevocationExpired { member: member.clone() })
            }
            TimerKey::ConsumerJoin { member, .. } => {
                (member, Cause::JoinExpired { member: member.clone() })
            }
            TimerKey::ConsumerSync { member, .. } => {
                (member, Cause::SyncExpired { member: member.clone() })
            }
            _ => return self.follow_topics(),
        };
        if self.member(member).is_some() {
            self.remove_member(member, cause);
        }
    }

    fn begin_sessions(&mut self) {
        let ids: Vec<String> = self.members().map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.extend_session(&id);
            let Some(member) = self.member(&id) else { continue };
            let gives_up = member.current.state == MemberState::UnrevokedPartitions;
            if gives_up && member.classic().is_none() {
                let at = self.now.in_ms(member.metadata.rebalance_timeout_ms);
                let key = self.rebalance_key(&id);
                self.decision.schedule(key, at);
            }
        }
    }

    fn follow_topics(&mut self) {
        if self.is_empty() {
            return;
        }
        self.resolve_regexes();
        if self.have_topics_changed() {
            self.causes.push(Cause::TopicsChanged);
            self.bump_epoch();
        }
        self.update_targets();
    }
}
