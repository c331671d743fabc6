//! Changes the cluster's metadata, and lets this broker follow before anybody hears of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{ErrorCode, Rng};
use metadata::{Decision, MetadataImage, Rejection};
use parking_lot::Mutex;
use quorum::{ChangeError, METADATA_DIRECTORY, ProposeError};

use crate::partitions::Partitions;

/// The controller, as this broker's handlers reach it.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    quorum: quorum::Controller,
    partitions: Arc<Partitions>,
    rng: Arc<Mutex<Box<dyn Rng>>>,
    metadata_log: Arc<MetadataLog>,
}

/// What is to be said of the metadata log when it has stopped.
#[derive(Debug)]
struct MetadataLog {
    directory: PathBuf,
    /// The operator has been told.
    is_reported: AtomicBool,
}

impl Controller {
    /// A controller whose changes `partitions` follows, with its log in `log_directory`.
    pub(crate) fn new(
        quorum: quorum::Controller,
        partitions: Arc<Partitions>,
        rng: Box<dyn Rng>,
        log_directory: &Path,
    ) -> Self {
        let directory = log_directory.join(METADATA_DIRECTORY);
        let metadata_log = MetadataLog { directory, is_reported: AtomicBool::new(false) };
        let rng = Arc::new(Mutex::new(rng));
        Self { quorum, partitions, rng, metadata_log: Arc::new(metadata_log) }
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
            let changed = this.quorum.change(decide).await;
            let reply = changed.map_err(|error| this.metadata_log.rejection(error))?;
            this.partitions.follow(|| this.quorum.quorum().image()).await;
            Ok(reply)
        });
        change.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(self.metadata_log.stopped(&stopped)),
        })
    }

    /// Stops the metadata log in order.
    pub(crate) async fn shutdown(&self) -> Result<(), quorum::ShutdownError> {
        self.quorum.quorum().shutdown().await
    }
}

impl MetadataLog {
    fn rejection(&self, error: ChangeError) -> Rejection {
        let error = match error {
            ChangeError::Rejected(rejection) => return rejection,
            ChangeError::NotCommitted(error) => error,
        };
        let code = match &error {
            ProposeError::Stopped { reason } => return self.stopped(reason),
            ProposeError::NotLeader { .. } => ErrorCode::NotController,
            ProposeError::Contradicted(_) => ErrorCode::UnknownServerError,
            ProposeError::Unencodable { .. } => ErrorCode::InvalidRequest,
        };
        Rejection::new(code, error.to_string())
    }

    /// The cause is for the operator, in whoever's words, and once: every change from now on is
    /// refused. The client is told what it can understand.
    fn stopped(&self, cause: &dyn std::fmt::Display) -> Rejection {
        let directory = self.directory.display();
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            tracing::error!(
                %directory,
                %cause,
                "the metadata log has stopped: topics and configurations cannot be changed until \
                 the broker is restarted, records can still be written and read"
            );
        }
        let message = format!(
            "the metadata log in {directory} has stopped, so nothing can be created, changed or \
             deleted; see to its disk and restart the broker, whose log names the cause"
        );
        Rejection::new(ErrorCode::KafkaStorageError, message)
    }
}

#[cfg(test)]
mod tests;
