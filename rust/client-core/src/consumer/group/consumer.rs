//! A member in the new protocol (KIP-848): one heartbeat says what the member wants and has, and
//! its answer what it may have. The coordinator assigns; the member reconciles.
//!
//! ```text
//!  epoch 0 ── joins ──> epoch n ──┬── an assignment that differs from what is owned
//!     ^                           │     give up what is not in it, once all is committed
//!     │                           │     take on what is new in it
//!     │                           └── say what is owned: the coordinator goes on from there
//!     └── fenced: everything is lost
//! ```
//! What has not changed since the last heartbeat that was answered is left out.

mod answers;
mod reconcile;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::{Instant, NodeId, TopicId, TopicPartition};
use wire::ApiKey;
use wire::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, TopicPartitions};

use super::Topics;
use super::assignor::{Errand, ErrandAnswer};
use super::member::{Asking, Hearing, Identity, Protocol};
use super::membership::{Membership, millis, send};
use crate::cluster::Cluster;
use crate::node::Lane;
use crate::request::{Answer, OutgoingRequest, RequestError, RequestId};

/// Asks to become a member.
const JOIN_EPOCH: i32 = 0;
/// Says that it is none any more.
const LEAVE_EPOCH: i32 = -1;
/// Says that it will be back (KIP-345).
const LEAVE_FOR_A_WHILE_EPOCH: i32 = -2;
/// From this version on the coordinator resolves patterns.
const REGEX_VERSION_MIN: i16 = 1;
/// What a heartbeat waits for until the coordinator has said how often it wants one.
const HEARTBEAT_INTERVAL_FIRST: Duration = Duration::from_secs(1);
/// Unchanged.
const SAME: i32 = -1;

/// Partitions as the coordinator names them.
type Assigned = BTreeMap<TopicId, BTreeSet<i32>>;

/// What a member knows of its place in the group.
#[derive(Debug)]
pub(super) struct ConsumerMember {
    id: String,
    epoch: i32,
    /// The last assignment that was heard of; none since it joined.
    target: Option<Assigned>,
    /// The topics of what is owned: one that is made anew under the same name is another.
    owned_ids: BTreeMap<Arc<str>, TopicId>,
    /// What the coordinator has last been told and has answered.
    said: Option<Said>,
    heartbeat: Option<(RequestId, Said)>,
    heartbeat_due: Instant,
    heartbeat_interval: Duration,
    /// Whether the coordinator may know it.
    is_known: bool,
    /// Why the coordinator is asked anew what is assigned.
    cause: &'static str,
}

/// What a heartbeat says of the member.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    wanted: Wanted,
    owned: Assigned,
}

/// What is subscribed to, as the coordinator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Names(BTreeSet<Arc<str>>),
    Pattern(Arc<str>),
}

impl ConsumerMember {
    /// A member with an id of its own, which it keeps for as long as it lives.
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            epoch: JOIN_EPOCH,
            target: None,
            owned_ids: BTreeMap::new(),
            said: None,
            heartbeat: None,
            heartbeat_due: Instant::default(),
            heartbeat_interval: HEARTBEAT_INTERVAL_FIRST,
            is_known: false,
            cause: "this member joins",
        }
    }
}

impl Protocol for ConsumerMember {
    fn begin(&mut self, membership: &mut Membership, now: Instant) {
        membership.begin_rebalance(self.cause, now);
    }

    fn drive(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        if membership.ownership.is_told() {
            self.reconcile(membership, to);
        }
        self.beat(membership, to);
    }

    fn handle(
        &mut self,
        membership: &mut Membership,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        to: &mut Hearing<'_>,
    ) -> bool {
        match self.heartbeat.take_if(|(id, _)| *id == request) {
            Some((_, said)) => self.hear(membership, said, result.clone(), to),
            None => return false,
        }
        true
    }

    /// The next heartbeat finds out.
    fn follow_topics(&mut self, _membership: &Membership) {}

    /// The coordinator follows the metadata.
    fn follow(&mut self, _membership: &Membership, _cluster: &Cluster) {}

    fn identity(&self, membership: &Membership) -> Option<Identity> {
        (self.epoch > JOIN_EPOCH).then(|| Identity {
            member_id: self.id.clone(),
            generation: self.epoch,
            instance_id: membership.config.instance_id.clone(),
        })
    }

    /// The coordinator assigns.
    fn errand(&self) -> Option<&Errand> {
        None
    }

    fn answer_errand(&mut self, _membership: &mut Membership, _answer: ErrandAnswer) {}

    fn doubt(&mut self) {
        self.heartbeat_due = Instant::default();
    }

    fn has_to_leave(&self, _membership: &Membership) -> bool {
        self.is_known
    }

