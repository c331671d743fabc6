//! Loads a shard: its partition's log, from the start to the end, a buffer at a time.

use std::error::Error;
use std::sync::Arc;

use base::{ErrorCode, Offset, ProducerId};
use bytes::Bytes;
use metadata::MetadataImage;
use records::{BatchError, ControlRecord, ControlRecordError, Record, RecordBatch, batches};
use thiserror::Error;

use super::machine::{Machine, MachineRecord, Producer};
use crate::partition::Partition;

/// A shard that knows everything which its log says.
#[derive(Debug)]
pub(crate) struct Loaded<M> {
    pub shard: M,
    /// What it knows of the metadata.
    pub image: Arc<MetadataImage>,
    /// Where its next record will be.
    pub next_offset: Offset,
}

/// Why a shard cannot be loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// The log cannot be read.
    #[error("the log cannot be read at offset {0}: {1:?}")]
    Read(Offset, ErrorCode),
    /// What it holds is not a record batch.
    #[error("the log is damaged behind offset {0}: {1}")]
    Batch(Offset, BatchError),
    /// It ends before its end.
    #[error("the log has no batch that holds offset {0}")]
    NoBatch(Offset),
    /// A record is not one of a coordinator.
    #[error("the record at offset {0} cannot be read: {1}")]
    Record(Offset, Box<dyn Error + Send + Sync>),
    /// A marker is none.
    #[error("the control record at offset {0} cannot be read: {1}")]
    Control(Offset, ControlRecordError),
    /// A record has no key, so that nobody knows what it is about.
    #[error("the record at offset {0} has no key")]
    NoKey(Offset),
}

/// Reads the log and replays what it holds. It waits for the disk.
pub(crate) fn load<M: Machine>(
    partition: &Partition,
    configs: &M::Configs,
    image: &Arc<MetadataImage>,
    buffer_bytes: usize,
) -> Result<Loaded<M>, LoadError> {
    let mut shard = M::new(configs, image);
    let offsets = partition.offsets();
    let mut next = offsets.log_start;
    while next < offsets.log_end {
        let bytes = partition
            .read_whole_batches(next, buffer_bytes)
            .map_err(|code| LoadError::Read(next, code))?;
        let before = next;
        for batch in batches(Bytes::from(bytes)) {
            let batch = batch.map_err(|error| LoadError::Batch(next, error))?;
            replay(&mut shard, &batch, offsets.log_start)?;
            next = batch.header().next_offset();
        }
        // Compaction keeps the last batch of every segment, be it empty.
        if next == before {
            return Err(LoadError::NoBatch(next));
        }
    }
    Ok(Loaded { shard, image: Arc::clone(image), next_offset: offsets.log_end })
}

fn replay<M: Machine>(
    shard: &mut M,
    batch: &RecordBatch,
    log_start: Offset,
) -> Result<(), LoadError> {
    let header = batch.header();
    let base_offset = header.base_offset;
    let producer = Producer { id: header.producer_id, epoch: header.producer_epoch };
    let damaged = |error| LoadError::Batch(base_offset, error);
    batch.verify_crc().map_err(damaged)?;
    let records = batch.records().map_err(damaged)?;
    if header.attributes.is_control() {
        return records.iter().try_for_each(|record| {
            replay_control(shard, producer.id, &record.map_err(damaged)?)
                .map_err(|error| LoadError::Control(base_offset, error))
        });
    }
    let producer = header.attributes.is_transactional().then_some(producer);
    for record in records.owned() {
        let record = record.map_err(damaged)?;
        let offset = record.offset;
        if offset < log_start {
            continue;
        }
        let key = record.key.ok_or(LoadError::NoKey(offset))?;
        let decoded = M::Record::decode(key, record.value);
        // A record of another kind of group, or of a later release, is kept and passed over.
        if let Some(record) = decoded.map_err(|error| LoadError::Record(offset, error.into()))? {
            shard.replay(offset, producer, &record);
        }
    }
    Ok(())
}

fn replay_control<M: Machine>(
    shard: &mut M,
    producer: ProducerId,
    record: &Record<'_>,
) -> Result<(), ControlRecordError> {
    match ControlRecord::parse(record)? {
        ControlRecord::Commit { .. } => shard.replay_marker(producer, true),
        ControlRecord::Abort { .. } => shard.replay_marker(producer, false),
        ControlRecord::LeaderChange { .. } | ControlRecord::Other { .. } => {}
    }
    Ok(())
}
