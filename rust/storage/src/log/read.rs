//! Reading: by offset, a run of whole batches; by timestamp, one record.

use base::{Offset, Wait};

use super::{FoundRecord, Log, LogSlice, ReadError};
use crate::segment::MaxTimestamp;

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRange {
    /// The batch that holds this offset comes first.
    pub from: Offset,
    /// Batches that end at this offset or above it are left out: the high watermark for consumers.
    pub up_to: Offset,
    /// So many bytes are given at the most.
    pub max_bytes: usize,
    /// Whether the first batch is given even if it alone is larger.
    pub min_one: bool,
}

impl Log {
    /// Whole batches of one segment. With [`Wait::Never`] only the last batches of the log are
    /// found for sure, others if what leads to them is in memory.
    pub fn read(&self, range: &ReadRange, wait: Wait) -> Result<LogSlice, ReadError> {
        self.check_available()?;
        self.touch();
        let offsets = self.offsets();
        let from = range.from;
        if from < offsets.log_start || from > offsets.log_end {
            let (log_start, log_end) = (offsets.log_start, offsets.log_end);
            return Err(ReadError::OffsetOutOfRange { offset: from, log_start, log_end });
        }
        let up_to = range.up_to.min(offsets.log_end);
        let Some(segment) = self.segment_of(from).filter(|_| from < up_to) else {
            return Ok(LogSlice::empty(from));
        };
        let start = segment.position_of(from, wait)?;
        let end_of_range = segment.position_of(up_to, wait)?;
        let limit = u64::from(start) + range.max_bytes as u64;
        let end = if u64::from(end_of_range) > limit {
            segment.end_before(start, limit as u32, range.min_one, wait)?
        } else {
            end_of_range
        };
        let is_cut = end < end_of_range || segment.next_offset() < up_to;
        if end <= start {
            return Ok(LogSlice::empty(from).cut(is_cut));
        }
        Ok(LogSlice::new(segment.file()?, start..end, from).cut(is_cut))
    }

    /// The first record whose timestamp is not below `timestamp`.
    pub fn find_by_timestamp(&self, timestamp: i64) -> Result<Option<FoundRecord>, ReadError> {
        self.check_available()?;
        self.touch();
        let log_start = self.offsets().log_start;
        for segment in self.segments_from(log_start) {
            if segment.max_timestamp()?.is_some_and(|max| max.timestamp >= timestamp) {
                let found = segment.find_by_timestamp(timestamp, log_start)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// The first record that has the highest timestamp of all (KIP-734).
    pub fn max_timestamp(&self) -> Result<Option<FoundRecord>, ReadError> {
        self.check_available()?;
        self.touch();
        let mut highest = None;
        for segment in self.segments_from(self.offsets().log_start) {
            let Some(max) = segment.max_timestamp()? else { continue };
            let higher = |highest: &(_, MaxTimestamp)| max.timestamp > highest.1.timestamp;
            if highest.as_ref().is_none_or(higher) {
                highest = Some((segment, max));
            }
        }
        match highest {
            Some((segment, max)) => Ok(segment.find_max_timestamp(max)?),
            None => Ok(None),
        }
    }
}
