//! Brings a segment's bookkeeping into line with its file: after a start, a crash or a truncation.

use std::collections::VecDeque;
use std::io;

use base::{Offset, Wait};
use records::{BatchError, BatchHeader};
use thiserror::Error;

use super::Segment;
use super::scan::{RECOVERY_BYTES, ScanError, ScannedBatch, Scanner};

/// Where a segment stops making sense, and why.
#[derive(Debug)]
pub(crate) struct Damage {
    /// Where the batch begins that is not whole.
    pub(crate) position: u32,
    pub(crate) reason: DamageReason,
}

#[derive(Debug, Error)]
pub(crate) enum DamageReason {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("a batch begins at offset {found} where {expected} was expected")]
    Offset { expected: Offset, found: Offset },
    #[error("a batch of {records} records ends {last_offset_delta} after its base offset")]
    Extent { records: i32, last_offset_delta: i32 },
}

impl Segment {
    /// Takes the index entries for granted that speak of records before `trusted`, checks the
    /// batches behind the last such entry up to the position `end`, notes them, and shows each to
    /// `visit`. Stops at the first one that is damaged or does not follow the one before; below
    /// `holes_before` compaction may have left holes between them.
    ///
    /// What an index entry says is checked too: if no such batch is there, the segment is walked
    /// over from its start.
    pub(crate) fn rebuild(
        &self,
        end: u32,
        bounds: RebuildBounds,
        index_interval_bytes: u32,
        visit: &mut dyn FnMut(&BatchHeader),
    ) -> io::Result<Option<Damage>> {
        let file = self.file()?;
        let RebuildBounds { trusted, holes_before } = bounds;
        let again = RebuildBounds { trusted: self.base_offset(), holes_before };
        let resume = self.keep_index_before(end, trusted)?;
        let mut scanner = Scanner::new(&*file, resume.position..end, Wait::Allowed)
            .with_chunk_bytes(RECOVERY_BYTES);
        let mut expected = resume.position.eq(&0).then_some(self.base_offset());
        loop {
            let position = scanner.position();
            let at_entry = position == resume.position && position > 0;
            let step = match scanner.next_checked() {
                Ok(None) => return Ok(None),
                Ok(Some(batch)) => check(&batch, expected, holes_before).map(|()| batch),
                Err(ScanError::Damaged(error)) => Err(error.into()),
                Err(ScanError::Io(error)) => return Err(error),
            };
            match step {
                Ok(batch) if at_entry && Some(batch.header.last_offset()) != resume.last_offset => {
                    return self.rebuild(end, again, index_interval_bytes, visit);
                }
                Ok(batch) => {
                    self.note(&batch.header, position, index_interval_bytes);
                    visit(&batch.header);
                    expected = Some(batch.header.next_offset());
                }
                Err(_) if at_entry => {
                    return self.rebuild(end, again, index_interval_bytes, visit);
                }
                Err(reason) => return Ok(Some(Damage { position, reason })),
            }
        }
    }

    /// Cuts the file at `position`, where the record at `next_offset` would begin.
    pub(crate) fn truncate(
        &self,
        position: u32,
        next_offset: Offset,
        index_interval_bytes: u32,
    ) -> io::Result<()> {
        self.file()?.truncate(u64::from(position))?;
        // What is kept was checked before.
        let bounds = RebuildBounds { trusted: next_offset, holes_before: next_offset };
        match self.rebuild(position, bounds, index_interval_bytes, &mut |_| {})? {
            None => Ok(()),
            Some(damage) => Err(io::Error::new(io::ErrorKind::InvalidData, damage.reason)),
        }
    }

    /// Forgets what the indexes say of positions from `end` and of offsets from `trusted` on, and
    /// all bookkeeping.
    fn keep_index_before(&self, end: u32, trusted: Offset) -> io::Result<Resume> {
        let relative = self.relative(trusted);
        self.offsets
            .keep_while(|entry| entry.position < end && entry.relative_offset < relative)?;
        let last = self.offsets.last()?;
        self.times.keep_while(|entry| {
            last.is_some_and(|last| entry.relative_offset <= last.relative_offset)
        })?;
        let max_timestamp = self.times.last()?.map(|entry| self.max_timestamp_of(entry));
        let resume = Resume {
            position: last.map_or(0, |entry| entry.position),
            last_offset: last.map(|entry| self.base_offset() + i64::from(entry.relative_offset)),
        };
        let mut published = self.published.lock();
        published.size = resume.position;
        published.next_offset = self.base_offset();
        published.recent = VecDeque::new();
        published.max_timestamp = max_timestamp;
        published.preallocated = 0;
        // The batch at the entry is noted again, and not indexed again.
        published.bytes_since_index_entry = 0;
        if last.is_none() {
            published.first_timestamp = None;
        }
        Ok(resume)
    }
}

/// What is known of a segment's records before they are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RebuildBounds {
    /// Below it the indexes tell of batches that are there.
    pub(crate) trusted: Offset,
    /// Below it there may be holes.
    pub(crate) holes_before: Offset,
}

/// From where batches are noted again: the batch of the last index entry that was kept, or the
/// start.
#[derive(Clone, Copy, Debug)]
struct Resume {
    position: u32,
    last_offset: Option<Offset>,
}

fn check(
    batch: &ScannedBatch,
    expected: Option<Offset>,
    holes_before: Offset,
) -> Result<(), DamageReason> {
    let header = &batch.header;
    let (records, last_offset_delta) = (header.record_count, header.last_offset_delta);
    if last_offset_delta < 0 || records < 0 {
        return Err(DamageReason::Extent { records, last_offset_delta });
    }
    let found = header.base_offset;
    match expected {
        Some(expected) if expected < found && found <= holes_before => Ok(()),
        Some(expected) if expected != found => Err(DamageReason::Offset { expected, found }),
        _ => Ok(()),
    }
}
