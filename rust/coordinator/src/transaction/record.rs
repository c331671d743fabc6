//! The records of `__transaction_state`, in Kafka's format, so that a foreign tool can read them.
//!
//! ```text
//! key    int16 0       | string transactional id
//! value  int16 version | fields          no value: a tombstone
//! ```

use base::codec::{DecodeError, EncodeError, Message, Reader};
use bytes::Bytes;
use thiserror::Error;
use wire::transaction_log::{TransactionLogKey, TransactionLogValue};

use super::metadata::TransactionMetadata;
use crate::record::{decode_value, encode_versioned, record_bytes_max};

/// The number in front of a key. No other is known.
const KIND: i16 = 0;

/// A record: the transactional id that it is about, and what there is to know of it, or nothing
/// any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecord {
    /// The id.
    pub transactional_id: String,
    /// `None`: a tombstone.
    pub metadata: Option<TransactionMetadata>,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransactionRecordDecodeError {
    /// Its key.
    #[error("the key of a transaction's record cannot be read: {0}")]
    Key(DecodeError),
    /// Its value.
    #[error(
        "the value of the record of transactional id `{transactional_id}` cannot be read: {source}"
    )]
    Value {
        /// The id.
        transactional_id: String,
        /// What is wrong.
        source: DecodeError,
    },
    /// Its value has a state that is not known.
    #[error(
        "the record of transactional id `{transactional_id}` has state {status}, which is none"
    )]
    State {
        /// The id.
        transactional_id: String,
        /// The state's number.
        status: i8,
    },
}

impl TransactionRecord {
    /// Key and value as they are appended.
    pub fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        let key = TransactionLogKey { transactional_id: self.transactional_id.clone() };
        let value = self.metadata.as_ref().map(TransactionMetadata::to_value);
        let encode = |value: TransactionLogValue| {
            let version = value_version(&value);
            encode_versioned(version, version, &value)
        };
        Ok((encode_versioned(KIND, 0, &key)?, value.map(encode).transpose()?))
    }

    /// Reads a record. `None` if this release does not know its kind or the version of its value,
    /// which the host keeps and passes over, as Kafka does.
    pub fn decode(
        key: Bytes,
        value: Option<Bytes>,
    ) -> Result<Option<Self>, TransactionRecordDecodeError> {
        let mut key = Reader::new(key);
        let kind = key.read_fixed().map(i16::from_be_bytes);
        if kind.map_err(TransactionRecordDecodeError::Key)? != KIND {
            return Ok(None);
        }
        let TransactionLogKey { transactional_id } =
            TransactionLogKey::decode(&mut key, 0).map_err(TransactionRecordDecodeError::Key)?;
        let Some(value) = value else {
            return Ok(Some(Self { transactional_id, metadata: None }));
        };
        if is_of_a_later_release(&value) {
            return Ok(None);
        }
        let value: TransactionLogValue = match decode_value(value) {
            Ok(value) => value,
            Err(source) => {
                return Err(TransactionRecordDecodeError::Value { transactional_id, source });
            }
        };
        let metadata = TransactionMetadata::from_value(&value);
        if metadata.is_none() {
            let status = value.transaction_status;
            return Err(TransactionRecordDecodeError::State { transactional_id, status });
        }
        Ok(Some(Self { transactional_id, metadata }))
    }

    /// How many bytes it has in a batch, at the most.
    pub(super) fn bytes_max(&self) -> usize {
        record_bytes_max(self.encode()).unwrap_or(usize::MAX)
    }
}

/// The lowest version that holds what there is to say, so that an older reader understands it:
/// tagged fields are set under `transaction.version` 1 and above only.
fn value_version(value: &TransactionLogValue) -> i16 {
    let has_ids = value.previous_producer_id != -1 || value.next_producer_id != -1;
    i16::from(has_ids || value.client_transaction_version != 0)
}

fn is_of_a_later_release(value: &Bytes) -> bool {
    let latest = TransactionLogValue::SCHEMA.versions.max;
    let version = value.first_chunk().copied().map(i16::from_be_bytes);
    version.is_some_and(|version| version > latest)
}

