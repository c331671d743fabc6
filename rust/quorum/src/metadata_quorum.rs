//! What the house asks of the quorum: take records, say when they are committed, and show the
//! image.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::{LeaderEpoch, NodeId, Offset};
use metadata::{MetadataImage, MetadataRecord, ReplayError};
use thiserror::Error;
use tokio::sync::watch;

/// A future that can be named in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The nodes that agree on the metadata log, as one of them sees it.
pub trait MetadataQuorum: Send + Sync + fmt::Debug {
    /// Puts records at the end of the log, together or not at all. When this returns, their place
    /// is taken: a later call's records come after them. The proposal says when they are committed.
    fn propose(
        &self,
        records: Vec<MetadataRecord>,
    ) -> BoxFuture<'_, Result<Proposal, ProposeError>>;

    /// The image of all that this node knows to be committed. Once a proposal is answered here, its
    /// records are in it.
    fn image(&self) -> Arc<MetadataImage>;

    /// Tells each newer image; one that was overtaken may be left out.
    fn watch(&self) -> watch::Receiver<Arc<MetadataImage>>;

    /// The node that takes proposals, if there is one.
    fn leader(&self) -> Option<NodeId>;

    /// Whether this node takes proposals.
    fn is_leader(&self) -> bool;

    /// Stops, after what was proposed has been answered. The log is durable at any time; this only
    /// leaves nothing running.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), ShutdownError>>;
}

/// Records on their way to be committed. Dropping it takes nothing back.
pub struct Proposal(BoxFuture<'static, Result<Committed, ProposeError>>);

/// Where committed records lie in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Their place.
    pub offset: Offset,
    /// The term of the leader that put them there.
    pub epoch: LeaderEpoch,
}

/// Why records were not, or may not have been, committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// Another node takes proposals, or none does at the moment.
    #[error("this node does not lead the metadata quorum; the leader is {}", leader.map_or("not \
        known".to_owned(), |id| format!("node {id}")))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<NodeId>,
    },
    /// The records contradict the image at their place in the log, and were left out of it on every
    /// node.
    #[error("the records contradict the metadata that was committed before them: {0}")]
    Contradicted(#[from] ReplayError),
    /// The records cannot be persisted: a text is too long, or there is too much of them.
    #[error("the metadata records cannot be written: {reason}")]
    Unencodable {
        /// Why.
        reason: String,
    },
    /// The node has stopped, in order or because its disk failed. The records may or may not be
    /// committed.
    #[error(
        "the metadata log has stopped: {reason}; see the broker's log, and restart it once the \
        cause is gone"
    )]
    Stopped {
        /// Why.
        reason: String,
    },
}

/// A node that could not be stopped in order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the metadata quorum did not stop in order: {0}")]
pub struct ShutdownError(pub String);

impl Proposal {
    /// A proposal whose answer is that of `answer`.
    pub fn new(
        answer: impl Future<Output = Result<Committed, ProposeError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(answer))
    }
}

/// Ready when the records are committed and in the image, or when they will not be.
impl Future for Proposal {
    type Output = Result<Committed, ProposeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proposal")
    }
}
