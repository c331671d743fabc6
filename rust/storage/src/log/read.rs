//! Reading: by offset, a run of whole batches; by timestamp, one record.

use std::sync::Arc;

use base::{Offset, Wait};

use super::{FoundRecord, Log, LogSlice, ReadError};
use crate::producer_state::AbortedTransaction;
use crate::segment::{MaxTimestamp, Segment};

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

/// What a reader of committed records gets.
#[derive(Clone, Debug)]
pub struct CommittedRead {
    /// Whole batches, those of aborted transactions among them.
    pub records: LogSlice,
    /// The aborted transactions that have records there, and perhaps some more.
    pub aborted: Vec<AbortedTransaction>,
}

/// Where whole batches lie.
#[derive(Debug)]
struct Located {
    segment: Arc<Segment>,
    range: std::ops::Range<u32>,
    is_cut: bool,
}

impl Log {
    /// Whole batches of one segment. With [`Wait::Never`] only the last batches of the log are
    /// found for sure, others if what leads to them is in memory.
    pub fn read(&self, range: &ReadRange, wait: Wait) -> Result<LogSlice, ReadError> {
        match self.locate(range, wait)? {
            Some(located) => located.slice(range.from),
            None => Ok(LogSlice::empty(range.from)),
        }
    }

    /// The same, with what tells committed records from others. The range ends at the last stable
    /// offset.
    pub fn read_committed(
        &self,
        range: &ReadRange,
        wait: Wait,
    ) -> Result<CommittedRead, ReadError> {
        let Some(located) = self.locate(range, wait)? else {
            let records = LogSlice::empty(range.from);
            return Ok(CommittedRead { records, aborted: Vec::new() });
        };
        let aborted = if self.segments_with_aborted(range.from).is_empty() {
            Vec::new()
        } else {
            let end = located.segment.offset_above(located.range.end, wait)?;
            self.aborted_transactions(range.from, end.min(range.up_to), wait)?
        };
        Ok(CommittedRead { records: located.slice(range.from)?, aborted })
    }

    fn locate(&self, range: &ReadRange, wait: Wait) -> Result<Option<Located>, ReadError> {
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
            return Ok(None);
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
        Ok(Some(Located { segment, range: start..end.max(start), is_cut }))
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

impl Located {
    fn slice(&self, from: Offset) -> Result<LogSlice, ReadError> {
        if self.range.is_empty() {
            return Ok(LogSlice::empty(from).cut(self.is_cut));
        }
        Ok(LogSlice::new(self.segment.file()?, self.range.clone(), from).cut(self.is_cut))
    }
}
