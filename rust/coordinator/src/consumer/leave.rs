//! Members that go: by themselves, or because they are not heard of, or too slow.

use std::sync::Arc;

use base::ErrorCode;
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

use super::heartbeat::Refusal;
use super::member::{JOIN_EPOCH, STATIC_LEAVE_EPOCH};
use super::{Draft, Holdings};
use crate::rebalance::Cause;

impl Draft<'_> {
    /// A heartbeat that says that it is the last one.
    pub(super) fn leave(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        let id = &request.member_id;
        let left = Cause::Left { member: id.clone(), reason: None };
        match &request.instance_id {
            None => {
                self.known_member(id)?;
                self.remove_member(id, left);
            }
            Some(instance) => {
                self.known_static_member(instance, id)?;
                if request.member_epoch == STATIC_LEAVE_EPOCH {
                    self.leave_for_a_while(id);
                } else {
                    self.remove_member(id, left);
                }
            }
        }
        Ok(ConsumerGroupHeartbeatResponse {
            member_id: Some(id.clone()),
            member_epoch: request.member_epoch,
            ..ConsumerGroupHeartbeatResponse::default()
        })
    }

    /// A static member will be back: its partitions wait for it, until its session ends. They count
    /// as given in epoch 0, so that whatever epoch it comes back in may commit for them. The epoch
    /// before stays what it was: this one is none that an answer could have been lost of.
    fn leave_for_a_while(&mut self, id: &str) {
        let Some(member) = self.member(id).map(Arc::clone) else { return };
        let mut next = member.current.clone();
        next.epoch = STATIC_LEAVE_EPOCH;
        next.assigned = next.assigned.given_in(JOIN_EPOCH);
        next.pending_revocation = Holdings::default();
        self.set_current(id, &next);
        let key = self.rebalance_key(id);
        self.decision.cancel(key);
    }

    /// Removes a member, and lets the others have what it held.
    pub(crate) fn remove_member(&mut self, id: &str, cause: Cause) {
        self.remove_members([(id.to_owned(), cause)]);
    }

    /// Removes members, each for its cause.
    pub(crate) fn remove_members(&mut self, leaving: impl IntoIterator<Item = (String, Cause)>) {
        for (id, cause) in leaving {
            let tombstones = self.member_tombstones(&id);
            self.write_all(tombstones);
            self.cancel_timers(&id);
            self.causes.push(cause);
        }
        if self.is_to_be_downgraded() {
            return self.downgrade();
        }
        self.update_regexes();
        self.bump_epoch();
        self.update_targets();
    }

    pub(super) fn known_member(&self, id: &str) -> Result<(), Refusal> {
        if self.member(id).is_some() {
            return Ok(());
        }
        let message = format!("Member {id} is not a member of group {}.", self.id);
        Err(Refusal { error: ErrorCode::UnknownMemberId, message })
    }

    /// Whether `id` is the static member of this instance.
    pub(super) fn known_static_member(&self, instance: &str, id: &str) -> Result<(), Refusal> {
        let Some((current, _)) = self.static_member(instance) else {
            let message = format!("Instance id {instance} is unknown.");
            return Err(Refusal { error: ErrorCode::UnknownMemberId, message });
        };
        if current == id {
            return Ok(());
        }
        let message = format!(
            "Static member {id} with instance id {instance} was fenced by member {current}."
        );
        Err(Refusal { error: ErrorCode::FencedInstanceId, message })
    }
}
