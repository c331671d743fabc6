//! What must be true of every log after every recovery: one file each.

pub(crate) mod aborted_transactions_are_told;
pub(crate) mod acknowledged_records_are_present;
pub(crate) mod compaction_keeps_the_last;
pub(crate) mod deleted_topics_are_gone;
pub(crate) mod log_start_keeps_its_word;
pub(crate) mod nothing_torn_is_served;
pub(crate) mod offsets_are_dense;
pub(crate) mod recovered_records_stay;

use std::collections::BTreeMap;

use base::{Offset, ProducerId, TopicId, Wait};
use bytes::Bytes;
use records::{ControlRecord, RecordBatch, batches};
use storage::AbortedTransaction;
use storage::directory::LogDirectory;
use storage::log::{Log, ReadRange};

use crate::model::{LogModel, Model};

/// What must be true of a log that was promised something and serves something.
type Invariant = fn(&LogModel, &ObservedLog) -> Result<(), String>;

/// What a recovered directory serves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) logs: BTreeMap<TopicId, ObservedLog>,
}

/// What a recovered log serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObservedLog {
    pub(crate) log_start: Offset,
    pub(crate) log_end: Offset,
    pub(crate) batches: Vec<ServedBatch>,
    /// Which transactions readers of committed records would be told of.
    pub(crate) aborted: Vec<AbortedTransaction>,
    /// Whose transaction is open, and since where.
    pub(crate) open: BTreeMap<ProducerId, Offset>,
}

/// A batch as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedBatch {
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    /// The id that its record carries; none if its bytes are not those of a batch that was sent.
    pub(crate) id: Option<u64>,
    /// Compaction has left the batch without its record.
    pub(crate) is_empty: bool,
    pub(crate) part: Part,
}

/// What a batch has to do with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Nothing,
    Records(ProducerId),
    Commit(ProducerId),
    Abort(ProducerId),
}

/// Holds every invariant of a single state.
pub(crate) fn check(model: &Model, observed: &Observed) -> Result<(), String> {
    deleted_topics_are_gone::check(model, observed)?;
    for (topic_id, log) in model.living_logs() {
        let unborn = ObservedLog::default();
        let served = observed.logs.get(&topic_id).unwrap_or(&unborn);
        let checks: [Invariant; 6] = [
            aborted_transactions_are_told::check,
            acknowledged_records_are_present::check,
            compaction_keeps_the_last::check,
            log_start_keeps_its_word::check,
            nothing_torn_is_served::check,
            offsets_are_dense::check,
        ];
        for check in checks {
            check(log, served)
                .map_err(|violation| format!("topic{}: {violation}", log.partition))?;
        }
    }
    Ok(())
}

impl Observed {
    /// Reads everything.
    pub(crate) fn of(directory: &LogDirectory) -> Result<Self, String> {
        let logs = directory.logs();
        let logs = logs.iter().map(|log| Ok((log.topic_id(), ObservedLog::of(log)?)));
        Ok(Self { logs: logs.collect::<Result<_, String>>()? })
    }

    /// What was not durable before the cut is there or not, and that is decided now.
    pub(crate) fn decide(&self, model: &mut Model) {
        for (topic_id, log) in &mut model.logs {
            let unborn = ObservedLog::default();
            let served = self.logs.get(topic_id).unwrap_or(&unborn);
            for batch in &served.batches {
                if let Some(id) = batch.id.filter(|id| log.unanswered.contains_key(id)) {
                    log.appended(id, batch.base, batch.end);
                }
            }
            log.unanswered.clear();
            log.truncation_ended(served.log_end);
        }
    }
}

impl ObservedLog {
    fn of(log: &Log) -> Result<Self, String> {
        let offsets = log.offsets();
        let aborted = log.aborted_transactions(offsets.log_start, offsets.log_end, Wait::Allowed);
        let since = |(producer_id, entry): (ProducerId, storage::ProducerEntry)| {
            entry.transaction_first_offset.map(|first| (producer_id, first))
        };
        let mut observed = Self {
            log_start: offsets.log_start,
            log_end: offsets.log_end,
            batches: Vec::new(),
            aborted: aborted.map_err(|error| error.to_string())?,
            open: log.producers().into_iter().filter_map(since).collect(),
        };
        let mut from = offsets.log_start;
        while from < offsets.log_end {
            let range = ReadRange { from, up_to: offsets.log_end, max_bytes: 4096, min_one: true };
            let slice = log.read(&range, Wait::Allowed).map_err(|error| error.to_string())?;
            let bytes = slice.read_all().map_err(|error| error.to_string())?;
            for batch in batches(Bytes::from(bytes)) {
                let batch = batch.map_err(|error| format!("at offset {from}: {error}"))?;
                let header = batch.header();
                let (base, end) = (header.base_offset, header.next_offset());
                let id = batch.verify_crc().is_ok().then(|| id_of(&batch)).flatten();
                let is_empty = batch.verify_crc().is_ok() && header.record_count == 0;
                let part = part_of(&batch)?;
                observed.batches.push(ServedBatch { base, end, id, is_empty, part });
            }
            let next = observed.batches.last().map_or(from, |batch| batch.end);
            if next <= from {
                return Err(format!("nothing can be read at offset {from}"));
            }
            from = next;
        }
        Ok(observed)
    }
}

fn part_of(batch: &RecordBatch) -> Result<Part, String> {
    let header = batch.header();
    let record = batch.control_record().map_err(|error| error.to_string())?;
    Ok(match record {
        Some(ControlRecord::Commit { .. }) => Part::Commit(header.producer_id),
        Some(ControlRecord::Abort { .. }) => Part::Abort(header.producer_id),
        _ if header.attributes.is_control() => Part::Nothing,
        _ if header.attributes.is_transactional() => Part::Records(header.producer_id),
        _ => Part::Nothing,
    })
}

/// The id that a record's value repeats to its end, or that its header has, or that a marker has
/// for the epoch of its coordinator.
fn id_of(batch: &RecordBatch) -> Option<u64> {
    if let Some(
        ControlRecord::Commit { coordinator_epoch } | ControlRecord::Abort { coordinator_epoch },
    ) = batch.control_record().ok()?
    {
        return u64::try_from(coordinator_epoch).ok();
    }
    let records = batch.records().ok()?;
    let record = records.iter().next()?.ok()?;
    let in_header = record.headers.into_iter().next().and_then(|header| header.value);
    // A value of whole ids ends with the last byte of one.
    let id = record.value.or(in_header)?.last_chunk::<8>()?;
    Some(u64::from_be_bytes(*id))
}
