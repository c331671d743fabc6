//! A batch that was checked and can be appended: its body stays as the producer sent it, its header
//! is stamped.

use base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use bytes::Bytes;

use crate::attributes::TimestampType;
use crate::batch::RecordBatch;
use crate::control::{ControlBatchError, ControlRecord};
use crate::header::{BatchHeader, HEADER_BYTES};

/// A batch that [`crate::validate_produce`] found to be in order.
#[derive(Clone, Debug)]
pub struct ProduceBatch {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Bytes,
    pub(crate) max_timestamp: i64,
    pub(crate) offset_delta_of_max_timestamp: i32,
}

impl ProduceBatch {
    /// The marker that ends a producer's transaction on a partition.
    ///
    /// # Panics
    /// When `record` is not a commit or an abort.
    pub fn end_transaction(
        record: &ControlRecord,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        timestamp: i64,
    ) -> Self {
        let bytes = record.end_transaction_batch(producer_id, producer_epoch, timestamp);
        let header = BatchHeader::parse(&bytes).expect("a batch that was just built has a header");
        Self { header, bytes, max_timestamp: timestamp, offset_delta_of_max_timestamp: 0 }
    }

    /// What it says if it is a control batch.
    pub fn control_record(&self) -> Result<Option<ControlRecord>, ControlBatchError> {
        RecordBatch::parse(self.bytes.clone())?.control_record()
    }

    /// The header as the producer sent it.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch as the producer sent it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records, compressed or not, which a log writes behind [`Self::stamped_header`].
    pub fn body(&self) -> Bytes {
        self.bytes.slice(HEADER_BYTES..)
    }

    /// The length of the batch, stamped or not.
    pub fn size_in_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The number of records, which is the number of offsets that the batch takes.
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// The highest timestamp of a record, as the producer set it.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// The place in the batch, from 0, of the first record with the highest timestamp.
    pub fn offset_delta_of_max_timestamp(&self) -> i32 {
        self.offset_delta_of_max_timestamp
    }

    /// The header that the log writes in front of the body: with the offset and the epoch that the
    /// leader gives, and with the append time if the topic's timestamps are of type
    /// `LogAppendTime`. Summed anew only if it must be.
    pub fn stamped_header(
        &self,
        base_offset: Offset,
        leader_epoch: LeaderEpoch,
        log_append_time_ms: Option<i64>,
    ) -> [u8; HEADER_BYTES] {
        let timestamp_type = match log_append_time_ms {
            Some(_) => TimestampType::LogAppendTime,
            None => TimestampType::CreateTime,
        };
        let stamped = BatchHeader {
            base_offset,
            partition_leader_epoch: leader_epoch,
            attributes: self.header.attributes.with_timestamp_type(timestamp_type),
            // Some clients leave the header's maximum at the first record's timestamp.
            max_timestamp: log_append_time_ms.unwrap_or(self.max_timestamp),
            ..self.header
        };
        let summed_as_sent = stamped.attributes == self.header.attributes
            && stamped.max_timestamp == self.header.max_timestamp;
        if summed_as_sent {
            stamped.encode()
        } else {
            stamped.encode_over(&self.bytes[HEADER_BYTES..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::RecordBatch;
    use crate::builder::{BatchBuilder, ProducerStamp};
    use crate::compression::CompressionType;
    use crate::validate::{ProduceRules, validate_produce};

    fn produced(timestamps: &[i64]) -> Bytes {
        let mut builder = BatchBuilder::new(1024);
        for &timestamp in timestamps {
            builder.try_append(timestamp, None, Some(b"value"), &[]).unwrap();
        }
        builder.finish(&ProducerStamp::NONE, CompressionType::None.into()).unwrap()
    }

    fn appended(batch: &ProduceBatch, header: &[u8]) -> RecordBatch {
        let batch = RecordBatch::parse([header, &batch.body()].concat().into()).unwrap();
        batch.verify_crc().unwrap();
        batch
    }

    #[test]
    fn an_offset_and_an_epoch_are_stamped_outside_the_crc() {
        let batch = validate_produce(&produced(&[5, 9, 7]), &ProduceRules::default()).unwrap();
        assert_eq!((batch.max_timestamp(), batch.offset_delta_of_max_timestamp()), (9, 1));
        let header = batch.stamped_header(Offset(1000), LeaderEpoch(7), None);
        let stamped = appended(&batch, &header);
        let expected = BatchHeader {
            base_offset: Offset(1000),
            partition_leader_epoch: LeaderEpoch(7),
            ..*batch.header()
        };
        assert_eq!(*stamped.header(), expected);
        assert_eq!(stamped.header().next_offset(), Offset(1003));
    }

    #[test]
    fn an_append_time_takes_the_place_of_every_timestamp() {
        let batch = validate_produce(&produced(&[5, 9, 7]), &ProduceRules::default()).unwrap();
        let header = batch.stamped_header(Offset(0), LeaderEpoch(0), Some(1234));
        let stamped = appended(&batch, &header);
        assert_eq!(stamped.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
        let records = stamped.records().unwrap();
        let timestamps: Vec<i64> = records.iter().map(|record| record.unwrap().timestamp).collect();
        assert_eq!(timestamps, [1234; 3]);
    }

    #[test]
    fn a_marker_is_a_batch_that_says_how_the_transaction_ended() {
        let record = ControlRecord::Abort { coordinator_epoch: 3 };
        let (producer_id, producer_epoch) = (ProducerId(7), ProducerEpoch(2));
        let marker = ProduceBatch::end_transaction(&record, producer_id, producer_epoch, 99);
        assert_eq!((marker.record_count(), marker.max_timestamp()), (1, 99));
        assert_eq!(marker.control_record().unwrap(), Some(record));
        let header = marker.stamped_header(Offset(12), LeaderEpoch(1), None);
        let stamped = appended(&marker, &header);
        let attributes = stamped.header().attributes;
        assert!(attributes.is_control() && attributes.is_transactional());
        assert_eq!(stamped.header().producer_id, producer_id);
        let plain = validate_produce(&produced(&[5]), &ProduceRules::default()).unwrap();
        assert_eq!(plain.control_record().unwrap(), None);
    }

    #[test]
    fn a_wrong_maximum_from_the_client_is_put_right() {
        let sent = produced(&[5, 9, 7]);
        let header = BatchHeader { max_timestamp: 5, ..BatchHeader::parse(&sent).unwrap() };
        let body = &sent[HEADER_BYTES..];
        let sent = Bytes::from([&header.encode_over(body), body].concat());
        let batch = validate_produce(&sent, &ProduceRules::default()).unwrap();
        let header = batch.stamped_header(Offset(3), LeaderEpoch(1), None);
        assert_eq!(appended(&batch, &header).header().max_timestamp, 9);
    }
}
