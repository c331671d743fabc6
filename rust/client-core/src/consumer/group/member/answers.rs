//! What the coordinator's answers mean to a member.

use base::{ErrorCode, Instant};
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupResponse};
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::{GroupError, Member, State, leader};
use crate::cluster::Cluster;
use crate::consumer::group::coordinator::Coordinator;
use crate::request::{Answer, RequestError, RequestId};

impl Member {
    /// Something that was asked is answered, or will never be. Whether it was this member's.
    pub(in crate::consumer) fn handle(
        &mut self,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) -> bool {
        let result = || result.clone();
        match self.state {
            State::Joining(id) if id == request => {
                let response = result().and_then(Answer::decode::<JoinGroupRequest>);
                match self.sort_out(response, |r| r.error_code, coordinator, cluster, now) {
                    Some((ErrorCode::None, response)) => {
                        self.joined(response, cluster, now);
                    }
                    Some((code, response)) => {
                        self.refused_to_join(code, response, coordinator, cluster, now);
                    }
                    None => {}
                }
            }
            State::Syncing(id) if id == request => {
                let response = result().and_then(Answer::decode::<SyncGroupRequest>);
                match self.sort_out(response, |r| r.error_code, coordinator, cluster, now) {
                    Some((ErrorCode::None, response)) => self.synced(&response, now),
                    Some((code, _)) => self.refused(code, coordinator, cluster, now),
                    None => {}
                }
            }
            State::Leaving(id) if id == request => self.left(),
            _ if self.heartbeat == Some(request) => {
                self.heartbeat = None;
                self.heartbeat_due = now + self.config.heartbeat_interval;
                let response = result().and_then(Answer::decode::<HeartbeatRequest>);
                let code = response.map(|response| code(response.error_code));
                self.handle_heartbeat(code, coordinator, cluster, now);
            }
            _ => return false,
        }
        true
    }

    fn handle_heartbeat(
        &mut self,
        code: Result<ErrorCode, RequestError>,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        match code {
            Ok(ErrorCode::None) => self.heard = now,
            Ok(ErrorCode::RebalanceInProgress) => {
                self.heard = now;
                if matches!(self.state, State::Stable) {
                    self.rejoin.get_or_insert("the group is rebalancing");
                }
            }
            Ok(code) if code.is_retriable() => {
                self.heartbeat_due = now + cluster.config().retry_backoff;
                if code != ErrorCode::CoordinatorLoadInProgress {
                    coordinator.lost(cluster, now);
                }
            }
            Ok(code) => self.refused(code, coordinator, cluster, now),
            Err(error) if error.is_retriable() => {
                // The membership may well stand: it is for the coordinator to say.
                self.heartbeat_due = now + cluster.config().retry_backoff;
                coordinator.lost(cluster, now);
            }
            Err(error) => self.fail_because(&error),
        }
    }

    /// Deals with an answer that is none; what is left has a code.
    fn sort_out<R>(
        &mut self,
        response: Result<R, RequestError>,
        code_of: impl Fn(&R) -> i16,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) -> Option<(ErrorCode, R)> {
        match response {
            Ok(response) => Some((code(code_of(&response)), response)),
            Err(error) if error.is_retriable() => {
                coordinator.lost(cluster, now);
                self.join_again(cluster, now);
                None
            }
            Err(error) => {
                self.fail_because(&error);
                None
            }
        }
    }

    fn refused_to_join(
        &mut self,
        code: ErrorCode,
        response: JoinGroupResponse,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        if code == ErrorCode::MemberIdRequired {
            // Comes again at once under the id that it was given (KIP-394).
            self.id = response.member_id;
            self.state = State::Preparing;
        } else {
            self.refused(code, coordinator, cluster, now);
        }
    }

    /// The coordinator does not take what was said.
    fn refused(
        &mut self,
        code: ErrorCode,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        match code {
            ErrorCode::RebalanceInProgress | ErrorCode::CoordinatorLoadInProgress => {
                self.join_again(cluster, now);
            }
            ErrorCode::UnknownMemberId => {
                self.id.clear();
                self.start_over(cluster, now);
            }
            ErrorCode::IllegalGeneration => self.start_over(cluster, now),
            ErrorCode::FencedInstanceId => {
                let group_id = self.config.group_id.clone();
                let instance_id = self.config.instance_id.clone().unwrap_or_default();
                self.fail(GroupError::Fenced { group_id, instance_id });
            }
            code if code.is_retriable() || code == ErrorCode::UnknownServerError => {
                coordinator.lost(cluster, now);
                self.join_again(cluster, now);
            }
            code => self.fail(GroupError::Refused { group_id: self.config.group_id.clone(), code }),
        }
    }

    /// Joins again after a while, with what it still has.
    fn join_again(&mut self, cluster: &mut Cluster, now: Instant) {
        self.put_off(cluster, now);
        self.state = State::Preparing;
    }

    /// The membership is over: whatever it had may be another's.
    fn start_over(&mut self, cluster: &mut Cluster, now: Instant) {
        self.lose_all();
        self.generation = -1;
        self.last_generation = -1;
        self.join_again(cluster, now);
    }

    fn synced(&mut self, response: &SyncGroupResponse, now: Instant) {
        match leader::read_assignment(&response.assignment) {
            Ok(assigned) => self.assigned(&assigned, now),
            Err(error) => self.fail_because(&error),
        }
    }
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}
