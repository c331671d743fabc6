//! Groups that change their protocol while they have members (KIP-848): up when the first member of
//! the new protocol joins, down when the last one leaves.

use base::ErrorCode;
use base::codec::DecodeError;
use wire::coordinator_records::consumer_group_member_metadata::{
    ClassicMemberMetadata, ClassicProtocol,
};
use wire::coordinator_records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey, ConsumerGroupMetadataValue,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
};

use super::heartbeat::Refusal;
use super::subscription::{decode_assignment, decode_subscription, encode_assignment};
use super::{Assignment, Current, Draft, MemberState};
use crate::classic::{ClassicGroup, Member as ClassicMember};
use crate::rebalance::Cause;

impl Draft<'_> {
    /// The group becomes what the classic group was: everybody keeps what the leader assigned last.
    pub(super) fn upgrade(&mut self, classic: &ClassicGroup) -> Result<(), Refusal> {
        let refuse = |error: DecodeError| {
            let message = format!(
                "Cannot upgrade classic group {} to consumer group: its members' subscriptions \
                 cannot be read: {error}.",
                classic.id
            );
            Refusal::new(ErrorCode::GroupIdNotFound, message)
        };
        for member in classic.members() {
            self.upgrade_member(classic, member).map_err(refuse)?;
        }
        let group_id = classic.id.clone();
        let epoch = classic.generation();
        let value = ConsumerGroupMetadataValue { epoch, ..ConsumerGroupMetadataValue::default() };
        self.write((ConsumerGroupMetadataKey { group_id: group_id.clone() }, Some(value)));
        let value = ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: epoch,
            ..ConsumerGroupTargetAssignmentMetadataValue::default()
        };
        self.write((ConsumerGroupTargetAssignmentMetadataKey { group_id }, Some(value)));
        self.causes.push(Cause::ProtocolChanged);
        classic.dissolve(ErrorCode::RebalanceInProgress, &mut self.decision);
        for member in classic.members() {
            self.extend_session(&member.id);
        }
        Ok(())
    }

    /// The group goes on counting where the classic one has stopped, so that an epoch never means
    /// two things.
    pub(super) fn begin_after(&mut self, generation: i32) {
        if generation == 0 {
            return;
        }
        let value = ConsumerGroupMetadataValue {
            epoch: generation,
            ..ConsumerGroupMetadataValue::default()
        };
        self.write((ConsumerGroupMetadataKey { group_id: self.id.clone() }, Some(value)));
    }

    fn upgrade_member(
        &mut self,
        classic: &ClassicGroup,
        member: &ClassicMember,
    ) -> Result<(), DecodeError> {
        let (_, subscription) = decode_subscription(&classic.metadata_of(member))?;
        let assigned = decode_assignment(&member.assignment, self.image)?;
        let epoch = classic.generation();
        let spoken = member.protocols.iter().map(|protocol| ClassicProtocol {
            name: protocol.name.clone(),
            metadata: protocol.metadata.clone(),
        });
        let metadata = ConsumerGroupMemberMetadataValue {
            instance_id: member.instance_id.clone(),
            rack_id: subscription.rack_id,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscribed_topic_names: subscription.topics,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            classic_member_metadata: Some(ClassicMemberMetadata {
                session_timeout_ms: member.session_timeout_ms,
                supported_protocols: spoken.collect(),
            }),
            ..ConsumerGroupMemberMetadataValue::unknown()
        };
        let current = Current {
            epoch,
            previous_epoch: epoch,
            state: MemberState::Stable,
            assigned: assigned.partitions().map(|(topic, index)| (topic, index, epoch)).collect(),
            ..Current::default()
        };
        let (group_id, member_id) = (|| classic.id.clone(), || member.id.clone());
        let key = ConsumerGroupMemberMetadataKey { group_id: group_id(), member_id: member_id() };
        self.write((key, Some(metadata)));
        let key =
            ConsumerGroupTargetAssignmentMemberKey { group_id: group_id(), member_id: member_id() };
        self.write((key, Some(assigned.to_target())));
        let key = ConsumerGroupCurrentMemberAssignmentKey {
            group_id: group_id(),
            member_id: member_id(),
        };
        self.write((key, Some(current.to_record())));
        Ok(())
    }

    /// Whether only classic members are left, and may go on by themselves.
    pub(super) fn is_to_be_downgraded(&self) -> bool {
        self.config.consumer_migration_policy.allows_downgrade()
            && !self.is_empty()
            && self.members().len() <= self.config.max_members()
            && self.members().all(|(_, member)| member.classic().is_some())
    }

    /// The group becomes a classic one, in which everybody keeps what it was to own, and is asked
    /// to join.
    pub(super) fn downgrade(&mut self) {
        let mut classic = ClassicGroup::of_generation(&self.id, self.now, self.epoch);
        for (id, member) in self.members() {
            let Some(spoken) = member.classic() else { continue };
            let nothing = Assignment::default();
            let target = self.targets.get(id).map_or(&nothing, |target| &**target);
            let first = spoken.supported_protocols.first();
            let said = first.and_then(|protocol| decode_subscription(&protocol.metadata).ok());
            let version = said.map_or(0, |(version, _)| version);
            let assignment = encode_assignment(version, target, self.image);
            classic.add_stable(ClassicMember::stable(id, &member.metadata, spoken, assignment));
        }
        classic.begin_stable();
        let ids: Vec<String> = self.members().map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.cancel_timers(&id);
        }
        let tombstones = self.tombstones();
        self.write_all(tombstones);
        self.write(classic.record());
        let causes = std::mem::take(&mut self.causes);
        classic.on_downgrade(self.now, self.config, causes, &mut self.decision);
        self.downgraded = Some(classic);
    }
}
