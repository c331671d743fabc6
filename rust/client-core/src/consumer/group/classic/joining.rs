//! The two steps of a rebalance: everybody joins, the leader assigns, everybody syncs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{Instant, TopicPartition};
use wire::EncodeError;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use wire::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use super::leader::{self, Oneself};
use super::{ClassicMember, Phase};
use crate::cluster::Cluster;
use crate::consumer::group::assignor::{
    AssignmentStrategy, Assignments, Errand, ErrandAnswer, GroupPartitions, Subscriber, check,
};
use crate::consumer::group::member::{Asking, Hearing};
use crate::consumer::group::membership::{Membership, millis, send};

/// What the members of a group of consumers speak.
const PROTOCOL_TYPE: &str = "consumer";
/// How much longer than the group waits for its members one of them waits for the group.
const JOIN_GRACE: Duration = Duration::from_secs(5);
/// How long the leader waits to hear of topics that nobody has told it of: then there are none.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);

impl ClassicMember {
    pub(super) fn join_if_ready(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        if !membership.ownership.is_told() || !to.flushed {
            return;
        }
        let topics = membership.topics.as_ref();
        let topics = topics.map(|topics| topics.names.clone()).unwrap_or_default();
        if let Some(assignor) = self.undescribed(membership) {
            self.errand.get_or_insert(Errand::Describe { assignor, topics });
            return;
        }
        let reason = self.rejoin.take();
        self.joined_topics = topics;
        self.heartbeat = None;
        let request = match self.join_request(membership, reason) {
            Ok(request) => request,
            Err(error) => return membership.fail_because(&error),
        };
        match send(to.cluster, to.node, &request, patience(membership, to.cluster), to.now) {
            Ok(id) => self.phase = Phase::Joining(id),
            Err(error) => membership.fail_because(&error),
        }
    }

    /// An assignor of the program's that has not said yet what this member tells the leader's.
    fn undescribed(&self, membership: &Membership) -> Option<Arc<str>> {
        let mut names = membership.config.assignors.iter().filter_map(|strategy| match strategy {
            AssignmentStrategy::Program(program) => Some(&program.name),
            AssignmentStrategy::Known(_) => None,
        });
        names.find(|name| !self.user_data.contains_key(*name)).cloned()
    }

    fn join_request(
        &self,
        membership: &Membership,
        reason: Option<&str>,
    ) -> Result<JoinGroupRequest, EncodeError> {
        let config = &membership.config;
        let oneself = Oneself {
            topics: &self.joined_topics,
            owned: membership.ownership.owned(),
            last: &self.last,
            generation: self.last_generation,
            rack: config.rack.as_deref(),
            user_data: &self.user_data,
        };
        let protocol = |strategy: &AssignmentStrategy| {
            let metadata = leader::subscription(strategy, oneself)?;
            Ok(JoinGroupRequestProtocol { name: strategy.name().to_owned(), metadata })
        };
        Ok(JoinGroupRequest {
            group_id: config.group_id.clone(),
            session_timeout_ms: millis(config.session_timeout),
            rebalance_timeout_ms: millis(config.poll_interval_max),
            member_id: self.id.clone(),
            group_instance_id: config.instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: config.assignors.iter().map(protocol).collect::<Result<_, _>>()?,
            reason: reason.map(ToOwned::to_owned),
        })
    }

    /// It has joined: it leads, or waits for what the leader decides.
    pub(super) fn joined(
        &mut self,
        membership: &mut Membership,
        response: JoinGroupResponse,
        to: &mut Hearing<'_>,
    ) {
        let name = response.protocol_name.unwrap_or_default();
        let mut offered = membership.config.assignors.iter();
        let Some(assignor) = offered.find(|strategy| strategy.name() == name).cloned() else {
            let reason = format!("it has chosen the assignor `{name}`, which was not offered");
            return membership.fail(membership.impossible(reason));
        };
        self.generation = response.generation_id;
        self.id = response.member_id;
        self.led = None;
        self.user_data.clear();
        if self.id != response.leader || response.skip_assignment {
            self.assignor = Some(assignor);
            self.phase = Phase::ToSync(Vec::new());
            return;
        }
        let subscribers = leader::subscribers(&assignor, &response.members);
        self.assignor = Some(assignor);
        match subscribers {
            Ok(subscribers) => {
                for topic in subscribers.iter().flat_map(|subscriber| &subscriber.topics) {
                    to.cluster.want_topic(topic);
                }
                self.phase = Phase::Assigning(subscribers, to.now + METADATA_PATIENCE);
            }
            Err(error) => membership.fail_because(&error),
        }
    }

