//! What the coordinator's answers mean to a member.

use base::ErrorCode;
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupResponse};
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::{ClassicMember, NO_GENERATION, Phase, leader};
use crate::consumer::group::GroupError;
use crate::consumer::group::member::Hearing;
use crate::consumer::group::membership::Membership;
use crate::request::{Answer, RequestError, RequestId};

impl ClassicMember {
    pub(super) fn hear(
        &mut self,
        membership: &mut Membership,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        to: &mut Hearing<'_>,
    ) -> bool {
        let result = || result.clone();
        match self.phase {
            Phase::Joining(id) if id == request => {
                let response = result().and_then(Answer::decode::<JoinGroupRequest>);
                match self.sort_out(membership, response, |r| r.error_code, to) {
                    Some((ErrorCode::None, response)) => self.joined(membership, response, to),
                    Some((code, response)) => self.refused_to_join(membership, code, response, to),
                    None => {}
                }
            }
            Phase::Syncing(id) if id == request => {
                let response = result().and_then(Answer::decode::<SyncGroupRequest>);
                match self.sort_out(membership, response, |r| r.error_code, to) {
                    Some((ErrorCode::None, response)) => self.synced(membership, &response, to),
                    Some((code, _)) => self.refused(membership, code, to),
                    None => {}
                }
            }
            _ if self.heartbeat == Some(request) => {
                self.heartbeat = None;
                self.heartbeat_due = to.now + membership.config.heartbeat_interval;
                let response = result().and_then(Answer::decode::<HeartbeatRequest>);
                let code = response.map(|response| code(response.error_code));
                self.handle_heartbeat(membership, code, to);
            }
            _ => return false,
        }
        true
    }

    fn handle_heartbeat(
        &mut self,
        membership: &mut Membership,
        code: Result<ErrorCode, RequestError>,
        to: &mut Hearing<'_>,
    ) {
        match code {
            Ok(ErrorCode::None) => {}
            Ok(ErrorCode::RebalanceInProgress) => {
                if matches!(self.phase, Phase::Stable) {
                    self.rejoin.get_or_insert("the group is rebalancing");
                }
            }
            Ok(code) if code.is_retriable() => {
                self.heartbeat_due = to.now + to.cluster.config().retry_backoff;
                if code != ErrorCode::CoordinatorLoadInProgress {
                    to.coordinator.lost(to.cluster, to.now);
                }
            }
            Ok(code) => self.refused(membership, code, to),
            Err(error) if error.is_retriable() => {
                // The membership may well stand: it is for the coordinator to say.
                self.heartbeat_due = to.now + to.cluster.config().retry_backoff;
                to.coordinator.lost(to.cluster, to.now);
            }
            Err(error) => membership.fail_because(&error),
        }
    }

    /// Deals with an answer that is none; what is left has a code.
    fn sort_out<R>(
        &mut self,
        membership: &mut Membership,
        response: Result<R, RequestError>,
        code_of: impl Fn(&R) -> i16,
        to: &mut Hearing<'_>,
    ) -> Option<(ErrorCode, R)> {
        match response {
            Ok(response) => Some((code(code_of(&response)), response)),
            Err(error) if error.is_retriable() => {
                to.coordinator.lost(to.cluster, to.now);
                self.join_again(membership, to);
                None
            }
            Err(error) => {
                membership.fail_because(&error);
                None
            }
        }
    }

    fn refused_to_join(
        &mut self,
        membership: &mut Membership,
        code: ErrorCode,
        response: JoinGroupResponse,
        to: &mut Hearing<'_>,
    ) {
        if code == ErrorCode::MemberIdRequired {
            // Comes again at once under the id that it was given (KIP-394).
            self.id = response.member_id;
            self.phase = Phase::Preparing;
        } else {
            self.refused(membership, code, to);
        }
    }

    /// The coordinator does not take what was said.
    fn refused(&mut self, membership: &mut Membership, code: ErrorCode, to: &mut Hearing<'_>) {
        match code {
            ErrorCode::RebalanceInProgress | ErrorCode::CoordinatorLoadInProgress => {
                self.join_again(membership, to);
            }
            ErrorCode::UnknownMemberId => {
                self.id.clear();
                self.start_over(membership, code, to);
            }
            ErrorCode::IllegalGeneration => self.start_over(membership, code, to),
            ErrorCode::FencedInstanceId => membership.fail(membership.fenced()),
            code if code.is_retriable() || code == ErrorCode::UnknownServerError => {
                to.coordinator.lost(to.cluster, to.now);
                self.join_again(membership, to);
            }
            code => {
                let group_id = membership.config.group_id.clone();
                membership.fail(GroupError::Refused { group_id, code, said: None });
            }
        }
    }

    /// Joins again after a while, with what it still has.
    fn join_again(&mut self, membership: &mut Membership, to: &mut Hearing<'_>) {
        membership.put_off(to.cluster, to.now);
        self.errand = None;
        self.phase = Phase::Preparing;
    }

    /// The membership is over: whatever it had may be another's.
    fn start_over(&mut self, membership: &mut Membership, code: ErrorCode, to: &mut Hearing<'_>) {
        let cause = format!("the membership was lost: {}", code.name());
        membership.lose_all(&cause, to.now);
        (self.heartbeat, self.led) = (None, None);
        self.generation = NO_GENERATION;
        self.last_generation = NO_GENERATION;
        self.join_again(membership, to);
    }

    fn synced(
        &mut self,
        membership: &mut Membership,
        response: &SyncGroupResponse,
        to: &mut Hearing<'_>,
    ) {
        match leader::read_assignment(&response.assignment) {
            Ok(assigned) => self.assigned(membership, &assigned, to.now),
            Err(error) => membership.fail_because(&error),
        }
    }
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}
