//! Members of a consumer group that still speak the classic protocol (KIP-848, online migration).
//! They join and sync as ever, while the coordinator assigns; that they have to give something up
//! or may have more, they are told as "rebalance in progress".

use std::sync::Arc;

use base::{ErrorCode, Rng, Uuid};
use wire::coordinator_records::ConsumerGroupMemberMetadataValue;
use wire::coordinator_records::consumer_group_member_metadata::{
    ClassicMemberMetadata, ClassicProtocol,
};
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupResponse};
use wire::leave_group::MemberIdentity;
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::heartbeat::Refusal;
use super::subscription::{by_id, decode_subscription, encode_assignment};
use super::{Assignment, ConsumerGroup, Draft, Member, MemberState};
use crate::classic::CONSUMER_PROTOCOL_TYPE;
use crate::classic::bounds::{ensure_bounded, kept};
use crate::classic::protocol::is_one_in_common;
use crate::rebalance::Cause;
use crate::request::Client;

/// From here on a newcomer is told its id and asked to come back with it (KIP-394).
const MEMBER_ID_REQUIRED_VERSION: i16 = 4;

/// A join that is refused, and the id that the client is told.
pub(crate) type RefusedJoin = (ErrorCode, String);

impl ConsumerGroup {
    /// Whether a classic newcomer can speak with the classic members that are here.
    fn supports_protocols_of(&self, request: &JoinGroupRequest) -> bool {
        let classic = self.members().filter_map(|(_, member)| member.classic());
        let spoken =
            classic.map(|member| member.supported_protocols.iter().map(|one| one.name.as_str()));
        request.protocol_type == CONSUMER_PROTOCOL_TYPE && is_one_in_common(request, spoken)
    }

    /// The classic member that a request comes from, if it is the one that it says.
    fn classic_member(&self, id: &str, instance: Option<&str>) -> Result<&Arc<Member>, ErrorCode> {
        let member = self.identified_member(id, instance)?;
        member.classic().map(|_| member).ok_or(ErrorCode::UnknownMemberId)
    }

    fn identified_member(
        &self,
        id: &str,
        instance: Option<&str>,
    ) -> Result<&Arc<Member>, ErrorCode> {
        let Some(instance) = instance else {
            return self.member(id).ok_or(ErrorCode::UnknownMemberId);
        };
        let (current, member) = self.static_member(instance).ok_or(ErrorCode::UnknownMemberId)?;
        if current == id { Ok(member) } else { Err(ErrorCode::FencedInstanceId) }
    }
}

