//! The journal: one write and one sync make the appends of every partition of a log directory
//! durable.
//!
//! ```text
//! journal/0.journal  [group 41][group 42   ][group 43]..............[reserved block]
//! journal/1.journal  [group 38      ][group 39][group 40]...........[reserved block]
//! ```
//!
//! A group is what one sync made durable; it starts on a block of its own, so that no acknowledged
//! sector is ever rewritten. Files have one size and are used again, as a ring, once the segments
//! hold what they hold. `docs/design/journal.md` tells the layout, the crash windows and the
//! figures behind the constants.

pub mod entry;
pub mod group;
mod recovery;
mod ring;
mod store;

pub use entry::{EntryHeader, EntryKind};
pub use group::{EncodedGroup, GroupBuilder};
pub use recovery::{RecoveredEntry, Recovery};
pub use store::{Journal, JournalConfig, JournalError, JournalUsage, Written};

/// The unit a group is aligned to: the largest sector that a disk of today may tear.
pub const BLOCK_BYTES: usize = 4096;

/// The size of a journal file. Writing one out for the first time takes 1 to 2 ms, which the first
/// durable append waits for.
pub const FILE_BYTES_DEFAULT: usize = 1024 * 1024;

/// The largest journal file that recovery reads, which it does at once.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The size up to which a journal grows unless the configuration says otherwise.
pub const BYTES_MAX_DEFAULT: usize = 128 * 1024 * 1024;

/// The most entries of one group.
pub const GROUP_ENTRIES_MAX: usize = 8192;

#[cfg(test)]
mod tests;
