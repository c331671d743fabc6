//! A member of a consumer group (KIP-848), as a consumer's client plays it.

use std::collections::BTreeSet;

use base::{ErrorCode, Uuid};
use coordinator::{Client, Response};
use wire::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};

use crate::classic_member::client;
use crate::host::{Host, topic_id};

pub(crate) const REBALANCE_TIMEOUT_MS: i32 = 30_000;

#[derive(Clone, Debug)]
pub(crate) struct ConsumerMember {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) group: String,
    pub(crate) epoch: i32,
    pub(crate) topics: Vec<String>,
    pub(crate) regex: Option<String>,
    pub(crate) assignor: Option<String>,
    /// What it holds.
    pub(crate) owned: BTreeSet<(Uuid, i32)>,
}

impl ConsumerMember {
    /// A member that reads `orders`, which has four partitions.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            instance: None,
            group: "g".into(),
            epoch: 0,
            topics: vec!["orders".into()],
            regex: None,
            assignor: None,
            owned: BTreeSet::new(),
        }
    }

    pub(crate) fn fixed(id: &str, instance: &str) -> Self {
        Self { instance: Some(instance.into()), ..Self::new(id) }
    }

    /// Everything that the member can say.
    pub(crate) fn full_request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            rack_id: None,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            subscribed_topic_names: Some(self.topics.clone()),
            subscribed_topic_regex: self.regex.clone(),
            server_assignor: self.assignor.clone(),
            topic_partitions: Some(self.owned_partitions()),
        }
    }

    fn owned_partitions(&self) -> Vec<TopicPartitions> {
        let topics: BTreeSet<Uuid> = self.owned.iter().map(|(topic, _)| *topic).collect();
        let of =
            |topic: &Uuid| self.owned.iter().filter(|(t, _)| t == topic).map(|(_, p)| *p).collect();
        let topic = |topic_id: Uuid| TopicPartitions { topic_id, partitions: of(&topic_id) };
        topics.into_iter().map(topic).collect()
    }

    /// Only that it is there.
    pub(crate) fn short_request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            rebalance_timeout_ms: -1,
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    /// A heartbeat that tells all; the member does as it is told.
    pub(crate) fn beat(&mut self, host: &mut Host) -> ConsumerGroupHeartbeatResponse {
        let response = ask(host, self.full_request());
        self.obey(&response);
        response
    }

    pub(crate) fn obey(&mut self, response: &ConsumerGroupHeartbeatResponse) {
        if response.error_code != 0 {
            return;
        }
        self.id = response.member_id.clone().unwrap();
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            self.owned = partitions(assignment);
        }
    }

    pub(crate) fn try_beat(&mut self, host: &mut Host) -> ErrorCode {
        ErrorCode::from_code(self.beat(host).error_code).unwrap()
    }

    pub(crate) fn leave(&mut self, host: &mut Host, epoch: i32) -> ConsumerGroupHeartbeatResponse {
        let request = ConsumerGroupHeartbeatRequest { member_epoch: epoch, ..self.short_request() };
        self.owned.clear();
        ask(host, request)
    }

    /// The numbers of `orders` that it holds.
    pub(crate) fn orders(&self) -> Vec<i32> {
        let orders = self.owned.iter().filter(|(topic, _)| *topic == topic_id(1));
        orders.map(|(_, partition)| *partition).collect()
    }
}

pub(crate) fn partitions(assignment: &Assignment) -> BTreeSet<(Uuid, i32)> {
    let topics = assignment.topic_partitions.iter();
    topics.flat_map(|topic| topic.partitions.iter().map(|&p| (topic.topic_id, p))).collect()
}

pub(crate) fn ask(
    host: &mut Host,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    ask_as(host, &client(1), request)
}

pub(crate) fn ask_as(
    host: &mut Host,
    client: &Client,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let token = host.send(client, request);
    match host.take(token) {
        Some(Response::ConsumerGroupHeartbeat(response)) => response,
        other => panic!("{other:?} is no answer to a heartbeat"),
    }
}

/// Heartbeats of all, over and over, until nothing moves any more.
pub(crate) fn settle(host: &mut Host, members: &mut [ConsumerMember]) {
    for _ in 0..20 {
        host.advance_ms(1_000);
        for member in members.iter_mut() {
            assert_eq!(member.try_beat(host), ErrorCode::None, "{member:?}");
        }
    }
}
