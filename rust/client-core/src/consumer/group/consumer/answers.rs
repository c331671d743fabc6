//! What the coordinator's answers mean to a member.

use std::time::Duration;

use base::{ErrorCode, TopicId};
use wire::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

use super::{Assigned, ConsumerMember, JOIN_EPOCH, Said};
use crate::consumer::group::GroupError;
use crate::consumer::group::member::Hearing;
use crate::consumer::group::membership::Membership;
use crate::request::{Answer, RequestError};

/// No coordinator wants more heartbeats than this.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(10);

impl ConsumerMember {
    pub(super) fn hear(
        &mut self,
        membership: &mut Membership,
        said: Said,
        result: Result<Answer, RequestError>,
        to: &mut Hearing<'_>,
    ) {
        match result.and_then(Answer::decode::<ConsumerGroupHeartbeatRequest>) {
            Ok(response) => match code(response.error_code) {
                ErrorCode::None => self.accepted(membership, said, response, to),
                code => self.refused(membership, code, response.error_message, to),
            },
            Err(error) if error.is_retriable() => {
                // Whether it was heard is not known: everything is said again.
                self.said = None;
                to.coordinator.lost(to.cluster, to.now);
                membership.put_off(to.cluster, to.now);
            }
            Err(error) => membership.fail_because(&error),
        }
    }

    fn accepted(
        &mut self,
        membership: &mut Membership,
        said: Said,
        response: ConsumerGroupHeartbeatResponse,
        to: &mut Hearing<'_>,
    ) {
        membership.succeeded();
        self.said = Some(said);
        self.epoch = response.member_epoch;
        // Coordinators of the first version may draw the id.
        if let Some(id) = response.member_id.filter(|id| !id.is_empty()) {
            self.id = id;
        }
        let interval_ms = u64::try_from(response.heartbeat_interval_ms).unwrap_or(0);
        self.heartbeat_interval = Duration::from_millis(interval_ms).max(HEARTBEAT_INTERVAL_MIN);
        self.heartbeat_due = to.now + self.heartbeat_interval;
        if let Some(assignment) = response.assignment {
            self.target = Some(assigned(assignment));
        }
    }

    fn refused(
        &mut self,
        membership: &mut Membership,
        code: ErrorCode,
        said: Option<String>,
        to: &mut Hearing<'_>,
    ) {
        self.said = None;
        let group_id = membership.config.group_id.clone();
        match code {
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => {
                self.start_over(membership, code, to);
            }
            // It was there when this member joined: all its members' sessions have ended.
            ErrorCode::GroupIdNotFound if self.epoch > JOIN_EPOCH => {
                self.start_over(membership, code, to);
            }
            ErrorCode::CoordinatorLoadInProgress => membership.put_off(to.cluster, to.now),
            ErrorCode::FencedInstanceId => membership.fail(membership.fenced()),
            ErrorCode::UnreleasedInstanceId => {
                let instance_id = membership.config.instance_id.clone().unwrap_or_default();
                membership.fail(GroupError::InstanceInUse { group_id, instance_id });
            }
            ErrorCode::UnsupportedVersion => {
                let reason = "its coordinator does not speak the new protocol of groups (KIP-848): \
                              set group.protocol to classic";
                membership.fail(membership.impossible(reason.to_owned()));
            }
            code if code.is_retriable() => {
                to.coordinator.lost(to.cluster, to.now);
                membership.put_off(to.cluster, to.now);
            }
            code => membership.fail(GroupError::Refused { group_id, code, said }),
        }
    }

    /// The coordinator counts with this member no more: whatever it had may be another's.
    fn start_over(&mut self, membership: &mut Membership, code: ErrorCode, to: &mut Hearing<'_>) {
        let cause = format!("the membership was lost: {}", code.name());
        membership.lose_all(&cause, to.now);
        self.start_anew("this member was fenced");
        membership.put_off(to.cluster, to.now);
    }
}

fn assigned(assignment: Assignment) -> Assigned {
    let mut assigned = Assigned::new();
    for topic in assignment.topic_partitions {
        let partitions = topic.partitions.into_iter().filter(|partition| *partition >= 0);
        assigned.entry(TopicId(topic.topic_id)).or_default().extend(partitions);
    }
    assigned
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}
