//! Who writes the log's files: a thread of its own in production, the caller itself in a
//! simulation.
//!
//! Whatever has been queued when the writer comes round is written, and then synced once: proposals
//! that arrive while the disk is busy share the next sync.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::log_files::LogFiles;
use crate::raft_types::Types;

/// How many operations may wait for the writer; whoever comes then waits for room.
const QUEUE_LENGTH_MAX: usize = 1024;
/// A thread that only writes needs little.
const STACK_BYTES: usize = 256 * 1024;

/// Where the log's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterPlace {
    /// On a thread of its own, so that a sync blocks nobody.
    Thread,
    /// In the task that asks, one operation after the other: for simulations, whose disk does not
    /// block.
    Inline,
}

/// Hands operations to the writer, in order.
#[derive(Clone)]
pub(crate) enum LogWriter {
    Thread(mpsc::Sender<Operation>),
    Inline(Arc<Mutex<LogFiles>>),
}

pub(crate) enum Operation {
    /// Append entries, and tell when they are durable.
    Append(Vec<(u64, Bytes)>, IOFlushed<Types>),
    /// Do something else with the files, after what was appended is durable.
    Run(Box<dyn FnOnce(&mut LogFiles) + Send>),
}

impl LogWriter {
    /// A writer for `files`. The thread ends when the last handle is gone.
    pub(crate) fn start(files: LogFiles, place: WriterPlace) -> io::Result<Self> {
        if place == WriterPlace::Inline {
            return Ok(Self::Inline(Arc::new(Mutex::new(files))));
        }
        let (sender, receiver) = mpsc::channel(QUEUE_LENGTH_MAX);
        std::thread::Builder::new()
            .name("ottla-metadata".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || write_all(files, receiver))?;
        Ok(Self::Thread(sender))
    }

    /// Appends entries, each an index and its batch; `flushed` hears when they are durable, or why
    /// not.
    pub(crate) async fn append(
        &self,
        entries: Vec<(u64, Bytes)>,
        flushed: IOFlushed<Types>,
    ) -> io::Result<()> {
        self.submit(Operation::Append(entries, flushed)).await
    }

    /// Does `work` with the files, after everything that was asked for before.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut LogFiles) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, receiver) = oneshot::channel();
        let work = move |files: &mut LogFiles| {
            // Whoever asked may have gone away; the work is done all the same.
            let _ = sender.send(work(files));
        };
        self.submit(Operation::Run(Box::new(work))).await?;
        receiver.await.map_err(|_| stopped())?
    }

    async fn submit(&self, operation: Operation) -> io::Result<()> {
        match self {
            Self::Thread(sender) => sender.send(operation).await.map_err(|_| stopped()),
            Self::Inline(files) => {
                step(&mut files.lock(), [operation]);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread(_) => "LogWriter::Thread",
            Self::Inline(_) => "LogWriter::Inline",
        })
    }
}

fn write_all(mut files: LogFiles, mut receiver: mpsc::Receiver<Operation>) {
    let mut operations = Vec::new();
    while receiver.blocking_recv_many(&mut operations, QUEUE_LENGTH_MAX) > 0 {
        step(&mut files, operations.drain(..));
    }
}

/// Writes a group of operations, with one sync for each run of appends.
fn step(files: &mut LogFiles, operations: impl IntoIterator<Item = Operation>) {
    let mut written = Vec::new();
    for operation in operations {
        match operation {
            Operation::Append(entries, flushed) => {
                let appended =
                    entries.iter().try_for_each(|(index, batch)| files.append(*index, batch));
                match appended {
                    Ok(()) => written.push(flushed),
                    Err(error) => flushed.io_completed(Err(error)),
                }
            }
            Operation::Run(work) => {
                settle(files, &mut written);
                work(files);
            }
        }
    }
    settle(files, &mut written);
}

fn settle(files: &mut LogFiles, written: &mut Vec<IOFlushed<Types>>) {
    if written.is_empty() {
        return;
    }
    let synced = files.sync();
    for flushed in written.drain(..) {
        let copy = synced.as_ref().copied().map_err(|e| io::Error::new(e.kind(), e.to_string()));
        flushed.io_completed(copy);
    }
}

fn stopped() -> io::Error {
    io::Error::other("the metadata log's writer has stopped")
}
