//! LeaveGroup: members go, without waiting for their sessions to end (KIP-345: several at once).

use base::ErrorCode;
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};

use super::{ClassicGroup, State};
use crate::config::CoordinatorConfig;
use crate::decision::Decision;
use crate::now::Now;
use crate::rebalance::Cause;

/// From here on a request names several members, and each has an answer of its own.
const MEMBERS_VERSION: i16 = 3;

/// Those who leave, whichever version says so.
pub(crate) fn leaving(version: i16, request: &LeaveGroupRequest) -> Vec<MemberIdentity> {
    if version >= MEMBERS_VERSION {
        return request.members.clone();
    }
    let member_id = request.member_id.clone();
    vec![MemberIdentity { member_id, ..MemberIdentity::default() }]
}

impl ClassicGroup {
    pub(crate) fn leave(
        &mut self,
        now: Now,
        config: &CoordinatorConfig,
        leaving: &[MemberIdentity],
        decision: &mut Decision,
    ) -> Vec<MemberResponse> {
        let mut causes = Vec::new();
        let mut responses = Vec::with_capacity(leaving.len());
        for identity in leaving {
            let error = match self.leave_one(identity, decision) {
                Ok(member) => {
                    causes.push(Cause::Left { member, reason: identity.reason.clone() });
                    ErrorCode::None
                }
                Err(error) => error,
            };
            responses.push(answer(identity, error));
        }
        let Some(last) = causes.pop() else { return responses };
        for cause in causes {
            self.note(now, cause);
        }
        if self.state == State::Empty {
            // Only ids that were handed out and not used have been given back.
            self.rebalance = None;
        } else {
            self.rebalance_or_complete(now, config, last, decision);
        }
        responses
    }

    fn leave_one(
        &mut self,
        identity: &MemberIdentity,
        decision: &mut Decision,
    ) -> Result<String, ErrorCode> {
        let instance = identity.group_instance_id.as_deref();
        let mut id = identity.member_id.clone();
        if id.is_empty() {
            // An operator removes a static member without knowing its id.
            let named = instance.and_then(|instance| self.static_members.get(instance));
            id = named.cloned().ok_or(ErrorCode::UnknownMemberId)?;
        } else if self.pending_members.contains_key(&id) {
            self.remove(&id, decision);
            return Ok(id);
        } else {
            self.validate_member(&id, instance)?;
        }
        self.dismiss(&id, ErrorCode::UnknownMemberId, decision);
        Ok(id)
    }
}

/// The answer if nobody knows the group.
pub(crate) fn unknown(leaving: &[MemberIdentity]) -> Vec<MemberResponse> {
    leaving.iter().map(|identity| answer(identity, ErrorCode::UnknownMemberId)).collect()
}

/// A request of one member has one error, in the response itself.
pub(crate) fn response(version: i16, members: Vec<MemberResponse>) -> LeaveGroupResponse {
    let mut response = LeaveGroupResponse::default();
    if version >= MEMBERS_VERSION {
        response.members = members;
    } else {
        response.error_code = members.first().map_or(0, |member| member.error_code);
    }
    response
}

pub(crate) fn answer(identity: &MemberIdentity, error: ErrorCode) -> MemberResponse {
    MemberResponse {
        member_id: identity.member_id.clone(),
        group_instance_id: identity.group_instance_id.clone(),
        error_code: error.code(),
    }
}
