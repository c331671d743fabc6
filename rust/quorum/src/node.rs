//! A quorum of one voter: the same log, votes and snapshots as a quorum of many, and nobody to wait
//! for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{LeaderEpoch, NodeId, Offset};
use metadata::{MetadataImage, MetadataRecord};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::ClientWriteError;
use openraft::impls::{BasicNode, ProgressResponder};
use openraft::{Config, Raft, ServerState, SnapshotPolicy};
use storage::Disk;
use thiserror::Error;
use tokio::sync::watch;

use crate::log_files::{LogFiles, OpenError};
use crate::log_store::LogStore;
use crate::log_writer::{LogWriter, WriterPlace};
use crate::metadata_quorum::{
    BoxFuture, Committed, MetadataQuorum, Proposal, ProposeError, ShutdownError,
};
use crate::network::NoPeers;
use crate::raft_types::{Change, Types, term_of};
use crate::state_machine::{State, StateMachine};

/// The directory of the metadata log inside the data directory; Kafka has it under the same name.
pub const METADATA_DIRECTORY: &str = "__cluster_metadata-0";

/// A snapshot is written, and the log before it given back, after so many entries or bytes.
const SNAPSHOT_ENTRIES: u64 = 1000;
const SNAPSHOT_BYTES: u64 = 8 * 1024 * 1024;
/// Entries that stay behind a snapshot. A follower a little behind would need no snapshot for them;
/// there is none yet.
const KEPT_ENTRIES: u64 = 0;
/// A voter that is alone leads within milliseconds. If the disk takes longer than this to vote, it
/// is not fit to be used.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Where and as whom a node runs.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Its id, which is its broker's.
    pub node_id: NodeId,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The data directory, locked by the one who starts the node.
    pub data_directory: PathBuf,
    /// Where the log is written.
    pub writer_place: WriterPlace,
}

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No thread for the log's writer.
    #[error("cannot start the metadata log's writer: {0}")]
    Writer(std::io::Error),
    /// The id is negative.
    #[error("node id {0} is negative; give the node an id from 0 on")]
    NodeId(NodeId),
    /// The directory belongs to a node with another id.
    #[error(
        "the metadata log is that of node {voter}, and this is node {node_id}; start it with the \
        id it had before"
    )]
    OtherNode {
        /// The log's one voter.
        voter: u64,
        /// This node.
        node_id: NodeId,
    },
    /// The disk refuses to take the log.
    #[error("{0}")]
    Disk(String),
    /// It could not be made leader.
    #[error("the metadata quorum did not come up: {0}")]
    Raft(String),
}

/// A node of the quorum, running.
#[derive(Clone)]
pub struct Node {
    raft: Raft<Types, StateMachine>,
    log: LogStore,
    image: watch::Receiver<Arc<MetadataImage>>,
}

impl Node {
    /// Opens the log, or begins it, and returns when this node leads and the image holds all that
    /// is in the log.
    pub async fn start(options: NodeOptions) -> Result<Self, StartError> {
        let id =
            u64::try_from(options.node_id.0).map_err(|_| StartError::NodeId(options.node_id))?;
        let directory = options.data_directory.join(METADATA_DIRECTORY);
        let (mut files, recovered) = LogFiles::open(options.disk, &directory)?;
        if recovered.torn_bytes > 0 {
            tracing::warn!(
                directory = %directory.display(),
                bytes = recovered.torn_bytes,
                "cut a torn end off the metadata log: it was never acknowledged"
            );
        }
        let state = State::open(&mut files)?;
        let synced = files.synced_entries();
        let writer = LogWriter::start(files, options.writer_place).map_err(StartError::Writer)?;
        let log = LogStore::new(writer.clone(), synced, recovered);
        let (published, image) = watch::channel(Arc::default());
        let machine = StateMachine::new(writer, state, published);
        let raft = Raft::new(id, Arc::new(config()), NoPeers, log.clone(), machine)
            .await
            .map_err(|error| StartError::Raft(error.to_string()))?;
        let node = Self { raft, log, image };
        match node.lead(id, options.node_id).await {
            Ok(()) => Ok(node),
            Err(error) => Err(node.log.failure().await.map_or(error, StartError::Disk)),
        }
    }

