//! Where work runs that may wait for the disk: on threads of its own, or in place, where a
//! simulation has only one thread.

/// Where work that may wait runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// On the runtime's threads for blocking work.
    OnThreads,
    /// In place: nothing waits long on a simulated disk, and the order stays the seed's.
    InPlace,
}

impl Blocking {
    /// Runs `work` and gives its result.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self {
            Self::InPlace => work(),
            Self::OnThreads => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                // Only a bug panics, and it goes on where it is waited for; a runtime that stops
                // drops this future first.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
}
