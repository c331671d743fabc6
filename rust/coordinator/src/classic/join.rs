//! JoinGroup: a member wants to be in the next generation.

use base::limits::STRING_LENGTH_MAX;
use base::{ErrorCode, Rng, Uuid};
use wire::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};

use super::{ClassicGroup, Joining, Member, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::pending::pending_bytes;
use crate::rebalance::Cause;
use crate::request::{Client, ReplyToken};

/// From here on a newcomer is told its id and asked to come back with it (KIP-394).
const MEMBER_ID_REQUIRED_VERSION: i16 = 4;
/// From here on a protocol's name may be null.
const NULL_PROTOCOL_VERSION: i16 = 7;
/// From here on a static leader can be told not to assign anew (KIP-814).
const SKIP_ASSIGNMENT_VERSION: i16 = 9;
/// A member that is new is waited for so long, whatever its session time-out (Kafka's number).
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1000;
/// The most ids that are handed out and not used yet, of one group.
const PENDING_MEMBERS_MAX: usize = 10_000;

/// How much of a client's name the id of its member bears: with a hyphen and a UUID behind it, the
/// id must be one that messages and records can carry.
const MEMBER_ID_PREFIX_BYTES_MAX: usize = STRING_LENGTH_MAX - 37;

/// What a join is decided with.
pub(crate) struct Join<'a> {
    pub(crate) now: Now,
    pub(crate) rng: &'a mut dyn Rng,
    pub(crate) client: &'a Client,
    pub(crate) config: &'a CoordinatorConfig,
    /// How much memory is left for ids that are handed out.
    pub(crate) pending_bytes_left: usize,
    pub(crate) request: &'a JoinGroupRequest,
    pub(crate) token: ReplyToken,
}

impl Join<'_> {
    pub(crate) fn joining(&self) -> Joining {
        Joining { token: self.token, version: self.client.api_version }
    }

    fn new_member_id(&mut self) -> String {
        let prefix = self.request.group_instance_id.as_ref().unwrap_or(&self.client.client_id);
        let prefix = &prefix[..prefix.floor_char_boundary(MEMBER_ID_PREFIX_BYTES_MAX)];
        let id = format!("{:032x}", u128::from_be_bytes(Uuid::random(self.rng).0));
        // Spelled as RFC 9562 has it, which is what Kafka's users see in their tools.
        let groups = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
        format!("{prefix}-{}", groups.join("-"))
    }

    pub(crate) fn refuse(&self, error: ErrorCode, decision: &mut Decision) {
        let member_id = match error {
            ErrorCode::GroupMaxSizeReached => "",
            _ => self.request.member_id.as_str(),
        };
        self.joining().refuse(error, member_id, decision);
    }
}

impl Joining {
    pub(crate) fn reply(self, mut response: JoinGroupResponse, decision: &mut Decision) {
        if self.version < NULL_PROTOCOL_VERSION {
            response.protocol_name.get_or_insert_default();
        }
        decision.reply(self.token, response);
    }

    pub(crate) fn refuse(self, error: ErrorCode, member_id: &str, decision: &mut Decision) {
        let response = JoinGroupResponse {
            error_code: error.code(),
            member_id: member_id.to_owned(),
            ..JoinGroupResponse::default()
        };
        self.reply(response, decision);
    }
}

impl ClassicGroup {
    pub(crate) fn join(&mut self, mut join: Join<'_>, decision: &mut Decision) {
        let member_id = join.request.member_id.as_str();
        if !self.has_room_for(member_id, join.config) {
            self.remove(member_id, decision);
            join.refuse(ErrorCode::GroupMaxSizeReached, decision);
            return self.complete_join_if_ready(join.now, decision);
        }
        if let Err(error) = self.ensure_bounded(join.config, join.request) {
            return join.refuse(error, decision);
        }
        if !self.supports_protocols_of(join.request) {
            return join.refuse(ErrorCode::InconsistentGroupProtocol, decision);
        }
        if !member_id.is_empty() {
            return self.join_known(&join, decision);
        }
        let new_id = join.new_member_id();
        match &join.request.group_instance_id {
            Some(instance) => match self.static_members.get(instance).cloned() {
                Some(old_id) => self.replace_static_member(&join, &old_id, &new_id, decision),
                None => self.add_joining(&join, new_id, decision),
            },
            None if join.client.api_version >= MEMBER_ID_REQUIRED_VERSION => {
                self.hand_out_id(&join, &new_id, decision);
            }
            None => self.add_joining(&join, new_id, decision),
        }
    }

