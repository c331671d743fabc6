//! A member of a group by the protocol of KIP-848: one heartbeat for everything, as often as the
//! broker says, and at once when there is something to tell.

use std::collections::BTreeSet;
use std::time::Duration;

use wire::consumer_group_heartbeat::{Assignment, TopicPartitions};
use wire::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use crate::client::{AskError, Client};
use crate::exchange::refuse;
use crate::member::{Group, Member};
use crate::roster::Roster;

const VERSION: i16 = 1;
const REBALANCE_TIMEOUT_MS: i32 = 60_000;
const JOINS: i32 = 0;
const LEAVES: i32 = -1;

#[derive(Debug)]
pub(crate) struct ConsumerMember {
    group: Group,
    number: usize,
    client: Client,
    epoch: i32,
    owned: Vec<TopicPartitions>,
    reported: Option<(i32, BTreeSet<i32>)>,
}

impl ConsumerMember {
    pub(crate) fn new(group: Group, number: usize, client: Client) -> Self {
        Self { group, number, client, epoch: JOINS, owned: Vec::new(), reported: None }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.id.clone(),
            // Members choose their ids themselves from version 1 on.
            member_id: format!("{}-{}", self.group.id, self.number),
            member_epoch: self.epoch,
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    fn ask(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, AskError> {
        let answer = self.client.ask(VERSION, request)?;
        refuse(answer.error_code, answer.error_message.as_deref())?;
        self.epoch = answer.member_epoch;
        Ok(answer)
    }

    /// Takes on what it is assigned, gives up what it is not, and says so at once, until the broker
    /// has nothing new to say.
    fn follow(
        &mut self,
        mut answer: ConsumerGroupHeartbeatResponse,
        roster: &Roster,
    ) -> Result<Duration, AskError> {
        while let Some(Assignment { topic_partitions }) = answer.assignment.take() {
            self.owned = topic_partitions;
            self.report(roster);
            let request = ConsumerGroupHeartbeatRequest {
                topic_partitions: Some(self.owned.clone()),
                ..self.request()
            };
            answer = self.ask(&request)?;
        }
        self.report(roster);
        Ok(Duration::from_millis(u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0)))
    }

    fn report(&mut self, roster: &Roster) {
        let partitions = self.owned.iter().flat_map(|topic| &topic.partitions).copied().collect();
        let now = (self.epoch, partitions);
        if self.reported.as_ref() != Some(&now) {
            roster.report(self.number, now.0, now.1.clone());
            self.reported = Some(now);
        }
    }
}

impl Member for ConsumerMember {
    fn join(&mut self, roster: &Roster) -> Result<Duration, AskError> {
        let request = ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            subscribed_topic_names: Some(vec![self.group.topic.clone()]),
            topic_partitions: Some(Vec::new()),
            ..self.request()
        };
        let answer = self.ask(&request)?;
        self.follow(answer, roster)
    }

    fn heartbeat(&mut self, roster: &Roster) -> Result<Duration, AskError> {
        let answer = self.ask(&self.request())?;
        self.follow(answer, roster)
    }

    fn leave(&mut self) -> Result<(), AskError> {
        self.epoch = LEAVES;
        self.ask(&self.request()).map(|_| ())
    }
}
