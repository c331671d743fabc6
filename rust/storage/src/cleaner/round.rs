//! One cleaning of one log, in steps that read about one buffer each.

use std::io;
use std::sync::Arc;

use base::Offset;
use thiserror::Error;

use super::CleanerConfig;
use super::copying::Copying;
use super::dirt::Dirt;
use super::filter::RecordFilter;
use super::mapping::Mapping;
use super::offset_map::{OffsetMap, OffsetMapLimits};
use super::transactions::CleanedTransactions;
use crate::log::{CleanablePart, Log};
use crate::segment::Segment;

/// Why a cleaning cannot go on.
#[derive(Debug, Error)]
pub(crate) enum RoundError {
    /// The log is no more what it was when the cleaning began.
    #[error("the log has changed meanwhile")]
    Changed,
    /// The disk has no room for what stays.
    #[error("no room for the cleaned segment: {0}")]
    StorageFull(io::Error),
    /// A batch cannot be read: the log cannot be cleaned.
    #[error("the batch at byte {position} of segment {segment} cannot be cleaned: {reason}")]
    Damaged {
        /// The segment's base offset.
        segment: Offset,
        /// Where the batch begins.
        position: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for RoundError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::StorageFull(error),
            _ => Self::Io(error),
        }
    }
}

/// How many bytes were read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl Moved {
    pub(crate) fn bytes(self) -> u64 {
        self.read + self.written
    }
}

/// A cleaning that is under way.
#[derive(Debug)]
pub(crate) struct Round {
    log: Arc<Log>,
    part: CleanablePart,
    dirt: Dirt,
    buffer_bytes: usize,
    now_ms: i64,
    phase: Phase,
    moved: Moved,
    map: MapUse,
}

/// The memory for keys.
#[derive(Clone, Copy, Debug, Default)]
struct MapUse {
    /// What the map takes.
    bytes: u64,
    /// What it may take.
    bytes_max: u64,
    /// What the keys in it take.
    entry_bytes: u64,
}

#[derive(Debug)]
enum Phase {
    Map(Box<Mapping>),
    Copy(Box<Copying>),
    Done,
}

impl Round {
    /// Begins to clean what `dirt` says; what it speaks of is durable.
    pub(crate) fn new(
        log: Arc<Log>,
        dirt: Dirt,
        config: &CleanerConfig,
        hash_key: [u8; 16],
        now_ms: i64,
    ) -> io::Result<Self> {
        let part = log.cleanable_part(dirt.first_uncleanable)?;
        let limits = OffsetMapLimits {
            bytes_max: config.map_bytes(),
            load_factor: config.dedupe_buffer_load_factor,
        };
        let offsets = u64::try_from(dirt.first_uncleanable - dirt.first_dirty).unwrap_or_default();
        let map = OffsetMap::new(offsets, &limits, hash_key);
        let map_use = MapUse { bytes: map.bytes(), bytes_max: limits.bytes_max, entry_bytes: 0 };
        let is_dirty = |segment: &&Arc<Segment>| segment.next_offset() > dirt.first_dirty;
        let dirty = part.segments.iter().filter(is_dirty).cloned().collect();
        let transactions = CleanedTransactions::new(part.aborted.clone());
        let mapping = Mapping::new(map, transactions, dirt.first_dirty, dirty);
        let (phase, moved) = (Phase::Map(Box::new(mapping)), Moved::default());
        let buffer_bytes = config.buffer_bytes();
        Ok(Self { log, part, dirt, buffer_bytes, now_ms, phase, moved, map: map_use })
    }

    /// The log that is cleaned.
    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Whether what was found out about the log is still true: nothing was cut off meanwhile.
    pub(crate) fn still_holds(&self) -> bool {
        self.log.still_has(&self.part)
    }

    /// How many bytes were moved so far.
    pub(crate) fn moved(&self) -> Moved {
        self.moved
    }

    /// What the map of keys takes until the round has ended.
    pub(crate) fn map_bytes(&self) -> u64 {
        self.map.bytes
    }

    /// How much of the memory for keys was filled, once they are mapped.
    pub(crate) fn map_utilization(&self) -> f64 {
        (self.map.entry_bytes as f64 / self.map.bytes_max.max(1) as f64).min(1.0)
    }

    /// Does one piece of work. When it was the last, the answer is up to where the log is clean.
    pub(crate) fn step(&mut self) -> Result<Option<Offset>, RoundError> {
        let stepped = self.try_step();
        match stepped {
            // A segment that was cut off while it was read looks damaged, and is not.
            Err(RoundError::Damaged { .. } | RoundError::Io(_)) if !self.still_holds() => {
                Err(RoundError::Changed)
            }
            stepped => stepped,
        }
    }

    fn try_step(&mut self) -> Result<Option<Offset>, RoundError> {
        match &mut self.phase {
            Phase::Map(mapping) => {
                self.moved.read += mapping.step(&self.log, self.buffer_bytes)?;
                if mapping.is_done() {
                    self.begin_copying();
                }
            }
            Phase::Copy(copying) if copying.is_done() => {
                let known = copying.filter().map.latest();
                self.phase = Phase::Done;
                return Ok(Some(known.map_or(self.dirt.first_dirty, Offset::next)));
            }
            Phase::Copy(copying) => {
                let moved = copying.step(&self.log, &self.part, self.buffer_bytes)?;
                self.moved.read += moved.read;
                self.moved.written += moved.written;
            }
            Phase::Done => unreachable!("a round that has ended takes no step"),
        }
        Ok(None)
    }

    /// Gives up: what was written and is in no segment's place goes.
    pub(crate) fn abandon(&mut self) -> io::Result<()> {
        let cleaned = match &mut self.phase {
            Phase::Copy(copying) => copying.take_cleaned(),
            Phase::Map(_) | Phase::Done => None,
        };
        self.phase = Phase::Done;
        cleaned.map_or(Ok(()), |cleaned| self.log.discard_cleaned(&cleaned))
    }

    fn begin_copying(&mut self) {
        let Phase::Map(mapping) = std::mem::replace(&mut self.phase, Phase::Done) else {
            unreachable!("the keys were mapped just now")
        };
        let map = mapping.into_map();
        self.map.entry_bytes = map.entry_bytes();
        let latest = map.latest();
        let is_mapped = |segment: &&Arc<Segment>| Some(segment.base_offset()) <= latest;
        let segments = self.part.segments.iter().take_while(is_mapped).cloned().collect();
        let filter = RecordFilter {
            map,
            transactions: CleanedTransactions::new(self.part.aborted.clone()),
            producers: self.part.producers.clone(),
            now_ms: self.now_ms,
            delete_retention_ms: self.log.config().delete_retention_ms,
        };
        self.phase = Phase::Copy(Box::new(Copying::new(filter, segments)));
    }
}