    fn has_room_for(&self, member: &str, config: &CoordinatorConfig) -> bool {
        let members_max = config.max_members();
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                let mut awaiting = self.members.values().filter(|m| m.joining.is_some());
                awaiting.any(|awaiting| awaiting.id == member)
                    || self.members.values().filter(|m| m.joining.is_some()).count() < members_max
            }
            State::CompletingRebalance | State::Stable => {
                self.members.contains_key(member) || self.members.len() < members_max
            }
        }
    }

    fn hand_out_id(&mut self, join: &Join<'_>, id: &str, decision: &mut Decision) {
        if self.pending_members.len() >= PENDING_MEMBERS_MAX {
            return join.refuse(ErrorCode::GroupMaxSizeReached, decision);
        }
        if pending_bytes(&self.id, id) > join.pending_bytes_left {
            // Other groups have so many: later there is room again.
            return join.refuse(ErrorCode::CoordinatorNotAvailable, decision);
        }
        let good_until = join.now.in_ms(join.request.session_timeout_ms);
        self.hand_out(id, good_until);
        decision.schedule(self.session_key(id), good_until);
        join.joining().refuse(ErrorCode::MemberIdRequired, id, decision);
    }

    fn join_known(&mut self, join: &Join<'_>, decision: &mut Decision) {
        let request = join.request;
        let id = request.member_id.as_str();
        if self.pending_members.contains_key(id) && request.group_instance_id.is_none() {
            return self.add_joining(join, id.to_owned(), decision);
        }
        if let Err(error) = self.validate_member(id, request.group_instance_id.as_deref()) {
            return join.refuse(error, decision);
        }
        let is_unchanged = self.members.get(id).is_some_and(|m| m.matches(&request.protocols));
        match self.state {
            // It may not have got the answer to its last request, or is only late.
            State::CompletingRebalance if is_unchanged => self.answer_again(join, true, decision),
            State::Stable if is_unchanged && !self.is_leader(id) => {
                self.answer_again(join, false, decision);
            }
            State::Empty => join.refuse(ErrorCode::UnknownMemberId, decision),
            // The leader joins again when it wants a new assignment.
            _ => self.join_again(join, decision),
        }
    }

    /// The answer of the generation that is.
    fn answer_again(&self, join: &Join<'_>, tell_leader: bool, decision: &mut Decision) {
        let mut response = self.join_response(&join.request.member_id);
        if !tell_leader {
            response.members.clear();
        }
        join.joining().reply(response, decision);
    }

    fn add_joining(&mut self, join: &Join<'_>, id: String, decision: &mut Decision) {
        let mut member = Member::new(id.clone(), join.client, join.request);
        member.joining = Some(join.joining());
        if let Some(initial) = &mut self.initial {
            initial.is_growing = true;
        }
        self.add(member, &join.request.protocol_type);
        self.extend_session(join.now, &id, NEW_MEMBER_JOIN_TIMEOUT_MS, decision);
        let cause = Cause::Joined { member: id, reason: join.request.reason.clone() };
        self.rebalance_or_complete(join.now, join.config, cause, decision);
    }

    fn join_again(&mut self, join: &Join<'_>, decision: &mut Decision) {
        let id = &join.request.member_id;
        self.update_joining(join, id, decision);
        let cause = Cause::Rejoined { member: id.clone(), reason: join.request.reason.clone() };
        self.rebalance_or_complete(join.now, join.config, cause, decision);
    }

    /// Takes over what a member says now, and lets it wait. Whoever waited in its name has given
    /// up, and is answered for the sake of its connection.
    fn update_joining(&mut self, join: &Join<'_>, id: &str, decision: &mut Decision) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.update(join.request);
        if let Some(earlier) = member.joining.replace(join.joining()) {
            earlier.refuse(ErrorCode::RebalanceInProgress, id, decision);
        }
    }

    /// A static member came back under a new id: the old one is fenced (KIP-345). While nothing
    /// else changes, it gets its old assignment without a rebalance.
    fn replace_static_member(
        &mut self,
        join: &Join<'_>,
        old_id: &str,
        new_id: &str,
        decision: &mut Decision,
    ) {
        let old_leader = self.leader.clone();
        self.rename_static_member(join.now, old_id, new_id, decision);
        self.update_joining(join, new_id, decision);
        let instance = join.request.group_instance_id.clone().unwrap_or_default();
        let cause = Cause::Replaced { instance, member: new_id.to_owned() };
        match self.state {
            State::Stable if self.select_protocol() == self.protocol => {
                decision.record(self.record());
                let mut response = self.join_response(new_id);
                if join.client.api_version >= SKIP_ASSIGNMENT_VERSION {
                    response.skip_assignment = self.is_leader(new_id);
                } else {
                    // It must not take itself for the leader and assign anew.
                    response.leader = old_leader.unwrap_or_default();
                    response.members.clear();
                }
                let joining = self.members.get_mut(new_id).and_then(|m| m.joining.take());
                if let Some(joining) = joining {
                    joining.reply(response, decision);
                }
            }
            State::Stable | State::CompletingRebalance => {
                self.rebalance_or_complete(join.now, join.config, cause, decision);
            }
            State::PreparingRebalance | State::Empty => {
                self.note(join.now, cause);
                self.complete_join_if_ready(join.now, decision);
            }
        }
    }

    fn rename_static_member(&mut self, now: Now, old: &str, new: &str, decision: &mut Decision) {
        let was_leader = self.is_leader(old);
        let was_pending = self.pending_syncs.contains(old);
        let leader = self.leader.clone();
        let Some(mut member) = self.remove(old, decision) else { return };
        if let Some(joining) = member.joining.take() {
            joining.refuse(ErrorCode::FencedInstanceId, old, decision);
        }
        if let Some(token) = member.syncing.take() {
            super::sync::refuse(token, ErrorCode::FencedInstanceId, decision);
        }
        new.clone_into(&mut member.id);
        member.is_new = false;
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), new.to_owned());
        }
        let session_timeout_ms = member.session_timeout_ms;
        self.members.insert(new.to_owned(), member);
        self.leader = if was_leader { Some(new.to_owned()) } else { leader };
        if was_pending {
            self.pending_syncs.insert(new.to_owned());
        }
        self.extend_session(now, new, session_timeout_ms, decision);
    }

    /// What a member is told of the generation; the leader is told of everybody.
    pub(super) fn join_response(&self, member: &str) -> JoinGroupResponse {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let everybody = self.members.values().map(|member| JoinGroupResponseMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        });
        JoinGroupResponse {
            members: if self.is_leader(member) { everybody.collect() } else { Vec::new() },
            member_id: member.to_owned(),
            generation_id: self.generation,
            protocol_name: self.protocol.clone(),
            protocol_type: self.protocol_type.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            ..JoinGroupResponse::default()
        }
    }
}