    /// As leader, once the topics are known.
    pub(super) fn assign(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        let Phase::Assigning(subscribers, until) = &self.phase else { return };
        let topics: BTreeSet<_> =
            subscribers.iter().flat_map(|subscriber| &subscriber.topics).cloned().collect();
        let is_known = |topic: &Arc<str>| to.cluster.metadata().topic(topic).is_some();
        if *until > to.now && !topics.iter().all(is_known) {
            return to.wake.at(*until);
        }
        let partitions = group_partitions(to.cluster, &topics);
        match self.assignor.as_ref().expect("a group that has a leader has an assignor") {
            AssignmentStrategy::Known(assignor) => {
                let assignments = assignor.assign(subscribers, &partitions);
                self.led = Some(partitions);
                self.hand_in(membership, assignments);
            }
            AssignmentStrategy::Program(program) => {
                let (assignor, subscribers) = (program.name.clone(), subscribers.clone());
                let ask = || Errand::Assign { assignor, subscribers, partitions };
                self.errand.get_or_insert_with(ask);
            }
        }
        if let Phase::ToSync(assignments) = &self.phase {
            let assignments = assignments.clone();
            self.sync(membership, assignments, to);
        }
    }

    /// The program's assignor has answered.
    pub(super) fn answered(&mut self, membership: &mut Membership, answer: ErrandAnswer) {
        match (self.errand.take(), answer) {
            (Some(Errand::Describe { assignor, .. }), ErrandAnswer::Described(user_data)) => {
                self.user_data.insert(assignor, user_data);
            }
            (
                Some(Errand::Assign { assignor, subscribers, partitions }),
                ErrandAnswer::Assigned(assignments),
            ) => {
                self.program_assigned(membership, &assignor, assignments, &subscribers, partitions);
            }
            (Some(errand), ErrandAnswer::Failed(reason)) => {
                let (Errand::Describe { assignor, .. } | Errand::Assign { assignor, .. }) = errand;
                let reason = format!("the program's assignor `{assignor}` failed: {reason}");
                membership.fail(membership.impossible(reason));
            }
            // It took its time, and is not asked for any more.
            _ => {}
        }
    }

    fn program_assigned(
        &mut self,
        membership: &mut Membership,
        name: &str,
        assignments: Assignments,
        subscribers: &[Subscriber],
        partitions: GroupPartitions,
    ) {
        let is_cooperative = self.assignor.as_ref().is_some_and(AssignmentStrategy::is_cooperative);
        match check(assignments, subscribers, &partitions.counts, is_cooperative) {
            Ok(assignments) => {
                self.led = Some(partitions);
                self.hand_in(membership, assignments);
            }
            Err(error) => {
                let reason = format!("the program's assignor `{name}` cannot be followed: {error}");
                membership.fail(membership.impossible(reason));
            }
        }
    }

    fn hand_in(&mut self, membership: &mut Membership, assignments: Assignments) {
        match leader::assignments(assignments) {
            Ok(assignments) => self.phase = Phase::ToSync(assignments),
            Err(error) => membership.fail_because(&error),
        }
    }

    pub(super) fn sync(
        &mut self,
        membership: &mut Membership,
        assignments: Vec<SyncGroupRequestAssignment>,
        to: &mut Asking<'_>,
    ) {
        let request = SyncGroupRequest {
            group_id: membership.config.group_id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: membership.config.instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: self.assignor.as_ref().map(|assignor| assignor.name().to_owned()),
            assignments,
        };
        match send(to.cluster, to.node, &request, patience(membership, to.cluster), to.now) {
            Ok(id) => self.phase = Phase::Syncing(id),
            Err(error) => membership.fail_because(&error),
        }
    }

    /// It is settled for this generation.
    pub(super) fn assigned(
        &mut self,
        membership: &mut Membership,
        assigned: &BTreeSet<TopicPartition>,
        now: Instant,
    ) {
        self.phase = Phase::Stable;
        self.heartbeat_due = now + membership.config.heartbeat_interval;
        membership.succeeded();
        let owned = membership.ownership.owned();
        let revoked: Vec<_> = owned.difference(assigned).cloned().collect();
        let added: Vec<_> = assigned.difference(owned).cloned().collect();
        self.last.clone_from(assigned);
        self.last_generation = self.generation;
        if !revoked.is_empty() {
            membership.ownership.give_up(revoked);
            // Others wait for what is given up (KIP-429).
            self.rejoin = Some("partitions were given up");
        }
        membership.ownership.add(added);
    }
}

/// How long to wait for an answer that comes only when all members have asked.
fn patience(membership: &Membership, cluster: &Cluster) -> Duration {
    let longest = membership.config.poll_interval_max + JOIN_GRACE;
    longest.max(cluster.config().request_timeout)
}

/// The partitions of these topics, and where they are kept.
pub(super) fn group_partitions<'a>(
    cluster: &Cluster,
    topics: impl IntoIterator<Item = &'a Arc<str>>,
) -> GroupPartitions {
    let mut partitions = GroupPartitions::default();
    for topic in topics {
        let count = partition_count(cluster, topic);
        partitions.counts.insert(topic.clone(), count);
        let racks = (0..count).zip(cluster.metadata().racks(topic));
        let known = racks.filter(|(_, racks)| !racks.is_empty());
        let row = |(index, racks)| (TopicPartition::new(topic.clone(), index), racks);
        partitions.racks.extend(known.map(row));
    }
    partitions
}

fn partition_count(cluster: &Cluster, topic: &str) -> i32 {
    let known = cluster.metadata().topic(topic).filter(|topic| topic.error.is_none());
    known.map_or(0, |topic| i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX))
}
