//! The broker that coordinates the group: looked for, found, and looked for again when it is not it
//! any more.

use base::{ErrorCode, Instant, NodeId};
use wire::ApiKey;
use wire::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::wake::Wake;

/// From this version on a request can name several groups.
const SEVERAL_VERSION_MIN: i16 = 4;

/// Where the group's coordinator is.
#[derive(Debug)]
pub(in crate::consumer) struct Coordinator {
    group_id: String,
    node: Option<NodeId>,
    asked: Option<RequestId>,
    failures: u32,
    not_before: Instant,
    refusal: Option<Refusal>,
}

impl Coordinator {
    pub(in crate::consumer) fn new(group_id: String) -> Self {
        let not_before = Instant::default();
        let refusal = None;
        Self { group_id, node: None, asked: None, failures: 0, not_before, refusal }
    }

    /// The coordinator, if it can be asked now; sets about finding it and connecting to it
    /// otherwise.
    pub(in crate::consumer) fn ready(
        &mut self,
        cluster: &mut Cluster,
        now: Instant,
        wake: &mut Wake,
    ) -> Option<NodeId> {
        let Some(node) = self.node else {
            self.look(cluster, now, wake);
            return None;
        };
        // Its lane takes its versions from the main lane, so that one goes first.
        let ready = cluster
            .make_ready(node, Lane::Main, now)
            .and_then(|()| cluster.make_ready(node, Lane::Coordinator, now));
        match ready {
            Ok(()) => Some(node),
            Err(later) => {
                wake.at(later);
                // A broker that cannot be reached may have lost the group to another.
                if !cluster.metadata().brokers.contains_key(&node) {
                    self.lost(cluster, now);
                }
                None
            }
        }
    }

    /// Whether this is the question for the coordinator.
    pub(in crate::consumer) fn is_asking(&self, request: RequestId) -> bool {
        self.asked == Some(request)
    }

    /// The answer.
    pub(in crate::consumer) fn handle(
        &mut self,
        result: Result<Answer, RequestError>,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        self.asked = None;
        match result.and_then(Answer::decode::<FindCoordinatorRequest>) {
            Ok(response) => match found(&response) {
                Ok(node) if cluster.metadata().brokers.contains_key(&node) => {
                    self.node = Some(node);
                    self.failures = 0;
                }
                // A broker that is new: metadata will name it.
                Ok(_) => self.again(cluster, now),
                Err(code) if code.is_retriable() => self.again(cluster, now),
                Err(code) => self.refusal = Some(Refusal::Code(code)),
            },
            Err(error) if error.is_retriable() => self.again(cluster, now),
            Err(error) => self.refusal = Some(Refusal::Impossible(error.to_string())),
        }
    }

    /// Why it is of no use to look on, if it is not; once.
    pub(in crate::consumer) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// It is not the coordinator any more, or does not answer.
    pub(in crate::consumer) fn lost(&mut self, cluster: &mut Cluster, now: Instant) {
        if self.node.take().is_some() {
            self.again(cluster, now);
        }
    }

    fn look(&mut self, cluster: &mut Cluster, now: Instant, wake: &mut Wake) {
        if self.asked.is_some() || self.refusal.is_some() {
            return;
        }
        if self.not_before > now {
            return wake.at(self.not_before);
        }
        let Some(node) = cluster.any_ready(now) else { return };
        let version = cluster.highest_version(node, Lane::Main, ApiKey::FindCoordinator);
        let request = if version.is_some_and(|version| version < SEVERAL_VERSION_MIN) {
            FindCoordinatorRequest { key: self.group_id.clone(), ..Default::default() }
        } else {
            let coordinator_keys = vec![self.group_id.clone()];
            FindCoordinatorRequest { coordinator_keys, ..Default::default() }
        };
        let timeout = cluster.config().request_timeout;
        let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) => self.asked = Some(id),
            Err(error) => self.refusal = Some(Refusal::Impossible(error.to_string())),
        }
    }

    fn again(&mut self, cluster: &mut Cluster, now: Instant) {
        cluster.request_metadata();
        self.failures = self.failures.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.failures, cluster.rng());
    }
}

/// Why there is no coordinator, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum Refusal {
    /// Kafka's word for it.
    Code(ErrorCode),
    /// The broker cannot be asked.
    Impossible(String),
}

/// The first versions answer for one group, later ones for each.
fn found(response: &FindCoordinatorResponse) -> Result<NodeId, ErrorCode> {
    let (code, node) = response
        .coordinators
        .first()
        .map_or((response.error_code, response.node_id), |row| (row.error_code, row.node_id));
    match ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError) {
        ErrorCode::None => Ok(NodeId(node)),
        code => Err(code),
    }
}
