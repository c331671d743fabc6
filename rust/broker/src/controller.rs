//! Changes the cluster's metadata, and lets this broker follow before anybody hears of it.

use std::sync::Arc;

use base::{ErrorCode, Rng};
use metadata::{Decision, MetadataImage, Rejection};
use parking_lot::Mutex;
use quorum::ChangeError;

use crate::partitions::Partitions;

/// The controller, as this broker's handlers reach it.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    quorum: quorum::Controller,
    partitions: Arc<Partitions>,
    rng: Arc<Mutex<Box<dyn Rng>>>,
}

impl Controller {
    /// A controller whose changes `partitions` follows.
    pub(crate) fn new(
        quorum: quorum::Controller,
        partitions: Arc<Partitions>,
        rng: Box<dyn Rng>,
    ) -> Self {
        Self { quorum, partitions, rng: Arc::new(Mutex::new(rng)) }
    }

    /// The committed metadata that this broker has acted upon.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.partitions.image()
    }

    /// Decides, commits, and acts: when the reply is there, a created partition takes records and a
    /// deleted one refuses them. A client that hangs up meanwhile leaves no change that is
    /// committed and not acted upon: it goes on in a task of its own.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&MetadataImage, &mut dyn Rng) -> Result<Decision<R>, Rejection>
        + Send
        + 'static,
    ) -> Result<R, Rejection> {
        let this = self.clone();
        let change = tokio::spawn(async move {
            let decide = |image: &MetadataImage| decide(image, this.rng.lock().as_mut());
            let reply = this.quorum.change(decide).await.map_err(rejection)?;
            this.partitions.follow(|| this.quorum.quorum().image()).await;
            Ok(reply)
        });
        change.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(Rejection::new(ErrorCode::KafkaStorageError, stopped.to_string())),
        })
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

#[cfg(test)]
mod tests;
