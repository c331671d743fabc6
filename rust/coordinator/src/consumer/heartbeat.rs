//! ConsumerGroupHeartbeat: a member says what it reads and holds, and is told what to hold.

use std::sync::Arc;

use base::{ErrorCode, Rng, Uuid};
use wire::consumer_group_heartbeat::{
    Assignment as ResponseAssignment, ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use wire::coordinator_records::{
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
    ConsumerGroupTargetAssignmentMemberKey,
};

use super::member::{JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH, regex_of};
use super::{Current, Draft, Holdings, Member};
use crate::assignor::Assignor;
use crate::rebalance::Cause;
use crate::request::Client;

/// From here on clients make their ids themselves (KIP-1082).
const CLIENT_ID_VERSION: i16 = 1;

/// Why a heartbeat is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(crate) fn response(self) -> ConsumerGroupHeartbeatResponse {
        ConsumerGroupHeartbeatResponse {
            error_code: self.error.code(),
            error_message: Some(self.message),
            ..ConsumerGroupHeartbeatResponse::default()
        }
    }
}

/// Whether the request makes sense by itself.
pub(crate) fn validate(
    version: i16,
    assignors: &[Assignor],
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let ensure = |holds: bool, message: &str| {
        if holds { Ok(()) } else { Err(Refusal::new(ErrorCode::InvalidRequest, message)) }
    };
    // What Java's `trim` leaves nothing of is empty, too.
    let says_something = |text: &str| text.chars().any(|letter| letter > ' ');
    let is_none_or_some = |text: &Option<String>| text.as_deref().is_none_or(says_something);
    let may_lack_id = version < CLIENT_ID_VERSION
        && matches!(request.member_epoch, JOIN_EPOCH | STATIC_LEAVE_EPOCH);
    ensure(may_lack_id || says_something(&request.member_id), "MemberId can't be empty.")?;
    ensure(says_something(&request.group_id), "GroupId can't be empty.")?;
    ensure(is_none_or_some(&request.instance_id), "InstanceId can't be empty.")?;
    ensure(is_none_or_some(&request.rack_id), "RackId can't be empty.")?;
    ensure(request.member_epoch >= STATIC_LEAVE_EPOCH, "MemberEpoch is invalid.")?;
    if request.member_epoch == JOIN_EPOCH {
        let has_timeout = request.rebalance_timeout_ms != -1;
        ensure(has_timeout, "RebalanceTimeoutMs must be provided in first request.")?;
        let owns_nothing = request.topic_partitions.as_ref().is_some_and(Vec::is_empty);
        ensure(owns_nothing, "TopicPartitions must be empty when (re-)joining.")?;
        let subscribes =
            request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some();
        ensure(
            subscribes,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
             (re-)joining.",
        )?;
    }
    if request.member_epoch == STATIC_LEAVE_EPOCH {
        ensure(request.instance_id.is_some(), "InstanceId can't be null.")?;
    }
    match request.server_assignor.as_deref() {
        Some(name) if !assignors.iter().any(|assignor| assignor.name() == name) => {
            let known: Vec<&str> = assignors.iter().map(|assignor| assignor.name()).collect();
            let known = known.join(", ");
            let message =
                format!("ServerAssignor {name} is not supported. Supported assignors: {known}.");
            Err(Refusal::new(ErrorCode::UnsupportedAssignor, message))
        }
        _ => Ok(()),
    }
}

