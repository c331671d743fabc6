//! The membership itself: joining, leading, beating, leaving, and what the program is told of it.

mod answers;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{Instant, NodeId, TopicPartition};
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use wire::leave_group::{LeaveGroupRequest, MemberIdentity};
use wire::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use wire::{ApiKey, EncodeError};

use super::assignor::{Assignor, PartitionCounts, Subscriber};
use super::coordinator::Refusal;
use super::leader::{self, Oneself};
use super::{GroupError, Rebalance};
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::config::GroupConfig;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{OutgoingRequest, RequestError, RequestId};
use crate::wake::Wake;

/// What the members of a group of consumers speak.
const PROTOCOL_TYPE: &str = "consumer";
/// How much longer than the group waits for its members one of them waits for the group.
const JOIN_GRACE: Duration = Duration::from_secs(5);
/// How long the leader waits to hear of topics that nobody has told it of: then there are none.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);
/// From this version on several members can leave at once.
const LEAVE_SEVERAL_VERSION_MIN: i16 = 3;

/// A member, or somebody who wants to be one.
#[derive(Debug)]
pub(in crate::consumer) struct Member {
    config: GroupConfig,
    state: State,
    id: String,
    generation: i32,
    assignor: Option<Assignor>,
    /// What is subscribed to, and what was when it joined.
    topics: Option<BTreeSet<Arc<str>>>,
    joined_topics: BTreeSet<Arc<str>>,
    /// What it may read: assigned, and not given up.
    owned: BTreeSet<TopicPartition>,
    /// What it was assigned last, and when, for sticky assignors.
    last: BTreeSet<TopicPartition>,
    last_generation: i32,
    /// What the program knows to be its own.
    told: BTreeSet<TopicPartition>,
    telling: VecDeque<Rebalance>,
    changes: VecDeque<Change>,
    /// Why it has to join again, if it has.
    rejoin: Option<&'static str>,
    /// As leader: the partitions that it has assigned.
    led: Option<PartitionCounts>,
    heartbeat: Option<RequestId>,
    heartbeat_due: Instant,
    /// When the coordinator was last heard.
    heard: Instant,
    /// What the program does: how many calls are waiting for records, and when one last ended.
    polling: u32,
    polled: Option<Instant>,
    failures: u32,
    not_before: Instant,
}

#[derive(Debug)]
enum State {
    /// Not a member.
    Out,
    /// On its way in, as soon as the program has been told what it is to be told.
    Preparing,
    Joining(RequestId),
    /// It leads, and waits for the metadata of all topics until then.
    Assigning(Vec<Subscriber>, Instant),
    /// It knows what to hand in, which is nothing unless it leads.
    ToSync(Vec<SyncGroupRequestAssignment>),
    Syncing(RequestId),
    Stable,
    /// The program stayed away for too long; it is told when it comes back.
    Lapsed,
    /// Asks to be let go as soon as the coordinator can be asked.
    ToLeave,
    Leaving(RequestId),
    Left,
    Failed(GroupError),
}

/// What changes for the partitions that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum Change {
    /// These are to be read from where the group has come.
    Add(Vec<TopicPartition>),
    /// These are not to be read any more.
    Remove(BTreeSet<TopicPartition>),
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) struct Identity {
    pub(in crate::consumer) member_id: String,
    pub(in crate::consumer) generation: i32,
    pub(in crate::consumer) instance_id: Option<String>,
}

impl Member {
    pub(in crate::consumer) fn new(config: GroupConfig) -> Self {
        Self {
            config,
            state: State::Out,
            id: String::new(),
            generation: -1,
            assignor: None,
            topics: None,
            joined_topics: BTreeSet::new(),
            owned: BTreeSet::new(),
            last: BTreeSet::new(),
            last_generation: -1,
            told: BTreeSet::new(),
            telling: VecDeque::new(),
            changes: VecDeque::new(),
            rejoin: None,
            led: None,
            heartbeat: None,
            heartbeat_due: Instant::default(),
            heard: Instant::default(),
            polling: 0,
            polled: None,
            failures: 0,
            not_before: Instant::default(),
        }
    }

