//! A classic group: its members elect a leader, who assigns the partitions (KIP-62, KIP-345,
//! KIP-394). What members say to each other is opaque, so that any protocol type may use it.
//!
//! All of this is soft state. What is persisted of it is one record a generation (`persisted.rs`):
//! a coordinator that is loaded starts from there.

pub(crate) mod bounds;
pub(crate) mod describe;
mod heartbeat;
pub(crate) mod join;
pub(crate) mod leave;
mod member;
mod migration;
pub(crate) mod persisted;
pub(crate) mod protocol;
mod rebalance;
mod state;
pub(crate) mod sync;

use std::collections::{BTreeMap, BTreeSet};

use base::{ErrorCode, Instant};
use wire::offset_commit::OffsetCommitRequest;

use crate::decision::{Decision, TimerKey};
use crate::now::Now;
use crate::offsets::{ExpirySince, is_of_nobody};
use crate::pending::pending_bytes;
use crate::rebalance::Ongoing;

pub(crate) use member::{Joining, Member};
pub(crate) use state::{DEAD, State};

/// The protocol type of consumers, which the coordinator knows a little of: their topics.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// A classic group.
#[derive(Clone, Debug)]
pub(crate) struct ClassicGroup {
    pub(crate) id: String,
    state: State,
    /// When it came into its state; unknown if a broker of long ago has written it.
    state_since_unix_ms: Option<i64>,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Static members' ids, by instance.
    static_members: BTreeMap<String, String>,
    /// Ids that were handed out and not used yet (KIP-394), and until when they are good.
    pending_members: BTreeMap<String, Instant>,
    pending_bytes: usize,
    /// Members of the generation that have not synced.
    pending_syncs: BTreeSet<String>,
    /// The topics of a group of consumers, if all members could be understood.
    subscribed_topics: Option<BTreeSet<String>>,
    /// Of a group that was empty: how long it waits for more members.
    initial: Option<InitialDelay>,
    rebalance: Option<Ongoing>,
}

/// How much longer an empty group waits for its first members (KIP-134).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InitialDelay {
    delay_ms: i32,
    remaining_ms: i32,
    /// Somebody has joined since the last look: there may be more.
    is_growing: bool,
}

impl ClassicGroup {
    pub(crate) fn new(id: &str, now: Now) -> Self {
        Self { state_since_unix_ms: Some(now.unix_ms), ..Self::simple(id) }
    }

    /// A group that has offsets, and has never had a member.
    pub(crate) fn simple(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: State::Empty,
            state_since_unix_ms: None,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            pending_bytes: 0,
            pending_syncs: BTreeSet::new(),
            subscribed_topics: None,
            initial: None,
            rebalance: None,
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// Whether nobody is in it, nor about to be.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Empty && self.pending_members.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    fn transition(&mut self, now: Now, next: State) {
        let Self { id, state, .. } = self;
        assert!(state.can_become(next), "group {id} cannot go from {state} to {next}");
        self.state = next;
        self.state_since_unix_ms = Some(now.unix_ms);
    }

    /// Whether a request comes from a member, and from the one that it says.
    fn validate_member(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            let current = self.static_members.get(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if current != member {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    pub(crate) fn validate_commit(&self, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        let instance = request.group_instance_id.as_deref();
        if generation < 0 && self.is_empty() {
            // Offsets only, without membership.
            return Ok(());
        }
        if generation < 0 && request.member_id.is_empty() && instance.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(&request.member_id, instance)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if self.state == State::CompletingRebalance {
            // Its partitions may be another's by now.
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A transaction's commit may come from outside of the membership, and while the generation is
    /// being completed.
    pub(crate) fn validate_transactional_commit(
        &self,
        commit: &OffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        let generation = commit.generation_id_or_member_epoch;
        if is_of_nobody(commit) || (generation < 0 && self.is_empty()) {
            return Ok(());
        }
        self.validate_member(&commit.member_id, commit.group_instance_id.as_deref())?;
        if generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    pub(crate) fn validate_offset_delete(&self) -> Result<(), ErrorCode> {
        if self.is_empty() || self.is_of_consumers() {
            Ok(())
        } else {
            Err(ErrorCode::NonEmptyGroup)
        }
    }

    /// A group of consumers that could not be understood may read any topic.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.is_of_consumers(),
        }
    }

    pub(crate) fn expiry_since(&self) -> ExpirySince {
        match (&self.protocol_type, self.state) {
            (None, _) => ExpirySince::Commit,
            (Some(_), State::Empty) => {
                self.state_since_unix_ms.map_or(ExpirySince::Commit, ExpirySince::Empty)
            }
            (Some(_), State::Stable)
                if self.is_of_consumers() && self.subscribed_topics.is_some() =>
            {
                ExpirySince::Commit
            }
            _ => ExpirySince::Never,
        }
    }

    /// Adds a member, who joins.
    fn add(&mut self, member: Member, protocol_type: &str) {
        if let Some(instance) = &member.instance_id {
            let earlier = self.static_members.insert(instance.clone(), member.id.clone());
            assert!(earlier.is_none(), "static member {instance} is there already");
        }
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_owned());
        }
        self.leader.get_or_insert_with(|| member.id.clone());
        self.take_pending(&member.id);
        self.members.insert(member.id.clone(), member);
    }

    /// Removes a member, or an id that was handed out. Nobody may wait for its replies any more.
    fn remove(&mut self, member: &str, decision: &mut Decision) -> Option<Member> {
        self.take_pending(member);
        self.pending_syncs.remove(member);
        decision.cancel(self.session_key(member));
        let removed = self.members.remove(member);
        if let Some(instance) = removed.as_ref().and_then(|member| member.instance_id.as_ref()) {
            self.static_members.remove(instance);
        }
        if self.is_leader(member) {
            self.leader = self.members.keys().next().cloned();
        }
        removed
    }

    /// What the ids take that were handed out.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    fn hand_out(&mut self, id: &str, good_until: Instant) {
        self.pending_members.insert(id.to_owned(), good_until);
        self.pending_bytes += pending_bytes(&self.id, id);
    }

    /// An id that was handed out is used, or is good no longer.
    fn take_pending(&mut self, id: &str) {
        if self.pending_members.remove(id).is_some() {
            self.pending_bytes -= pending_bytes(&self.id, id);
        }
    }

    fn has_all_joined(&self) -> bool {
        self.pending_members.is_empty() && self.members.values().all(|m| m.joining.is_some())
    }

    fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    fn session_key(&self, member: &str) -> TimerKey {
        TimerKey::ClassicSession { group: self.id.clone(), member: member.to_owned() }
    }

    fn join_key(&self) -> TimerKey {
        TimerKey::ClassicJoin { group: self.id.clone() }
    }

    fn sync_key(&self) -> TimerKey {
        TimerKey::ClassicSync { group: self.id.clone() }
    }
}
