//! Changes the cluster's metadata, and lets this broker follow before anybody hears of it.

use std::sync::Arc;

use base::{ErrorCode, Rng};
use metadata::{Decision, MetadataImage, Rejection};
use parking_lot::Mutex;
use quorum::ChangeError;

use crate::partitions::Partitions;

/// The controller, as this broker's handlers reach it.
#[derive(Debug)]
pub(crate) struct Controller {
    quorum: quorum::Controller,
    partitions: Arc<Partitions>,
    rng: Mutex<Box<dyn Rng>>,
}

impl Controller {
    /// A controller whose changes `partitions` follows.
    pub(crate) fn new(
        quorum: quorum::Controller,
        partitions: Arc<Partitions>,
        rng: Box<dyn Rng>,
    ) -> Self {
        Self { quorum, partitions, rng: Mutex::new(rng) }
    }

    /// The committed metadata.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.quorum.quorum().image()
    }

    /// Decides, commits, and acts: when the reply is there, a created partition takes records and a
    /// deleted one refuses them.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&MetadataImage, &mut dyn Rng) -> Result<Decision<R>, Rejection> + Send,
    ) -> Result<R, Rejection> {
        let decide = |image: &MetadataImage| decide(image, self.rng.lock().as_mut());
        let reply = self.quorum.change(decide).await.map_err(rejection)?;
        self.partitions.follow(&self.image());
        Ok(reply)
    }

    /// Stops the metadata log in order.
    pub(crate) async fn shutdown(&self) -> Result<(), quorum::ShutdownError> {
        self.quorum.quorum().shutdown().await
    }
}

fn rejection(error: ChangeError) -> Rejection {
    match error {
        ChangeError::Rejected(rejection) => rejection,
        ChangeError::NotCommitted(error) => {
            Rejection::new(ErrorCode::KafkaStorageError, error.to_string())
        }
    }
}