#[cfg(test)]
mod tests {
    use base::{ProducerEpoch, ProducerId};

    use super::*;
    use crate::transaction::partitions::TopicPartitions;
    use crate::transaction::state::TransactionState;
    use crate::transaction::version::TransactionVersion;

    fn ongoing() -> TransactionMetadata {
        let mut partitions = TopicPartitions::default();
        partitions.add("t", [0, 3]);
        TransactionMetadata {
            producer_id: ProducerId(7),
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(2),
            timeout_ms: 60_000,
            state: TransactionState::Ongoing,
            partitions,
            start_ms: 11,
            last_update_ms: 12,
            client_version: TransactionVersion(0),
        }
    }

    fn record(metadata: TransactionMetadata) -> TransactionRecord {
        TransactionRecord { transactional_id: "x".into(), metadata: Some(metadata) }
    }

    #[test]
    fn a_transaction_of_the_first_version_has_kafkas_bytes() {
        let (key, value) = record(ongoing()).encode().unwrap();
        assert_eq!(&key[..], b"\0\0\0\x01x");
        let expected = [
            &[0, 0][..],
            &7_i64.to_be_bytes(),
            &2_i16.to_be_bytes(),
            &60_000_i32.to_be_bytes(),
            &[1],
            b"\0\0\0\x01\0\x01t\0\0\0\x02\0\0\0\0\0\0\0\x03",
            &12_i64.to_be_bytes(),
            &11_i64.to_be_bytes(),
        ];
        assert_eq!(&value.unwrap()[..], expected.concat());
    }

    #[test]
    fn every_record_comes_back_as_it_was_in_the_lowest_version_that_holds_it() {
        let plain = ongoing();
        let bumped = TransactionMetadata { client_version: TransactionVersion(2), ..ongoing() };
        let rotating = TransactionMetadata {
            next_producer_id: ProducerId(8),
            previous_producer_id: ProducerId(6),
            ..ongoing()
        };
        let empty = TransactionMetadata {
            state: TransactionState::Empty,
            partitions: TopicPartitions::default(),
            start_ms: -1,
            ..ongoing()
        };
        for (metadata, version) in [(plain, 0), (bumped, 1), (rotating, 1), (empty, 0)] {
            let record = record(metadata);
            let (key, value) = record.encode().unwrap();
            assert_eq!(value.as_ref().unwrap()[..2], [0, version]);
            assert_eq!(TransactionRecord::decode(key, value), Ok(Some(record)));
        }
        let tombstone = TransactionRecord { transactional_id: "x".into(), metadata: None };
        let (key, value) = tombstone.encode().unwrap();
        assert_eq!(value, None);
        assert_eq!(TransactionRecord::decode(key, value), Ok(Some(tombstone)));
    }

    #[test]
    fn what_a_later_release_has_written_is_passed_over() {
        let (key, value) = record(ongoing()).encode().unwrap();
        let unknown_kind = Bytes::from_static(b"\0\x09\0\x01x");
        assert_eq!(TransactionRecord::decode(unknown_kind, value), Ok(None));
        let later = Bytes::from_static(&[0, 2, 1, 2, 3]);
        assert_eq!(TransactionRecord::decode(key, Some(later)), Ok(None));
    }

    #[test]
    fn half_a_record_and_a_state_that_is_none_are_errors() {
        let half = TransactionRecord::decode(Bytes::from_static(&[0, 0, 0]), None);
        assert!(matches!(half, Err(TransactionRecordDecodeError::Key(_))), "{half:?}");
        let (key, value) = record(ongoing()).encode().unwrap();
        let value = value.unwrap();
        let half = TransactionRecord::decode(key.clone(), Some(value.slice(..9)));
        assert!(matches!(half, Err(TransactionRecordDecodeError::Value { .. })), "{half:?}");
        let mut dead = value.to_vec();
        dead[2 + 8 + 2 + 4] = 6;
        let dead = TransactionRecord::decode(key, Some(dead.into()));
        let expected =
            TransactionRecordDecodeError::State { transactional_id: "x".into(), status: 6 };
        assert_eq!(dead, Err(expected));
    }
}
