//! A sealed batch on its way to its partition: its bytes, its place in the order of batches, and
//! what it has been through. One that is too large for its broker is split in two.

use base::{Instant, ProducerEpoch, ProducerId};
use bytes::Bytes;
use records::{BatchBuilder, Compression, ProducerStamp, RecordBatch, restamp};

use super::accumulator::SealedBatch;

/// Names a batch of a producer, or a piece of one; in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchKey {
    /// The batch's number among all of the producer; within a partition, the order to keep.
    pub(super) number: u64,
    /// The place of its first record in the batch as it was sealed.
    pub(super) first_record: u32,
}

impl BatchKey {
    /// A whole batch.
    pub(super) fn whole(number: u64) -> Self {
        Self { number, first_record: 0 }
    }
}

/// Who waits for a batch's result.
#[derive(Debug)]
pub(super) enum Owed<T> {
    /// Nobody: it has been given.
    Nothing,
    /// Its owner, who gets this back with it.
    Whole(T),
    /// The batch that it is a piece of.
    Piece,
}

/// A batch in a queue or in flight.
#[derive(Debug)]
pub(super) struct Batch<T> {
    contents: Contents,
    /// Its name and place in the order.
    pub(super) key: BatchKey,
    /// When its first record came.
    pub(super) created_at: Instant,
    /// How many records it has.
    pub(super) record_count: i32,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// The sequence number of its first record, once it has one.
    pub(super) sequence: Option<i32>,
    /// An attempt ended without a word: it may be in the log.
    pub(super) maybe_appended: bool,
    /// What went wrong last.
    pub(super) last_failure: Option<String>,
    /// Who waits for its result.
    pub(super) owed: Owed<T>,
}

#[derive(Debug)]
enum Contents {
    Open(BatchBuilder),
    Finished {
        bytes: Bytes,
        stamp: ProducerStamp,
    },
    /// Only while it is being finished, or if that failed.
    Lost,
}

impl<T> Batch<T> {
    /// A batch that has just been sealed.
    pub(super) fn new(sealed: SealedBatch<T>, number: u64) -> Self {
        let record_count = sealed.builder.record_count();
        Self {
            contents: Contents::Open(sealed.builder),
            key: BatchKey::whole(number),
            created_at: sealed.created_at,
            record_count,
            attempts: 0,
            sequence: None,
            maybe_appended: false,
            last_failure: None,
            owed: Owed::Whole(sealed.payload),
        }
    }

    /// The batch's bytes under its stamp. The first time they are compressed; later only a new
    /// stamp changes them.
    pub(super) fn finish(
        &mut self,
        producer: Option<(ProducerId, ProducerEpoch)>,
        transactional: bool,
        compression: Compression,
    ) -> Result<Bytes, String> {
        let stamp = match (producer, self.sequence) {
            (Some((producer_id, producer_epoch)), Some(base_sequence)) => {
                ProducerStamp { producer_id, producer_epoch, base_sequence, transactional }
            }
            _ => ProducerStamp::NONE,
        };
        let bytes = match std::mem::replace(&mut self.contents, Contents::Lost) {
            Contents::Open(builder) => {
                builder.finish(&stamp, compression).map_err(|error| error.to_string())?
            }
            Contents::Finished { bytes, stamp: old } if old == stamp => bytes,
            Contents::Finished { bytes, .. } => {
                restamp(bytes, &stamp).map_err(|error| error.to_string())?
            }
            Contents::Lost => return Err("it could not be written before".to_owned()),
        };
        self.contents = Contents::Finished { bytes: bytes.clone(), stamp };
        Ok(bytes)
    }

    /// The most bytes that it takes in a request.
    pub(super) fn size_bytes(&self) -> usize {
        match &self.contents {
            Contents::Open(builder) => builder.estimated_bytes(),
            Contents::Finished { bytes, .. } => bytes.len(),
            Contents::Lost => 0,
        }
    }

    /// Whether its result has been given.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.owed, Owed::Nothing)
    }

    /// The halves of a batch that was sent, and is too large. Together they take its sequence
    /// numbers, so what was sent behind it keeps its own.
    pub(super) fn halves(&self) -> Result<[Self; 2], String> {
        let Contents::Finished { bytes, .. } = &self.contents else {
            return Err("it was never written".to_owned());
        };
        let whole = RecordBatch::parse(bytes.clone()).map_err(|error| error.to_string())?;
        let records = whole.records().map_err(|error| error.to_string())?;
        let middle = self.record_count / 2;
        let half = || BatchBuilder::with_capacity(usize::MAX, bytes.len());
        let mut builders = [half(), half()];
        let mut headers = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            headers.clear();
            headers.extend(record.headers);
            let builder = &mut builders[usize::from(index >= middle.unsigned_abs() as usize)];
            builder
                .try_append(record.timestamp, record.key, record.value, &headers)
                .map_err(|error| error.to_string())?;
        }
        let [first, second] = builders;
        Ok([self.piece(first, 0), self.piece(second, middle)])
    }

    fn piece(&self, builder: BatchBuilder, from: i32) -> Self {
        let first_record = self.key.first_record + from.unsigned_abs();
        Self {
            record_count: builder.record_count(),
            contents: Contents::Open(builder),
            key: BatchKey { first_record, ..self.key },
            created_at: self.created_at,
            attempts: self.attempts,
            sequence: self.sequence.map(|sequence| sequence_after(sequence, from)),
            // An earlier attempt may have put the whole into the log, before it was too large.
            maybe_appended: self.maybe_appended,
            last_failure: self.last_failure.clone(),
            owed: Owed::Piece,
        }
    }
}

/// Sequence numbers are positive and begin again at 0 after `i32::MAX`.
pub(super) fn sequence_after(sequence: i32, records: i32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) & i64::from(i32::MAX)) as i32
}
