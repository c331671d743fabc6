//! The producers of a log as a file, `<20-digit offset>.snapshot`: what they were when the log
//! ended at that offset.
//!
//! ```text
//! offset  size  field
//!      0     2  version                   1
//!      2     4  crc                       CRC-32C of all that follows
//!      6     4  number of producers
//!     10  46 x  producer id 8, epoch 2, last sequence 4, last offset 8, offset delta 4,
//!               timestamp 8, coordinator epoch 4,
//!               first offset of the open transaction 8 (-1 for none)
//!   then     4  number of earlier batches
//!         32 x  producer id 8, last sequence 4, last offset 8, offset delta 4, timestamp 8
//! ```
//!
//! The first part is Kafka's format, which knows only the last batch of each producer. A producer
//! with five requests in flight while the broker restarts may repeat any of the five, so the second
//! part holds the four before. Kafka's reader sums it and looks no further; it is absent when
//! nobody has more than one batch, and in the files that Kafka writes.

use std::collections::BTreeMap;

use base::{Offset, ProducerEpoch, ProducerId};
use bytes::{Buf as _, BufMut as _};
use thiserror::Error;

use super::entry::{BatchMetadata, ProducerEntry};
use super::{BATCHES_PER_PRODUCER, ProducerState};

const VERSION: i16 = 1;
const HEAD_BYTES: usize = 10;
const CRC_START: usize = 6;
const PRODUCER_BYTES: usize = 46;
const BATCH_BYTES: usize = 32;

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// It ends before what it announces.
    #[error("the producer snapshot is cut")]
    Cut,
    /// It is of another version.
    #[error("the producer snapshot has version {0}, only version 1 is known")]
    Version(i16),
    /// Its bytes are not those that were written.
    #[error("the producer snapshot is corrupt: its CRC does not match")]
    Crc,
    /// A batch ends before it begins, or belongs to no producer.
    #[error("the producer snapshot holds an impossible batch of producer {0}")]
    Batch(ProducerId),
}

/// The file's bytes for a state.
pub fn encode(state: &ProducerState) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + state.entries().len() * PRODUCER_BYTES);
    bytes.put_i16(VERSION);
    bytes.put_u32(0);
    bytes.put_i32(state.entries().len() as i32);
    for (producer_id, entry) in state.entries() {
        put_producer(&mut bytes, producer_id, entry);
    }
    let earlier: Vec<(ProducerId, &BatchMetadata)> = state
        .entries()
        .flat_map(|(producer_id, entry)| {
            let count = entry.batches.len().saturating_sub(1);
            entry.batches.iter().take(count).map(move |batch| (producer_id, batch))
        })
        .collect();
    if !earlier.is_empty() {
        bytes.put_i32(earlier.len() as i32);
    }
    for (producer_id, batch) in earlier {
        bytes.put_i64(producer_id.0);
        bytes.put_i32(batch.last_sequence);
        bytes.put_i64(batch.last_offset.0);
        bytes.put_i32(batch.offset_delta);
        bytes.put_i64(batch.timestamp);
    }
    let crc = crc32c::crc32c(&bytes[CRC_START..]);
    bytes[2..CRC_START].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The state in a file's bytes.
pub fn decode(bytes: &[u8]) -> Result<ProducerState, SnapshotError> {
    let mut rest = bytes;
    if rest.len() < HEAD_BYTES {
        return Err(SnapshotError::Cut);
    }
    let version = rest.get_i16();
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    if rest.get_u32() != crc32c::crc32c(rest) {
        return Err(SnapshotError::Crc);
    }
    let mut producers = BTreeMap::new();
    let mut last_batches = BTreeMap::new();
    for _ in 0..count(&mut rest, PRODUCER_BYTES)? {
        let (producer_id, entry, last) = get_producer(&mut rest)?;
        producers.insert(producer_id, entry);
        last_batches.insert(producer_id, last);
    }
    if !rest.is_empty() {
        for _ in 0..count(&mut rest, BATCH_BYTES)? {
            let producer_id = ProducerId(rest.get_i64());
            let batch = get_batch(&mut rest, producer_id)?;
            let entry = producers.get_mut(&producer_id).ok_or(SnapshotError::Batch(producer_id))?;
            if entry.batches.len() + 1 < BATCHES_PER_PRODUCER {
                entry.push(batch);
            }
        }
    }
    for (producer_id, last) in last_batches {
        if let (Some(entry), Some(last)) = (producers.get_mut(&producer_id), last) {
            entry.push(last);
        }
    }
    Ok(ProducerState { producers, ..ProducerState::default() })
}

fn put_producer(bytes: &mut Vec<u8>, producer_id: ProducerId, entry: &ProducerEntry) {
    let last = entry.batches.back();
    bytes.put_i64(producer_id.0);
    bytes.put_i16(entry.producer_epoch.0);
    bytes.put_i32(entry.last_sequence());
    bytes.put_i64(last.map_or(-1, |last| last.last_offset.0));
    bytes.put_i32(last.map_or(0, |last| last.offset_delta));
    bytes.put_i64(entry.last_seen_ms);
    bytes.put_i32(entry.coordinator_epoch);
    bytes.put_i64(entry.transaction_first_offset.map_or(-1, |offset| offset.0));
}

fn get_producer(
    rest: &mut &[u8],
) -> Result<(ProducerId, ProducerEntry, Option<BatchMetadata>), SnapshotError> {
    let producer_id = ProducerId(rest.get_i64());
    let producer_epoch = ProducerEpoch(rest.get_i16());
    let last = get_batch(rest, producer_id)?;
    let entry = ProducerEntry {
        producer_epoch,
        last_seen_ms: last.timestamp,
        coordinator_epoch: rest.get_i32(),
        transaction_first_offset: Some(Offset(rest.get_i64())).filter(|offset| offset.0 >= 0),
        ..ProducerEntry::default()
    };
    Ok((producer_id, entry, (last.last_offset.0 >= 0).then_some(last)))
}

/// Both parts hold a batch's four fields in the same order. The caller has seen to it that they are
/// there.
fn get_batch(rest: &mut &[u8], producer_id: ProducerId) -> Result<BatchMetadata, SnapshotError> {
    let batch = BatchMetadata {
        last_sequence: rest.get_i32(),
        last_offset: Offset(rest.get_i64()),
        offset_delta: rest.get_i32(),
        timestamp: rest.get_i64(),
    };
    let impossible = batch.last_offset.0 < -1
        || batch.offset_delta < 0
        || i64::from(batch.offset_delta) > batch.last_offset.0.max(0);
    if impossible { Err(SnapshotError::Batch(producer_id)) } else { Ok(batch) }
}

/// Reads a number of elements that are all there.
fn count(rest: &mut &[u8], element_bytes: usize) -> Result<usize, SnapshotError> {
    let count = rest.try_get_i32().map_err(|_| SnapshotError::Cut)?;
    let count = usize::try_from(count).map_err(|_| SnapshotError::Cut)?;
    if rest.len() / element_bytes < count {
        return Err(SnapshotError::Cut);
    }
    Ok(count)
}
