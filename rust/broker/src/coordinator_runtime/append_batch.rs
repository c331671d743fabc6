//! A batch of coordinator records as it grows: as many decisions as there are at once, none of them
//! cut in two.

use base::codec::EncodeError;
use bytes::Bytes;
use records::{BatchBuilder, CompressError, CompressionType, ProducerStamp};
use thiserror::Error;

use super::machine::{MachineRecord, Producer};

/// What is reserved for a batch: enough for most turns.
const CAPACITY_BYTES: usize = 4 * 1024;

/// Records that will be appended in one piece.
#[derive(Debug)]
pub(crate) struct AppendBatch {
    builder: BatchBuilder,
    bytes_max: usize,
    compression: CompressionType,
    /// Whose transaction all of them are part of.
    producer: Option<Producer>,
}

/// Why the records of a decision cannot be appended.
#[derive(Debug, Error)]
pub(crate) enum AddError {
    /// They belong into the next batch.
    #[error("the batch is full")]
    Full,
    /// They fit into no batch.
    #[error("{records} records do not fit into a batch of {bytes_max} bytes (max.message.bytes)")]
    TooLarge { records: usize, bytes_max: usize, only_tombstones: bool },
    /// They cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl AppendBatch {
    /// An empty batch of at most `bytes_max` bytes before it is compressed.
    pub(crate) fn new(bytes_max: usize, compression: CompressionType) -> Self {
        let builder = BatchBuilder::with_capacity(bytes_max, CAPACITY_BYTES);
        Self { builder, bytes_max, compression, producer: None }
    }

    /// Whether there is nothing to append.
    pub(crate) fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// How many offsets it takes.
    pub(crate) fn record_count(&self) -> i32 {
        self.builder.record_count()
    }

    /// Adds all records of a decision, or none of them. A batch has one producer or none.
    pub(crate) fn add<R: MachineRecord>(
        &mut self,
        timestamp_ms: i64,
        producer: Option<Producer>,
        records: &[R],
    ) -> Result<(), AddError> {
        if producer != self.producer && !records.is_empty() && !self.is_empty() {
            return Err(AddError::Full);
        }
        let encoded = records.iter().map(R::encode).collect::<Result<Vec<_>, _>>()?;
        let with_all = self.bytes_with(&encoded);
        if with_all > self.bytes_max {
            return Err(if self.is_empty() {
                AddError::TooLarge {
                    records: records.len(),
                    bytes_max: self.bytes_max,
                    only_tombstones: encoded.iter().all(|(_, value)| value.is_none()),
                }
            } else {
                AddError::Full
            });
        }
        if !encoded.is_empty() {
            self.producer = producer;
        }
        for (key, value) in &encoded {
            self.builder
                .try_append(timestamp_ms, Some(key), value.as_deref(), &[])
                .expect("the room was measured");
        }
        Ok(())
    }

    /// The batch as a producer would send it.
    pub(crate) fn finish(self) -> Result<Bytes, CompressError> {
        let stamp = self.producer.map_or(ProducerStamp::NONE, |producer| ProducerStamp {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            transactional: true,
            ..ProducerStamp::NONE
        });
        self.builder.finish(&stamp, self.compression.into())
    }

    /// How large the batch would be, at the most.
    fn bytes_with(&self, records: &[(Bytes, Option<Bytes>)]) -> usize {
        let of_record = |(key, value): &(Bytes, Option<Bytes>)| {
            RECORD_OVERHEAD_MAX + key.len() + value.as_ref().map_or(0, Bytes::len)
        };
        self.builder.estimated_bytes() + records.iter().map(of_record).sum::<usize>()
    }
}

/// What a record takes besides its key and value, at the most: length, attributes, timestamp delta,
/// offset delta, two lengths and the number of headers.
const RECORD_OVERHEAD_MAX: usize = 5 + 1 + 10 + 5 + 5 + 5 + 1;

#[cfg(test)]
mod tests {
    use base::{ProducerEpoch, ProducerId};
    use coordinator::CoordinatorRecord;
    use records::RecordBatch;
    use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};

    use super::*;

    fn commit(offset: Option<i64>) -> CoordinatorRecord {
        let key = OffsetCommitKey { group: "g".to_owned(), topic: "t".to_owned(), partition: 0 };
        let value = |offset| OffsetCommitValue { offset, ..OffsetCommitValue::default() };
        CoordinatorRecord::OffsetCommit(key, offset.map(value))
    }

    #[test]
    fn decisions_share_a_batch_until_it_is_full() {
        let mut batch = AppendBatch::new(400, CompressionType::None);
        let decision = [commit(Some(1)), commit(Some(2))];
        batch.add(5, None, &decision).unwrap();
        let full = std::iter::repeat_with(|| batch.add(5, None, &decision)).find_map(Result::err);
        assert!(matches!(full, Some(AddError::Full)), "{full:?}");
        let count = batch.record_count();
        assert!(count >= 4 && count % 2 == 0, "{count}");
        let bytes = batch.finish().unwrap();
        assert!(bytes.len() <= 400);
        let batch = RecordBatch::parse(bytes).unwrap();
        let timestamps: Vec<_> =
            batch.records().unwrap().iter().map(|record| record.unwrap().timestamp).collect();
        assert_eq!(timestamps, vec![5; count as usize]);
    }

    #[test]
    fn a_decision_that_fits_no_batch_says_whether_it_could_be_cut() {
        let mut batch = AppendBatch::new(100, CompressionType::None);
        for (decision, could_be_cut) in [
            (vec![commit(None); 9], true),
            (vec![commit(None), commit(Some(1)), commit(None)], false),
        ] {
            let error = batch.add(5, None, &decision).unwrap_err();
            let AddError::TooLarge { only_tombstones, records, .. } = error else {
                panic!("{error}")
            };
            assert_eq!((only_tombstones, records), (could_be_cut, decision.len()));
            assert!(batch.is_empty());
        }
    }
    #[test]
    fn what_belongs_to_a_transaction_shares_its_batch_with_nothing_else() {
        let producer = Producer { id: ProducerId(7), epoch: ProducerEpoch(2) };
        let mut batch = AppendBatch::new(400, CompressionType::None);
        batch.add(5, Some(producer), &[commit(Some(1))]).unwrap();
        for other in [None, Some(Producer { epoch: ProducerEpoch(3), ..producer })] {
            let refused = batch.add(5, other, &[commit(Some(2))]);
            assert!(matches!(refused, Err(AddError::Full)), "{refused:?}");
        }
        batch.add::<CoordinatorRecord>(5, None, &[]).unwrap();
        batch.add(5, Some(producer), &[commit(Some(2))]).unwrap();
        let batch = RecordBatch::parse(batch.finish().unwrap()).unwrap();
        let header = batch.header();
        assert_eq!((header.producer_id, header.producer_epoch), (producer.id, producer.epoch));
        assert_eq!((header.base_sequence, header.record_count), (-1, 2));
        assert!(header.attributes.is_transactional());
    }
}
