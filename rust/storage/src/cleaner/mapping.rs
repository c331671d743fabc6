//! The first half of a cleaning: the dirty segments are read, and the last offset of each key is
//! noted, as far as the memory for keys reaches.

use std::sync::Arc;

use base::Offset;
use records::RecordBatch;

use super::batch_reader::read_batches;
use super::filter::FilterError;
use super::offset_map::OffsetMap;
use super::round::RoundError;
use super::transactions::CleanedTransactions;
use crate::log::Log;
use crate::segment::Segment;

/// How far the reading has come.
#[derive(Debug)]
pub(super) struct Mapping {
    keys: KeyMap,
    segments: std::vec::IntoIter<Arc<Segment>>,
    current: Option<Arc<Segment>>,
    position: u32,
    is_done: bool,
}

/// What has been noted.
#[derive(Debug)]
struct KeyMap {
    map: OffsetMap,
    transactions: CleanedTransactions,
    first_dirty: Offset,
}

impl Mapping {
    /// Notes into `map` what lies in `segments` from `first_dirty` on.
    pub(super) fn new(
        map: OffsetMap,
        transactions: CleanedTransactions,
        first_dirty: Offset,
        segments: Vec<Arc<Segment>>,
    ) -> Self {
        let mut segments = segments.into_iter();
        let current = segments.next();
        let keys = KeyMap { map, transactions, first_dirty };
        Self { keys, segments, current, position: 0, is_done: false }
    }

    /// Reads about `buffer_bytes`, and returns how many it read.
    pub(super) fn step(&mut self, log: &Log, buffer_bytes: usize) -> Result<u64, RoundError> {
        let Some(segment) = &self.current else {
            self.is_done = true;
            return Ok(0);
        };
        let keys = &mut self.keys;
        let start = self.position;
        let stopped =
            read_batches(log, segment, start, buffer_bytes, &mut |batch| keys.note(batch))?;
        self.position = stopped.position;
        self.is_done = stopped.is_enough;
        if stopped.position == segment.size() {
            keys.map.pass(Offset(segment.next_offset().0 - 1));
            self.current = self.segments.next();
            self.position = 0;
        }
        Ok(u64::from(stopped.position - start))
    }

    /// Whether everything is noted, or the map is full.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// What was noted.
    pub(super) fn into_map(self) -> OffsetMap {
        self.keys.map
    }
}

impl KeyMap {
    /// Notes the keys of a batch; no if there is no room for all of them.
    fn note(&mut self, batch: &RecordBatch) -> Result<bool, FilterError> {
        let header = batch.header();
        let counts = if header.attributes.is_control() {
            let record = batch.control_record()?;
            self.transactions.pass_control(header, record.as_ref());
            // It is the copying that keeps them.
            self.transactions.take_retained();
            false
        } else {
            // The records of an aborted transaction replace nothing.
            !self.transactions.pass_batch(header)
        };
        if counts {
            for record in &batch.records()? {
                let record = record?;
                let Some(key) = record.key.filter(|_| record.offset >= self.first_dirty) else {
                    continue;
                };
                if self.map.is_full() {
                    return Ok(false);
                }
                self.map.put(key, record.offset);
            }
        }
        if header.last_offset() >= self.first_dirty {
            self.map.pass(header.last_offset());
        }
        Ok(true)
    }
}
