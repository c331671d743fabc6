//! The records of `__consumer_offsets`, in Kafka's format, so that a foreign tool can read them.
//!
//! ```text
//! key    int16 kind    | fields
//! value  int16 version | fields          no value: a tombstone
//! ```

use base::codec::{DecodeError, EncodeError, Message, Reader, Writer};
use bytes::Bytes;
use thiserror::Error;
use wire::coordinator_records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey,
    ConsumerGroupPartitionMetadataValue, ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue, GroupMetadataKey, GroupMetadataValue,
    LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey, OffsetCommitValue,
};

/// What a batch takes besides its records.
pub(crate) const BATCH_HEADER_BYTES: usize = 61;
/// What a record takes besides its key and value, at the most.
const RECORD_OVERHEAD_BYTES_MAX: usize = 32;

/// Whether a batch of so many bytes takes these records.
pub(crate) fn fit_into(bytes_max: usize, records: &[CoordinatorRecord]) -> bool {
    let all: Option<usize> = records.iter().map(|record| record_bytes_max(record.encode())).sum();
    all.is_some_and(|bytes| BATCH_HEADER_BYTES + bytes <= bytes_max)
}

/// What a record takes in a batch, at the most; `None` if it cannot be written at all.
pub(crate) fn record_bytes_max(
    encoded: Result<(Bytes, Option<Bytes>), EncodeError>,
) -> Option<usize> {
    let (key, value) = encoded.ok()?;
    Some(RECORD_OVERHEAD_BYTES_MAX + key.len() + value.map_or(0, |value| value.len()))
}

/// A commit as Kafka wrote it before 0.8.2.
const LEGACY_OFFSET_COMMIT: i16 = 0;

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordDecodeError {
    /// Its key.
    #[error("the key of a coordinator's record cannot be read: {0}")]
    Key(DecodeError),
    /// Its value.
    #[error("the value of a coordinator's record of kind {kind} cannot be read: {source}")]
    Value {
        /// The kind.
        kind: i16,
        /// What is wrong.
        source: DecodeError,
    },
}

macro_rules! coordinator_records {
    ($($kind:literal $variant:ident($key:ident, $value:ident),)*) => {
        /// A record: what it is about, and what there is to know of that, or nothing any more.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum CoordinatorRecord {
            $(#[doc = concat!("Kind ", stringify!($kind), ".")] $variant($key, Option<$value>),)*
        }

        impl CoordinatorRecord {
            /// Its kind's number.
            pub fn kind(&self) -> i16 {
                match self {
                    $(Self::$variant(..) => $kind,)*
                }
            }

            /// Key and value as they are appended.
            pub fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
                let version = self.value_version();
                match self {
                    $(Self::$variant(key, value) => {
                        let encode = |value| encode_versioned(version, version, value);
                        let value = value.as_ref().map(encode).transpose()?;
                        Ok((encode_versioned($kind, 0, key)?, value))
                    })*
                }
            }

            fn decode_kind(
                kind: i16,
                key: &mut Reader,
                value: Option<Bytes>,
            ) -> Result<Option<Self>, RecordDecodeError> {
                match kind {
                    $($kind => {
                        let key = $key::decode(key, 0).map_err(RecordDecodeError::Key)?;
                        let value = value
                            .map(|value| decode_value(detached(kind, value)))
                            .transpose()
                            .map_err(|source| RecordDecodeError::Value { kind, source })?;
                        Ok(Some(Self::$variant(key, value)))
                    })*
                    _ => Ok(None),
                }
            }
        }

        $(impl From<($key, Option<$value>)> for CoordinatorRecord {
            fn from((key, value): ($key, Option<$value>)) -> Self {
                Self::$variant(key, value)
            }
        })*
    };
}

