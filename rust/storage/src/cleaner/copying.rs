//! The second half of a cleaning: from the log's start on, groups of segments are copied to one
//! segment each without what does not stay, which then takes their place.
//!
//! Groups are swapped in the order of the log, each durably before the next: when a tombstone goes,
//! the values that it deletes have gone before.

use std::sync::Arc;

use records::BatchHeader;

use super::batch_reader::read_batches;
use super::filter::RecordFilter;
use super::groups::first_group;
use super::round::{Moved, RoundError};
use crate::log::{CleanablePart, Log};
use crate::segment::Segment;

/// How far the copying has come.
#[derive(Debug)]
pub(super) struct Copying {
    filter: RecordFilter,
    /// The segments that no group has taken.
    left: Vec<Arc<Segment>>,
    group: Option<Group>,
}

/// Segments that become one.
#[derive(Debug)]
struct Group {
    segments: Vec<Arc<Segment>>,
    cleaned: Segment,
    /// Which segment is read, and where.
    current: usize,
    position: u32,
}

impl Copying {
    /// Copies what `filter` lets stay of `segments`.
    pub(super) fn new(filter: RecordFilter, segments: Vec<Arc<Segment>>) -> Self {
        Self { filter, left: segments, group: None }
    }

    /// Copies about `buffer_bytes`, or begins or ends a group.
    pub(super) fn step(
        &mut self,
        log: &Log,
        part: &CleanablePart,
        buffer_bytes: usize,
    ) -> Result<Moved, RoundError> {
        match &mut self.group {
            None => self.begin_group(log).map(|()| Moved::default()),
            Some(group) if group.current == group.segments.len() => {
                self.end_group(log, part).map(|()| Moved::default())
            }
            Some(group) => group.copy(&mut self.filter, log, buffer_bytes),
        }
    }

    /// Whether everything has been copied and swapped.
    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty() && self.group.is_none()
    }

    /// The rules, with what they know of the log's keys.
    pub(super) fn filter(&self) -> &RecordFilter {
        &self.filter
    }

    /// The segment that is being written, given up.
    pub(super) fn take_cleaned(&mut self) -> Option<Segment> {
        self.group.take().map(|group| group.cleaned)
    }

    fn begin_group(&mut self, log: &Log) -> Result<(), RoundError> {
        let extents: Vec<_> = self.left.iter().map(|segment| segment.extent()).collect();
        let config = log.config();
        let (segment_bytes, index_bytes) = (config.segment_bytes, config.segment_index_bytes);
        let count = first_group(&extents, segment_bytes.into(), index_bytes.into());
        let segments: Vec<_> = self.left.drain(..count).collect();
        if let Some(first) = segments.first() {
            let cleaned = log.create_cleaned(first)?.ok_or(RoundError::Changed)?;
            self.group = Some(Group { segments, cleaned, current: 0, position: 0 });
        }
        Ok(())
    }

    fn end_group(&mut self, log: &Log, part: &CleanablePart) -> Result<(), RoundError> {
        let Some(Group { segments, cleaned, .. }) = self.group.take() else { return Ok(()) };
        if log.replace_segments(part, &segments, cleaned, self.filter.now_ms)? {
            Ok(())
        } else {
            Err(RoundError::Changed)
        }
    }
}

impl Group {
    fn copy(
        &mut self,
        filter: &mut RecordFilter,
        log: &Log,
        buffer_bytes: usize,
    ) -> Result<Moved, RoundError> {
        let segment = &self.segments[self.current];
        let ends_group = self.current + 1 == self.segments.len();
        let (size, end) = segment.published();
        let start = self.position;
        let mut bytes = Vec::new();
        let mut headers: Vec<BatchHeader> = Vec::new();
        let stopped = read_batches(log, segment, start, buffer_bytes, &mut |batch| {
            let is_last = ends_group && batch.header().next_offset() >= end;
            headers.extend(filter.filter(batch, is_last, &mut bytes)?);
            Ok(true)
        })?;
        for aborted in filter.transactions.take_retained() {
            self.cleaned.push_aborted(aborted);
        }
        if !headers.is_empty() {
            let interval = log.config().index_interval_bytes;
            self.cleaned.append_cleaned(&headers, &bytes, interval)?;
        }
        self.position = stopped.position;
        if stopped.position == size {
            self.current += 1;
            self.position = 0;
        }
        if self.current == self.segments.len() {
            self.cleaned.seal()?;
        }
        Ok(Moved { read: u64::from(stopped.position - start), written: bytes.len() as u64 })
    }
}
