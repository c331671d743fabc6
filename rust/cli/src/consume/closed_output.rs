//! Whether anybody still reads standard output: `ottla consume | head -1` is to end with `head`,
//! and not with the next record, which may never come.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

/// The watch over standard output.
#[derive(Debug)]
pub(super) struct ClosedOutput(oneshot::Receiver<()>);

impl ClosedOutput {
    /// Begins to watch.
    pub(super) fn watch() -> Self {
        Self::over(io::stdout().as_fd().try_clone_to_owned())
    }

    /// On a thread of its own, which waits for nothing but trouble and ends with the process. A
    /// file has none of it.
    fn over(output: io::Result<OwnedFd>) -> Self {
        let (closed, noticed) = oneshot::channel();
        if let Ok(output) = output {
            std::thread::spawn(move || {
                // Errors and hang-ups are told without being asked for.
                let mut watched = [PollFd::new(&output, PollFlags::empty())];
                while poll(&mut watched, None) == Err(Errno::INTR) {}
                if !watched[0].revents().is_empty() {
                    let _ = closed.send(()); // nobody waits any more
                }
            });
        }
        Self(noticed)
    }

    /// Returns once the reading end is closed.
    pub(super) async fn noticed(&mut self) {
        if (&mut self.0).await.is_err() {
            // What cannot be watched is written to until that fails.
            pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_pipe_is_closed_once_its_reader_is_gone() {
        let (reader, writer) = io::pipe().unwrap();
        let mut output = ClosedOutput::over(Ok(writer.into()));
        assert!(timeout(Duration::from_millis(1), output.noticed()).await.is_err());
        drop(reader);
        output.noticed().await;
    }

    #[tokio::test]
    async fn a_file_is_never_closed() {
        let file = tempfile::tempfile().unwrap();
        let mut output = ClosedOutput::over(Ok(file.into()));
        assert!(timeout(Duration::from_millis(1), output.noticed()).await.is_err());
    }
}
