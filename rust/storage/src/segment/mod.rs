//! One segment: a file of record batches from a base offset on, and the indexes into it.
//!
//! One writer appends; readers find their way by what is published: the file's size and the offset
//! that follows its last batch, which change together and only when the bytes are there.

mod entries;
mod file;
pub(crate) mod file_name;
mod index;
mod lookup;
mod rebuild;
mod replace;
pub(crate) mod scan;
mod transaction_index;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base::{Offset, Wait};
use parking_lot::Mutex;
use records::BatchHeader;

use crate::disk::{Disk, DiskFile};
use entries::{OffsetEntry, TimeEntry};
use file::LazyFile;
pub(crate) use file::ignore_missing;
use index::{Index, IndexEntry as _};
pub use lookup::FoundRecord;
pub(crate) use rebuild::RebuildBounds;
use scan::Scanner;
use transaction_index::TransactionIndex;

/// No segment is larger: positions are 31 bits wide in Kafka's index.
pub(crate) const SEGMENT_BYTES_MAX: u64 = i32::MAX as u64;

/// So many of the last batches are found without a look into a file.
const RECENT_BATCHES: usize = 64;

/// A segment's blocks are set aside in steps that grow with it, between these bounds: a small topic
/// takes little, a large one is spared the growth of its file with every write.
const PREALLOCATE_BYTES_MIN: u64 = 1024 * 1024;
const PREALLOCATE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A timestamp, and the last offset of the first batch that has it as its highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxTimestamp {
    pub(crate) timestamp: i64,
    pub(crate) offset: Offset,
}

#[derive(Debug)]
pub(crate) struct Segment {
    base_offset: Offset,
    log: LazyFile,
    offsets: Index<OffsetEntry>,
    times: Index<TimeEntry>,
    transactions: TransactionIndex,
    published: Mutex<Published>,
}

#[derive(Clone, Debug)]
struct Published {
    size: u32,
    next_offset: Offset,
    /// The last batches.
    recent: VecDeque<RecentBatch>,
    bytes_since_index_entry: u32,
    /// Of a sealed segment the time index knows it.
    max_timestamp: Option<MaxTimestamp>,
    first_timestamp: Option<i64>,
    preallocated: u64,
    created_ms: i64,
}

/// A batch that is found without a look into the file. Behind it may be a hole that compaction has
/// left.
#[derive(Clone, Copy, Debug)]
struct RecentBatch {
    base_offset: Offset,
    last_offset: Offset,
    position: u32,
}

/// What is found of a segment in its directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundSegment {
    pub(crate) base_offset: Offset,
    pub(crate) next_offset: Offset,
    pub(crate) size: u32,
    pub(crate) offset_index_bytes: u64,
    pub(crate) time_index_bytes: u64,
    /// None is there while no transaction was aborted.
    pub(crate) transaction_index_bytes: u64,
    /// Those by offset and by time.
    pub(crate) indexes_are_whole: bool,
}

impl FoundSegment {
    /// One of which nothing is found.
    pub(crate) fn new(base_offset: Offset) -> Self {
        Self {
            base_offset,
            next_offset: base_offset,
            size: 0,
            offset_index_bytes: 0,
            time_index_bytes: 0,
            transaction_index_bytes: 0,
            indexes_are_whole: true,
        }
    }

    /// Whether its transaction index has only whole entries.
    pub(crate) fn transaction_index_is_whole(&self) -> bool {
        TransactionIndex::is_whole(self.transaction_index_bytes)
    }
}