impl Draft<'_> {
    pub(crate) fn heartbeat(
        &mut self,
        rng: &mut dyn Rng,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        if matches!(request.member_epoch, LEAVE_EPOCH | STATIC_LEAVE_EPOCH) {
            return self.leave(request);
        }
        let id = match request.member_id.as_str() {
            "" => Uuid::random(rng).to_string(),
            id => id.to_owned(),
        };
        self.ensure_room(&id)?;
        self.ensure_member(&id, request)?;
        if let Some(expression) = request.subscribed_topic_regex.as_deref() {
            self.validate_regex(expression)?;
        }
        let before = self.member(&id).map(|member| member.current.clone()).unwrap_or_default();
        let has_subscribed = self.update_member(&id, client, request);
        self.update_targets();
        let is_late = request.member_epoch != before.epoch;
        // What it held in an earlier epoch says nothing about what it has given up in this one.
        let may_tell = !is_late || request.member_epoch == JOIN_EPOCH;
        let owned = request.topic_partitions.as_deref().filter(|_| may_tell);
        self.reconcile(&id, owned, has_subscribed)?;
        self.extend_session(&id);
        Ok(self.answer(id, &before, is_late || is_full(request)))
    }

    fn answer(
        &self,
        id: String,
        before: &Current,
        asks_for_all: bool,
    ) -> ConsumerGroupHeartbeatResponse {
        let current = self.member(&id).map(|member| member.current.clone()).unwrap_or_default();
        let has_changed = before.assigned.assignment() != current.assigned.assignment();
        let assignment = (asks_for_all || has_changed)
            .then(|| ResponseAssignment { topic_partitions: current.assigned.to_response() });
        ConsumerGroupHeartbeatResponse {
            member_id: Some(id),
            member_epoch: current.epoch,
            heartbeat_interval_ms: self.heartbeat_interval_ms(),
            assignment,
            ..ConsumerGroupHeartbeatResponse::default()
        }
    }

    pub(super) fn ensure_room(&self, id: &str) -> Result<(), Refusal> {
        let members_max = self.config.consumer_max_members();
        if self.member(id).is_some() || self.members().len() < members_max {
            return Ok(());
        }
        let message = format!(
            "The consumer group has reached its maximum capacity of {members_max} members."
        );
        Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message))
    }

    /// Whether the heartbeat comes from a member, or makes one.
    fn ensure_member(
        &mut self,
        id: &str,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), Refusal> {
        let joins = request.member_epoch == JOIN_EPOCH;
        match &request.instance_id {
            Some(instance) if joins => self.ensure_static_member(id, instance)?,
            Some(instance) => self.known_static_member(instance, id)?,
            None if joins => {}
            None => self.known_member(id)?,
        }
        match self.member(id) {
            Some(member) => validate_epoch(member, request),
            None => Ok(()),
        }
    }

    /// A static member that comes back takes the place of the one that has left.
    fn ensure_static_member(&mut self, id: &str, instance: &str) -> Result<(), Refusal> {
        let Some((old_id, old)) = self.static_member(instance) else { return Ok(()) };
        let (old_id, old) = (old_id.clone(), Arc::clone(old));
        if old_id == id && old.current.epoch != STATIC_LEAVE_EPOCH {
            return Ok(());
        }
        if old.classic().is_none() && old.current.epoch != STATIC_LEAVE_EPOCH {
            let message = format!(
                "Static member {id} with instance id {instance} cannot join the group because the \
                 instance id is owned by {old_id} member."
            );
            return Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message));
        }
        self.replace_member(&old_id, &old, id);
        Ok(())
    }

    /// The new member is the old one under its new id, at the beginning of its way.
    pub(super) fn replace_member(&mut self, old_id: &str, old: &Member, id: &str) {
        let target = self.targets.get(old_id).map(Arc::clone).unwrap_or_default();
        let tombstones = self.member_tombstones(old_id);
        self.write_all(tombstones);
        self.cancel_timers(old_id);
        self.set_metadata(id, old.metadata.clone());
        let key = ConsumerGroupTargetAssignmentMemberKey {
            group_id: self.id.clone(),
            member_id: id.to_owned(),
        };
        self.write((key, Some(target.to_target())));
        let current = Current {
            epoch: JOIN_EPOCH,
            previous_epoch: JOIN_EPOCH,
            pending_revocation: Holdings::default(),
            ..old.current.clone()
        };
        self.set_current(id, &current);
    }

    /// Says whether the member reads something else than before.
    fn update_member(
        &mut self,
        id: &str,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> bool {
        let old = self.member(id).map(|member| member.metadata.clone());
        let mut new = old.clone().unwrap_or_else(ConsumerGroupMemberMetadataValue::unknown);
        let set = |to: &mut Option<String>, from: &Option<String>| {
            if from.is_some() {
                to.clone_from(from);
            }
        };
        set(&mut new.instance_id, &request.instance_id);
        set(&mut new.rack_id, &request.rack_id);
        set(&mut new.server_assignor, &request.server_assignor);
        if let Some(expression) = &request.subscribed_topic_regex {
            // An empty one takes back what was said before, if anything was.
            new.subscribed_topic_regex = Some(expression.clone()).filter(|text| !text.is_empty());
        }
        if request.rebalance_timeout_ms != -1 {
            new.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(names) = &request.subscribed_topic_names {
            new.subscribed_topic_names.clone_from(names);
            new.subscribed_topic_names.sort_unstable();
            new.subscribed_topic_names.dedup();
        }
        new.client_id.clone_from(&client.client_id);
        new.client_host.clone_from(&client.host);
        new.classic_member_metadata = None;
        self.subscribe(id, old.as_ref(), new)
    }

    /// Writes what the member says of itself, if that is new, and asks for a new assignment if it
    /// reads something else than before; whether it does is the answer.
    pub(super) fn subscribe(
        &mut self,
        id: &str,
        old: Option<&ConsumerGroupMemberMetadataValue>,
        new: ConsumerGroupMemberMetadataValue,
    ) -> bool {
        if old == Some(&new) {
            return false;
        }
        let reads_the_same = old.is_some_and(|old| {
            old.subscribed_topic_names == new.subscribed_topic_names
                && regex_of(old) == regex_of(&new)
        });
        self.set_metadata(id, new);
        if reads_the_same {
            return false;
        }
        let member = id.to_owned();
        self.causes.push(match old {
            Some(_) => Cause::Rejoined { member, reason: None },
            None => Cause::Joined { member, reason: None },
        });
        self.update_regexes();
        self.bump_epoch();
        true
    }

    fn set_metadata(&mut self, id: &str, value: ConsumerGroupMemberMetadataValue) {
        let key =
            ConsumerGroupMemberMetadataKey { group_id: self.id.clone(), member_id: id.to_owned() };
        self.write((key, Some(value)));
    }
}

/// Epoch 0 asks to be let in again, which a member does that was fenced. A member of the previous
/// epoch that holds no more than it should is let on: the answer that told it of its new epoch may
/// have got lost.
fn validate_epoch(member: &Member, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let (theirs, ours) = (request.member_epoch, member.current.epoch);
    let holds_no_more = || {
        let owned = request.topic_partitions.as_deref();
        owned.is_some_and(|owned| is_within(owned, &member.current.assigned))
    };
    let is_previous = theirs < ours && theirs == member.current.previous_epoch;
    if theirs == JOIN_EPOCH || theirs == ours || (is_previous && holds_no_more()) {
        return Ok(());
    }
    let than = if theirs > ours { "greater" } else { "smaller" };
    let message = format!(
        "The consumer group member has a {than} member epoch ({theirs}) than the one known by the \
         group coordinator ({ours}). The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}

fn is_within(owned: &[TopicPartitions], assigned: &Holdings) -> bool {
    owned.iter().all(|topic| {
        topic.partitions.iter().all(|&partition| assigned.contains(topic.topic_id, partition))
    })
}

/// Whether the member tells everything of itself, as it does when it is not sure what it was told.
fn is_full(request: &ConsumerGroupHeartbeatRequest) -> bool {
    request.member_epoch == JOIN_EPOCH
        || (request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some()
                || request.subscribed_topic_regex.is_some())
            && request.topic_partitions.is_some())
}
