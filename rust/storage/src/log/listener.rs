//! Who is told when a log moves: the broker, which wakes those that wait for it.

use base::Offset;

/// Called by the threads that write and sync, with no lock of the log held. An implementation must
/// not wait.
pub trait LogListener: Send + Sync + std::fmt::Debug {
    /// Records were appended, or cut off; the next one will be at `log_end`.
    fn log_end_moved(&self, log_end: Offset);

    /// The records below `flushed` have the durability that the topic asks for.
    fn flushed_moved(&self, flushed: Offset);

    /// The log takes no more records: the disk has failed.
    fn failed(&self, reason: &str);
}

/// For logs that nobody waits for.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoListener;

impl LogListener for NoListener {
    fn log_end_moved(&self, _log_end: Offset) {}

    fn flushed_moved(&self, _flushed: Offset) {}

    fn failed(&self, _reason: &str) {}
}