    fn leave(
        &mut self,
        membership: &Membership,
        _cluster: &Cluster,
        _node: NodeId,
    ) -> Box<dyn OutgoingRequest> {
        self.is_known = false;
        let is_static = membership.config.instance_id.is_some();
        let member_epoch = if is_static { LEAVE_FOR_A_WHILE_EPOCH } else { LEAVE_EPOCH };
        Box::new(ConsumerGroupHeartbeatRequest { member_epoch, ..self.short_request(membership) })
    }

    fn lapse(&mut self) {
        self.start_anew("the program is back");
    }

    fn forget(&mut self) {
        self.start_anew("this member joins");
        self.is_known = false;
    }
}

impl ConsumerMember {
    /// Nothing is owned, and nothing that was said or heard before counts any more.
    fn start_anew(&mut self, cause: &'static str) {
        self.epoch = JOIN_EPOCH;
        self.target = None;
        self.owned_ids.clear();
        self.said = None;
        self.heartbeat = None;
        self.heartbeat_due = Instant::default();
        self.cause = cause;
    }

    /// Says what is due to be said.
    fn beat(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        let is_told = membership.ownership.is_told();
        // Whoever has lost everything joins again once his program knows.
        if self.heartbeat.is_some() || (self.epoch == JOIN_EPOCH && !is_told) {
            return;
        }
        let version =
            to.cluster.highest_version(to.node, Lane::Coordinator, ApiKey::ConsumerGroupHeartbeat);
        let wanted = wanted(membership.topics.as_ref(), version);
        let owned = self.owned(membership);
        let is_news = match &self.said {
            Some(said) => said.wanted != wanted || (is_told && said.owned != owned),
            None => true,
        };
        if !is_news && self.heartbeat_due > to.now {
            return to.wake.at(self.heartbeat_due);
        }
        let said = Said { wanted, owned };
        let request = self.request(membership, &said);
        let timeout = to.cluster.config().request_timeout;
        match send(to.cluster, to.node, &request, timeout, to.now) {
            Ok(id) => {
                self.heartbeat = Some((id, said));
                self.is_known = true;
            }
            Err(error @ RequestError::UnsupportedApi { .. }) => {
                let hint = format!("{error}: set group.protocol to classic");
                membership.fail(membership.impossible(hint));
            }
            Err(error) => membership.fail_because(&error),
        }
    }

    /// What is owned, as the coordinator names it.
    fn owned(&self, membership: &Membership) -> Assigned {
        let mut owned = Assigned::new();
        for TopicPartition { topic, partition } in membership.ownership.owned() {
            if let Some(id) = self.owned_ids.get(topic) {
                owned.entry(*id).or_default().insert(partition.0);
            }
        }
        owned
    }

    fn request(&self, membership: &Membership, now: &Said) -> ConsumerGroupHeartbeatRequest {
        let config = &membership.config;
        let is_full = self.said.is_none();
        let is_new = |is_same: fn(&Said, &Said) -> bool| {
            self.said.as_ref().is_none_or(|before| !is_same(before, now))
        };
        let mut request = self.short_request(membership);
        if is_full {
            request.rack_id.clone_from(&config.rack);
            request.rebalance_timeout_ms = millis(config.poll_interval_max);
            request.server_assignor.clone_from(&config.remote_assignor);
        }
        if is_new(|before, now| before.wanted == now.wanted) {
            let was_pattern = matches!(&self.said, Some(Said { wanted: Wanted::Pattern(_), .. }));
            match &now.wanted {
                Wanted::Names(names) => {
                    let names = names.iter().map(ToString::to_string).collect();
                    request.subscribed_topic_names = Some(names);
                    // An empty one takes back what was said before.
                    request.subscribed_topic_regex = was_pattern.then(String::new);
                }
                Wanted::Pattern(pattern) => {
                    request.subscribed_topic_names = Some(Vec::new());
                    request.subscribed_topic_regex = Some(pattern.to_string());
                }
            }
        }
        if is_new(|before, now| before.owned == now.owned) {
            let row = |(id, partitions): (&TopicId, &BTreeSet<i32>)| TopicPartitions {
                topic_id: id.0,
                partitions: partitions.iter().copied().collect(),
            };
            request.topic_partitions = Some(now.owned.iter().map(row).collect());
        }
        request
    }

    fn short_request(&self, membership: &Membership) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: membership.config.group_id.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: membership.config.instance_id.clone(),
            rack_id: None,
            rebalance_timeout_ms: SAME,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
        }
    }
}

/// The first version knows no patterns: what they match now is subscribed to by name.
fn wanted(topics: Option<&Topics>, version: Option<i16>) -> Wanted {
    let topics = topics.cloned().unwrap_or_default();
    match topics.pattern {
        Some(pattern) if version.is_none_or(|version| version >= REGEX_VERSION_MIN) => {
            Wanted::Pattern(pattern)
        }
        _ => Wanted::Names(topics.names),
    }
}
