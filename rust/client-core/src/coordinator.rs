//! The broker that coordinates a group, or a producer's transactions: looked for, found, and looked
//! for again when it is not it any more.

use base::{ErrorCode, Instant, NodeId};
use wire::ApiKey;
use wire::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::wake::Wake;

/// From this version on a request can name several keys.
const SEVERAL_VERSION_MIN: i16 = 4;
/// From this version on a request can ask for other coordinators than groups'.
const KIND_VERSION_MIN: i16 = 1;

/// What is coordinated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub(crate) enum Kind {
    /// A group, by its `group.id`.
    Group = 0,
    /// The transactions of a `transactional.id`.
    Transaction = 1,
}

/// Where the coordinator is.
#[derive(Debug)]
pub(crate) struct Coordinator {
    kind: Kind,
    /// The id of what is coordinated.
    key: String,
    node: Option<NodeId>,
    asked: Option<RequestId>,
    failures: u32,
    not_before: Instant,
    refusal: Option<Refusal>,
}

impl Coordinator {
    pub(crate) fn new(kind: Kind, key: String) -> Self {
        let not_before = Instant::default();
        let refusal = None;
        Self { kind, key, node: None, asked: None, failures: 0, not_before, refusal }
    }

    /// The id of what is coordinated.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The coordinator, if it can be asked now; sets about finding it and connecting to it
    /// otherwise.
    pub(crate) fn ready(
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
                // A broker that cannot be reached may have lost its task to another.
                if !cluster.metadata().brokers.contains_key(&node) {
                    self.lost(cluster, now);
                }
                None
            }
        }
    }

    /// Whether this is the question for the coordinator.
    pub(crate) fn is_asking(&self, request: RequestId) -> bool {
        self.asked == Some(request)
    }

    /// The answer.
    pub(crate) fn handle(
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
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// It is not the coordinator any more, or does not answer.
    pub(crate) fn lost(&mut self, cluster: &mut Cluster, now: Instant) {
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
        if self.kind != Kind::Group && version.is_some_and(|version| version < KIND_VERSION_MIN) {
            let reason = "the broker is too old for transactions".to_owned();
            self.refusal = Some(Refusal::Impossible(reason));
            return;
        }
        let key_type = self.kind as i8;
        let request = if version.is_some_and(|version| version < SEVERAL_VERSION_MIN) {
            FindCoordinatorRequest { key: self.key.clone(), key_type, ..Default::default() }
        } else {
            let coordinator_keys = vec![self.key.clone()];
            FindCoordinatorRequest { coordinator_keys, key_type, ..Default::default() }
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
pub(crate) enum Refusal {
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