impl Segment {
    /// A segment without a batch; its files are made now.
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        base_offset: Offset,
        now_ms: i64,
    ) -> io::Result<Self> {
        Self::found(disk, directory, FoundSegment::new(base_offset), now_ms).made()
    }

    /// Makes the files, empty. A stale one of that name may have survived a crash.
    fn made(self) -> io::Result<Self> {
        self.log.get()?.truncate(0)?;
        self.offsets.create()?;
        self.times.create()?;
        self.transactions.remove()?;
        Ok(self)
    }

    /// A segment whose files are there. None of them is opened.
    pub(crate) fn found(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        found: FoundSegment,
        now_ms: i64,
    ) -> Self {
        Self::found_as(disk, directory, found, "", now_ms)
    }

    /// The same with `suffix` behind the files' names.
    fn found_as(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        found: FoundSegment,
        suffix: &str,
        now_ms: i64,
    ) -> Self {
        let file = |extension| {
            let path = file_name::path(directory, found.base_offset, extension);
            LazyFile::new(Arc::clone(disk), file_name::with_suffix(&path, suffix))
        };
        let offset_entries = found.offset_index_bytes as usize / OffsetEntry::BYTES;
        let time_entries = found.time_index_bytes as usize / TimeEntry::BYTES;
        Self {
            base_offset: found.base_offset,
            log: file(file_name::LOG),
            offsets: Index::new(file(file_name::OFFSET_INDEX), offset_entries),
            times: Index::new(file(file_name::TIME_INDEX), time_entries),
            transactions: TransactionIndex::new(
                file(file_name::TRANSACTION_INDEX),
                found.transaction_index_bytes,
            ),
            published: Mutex::new(Published {
                size: found.size,
                next_offset: found.next_offset,
                recent: VecDeque::new(),
                bytes_since_index_entry: 0,
                max_timestamp: None,
                first_timestamp: None,
                preallocated: u64::from(found.size),
                created_ms: now_ms,
            }),
        }
    }

    /// Writes a batch, whose header lies in the first part, behind the last one. After an error the
    /// segment is as before, unless the second error in the pair says that it could not be put
    /// back.
    pub(crate) fn append(
        &self,
        header: &BatchHeader,
        parts: &[&[u8]],
        limits: &SegmentLimits,
    ) -> Result<(), AppendFailure> {
        let position = self.size();
        let write = || -> io::Result<()> {
            let file = self.log.get()?;
            self.preallocate(&*file, position, header.size_in_bytes() as u64, limits)?;
            file.write_at(u64::from(position), parts)
        };
        if let Err(error) = write() {
            let put_back = self.log.get().and_then(|file| file.truncate(u64::from(position)));
            self.published.lock().preallocated = u64::from(position);
            return Err(AppendFailure { error, damaged: put_back.is_err() });
        }
        self.note(header, position, limits.index_interval_bytes);
        Ok(())
    }

    /// Publishes a batch that lies at the segment's end, and indexes it.
    pub(crate) fn note(&self, header: &BatchHeader, position: u32, index_interval_bytes: u32) {
        let last_offset = header.last_offset();
        let bytes = header.size_in_bytes() as u32;
        let mut published = self.published.lock();
        if published.first_timestamp.is_none() {
            published.first_timestamp = Some(header.max_timestamp);
        }
        let rises = |max: MaxTimestamp| header.max_timestamp > max.timestamp;
        // A batch that compaction has emptied has no record with its timestamp.
        if header.record_count > 0 && published.max_timestamp.is_none_or(rises) {
            let timestamp = header.max_timestamp;
            published.max_timestamp = Some(MaxTimestamp { timestamp, offset: last_offset });
        }
        if published.bytes_since_index_entry > index_interval_bytes {
            let relative_offset = self.relative(last_offset);
            self.offsets.push(OffsetEntry { relative_offset, position });
            self.push_time(published.max_timestamp);
            published.bytes_since_index_entry = 0;
        }
        published.bytes_since_index_entry = published.bytes_since_index_entry.saturating_add(bytes);
        if published.recent.len() == RECENT_BATCHES {
            published.recent.pop_front();
        }
        let base_offset = header.base_offset;
        published.recent.push_back(RecentBatch { base_offset, last_offset, position });
        published.size = position + bytes;
        published.next_offset = header.next_offset();
    }

    /// Whether a batch belongs into the next segment, by Kafka's rules.
    pub(crate) fn should_roll(
        &self,
        batch: &BatchHeader,
        limits: &SegmentLimits,
        now_ms: i64,
    ) -> bool {
        let published = self.published.lock();
        if published.size == 0 {
            return false;
        }
        let bytes = batch.size_in_bytes() as u64;
        let waited_ms = match published.first_timestamp {
            Some(first) if first >= 0 => batch.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(published.created_ms),
        };
        u64::from(published.size) + bytes > limits.segment_bytes.min(SEGMENT_BYTES_MAX)
            || waited_ms > limits.segment_ms
            || self.offsets.len() >= limits.index_bytes / OffsetEntry::BYTES
            || self.times.len() + 1 >= limits.index_bytes / TimeEntry::BYTES
            || batch.last_offset() - self.base_offset > i64::from(i32::MAX)
    }

    /// Completes the indexes and gives unused blocks back: no batch will follow.
    pub(crate) fn seal(&self) -> io::Result<()> {
        let published = self.published.lock().clone();
        self.push_time(published.max_timestamp);
        self.flush_indexes()?;
        if published.preallocated > u64::from(published.size) {
            self.log.get()?.truncate(u64::from(published.size))?;
        }
        let mut published = self.published.lock();
        published.preallocated = u64::from(published.size);
        published.recent = VecDeque::new();
        Ok(())
    }

    /// Writes the index entries that are only in memory.
    pub(crate) fn flush_indexes(&self) -> io::Result<()> {
        self.offsets.flush()?;
        self.times.flush()?;
        self.transactions.flush()
    }

    /// Makes the batches durable.
    pub(crate) fn sync_log(&self) -> io::Result<()> {
        self.log.get()?.sync_data()
    }

    /// Makes the indexes durable that are hints.
    pub(crate) fn sync_indexes(&self) -> io::Result<()> {
        self.offsets.sync()?;
        self.times.sync()
    }

    /// Sets the timestamp that the roll by time counts from, to that of the first batch.
    pub(crate) fn load_first_timestamp(&self) -> io::Result<()> {
        if self.size() > 0 {
            let file = self.log.get()?;
            let first = Scanner::new(&*file, 0..self.size(), Wait::Allowed).next_header()?;
            self.published.lock().first_timestamp = first.map(|batch| batch.header.max_timestamp);
        }
        Ok(())
    }

    /// Closes the files. They are opened again when they are needed.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.published.lock().recent = VecDeque::new();
        self.log.close();
        self.offsets.close()?;
        self.times.close()?;
        self.transactions.close()
    }

    /// Whether any file is open.
    pub(crate) fn is_open(&self) -> bool {
        self.log.is_open()
            || self.offsets.file().is_open()
            || self.times.file().is_open()
            || self.transactions.is_open()
    }

    /// Takes the files' names away, the batches' last: a log without its index is made whole, an
    /// index without its log is swept away.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.transactions.remove()?;
        self.times.remove()?;
        self.offsets.remove()?;
        self.log.remove()
    }

    /// Renames the files so that they are gone for the next start, whenever they are removed.
    pub(crate) fn mark_deleted(&self) -> io::Result<()> {
        self.log.rename(&file_name::deleted(&self.log.path()))?;
        self.offsets.rename(&file_name::deleted(&self.offsets.file().path()))?;
        self.times.rename(&file_name::deleted(&self.times.file().path()))?;
        self.transactions.rename(&file_name::deleted(&self.transactions.path()))
    }

    pub(crate) fn base_offset(&self) -> Offset {
        self.base_offset
    }

    /// The offset that follows the last batch.
    pub(crate) fn next_offset(&self) -> Offset {
        self.published.lock().next_offset
    }

    pub(crate) fn size(&self) -> u32 {
        self.published.lock().size
    }

    /// The size, and the offset that follows the last batch before it.
    pub(crate) fn published(&self) -> (u32, Offset) {
        let published = self.published.lock();
        (published.size, published.next_offset)
    }

    pub(crate) fn created_ms(&self) -> i64 {
        self.published.lock().created_ms
    }

    /// The highest timestamp in the segment; `None` while it has no batch.
    pub(crate) fn max_timestamp(&self) -> io::Result<Option<MaxTimestamp>> {
        let known = self.published.lock().max_timestamp;
        match known {
            Some(max) => Ok(Some(max)),
            None => Ok(self.times.last()?.map(|entry| self.max_timestamp_of(entry))),
        }
    }

    /// The open file of batches.
    pub(crate) fn file(&self) -> io::Result<Arc<dyn DiskFile>> {
        self.log.get()
    }

    fn preallocate(
        &self,
        file: &dyn DiskFile,
        position: u32,
        bytes: u64,
        limits: &SegmentLimits,
    ) -> io::Result<()> {
        let end = u64::from(position) + bytes;
        let preallocated = self.published.lock().preallocated;
        if end <= preallocated || end < PREALLOCATE_BYTES_MIN {
            return Ok(());
        }
        let step = end.clamp(PREALLOCATE_BYTES_MIN, PREALLOCATE_BYTES_MAX);
        let until = (end + step).min(limits.segment_bytes);
        if until <= end {
            // The batch fills the segment: there is nothing to set aside behind it.
            return Ok(());
        }
        match file.preallocate(end, until - end) {
            // The write will tell whether the batch itself fits.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            result => result?,
        }
        self.published.lock().preallocated = until;
        Ok(())
    }

    fn push_time(&self, max: Option<MaxTimestamp>) {
        let Some(max) = max.filter(|max| max.timestamp >= 0) else { return };
        let relative_offset = self.relative(max.offset);
        let entry = TimeEntry { timestamp: max.timestamp, relative_offset };
        // A read that fails makes the entry look new; the reader of the index copes with that.
        let last = self.times.last().unwrap_or_default();
        if last.is_none_or(|last| entry.follows(last)) {
            self.times.push(entry);
        }
    }

    fn max_timestamp_of(&self, entry: TimeEntry) -> MaxTimestamp {
        let offset = self.base_offset + i64::from(entry.relative_offset);
        MaxTimestamp { timestamp: entry.timestamp, offset }
    }

    fn relative(&self, offset: Offset) -> u32 {
        (offset - self.base_offset).clamp(0, i64::from(u32::MAX)) as u32
    }
}

/// When a segment is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentLimits {
    pub(crate) segment_bytes: u64,
    /// The jitter is taken off.
    pub(crate) segment_ms: i64,
    pub(crate) index_bytes: usize,
    pub(crate) index_interval_bytes: u32,
}

/// Why a batch was not appended.
#[derive(Debug)]
pub(crate) struct AppendFailure {
    pub(crate) error: io::Error,
    /// Whether a part of the batch may be left in the file.
    pub(crate) damaged: bool,
}

#[cfg(test)]
mod tests;