impl Draft<'_> {
    pub(super) fn join_classic(
        &mut self,
        rng: &mut dyn Rng,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> Result<JoinGroupResponse, RefusedJoin> {
        let is_new = request.member_id.is_empty();
        let refuse = |error| (error, request.member_id.clone());
        let id = if is_new { Uuid::random(rng).to_string() } else { request.member_id.clone() };
        self.ensure_room(&id).map_err(|refusal| (refusal.error, String::new()))?;
        ensure_bounded(self.config, request).map_err(refuse)?;
        if !self.supports_protocols_of(request) {
            return Err(refuse(ErrorCode::InconsistentGroupProtocol));
        }
        let is_dynamic = request.group_instance_id.is_none();
        if is_new && is_dynamic && client.api_version >= MEMBER_ID_REQUIRED_VERSION {
            return Err((ErrorCode::MemberIdRequired, id));
        }
        let mut replaces_consumer = false;
        if let Some(instance) = request.group_instance_id.as_deref() {
            replaces_consumer = self
                .ensure_classic_static_member(&id, instance, is_new)
                .map_err(|refusal| refuse(refusal.error))?;
        }
        let metadata = self.classic_metadata(&id, client, request).map_err(refuse)?;
        self.settle_classic(&id, request, metadata).map_err(refuse)?;
        let response = self.joined(&id, request);
        if replaces_consumer && self.is_to_be_downgraded() {
            // It took the place of the last member of the new protocol.
            let instance = request.group_instance_id.clone().unwrap_or_default();
            self.causes.push(Cause::Replaced { instance, member: id });
            self.downgrade();
        } else {
            self.begin_sync(&id, request);
        }
        Ok(response)
    }

    /// A classic member is not asked whether the one before it has left. Says whether that one was
    /// of the new protocol.
    fn ensure_classic_static_member(
        &mut self,
        id: &str,
        instance: &str,
        is_new: bool,
    ) -> Result<bool, Refusal> {
        if !is_new {
            return self.known_static_member(instance, id).map(|()| false);
        }
        let Some((old_id, old)) = self.static_member(instance) else { return Ok(false) };
        let (old_id, old) = (old_id.clone(), Arc::clone(old));
        self.replace_member(&old_id, &old, id);
        Ok(old.classic().is_none())
    }

    fn classic_metadata(
        &self,
        id: &str,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> Result<ConsumerGroupMemberMetadataValue, ErrorCode> {
        let (_, subscription) = subscription_of(request)?;
        let old = self.member(id).map(|member| member.metadata.clone());
        let old = old.unwrap_or_else(ConsumerGroupMemberMetadataValue::unknown);
        let mut names = subscription.topics;
        names.sort_unstable();
        names.dedup();
        let protocol = |protocol: &wire::join_group::JoinGroupRequestProtocol| ClassicProtocol {
            name: protocol.name.clone(),
            metadata: kept(&protocol.metadata),
        };
        Ok(ConsumerGroupMemberMetadataValue {
            instance_id: request.group_instance_id.clone().or(old.instance_id),
            rack_id: subscription.rack_id.or(old.rack_id),
            client_id: client.client_id.clone(),
            client_host: client.host.clone(),
            subscribed_topic_names: names,
            subscribed_topic_regex: None,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            server_assignor: old.server_assignor,
            classic_member_metadata: Some(ClassicMemberMetadata {
                session_timeout_ms: request.session_timeout_ms,
                supported_protocols: request.protocols.iter().map(protocol).collect(),
            }),
        })
    }

    fn settle_classic(
        &mut self,
        id: &str,
        request: &JoinGroupRequest,
        metadata: ConsumerGroupMemberMetadataValue,
    ) -> Result<(), ErrorCode> {
        let (_, subscription) = subscription_of(request)?;
        let old = self.member(id).map(|member| member.metadata.clone());
        let has_subscribed = self.subscribe(id, old.as_ref(), metadata);
        self.update_targets();
        let owned = by_id(&subscription.owned_partitions, self.image);
        self.reconcile(id, Some(&owned), has_subscribed).map_err(|refusal| refusal.error)
    }

    fn begin_sync(&mut self, id: &str, request: &JoinGroupRequest) {
        let (join, sync, rebalance) =
            (self.join_key(id), self.sync_key(id), self.rebalance_key(id));
        self.decision.cancel(join);
        self.decision.cancel(rebalance);
        self.extend_session(id);
        let at = self.now.in_ms(request.rebalance_timeout_ms);
        self.decision.schedule(sync, at);
    }

    /// Nobody leads: the coordinator assigns.
    fn joined(&self, id: &str, request: &JoinGroupRequest) -> JoinGroupResponse {
        JoinGroupResponse {
            member_id: id.to_owned(),
            generation_id: self.member(id).map_or(0, |member| member.current.epoch),
            protocol_type: Some(CONSUMER_PROTOCOL_TYPE.to_owned()),
            protocol_name: request.protocols.first().map(|protocol| protocol.name.clone()),
            ..JoinGroupResponse::default()
        }
    }

    pub(crate) fn sync_classic(
        &mut self,
        request: &SyncGroupRequest,
    ) -> Result<SyncGroupResponse, ErrorCode> {
        let id = request.member_id.as_str();
        let member = Arc::clone(self.classic_member(id, request.group_instance_id.as_deref())?);
        let Some(classic) = member.classic() else { return Err(ErrorCode::UnknownMemberId) };
        if request.generation_id != member.current.epoch {
            return Err(ErrorCode::IllegalGeneration);
        }
        let first = classic.supported_protocols.first();
        let differs = |theirs: &Option<String>, ours: Option<&str>| {
            theirs.is_some() && theirs.as_deref() != ours
        };
        if differs(&request.protocol_type, Some(CONSUMER_PROTOCOL_TYPE))
            || differs(&request.protocol_name, first.map(|protocol| protocol.name.as_str()))
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let is_giving_up = member.current.state == MemberState::UnrevokedPartitions;
        if self.epoch > member.current.epoch && !is_giving_up {
            self.ask_to_join(id, &member);
            return Err(ErrorCode::RebalanceInProgress);
        }
        let key = self.sync_key(id);
        self.decision.cancel(key);
        self.extend_session(id);
        let said = first.and_then(|protocol| decode_subscription(&protocol.metadata).ok());
        let version = said.map_or(0, |(version, _)| version);
        let assignment = member.current.assigned.assignment();
        Ok(SyncGroupResponse {
            protocol_type: request.protocol_type.clone(),
            protocol_name: request.protocol_name.clone(),
            assignment: encode_assignment(version, &assignment, self.image),
            ..SyncGroupResponse::default()
        })
    }

    pub(crate) fn heartbeat_classic(
        &mut self,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let id = request.member_id.as_str();
        let member = Arc::clone(self.classic_member(id, request.group_instance_id.as_deref())?);
        let current = &member.current;
        if request.generation_id != current.epoch {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.extend_session(id);
        let may_go_on = match current.state {
            MemberState::UnrevokedPartitions => true,
            MemberState::UnreleasedPartitions => self.has_free_partitions(id, &member),
            MemberState::Stable | MemberState::Unknown => false,
        };
        if current.epoch < self.epoch || may_go_on {
            self.ask_to_join(id, &member);
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Whether others have given up something that the member waits for.
    fn has_free_partitions(&self, id: &str, member: &Member) -> bool {
        if !self.targets.contains_key(id) {
            return true;
        }
        let missing: Assignment = self
            .target_of(id, self.image)
            .partitions()
            .filter(|&(topic, partition)| !member.current.assigned.contains(topic, partition))
            .collect();
        self.held_by_others(id, &missing).len() < missing.partitions().count()
    }

    /// The member is told to join again, and has its rebalance time-out for that.
    fn ask_to_join(&mut self, id: &str, member: &Member) {
        let key = self.join_key(id);
        let at = self.now.in_ms(member.metadata.rebalance_timeout_ms);
        self.decision.schedule(key, at);
    }

    /// Those who leave, by their identities. Operators remove members of the new protocol so, too.
    pub(crate) fn leave_classic(&mut self, leaving: &[MemberIdentity]) -> Vec<ErrorCode> {
        let mut gone = Vec::new();
        let mut errors = Vec::with_capacity(leaving.len());
        for identity in leaving {
            let instance = identity.group_instance_id.as_deref();
            let named = instance.and_then(|instance| self.static_member(instance));
            let id = match (identity.member_id.as_str(), named) {
                // An operator removes a static member without knowing its id.
                ("", Some((id, _))) => id.clone(),
                (id, _) => id.to_owned(),
            };
            let known = self.identified_member(&id, instance).map(drop);
            let has_left = gone.iter().any(|(other, _)| *other == id);
            let known = if has_left { Err(ErrorCode::UnknownMemberId) } else { known };
            if known.is_ok() {
                let cause = Cause::Left { member: id.clone(), reason: identity.reason.clone() };
                gone.push((id, cause));
            }
            errors.push(known.err().unwrap_or(ErrorCode::None));
        }
        if !gone.is_empty() {
            self.remove_members(gone);
        }
        errors
    }
}

fn subscription_of(
    request: &JoinGroupRequest,
) -> Result<(i16, wire::consumer_protocol::ConsumerProtocolSubscription), ErrorCode> {
    let first = request.protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
    decode_subscription(&first.metadata).map_err(|_| ErrorCode::InconsistentGroupProtocol)
}
