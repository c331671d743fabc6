//! A member of a group by the classic protocol: joins, asks for its part, sends heartbeats. The
//! leader shares the partitions out in equal ranges.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use base::ErrorCode;
use bytes::Bytes;
use wire::consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use wire::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
use wire::leave_group::MemberIdentity;
use wire::sync_group::SyncGroupRequestAssignment;
use wire::{HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest};

use crate::client::{AskError, Client};
use crate::exchange::{Refused, refuse};
use crate::member::{Group, Member};
use crate::roster::Roster;

const JOIN_VERSION: i16 = 9;
const SYNC_VERSION: i16 = 5;
const HEARTBEAT_VERSION: i16 = 4;
const LEAVE_VERSION: i16 = 5;
const SUBSCRIPTION_VERSION: i16 = 0;
const PROTOCOL_TYPE: &str = "consumer";
const ASSIGNOR: &str = "range";
const SESSION_TIMEOUT_MS: i32 = 30_000;
const REBALANCE_TIMEOUT_MS: i32 = 60_000;
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct ClassicMember {
    group: Group,
    number: usize,
    client: Client,
    id: String,
    generation: i32,
}

impl ClassicMember {
    pub(crate) fn new(group: Group, number: usize, client: Client) -> Self {
        Self { group, number, client, id: String::new(), generation: -1 }
    }

    /// Joins and asks for its part, until a generation is whole: while others join, none is.
    fn rejoin(&mut self, roster: &Roster) -> Result<(), AskError> {
        roster.give_up(self.number);
        loop {
            let joined = self.join()?;
            let partitions = match self.sync(&joined) {
                Ok(partitions) => partitions,
                Err(AskError::Refused(refused)) if asks_to_rejoin(&refused) => continue,
                Err(error) => return Err(error),
            };
            roster.report(self.number, self.generation, partitions);
            return Ok(());
        }
    }

    fn join(&mut self) -> Result<JoinGroupResponse, AskError> {
        let subscription = ConsumerProtocolSubscription {
            topics: vec![self.group.topic.clone()],
            ..ConsumerProtocolSubscription::default()
        };
        let metadata = consumer_protocol::encode(&subscription, SUBSCRIPTION_VERSION)?;
        loop {
            let protocol =
                JoinGroupRequestProtocol { name: ASSIGNOR.to_owned(), metadata: metadata.clone() };
            let request = JoinGroupRequest {
                group_id: self.group.id.clone(),
                session_timeout_ms: SESSION_TIMEOUT_MS,
                rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
                member_id: self.id.clone(),
                protocol_type: PROTOCOL_TYPE.to_owned(),
                protocols: vec![protocol],
                ..JoinGroupRequest::default()
            };
            let joined = self.client.ask(JOIN_VERSION, &request)?;
            match refuse(joined.error_code, None) {
                Ok(()) => {
                    self.id.clone_from(&joined.member_id);
                    self.generation = joined.generation_id;
                    return Ok(joined);
                }
                // KIP-394: the id is handed out first, and joins then.
                Err(refused) if refused.code() == Some(ErrorCode::MemberIdRequired) => {
                    self.id = joined.member_id;
                }
                Err(refused) if asks_to_rejoin(&refused) => {}
                Err(refused) => return Err(refused.into()),
            }
        }
    }

    fn sync(&mut self, joined: &JoinGroupResponse) -> Result<BTreeSet<i32>, AskError> {
        let request = SyncGroupRequest {
            group_id: self.group.id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(ASSIGNOR.to_owned()),
            assignments: self.assignments(joined)?,
            ..SyncGroupRequest::default()
        };
        let synced = self.client.ask(SYNC_VERSION, &request)?;
        refuse(synced.error_code, None)?;
        let assignment: ConsumerProtocolAssignment =
            consumer_protocol::decode(&synced.assignment).map_err(Refused::from)?;
        let topics = assignment.assigned_partitions;
        Ok(topics.into_iter().flat_map(|topic| topic.partitions).collect())
    }

    /// Everybody's part, which only the leader knows of.
    fn assignments(
        &self,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, AskError> {
        let mut members: Vec<&String> =
            joined.members.iter().map(|member| &member.member_id).collect();
        members.sort_unstable();
        let shares = shares(self.group.partitions, members.len());
        let assigned = members.into_iter().zip(shares).map(|(member, share)| {
            let assignment = self.assignment(share)?;
            Ok(SyncGroupRequestAssignment { member_id: member.clone(), assignment })
        });
        assigned.collect()
    }

    fn assignment(&self, partitions: Range<i32>) -> Result<Bytes, AskError> {
        let topic = consumer_protocol::assignment::TopicPartition {
            topic: self.group.topic.clone(),
            partitions: partitions.collect(),
        };
        let assignment =
            ConsumerProtocolAssignment { assigned_partitions: vec![topic], user_data: None };
        Ok(consumer_protocol::encode(&assignment, SUBSCRIPTION_VERSION)?)
    }
}

impl Member for ClassicMember {
    fn join(&mut self, roster: &Roster) -> Result<Duration, AskError> {
        self.rejoin(roster)?;
        Ok(HEARTBEAT_INTERVAL)
    }

    fn heartbeat(&mut self, roster: &Roster) -> Result<Duration, AskError> {
        let request = HeartbeatRequest {
            group_id: self.group.id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: None,
        };
        let beaten = self.client.ask(HEARTBEAT_VERSION, &request)?;
        match refuse(beaten.error_code, None) {
            Ok(()) => {}
            Err(refused) if asks_to_rejoin(&refused) => self.rejoin(roster)?,
            Err(refused) => return Err(refused.into()),
        }
        Ok(HEARTBEAT_INTERVAL)
    }

    fn leave(&mut self) -> Result<(), AskError> {
        let member = MemberIdentity { member_id: self.id.clone(), ..MemberIdentity::default() };
        let request = LeaveGroupRequest {
            group_id: self.group.id.clone(),
            members: vec![member],
            ..LeaveGroupRequest::default()
        };
        let left = self.client.ask(LEAVE_VERSION, &request)?;
        Ok(refuse(left.error_code, None)?)
    }
}

/// Whether the generation is over, or was before the member came.
fn asks_to_rejoin(refused: &Refused) -> bool {
    let over = [ErrorCode::RebalanceInProgress, ErrorCode::IllegalGeneration];
    refused.code().is_some_and(|code| over.contains(&code))
}

/// Partitions in ranges that differ by one at the most.
fn shares(partitions: i32, members: usize) -> impl Iterator<Item = Range<i32>> {
    let members = i32::try_from(members).unwrap_or(i32::MAX);
    let start = move |number: i32| {
        let start = i64::from(partitions) * i64::from(number) / i64::from(members);
        i32::try_from(start).expect("at most the number of partitions")
    };
    (0..members).map(move |number| start(number)..start(number + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_but_for_one_and_leave_nothing_out() {
        let lengths: Vec<usize> = shares(400, 99).map(|share| share.len()).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 400);
        assert!(lengths.iter().all(|length| (4..=5).contains(length)), "{lengths:?}");
        let ranges: Vec<_> = shares(5, 2).collect();
        assert_eq!(ranges, [0..2, 2..5]);
        assert_eq!(shares(5, 0).count(), 0);
    }
}
