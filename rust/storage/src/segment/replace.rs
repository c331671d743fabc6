//! A segment that the cleaner writes beside the ones whose place it takes, and its way there.
//!
//! ```text
//! .log.cleaned   being written                       a start removes it
//! .log.swap      whole and durable: the swap holds   a start completes it
//! .log           in the place of the others
//! ```
//!
//! The log's file has the last word: its indexes go ahead of it. Those that are hints may get lost
//! on the way. The one of the transactions may not: if there is one, it has its name of a swap
//! durably before the log has, and a start that finds none knows that it has its place already.

use std::io;
use std::path::Path;
use std::sync::Arc;

use base::Offset;
use records::BatchHeader;

use super::{FoundSegment, Segment, file_name};
use crate::cleaner::SegmentSize;
use crate::disk::Disk;

impl Segment {
    /// A segment without a batch under the cleaner's names. Its files are made now, and are not
    /// closed as long as it is written.
    pub(crate) fn create_cleaned(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        base_offset: Offset,
        created_ms: i64,
    ) -> io::Result<Self> {
        let found = FoundSegment::new(base_offset);
        Self::found_as(disk, directory, found, file_name::CLEANED, created_ms).made()
    }

    /// Writes batches behind the last one, all at once.
    pub(crate) fn append_cleaned(
        &self,
        headers: &[BatchHeader],
        bytes: &[u8],
        index_interval_bytes: u32,
    ) -> io::Result<()> {
        let mut position = self.size();
        self.log.get()?.write_at(u64::from(position), &[bytes])?;
        for header in headers {
            self.note(header, position, index_interval_bytes);
            position += header.size_in_bytes() as u32;
        }
        Ok(())
    }

    /// Makes everything durable but the names.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.sync_log()?;
        self.sync_aborted()?;
        self.sync_indexes()
    }

    /// Gives the indexes the names of a swap's.
    pub(crate) fn become_swap_indexes(&self, directory: &Path) -> io::Result<()> {
        self.rename_indexes(directory, file_name::SWAP)
    }

    /// Gives the batches the name of a swap that holds, once it is durable.
    pub(crate) fn become_swap(&self, directory: &Path) -> io::Result<()> {
        self.log
            .rename(&file_name::with_suffix(&self.path(directory, file_name::LOG), file_name::SWAP))
    }

    /// Gives the indexes the names of a segment's.
    pub(crate) fn place_indexes(&self, directory: &Path) -> io::Result<()> {
        self.rename_indexes(directory, "")
    }

    /// Gives the batches the name of a segment's: from now on there is no swap.
    pub(crate) fn place_log(&self, directory: &Path) -> io::Result<()> {
        self.log.rename(&self.path(directory, file_name::LOG))
    }

    /// How large it is.
    pub(crate) fn extent(&self) -> SegmentSize {
        let (size, next_offset) = self.published();
        SegmentSize {
            base_offset: self.base_offset(),
            next_offset,
            bytes: u64::from(size),
            offset_index_bytes: self.offsets.size_in_bytes(),
            time_index_bytes: self.times.size_in_bytes(),
        }
    }

    /// The highest timestamp of the first batch, read from the file.
    pub(crate) fn read_first_timestamp(&self) -> io::Result<Option<i64>> {
        self.load_first_timestamp()?;
        Ok(self.published.lock().first_timestamp)
    }

    fn rename_indexes(&self, directory: &Path, suffix: &str) -> io::Result<()> {
        let name = |extension| file_name::with_suffix(&self.path(directory, extension), suffix);
        self.offsets.rename(&name(file_name::OFFSET_INDEX))?;
        self.times.rename(&name(file_name::TIME_INDEX))?;
        self.rename_transaction_index(directory, suffix)
    }

    fn path(&self, directory: &Path, extension: &str) -> std::path::PathBuf {
        file_name::path(directory, self.base_offset(), extension)
    }
}