    /// Subscribes to these, and joins if that is news.
    pub(in crate::consumer) fn subscribe(&mut self, topics: BTreeSet<Arc<str>>) {
        if self.topics.as_ref() == Some(&topics) {
            return;
        }
        if matches!(self.state, State::Left) {
            self.state = State::Out;
        }
        if !matches!(self.state, State::Out) && topics != self.joined_topics {
            self.rejoin = Some("the subscription has changed");
        }
        self.topics = Some(topics);
    }

    /// The program waits for records, or does something that shows that it lives. `Err` if it was
    /// away for too long, once, or if there is no membership any more.
    pub(in crate::consumer) fn begin_poll(&mut self, now: Instant) -> Result<(), GroupError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let away = self.polled.map_or(Duration::ZERO, |polled| now.since(polled));
        self.polled = Some(now);
        if matches!(self.state, State::Lapsed) {
            self.state = State::Preparing;
            let limit = self.config.poll_interval_max;
            let exceeded_by = away.saturating_sub(limit);
            return Err(GroupError::PollIntervalExceeded { limit, exceeded_by });
        }
        self.polling += 1;
        Ok(())
    }

    /// The program does something else now.
    pub(in crate::consumer) fn end_poll(&mut self, now: Instant) {
        self.polling = self.polling.saturating_sub(1);
        self.polled = Some(now);
    }

    /// What the program is to be told next.
    pub(in crate::consumer) fn telling(&self) -> Option<&Rebalance> {
        self.telling.front()
    }

    /// The program was told.
    pub(in crate::consumer) fn ack(&mut self) {
        match self.telling.pop_front() {
            Some(Rebalance::Assigned(partitions)) => self.told.extend(partitions),
            Some(Rebalance::Revoked(partitions)) => {
                for partition in &partitions {
                    self.owned.remove(partition);
                    self.told.remove(partition);
                }
                self.changes.push_back(Change::Remove(partitions.into_iter().collect()));
            }
            Some(Rebalance::Lost(_)) | None => {}
        }
    }

    /// What has changed, in order.
    pub(in crate::consumer) fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// As whom to commit; `None` while it is not known, or there is no membership.
    pub(in crate::consumer) fn identity(&self) -> Option<Identity> {
        let is_settled =
            matches!(self.state, State::Preparing | State::Assigning(..) | State::Stable);
        (is_settled && self.generation >= 0).then(|| Identity {
            member_id: self.id.clone(),
            generation: self.generation,
            instance_id: self.config.instance_id.clone(),
        })
    }

    /// Whether there is, or soon will be, a membership to commit as.
    pub(in crate::consumer) fn is_in(&self) -> bool {
        !matches!(
            self.state,
            State::Out
                | State::Lapsed
                | State::ToLeave
                | State::Leaving(_)
                | State::Left
                | State::Failed(_)
        )
    }

    /// Whether there is nothing that it would do before a subscription.
    pub(in crate::consumer) fn is_gone(&self) -> bool {
        matches!(self.state, State::Out | State::Left | State::Failed(_))
    }

    /// Why there is no membership, for good.
    pub(in crate::consumer) fn failure(&self) -> Option<&GroupError> {
        match &self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The coordinator did not like what was said as a member: a heartbeat will show why.
    pub(in crate::consumer) fn doubt(&mut self) {
        self.heartbeat_due = Instant::default();
    }

    /// There is no coordinator, for good.
    pub(in crate::consumer) fn refuse(&mut self, refusal: Refusal) -> GroupError {
        let group_id = self.config.group_id.clone();
        let error = match refusal {
            Refusal::Code(code) => GroupError::Refused { group_id, code },
            Refusal::Impossible(reason) => GroupError::Impossible { group_id, reason },
        };
        self.fail(error.clone());
        error
    }

    /// Leaves the group, unless it is a static member, who may come back (KIP-345). What it owns is
    /// given up; the program knows.
    pub(in crate::consumer) fn leave(&mut self) {
        let is_member = !self.id.is_empty() && !matches!(self.state, State::Failed(_));
        self.telling.clear();
        self.told.clear();
        self.topics = None;
        self.drop_owned();
        self.state = State::ToLeave;
        if !is_member || self.config.instance_id.is_some() {
            self.left();
        }
    }

    /// Brokers, topics or partitions may have changed.
    pub(in crate::consumer) fn follow(&mut self, cluster: &Cluster) {
        let Some(led) = self.led.as_ref().filter(|_| matches!(self.state, State::Stable)) else {
            return;
        };
        if led.iter().any(|(topic, count)| partition_count(cluster, topic) != *count) {
            self.rejoin = Some("the number of partitions has changed");
        }
    }

    /// Does what time asks for although there may be no coordinator.
    pub(in crate::consumer) fn pass_time(&mut self, now: Instant, wake: &mut Wake) {
        if self.polling > 0 || !self.is_in() {
            return;
        }
        let Some(polled) = self.polled else { return };
        let until = polled + self.config.poll_interval_max;
        if until > now {
            return wake.at(until);
        }
        self.lose_all();
        self.state = State::Lapsed;
        // Whoever has no id yet is nobody to the coordinator. A static member is waited for.
        self.generation = -1;
    }

    /// Decides what to say to the coordinator, which can be asked now. `flushed` is whether
    /// everything that was to be committed is.
    pub(in crate::consumer) fn drive(
        &mut self,
        cluster: &mut Cluster,
        node: NodeId,
        flushed: bool,
        now: Instant,
        wake: &mut Wake,
    ) {
        if self.not_before > now {
            return wake.at(self.not_before);
        }
        match &self.state {
            State::Out if self.topics.is_some() && self.polled.is_some() => {
                self.prepare();
                self.join_if_ready(cluster, node, flushed, now);
            }
            State::Stable if self.rejoin.is_some() => {
                self.prepare();
                self.join_if_ready(cluster, node, flushed, now);
            }
            State::Preparing => self.join_if_ready(cluster, node, flushed, now),
            State::Assigning(..) => self.assign(cluster, node, now, wake),
            State::ToSync(assignments) => {
                let assignments = assignments.clone();
                self.sync(cluster, node, assignments, now);
            }
            State::ToLeave => self.send_leave(cluster, node, now),
            State::Lapsed if !self.id.is_empty() && self.config.instance_id.is_none() => {
                self.send_leave(cluster, node, now);
            }
            _ => {}
        }
        if self.generation >= 0 && matches!(self.state, State::Preparing | State::Stable) {
            self.beat(cluster, node, now, wake);
        }
    }

    /// Whether the coordinator has to be found and connected to.
    pub(in crate::consumer) fn needs_coordinator(&self) -> bool {
        match &self.state {
            State::Out => self.topics.is_some() && self.polled.is_some(),
            State::Lapsed => !self.id.is_empty() && self.config.instance_id.is_none(),
            State::Left | State::Failed(_) => false,
            _ => true,
        }
    }

    /// What is cooperative may be kept while the group rebalances: if all that it knows are so.
    fn is_cooperative(&self) -> bool {
        self.config.assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    /// Goes (back) to joining: an eager member gives up all that it has first.
    fn prepare(&mut self) {
        self.state = State::Preparing;
        if !self.is_cooperative() && !self.owned.is_empty() {
            self.telling.push_back(Rebalance::Revoked(self.owned.iter().cloned().collect()));
        }
    }

    fn join_if_ready(&mut self, cluster: &mut Cluster, node: NodeId, flushed: bool, now: Instant) {
        if !self.telling.is_empty() || !flushed {
            return;
        }
        let reason = self.rejoin.take();
        self.joined_topics = self.topics.clone().unwrap_or_default();
        self.heartbeat = None;
        let request = match self.join_request(reason) {
            Ok(request) => request,
            Err(error) => return self.fail_because(&error),
        };
        let timeout = self.config.poll_interval_max + JOIN_GRACE;
        let timeout = timeout.max(cluster.config().request_timeout);
        match send(cluster, node, &request, timeout, now) {
            Ok(id) => self.state = State::Joining(id),
            Err(error) => self.fail_because(&error),
        }
    }

    fn join_request(&self, reason: Option<&str>) -> Result<JoinGroupRequest, EncodeError> {
        let oneself = Oneself {
            topics: &self.joined_topics,
            owned: &self.owned,
            last: &self.last,
            generation: self.last_generation,
        };
        let protocol = |assignor: &Assignor| {
            let metadata = leader::subscription(*assignor, oneself)?;
            Ok(JoinGroupRequestProtocol { name: assignor.name().to_owned(), metadata })
        };
        Ok(JoinGroupRequest {
            group_id: self.config.group_id.clone(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.poll_interval_max),
            member_id: self.id.clone(),
            group_instance_id: self.config.instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: self.config.assignors.iter().map(protocol).collect::<Result<_, _>>()?,
            reason: reason.map(ToOwned::to_owned),
        })
    }

    /// It has joined: it leads, or waits for what the leader decides.
    fn joined(&mut self, response: JoinGroupResponse, cluster: &mut Cluster, now: Instant) {
        let name = response.protocol_name.unwrap_or_default();
        let Some(assignor) = Assignor::by_name(&name) else {
            let reason = format!("it has chosen the assignor `{name}`, which was not offered");
            return self.fail(self.impossible(reason));
        };
        self.generation = response.generation_id;
        self.id = response.member_id;
        self.assignor = Some(assignor);
        self.heard = now;
        self.led = None;
        if self.id != response.leader || response.skip_assignment {
            self.state = State::ToSync(Vec::new());
            return;
        }
        match leader::subscribers(assignor, &response.members) {
            Ok(subscribers) => {
                for topic in subscribers.iter().flat_map(|subscriber| &subscriber.topics) {
                    cluster.want_topic(topic);
                }
                self.state = State::Assigning(subscribers, now + METADATA_PATIENCE);
            }
            Err(error) => self.fail(self.impossible(error.to_string())),
        }
    }

    fn assign(&mut self, cluster: &mut Cluster, node: NodeId, now: Instant, wake: &mut Wake) {
        let State::Assigning(subscribers, until) = &self.state else { return };
        let topics: BTreeSet<_> =
            subscribers.iter().flat_map(|subscriber| &subscriber.topics).cloned().collect();
        let is_known = |topic: &Arc<str>| cluster.metadata().topic(topic).is_some();
        if *until > now && !topics.iter().all(is_known) {
            return wake.at(*until);
        }
        let counts: PartitionCounts = topics
            .into_iter()
            .map(|topic| (topic.clone(), partition_count(cluster, &topic)))
            .collect();
        let assignor = self.assignor.expect("a group that has a leader has an assignor");
        let assignments = leader::assignments(assignor.assign(subscribers, &counts));
        self.led = Some(counts);
        match assignments {
            Ok(assignments) => self.sync(cluster, node, assignments, now),
            Err(error) => self.fail_because(&error),
        }
    }

    fn sync(
        &mut self,
        cluster: &mut Cluster,
        node: NodeId,
        assignments: Vec<SyncGroupRequestAssignment>,
        now: Instant,
    ) {
        let request = SyncGroupRequest {
            group_id: self.config.group_id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.config.instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: self.assignor.map(|assignor| assignor.name().to_owned()),
            assignments,
        };
        let timeout = self.config.poll_interval_max + JOIN_GRACE;
        let timeout = timeout.max(cluster.config().request_timeout);
        match send(cluster, node, &request, timeout, now) {
            Ok(id) => self.state = State::Syncing(id),
            Err(error) => self.fail_because(&error),
        }
    }

    /// It is settled for this generation.
    fn assigned(&mut self, assigned: &BTreeSet<TopicPartition>, now: Instant) {
        self.state = State::Stable;
        self.heard = now;
        self.heartbeat_due = now + self.config.heartbeat_interval;
        self.failures = 0;
        let revoked: Vec<_> = self.owned.difference(assigned).cloned().collect();
        let added: Vec<_> = assigned.difference(&self.owned).cloned().collect();
        self.last.clone_from(assigned);
        self.last_generation = self.generation;
        if !revoked.is_empty() {
            self.telling.push_back(Rebalance::Revoked(revoked));
            // Others wait for what is given up (KIP-429).
            self.rejoin = Some("partitions were given up");
        }
        if !added.is_empty() {
            self.owned.extend(added.iter().cloned());
            self.changes.push_back(Change::Add(added.clone()));
            self.telling.push_back(Rebalance::Assigned(added));
        }
    }

    fn beat(&mut self, cluster: &mut Cluster, node: NodeId, now: Instant, wake: &mut Wake) {
        if self.heartbeat.is_some() {
            return;
        }
        if self.heartbeat_due > now {
            return wake.at(self.heartbeat_due);
        }
        let request = HeartbeatRequest {
            group_id: self.config.group_id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.config.instance_id.clone(),
        };
        let timeout = cluster.config().request_timeout.min(self.config.session_timeout);
        match send(cluster, node, &request, timeout, now) {
            Ok(id) => self.heartbeat = Some(id),
            Err(error) => self.fail_because(&error),
        }
    }

    fn send_leave(&mut self, cluster: &mut Cluster, node: NodeId, now: Instant) {
        let version = cluster.highest_version(node, Lane::Coordinator, ApiKey::LeaveGroup);
        let member_id = std::mem::take(&mut self.id);
        let group_id = self.config.group_id.clone();
        let request = if version.is_some_and(|version| version < LEAVE_SEVERAL_VERSION_MIN) {
            LeaveGroupRequest { group_id, member_id, ..Default::default() }
        } else {
            let reason = match self.state {
                State::Lapsed => "max.poll.interval.ms was exceeded",
                _ => "the consumer is being closed",
            };
            let member =
                MemberIdentity { member_id, reason: Some(reason.to_owned()), ..Default::default() };
            LeaveGroupRequest { group_id, members: vec![member], ..Default::default() }
        };
        let sent = send(cluster, node, &request, cluster.config().request_timeout, now);
        if matches!(self.state, State::ToLeave) {
            // Who cannot say that he leaves is found out by his silence.
            match sent {
                Ok(id) => self.state = State::Leaving(id),
                Err(_) => self.left(),
            }
        }
    }

    /// It has left; a subscription that came meanwhile is for another membership.
    fn left(&mut self) {
        self.state = if self.topics.is_some() { State::Out } else { State::Left };
        (self.generation, self.rejoin) = (-1, None);
    }

    /// Everything that it owned may be another's already.
    fn lose_all(&mut self) {
        let told = std::mem::take(&mut self.told);
        self.telling.retain(|telling| matches!(telling, Rebalance::Lost(_)));
        if !told.is_empty() {
            self.telling.push_back(Rebalance::Lost(told.into_iter().collect()));
        }
        self.drop_owned();
    }

    fn drop_owned(&mut self) {
        let owned = std::mem::take(&mut self.owned);
        if !owned.is_empty() {
            self.changes.push_back(Change::Remove(owned));
        }
        (self.heartbeat, self.led) = (None, None);
    }

    fn fail(&mut self, error: GroupError) {
        self.lose_all();
        self.state = State::Failed(error);
    }

    fn fail_because(&mut self, error: &dyn std::error::Error) {
        self.fail(self.impossible(error.to_string()));
    }

    fn impossible(&self, reason: String) -> GroupError {
        GroupError::Impossible { group_id: self.config.group_id.clone(), reason }
    }

    fn put_off(&mut self, cluster: &mut Cluster, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.failures, cluster.rng());
    }
}

fn send(
    cluster: &mut Cluster,
    node: NodeId,
    request: &dyn OutgoingRequest,
    timeout: Duration,
    now: Instant,
) -> Result<RequestId, RequestError> {
    let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
    cluster.send(node, Lane::Coordinator, request, &terms, now)
}

fn partition_count(cluster: &Cluster, topic: &str) -> i32 {
    let known = cluster.metadata().topic(topic).filter(|topic| topic.error.is_none());
    known.map_or(0, |topic| i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX))
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
