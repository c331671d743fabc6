//! The entries of the two indexes, as Kafka lays them out; all integers are big-endian.
//!
//! ```text
//! .index      0                  4                8
//!             | relative offset  | file position  |  last offset of the batch at the position
//!
//! .timeindex  0                  8                12
//!             | timestamp, ms    | relative offset |  no record up to there has a higher one
//! ```
//!
//! A relative offset counts from the segment's base offset.

use super::index::IndexEntry;

/// Where a batch lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) relative_offset: u32,
    pub(crate) position: u32,
}

/// The highest timestamp so far, and the last offset of the batch that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) relative_offset: u32,
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        let number = |start| u32::from_be_bytes(*part(bytes, start));
        Self { relative_offset: number(0), position: number(4) }
    }

    fn follows(self, previous: Self) -> bool {
        self.relative_offset > previous.relative_offset && self.position > previous.position
    }
}

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        Self {
            timestamp: i64::from_be_bytes(*part(bytes, 0)),
            relative_offset: u32::from_be_bytes(*part(bytes, 8)),
        }
    }

    fn follows(self, previous: Self) -> bool {
        self.timestamp > previous.timestamp && self.relative_offset >= previous.relative_offset
    }
}

fn part<const N: usize>(bytes: &[u8], start: usize) -> &[u8; N] {
    bytes.get(start..).and_then(<[u8]>::first_chunk).expect("an index reads whole entries")
}