    /// Begins a new log with this one voter, or is elected anew on a log that is there. A new term
    /// each time keeps (term, index) the name of one entry, also after a torn tail.
    async fn lead(&self, id: u64, node_id: NodeId) -> Result<(), StartError> {
        let raft = |error: String| StartError::Raft(error);
        if self.raft.is_initialized().await.map_err(|e| raft(e.to_string()))? {
            if let Some(voter) = self.raft.voter_ids().find(|voter| *voter != id) {
                return Err(StartError::OtherNode { voter, node_id });
            }
            self.raft.trigger().elect(false).await.map_err(|e| raft(e.to_string()))?;
        } else {
            let members = std::collections::BTreeMap::from([(id, BasicNode::default())]);
            self.raft.initialize(members).await.map_err(|e| raft(e.to_string()))?;
        }
        // Elected, it appends a blank entry: all that was in the log is committed when that is.
        let wait = self.raft.wait(Some(START_TIMEOUT));
        let caught_up = wait.metrics(
            |metrics| {
                let applied = metrics.last_applied.map(|id| id.index);
                metrics.running_state.is_err()
                    || metrics.state == ServerState::Leader && applied == metrics.last_log_index
            },
            "leader with the whole log applied",
        );
        let metrics = caught_up.await.map_err(|e| raft(e.to_string()))?;
        metrics.running_state.map_err(|e| raft(e.to_string()))
    }

    #[cfg(test)]
    pub(crate) fn raft_for_tests(&self) -> &Raft<Types, StateMachine> {
        &self.raft
    }

    async fn propose_change(&self, change: Change) -> Result<Proposal, ProposeError> {
        let (responder, _, completed) = ProgressResponder::new();
        if let Err(fatal) = self.raft.client_write_ff(change, Some(responder)).await {
            return Err(self.stopped(&fatal).await);
        }
        let node = self.clone();
        Ok(Proposal::new(async move {
            let response = match completed.await {
                Ok(Ok(response)) => response,
                Ok(Err(ClientWriteError::ForwardToLeader(forward))) => {
                    let leader = forward.leader_id.map(|id| NodeId(id as i32));
                    return Err(ProposeError::NotLeader { leader });
                }
                Ok(Err(other)) => return Err(node.stopped(&other).await),
                Err(_) => return Err(node.stopped(&node.stop_reason()).await),
            };
            node.snapshot_if_grown().await;
            response.data.0?;
            Ok(Committed {
                offset: Offset(response.log_id.index as i64),
                epoch: LeaderEpoch(term_of(&response.log_id) as i32),
            })
        }))
    }

    /// Large entries fill the log's memory before there are enough of them for the policy.
    async fn snapshot_if_grown(&self) {
        if self.log.has_grown_by(SNAPSHOT_BYTES)
            && let Err(error) = self.raft.trigger().snapshot().await
        {
            tracing::debug!(%error, "no snapshot of the metadata log: it is stopping");
        }
    }

    /// Why it takes no more changes: in the disk's words if it was the disk, or else in the
    /// library's.
    async fn stopped(&self, raft: &(dyn std::fmt::Display + Sync)) -> ProposeError {
        let reason = self.log.failure().await.unwrap_or_else(|| raft.to_string());
        ProposeError::Stopped { reason }
    }

    fn stop_reason(&self) -> String {
        let metrics = self.raft.metrics();
        let state = metrics.borrow_watched().running_state.clone();
        state.map_or_else(|fatal| fatal.to_string(), |()| "it is stopping".to_owned())
    }
}

impl MetadataQuorum for Node {
    fn propose(
        &self,
        records: Vec<MetadataRecord>,
    ) -> BoxFuture<'_, Result<Proposal, ProposeError>> {
        Box::pin(async move {
            let change = Change::encode(records)
                .map_err(|error| ProposeError::Unencodable { reason: error.to_string() })?;
            self.propose_change(change).await
        })
    }

    fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.image.borrow())
    }

    fn watch(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.image.clone()
    }

    fn leader(&self) -> Option<NodeId> {
        let metrics = self.raft.server_metrics();
        let leader = metrics.borrow_watched().current_leader;
        leader.map(|id| NodeId(id as i32))
    }

    fn is_leader(&self) -> bool {
        self.raft.is_leader()
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), ShutdownError>> {
        Box::pin(async move {
            self.raft.shutdown().await.map_err(|error| ShutdownError(error.to_string()))?;
            self.log.flush().await.map_err(|error| ShutdownError(error.to_string()))
        })
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("id", self.raft.node_id()).finish_non_exhaustive()
    }
}

/// No ticks: a voter that is alone neither sends heartbeats nor misses any, so an idle node has
/// nothing to wake up for.
fn config() -> Config {
    Config {
        cluster_name: "ottla".to_owned(),
        enable_tick: false,
        enable_heartbeat: false,
        enable_elect: false,
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
        max_in_snapshot_log_to_keep: KEPT_ENTRIES,
        ..Config::default()
    }
}