coordinator_records! {
    1 OffsetCommit(OffsetCommitKey, OffsetCommitValue),
    2 GroupMetadata(GroupMetadataKey, GroupMetadataValue),
    3 ConsumerGroupMetadata(ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    4 ConsumerGroupPartitionMetadata(
        ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
    5 ConsumerGroupMemberMetadata(
        ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
    6 ConsumerGroupTargetAssignmentMetadata(
        ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
    7 ConsumerGroupTargetAssignmentMember(
        ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
    8 ConsumerGroupCurrentMemberAssignment(
        ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
    16 ConsumerGroupRegularExpression(
        ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
}

impl CoordinatorRecord {
    /// Reads a record. `None` if this release does not know its kind: a share or streams group, or
    /// what a later release has written, which the host keeps and passes over, as Kafka does.
    pub fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<Self>, RecordDecodeError> {
        let mut key = Reader::new(key);
        let kind = key.read_fixed().map(i16::from_be_bytes).map_err(RecordDecodeError::Key)?;
        if kind == LEGACY_OFFSET_COMMIT {
            return Self::decode_legacy(&mut key, value).map(Some);
        }
        Self::decode_kind(kind, &mut key, value)
    }

    fn decode_legacy(key: &mut Reader, value: Option<Bytes>) -> Result<Self, RecordDecodeError> {
        let LegacyOffsetCommitKey { group, topic, partition } =
            LegacyOffsetCommitKey::decode(key, 0).map_err(RecordDecodeError::Key)?;
        let value: Option<LegacyOffsetCommitValue> = value
            .map(decode_value)
            .transpose()
            .map_err(|source| RecordDecodeError::Value { kind: LEGACY_OFFSET_COMMIT, source })?;
        let value = value.map(|legacy| OffsetCommitValue {
            offset: legacy.offset,
            metadata: legacy.metadata,
            commit_timestamp: legacy.commit_timestamp,
            ..OffsetCommitValue::default()
        });
        Ok(Self::OffsetCommit(OffsetCommitKey { group, topic, partition }, value))
    }

    /// The lowest version that holds what there is to say, so that an older reader understands it.
    fn value_version(&self) -> i16 {
        match self {
            Self::OffsetCommit(_, Some(value)) if value.expire_timestamp != -1 => 1,
            Self::OffsetCommit(_, Some(value)) if value.topic_id != base::Uuid::ZERO => 4,
            Self::OffsetCommit(..) | Self::GroupMetadata(..) => 3,
            _ => 0,
        }
    }
}

pub(crate) fn encode_versioned(
    prefix: i16,
    version: i16,
    message: &impl Message,
) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.write_slice(&prefix.to_be_bytes());
    message.encode(&mut writer, version)?;
    Ok(writer.finish()?.collect().expect("a record's parts are all in memory"))
}

/// What members say and are assigned is kept as bytes, which would keep all that was read from the
/// log together with them.
fn detached(kind: i16, value: Bytes) -> Bytes {
    const GROUP_METADATA: i16 = 2;
    const CONSUMER_GROUP_MEMBER_METADATA: i16 = 5;
    match kind {
        GROUP_METADATA | CONSUMER_GROUP_MEMBER_METADATA => Bytes::copy_from_slice(&value),
        _ => value,
    }
}

pub(crate) fn decode_value<M: Message>(value: Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(value);
    let version = reader.read_fixed().map(i16::from_be_bytes)?;
    M::decode(&mut reader, version)
}

#[cfg(test)]
mod tests {
    use base::Uuid;

    use super::*;

    fn key() -> OffsetCommitKey {
        OffsetCommitKey { group: "g".into(), topic: "t".into(), partition: 3 }
    }

    fn value() -> OffsetCommitValue {
        OffsetCommitValue {
            offset: 5,
            leader_epoch: 2,
            metadata: "m".into(),
            commit_timestamp: 7,
            ..OffsetCommitValue::default()
        }
    }

    #[test]
    fn a_commit_has_kafkas_bytes() {
        let (key, value) = CoordinatorRecord::from((key(), Some(value()))).encode().unwrap();
        assert_eq!(&key[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x03");
        let expected = [
            &[0, 3][..],
            &5i64.to_be_bytes(),
            &2i32.to_be_bytes(),
            b"\0\x01m",
            &7i64.to_be_bytes(),
        ];
        assert_eq!(&value.unwrap()[..], expected.concat());
    }

    #[test]
    fn every_version_of_a_commit_comes_back_as_it_was() {
        let plain = value();
        let expiring = OffsetCommitValue { expire_timestamp: 9, leader_epoch: -1, ..value() };
        let named = OffsetCommitValue { topic_id: Uuid([7; 16]), ..value() };
        for (value, version) in [(plain, 3), (expiring, 1), (named, 4)] {
            let record = CoordinatorRecord::from((key(), Some(value)));
            let (key, value) = record.encode().unwrap();
            assert_eq!(value.as_ref().unwrap()[..2], [0, version]);
            assert_eq!(CoordinatorRecord::decode(key, value), Ok(Some(record)));
        }
    }

    #[test]
    fn a_tombstone_comes_back_as_one() {
        let record = CoordinatorRecord::GroupMetadata(GroupMetadataKey { group: "g".into() }, None);
        let (key, value) = record.encode().unwrap();
        assert_eq!((&key[..], &value), (&b"\0\x02\0\x01g"[..], &None));
        assert_eq!(CoordinatorRecord::decode(key, value), Ok(Some(record)));
    }

    #[test]
    fn a_kind_of_a_later_release_is_passed_over_and_half_a_record_is_an_error() {
        let unknown = Bytes::from_static(&[0, 99, 1]);
        assert_eq!(CoordinatorRecord::decode(unknown, None), Ok(None));
        let half = CoordinatorRecord::decode(Bytes::from_static(&[0, 1, 0]), None);
        assert!(matches!(half, Err(RecordDecodeError::Key(_))), "{half:?}");
        let (key, value) = CoordinatorRecord::from((key(), Some(value()))).encode().unwrap();
        let half = CoordinatorRecord::decode(key, value.map(|value| value.slice(..5)));
        assert!(matches!(half, Err(RecordDecodeError::Value { kind: 1, .. })), "{half:?}");
    }

    #[test]
    fn a_commit_of_the_first_brokers_is_read_as_one_of_today() {
        let key = Bytes::from_static(b"\0\0\0\x01g\0\x01t\0\0\0\x03");
        let value = [&[0, 0][..], &5i64.to_be_bytes(), b"\0\x01m", &7i64.to_be_bytes()].concat();
        let record = CoordinatorRecord::decode(key, Some(value.into())).unwrap().unwrap();
        let CoordinatorRecord::OffsetCommit(key, Some(value)) = record else {
            panic!("{record:?}")
        };
        assert_eq!((key.partition, value.offset, value.leader_epoch), (3, 5, -1));
    }
}
