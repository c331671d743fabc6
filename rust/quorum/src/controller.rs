//! Runs decisions in order, each on what the earlier ones will have made of the image, and answers
//! when they are committed.
//!
//! ```text
//! change 1:  decide ─ propose ────────────── committed ─ reply
//! change 2:           decide ─ propose ───── committed ─ reply      one sync for both
//!                     on the image with 1's records in it
//! ```
//!
//! If a proposal fails, those decided on top of it fail as well: the quorum takes nothing more
//! under that leadership.

use std::sync::Arc;

use metadata::{Decision, MetadataImage, Rejection};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::metadata_quorum::{MetadataQuorum, ProposeError};

/// The one place of a node where metadata is changed.
#[derive(Clone, Debug)]
pub struct Controller {
    quorum: Arc<dyn MetadataQuorum>,
    tail: Arc<Mutex<Tail>>,
}

/// The image with everything in it that has been proposed.
#[derive(Debug, Default)]
struct Tail {
    image: MetadataImage,
    in_flight: usize,
    failed: Option<ProposeError>,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// It may not be made.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It could not be committed.
    #[error(transparent)]
    NotCommitted(#[from] ProposeError),
}

impl Controller {
    /// Changes metadata through this quorum.
    pub fn new(quorum: Arc<dyn MetadataQuorum>) -> Self {
        Self { quorum, tail: Arc::default() }
    }

    /// The quorum.
    pub fn quorum(&self) -> &Arc<dyn MetadataQuorum> {
        &self.quorum
    }

    /// Decides, commits, and then gives the reply; [`MetadataQuorum::image`] has the change by
    /// then. A caller that goes away does not take back what it has begun.
    pub async fn change<R>(
        &self,
        decide: impl FnOnce(&MetadataImage) -> Result<Decision<R>, Rejection>,
    ) -> Result<R, ChangeError> {
        let mut tail = self.tail.lock().await;
        if tail.in_flight == 0 {
            // Also how it recovers from a failure, and hears what other nodes have committed.
            *tail = Tail { image: self.quorum.image().as_ref().clone(), ..Tail::default() };
        }
        if let Some(error) = &tail.failed {
            return Err(error.clone().into());
        }
        let (records, answer) = match decide(&tail.image) {
            Ok(Decision { records, reply }) => (records, Ok(reply)),
            Err(rejection) => (Vec::new(), Err(ChangeError::Rejected(rejection))),
        };
        if records.is_empty() && tail.in_flight == 0 {
            return answer;
        }
        // An answer without records may rest on what is not committed yet: an empty proposal waits
        // for that.
        let mut image = tail.image.clone();
        image.replay_all(&records).map_err(ProposeError::from)?;
        let proposal = self.quorum.propose(records).await?;
        // Not sooner: nobody may decide on what was not even proposed.
        tail.image = image;
        tail.in_flight += 1;
        drop(tail);
        let tail = Arc::clone(&self.tail);
        let answered = tokio::spawn(async move {
            let committed = proposal.await;
            let mut tail = tail.lock().await;
            tail.in_flight -= 1;
            if let Err(error) = &committed {
                tail.failed = Some(error.clone());
            }
            committed
        });
        let stopped = |_| ProposeError::Stopped { reason: "its runtime was shut down".to_owned() };
        answered.await.map_err(stopped)??;
        answer
    }
}
