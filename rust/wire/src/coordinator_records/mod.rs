//! The records of `__consumer_offsets`: what a group coordinator keeps, one file a kind, in Kafka's
//! own layout, so that a foreign tool can read the topic.
//!
//! ```text
//! record's key:    | int16 kind    | key's fields   |   the kind decides on both
//! record's value:  | int16 version | value's fields |   none: a tombstone
//! ```

use base::codec::{DecodeError, EncodeError, Message, Reader};
use bytes::Bytes;
use thiserror::Error;

use crate::version_prefixed;

pub mod consumer_group_current_member_assignment;
pub mod consumer_group_member_metadata;
pub mod consumer_group_metadata;
pub mod consumer_group_partition_metadata;
pub mod consumer_group_regular_expression;
pub mod consumer_group_target_assignment_member;
pub mod consumer_group_target_assignment_metadata;
pub mod group_metadata;
pub mod offset_commit;

pub use consumer_group_current_member_assignment::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
};
pub use consumer_group_member_metadata::{
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
};
pub use consumer_group_metadata::{ConsumerGroupMetadataKey, ConsumerGroupMetadataValue};
pub use consumer_group_partition_metadata::{
    ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue,
};
pub use consumer_group_regular_expression::{
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
};
pub use consumer_group_target_assignment_member::{
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
};
pub use consumer_group_target_assignment_metadata::{
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
};
pub use group_metadata::{GroupMetadataKey, GroupMetadataValue};
pub use offset_commit::{
    LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey, OffsetCommitValue,
};

/// The version of every kind's key.
const KEY_VERSION: i16 = 0;

/// A record as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRecord {
    /// Its kind and key.
    pub key: Bytes,
    /// Its value; `None`: a tombstone.
    pub value: Option<Bytes>,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordDecodeError {
    /// A later release, or another coordinator, has written it. Kafka leaves such records out.
    #[error("coordinator record kind {0} is not known")]
    UnknownKind(i16),
    /// Not even a kind, or a value without a version.
    #[error("a coordinator record has no kind or version in front: {0}")]
    Prefix(DecodeError),
    /// The kind is known, and the bytes are not what it consists of.
    #[error("a coordinator record of kind {kind} cannot be read: {source}")]
    Malformed {
        /// The kind.
        kind: i16,
        /// What is wrong.
        source: DecodeError,
    },
}

macro_rules! group_coordinator_records {
    ($($(#[$attribute:meta])* $kind:literal $name:ident($key:ident, $value:ident),)*) => {
        /// A record of a group coordinator: a key, and its new value or none.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum GroupCoordinatorRecord {
            $($(#[$attribute])* $name($key, Option<$value>),)*
        }

        impl GroupCoordinatorRecord {
            /// Its kind's number.
            pub fn kind(&self) -> i16 {
                match self {
                    $(Self::$name(..) => $kind,)*
                }
            }

            /// The record as the log keeps it.
            pub fn encode(&self) -> Result<EncodedRecord, EncodeError> {
                match self {
                    $(Self::$name(key, value) => encode($kind, key, value.as_ref()),)*
                }
            }

            /// Reads a record of the log.
            pub fn decode(record: &EncodedRecord) -> Result<Self, RecordDecodeError> {
                let mut key = Reader::new(record.key.clone());
                let kind = version_prefixed::read_prefix(&mut key);
                let kind = kind.map_err(RecordDecodeError::Prefix)?;
                match kind {
                    $($kind => {
                        let key = read(kind, &mut key, KEY_VERSION)?;
                        Ok(Self::$name(key, read_value(kind, record.value.as_ref())?))
                    })*
                    unknown => Err(RecordDecodeError::UnknownKind(unknown)),
                }
            }
        }
    };
}

group_coordinator_records! {
    /// Kind 0.
    0 LegacyOffsetCommit(LegacyOffsetCommitKey, LegacyOffsetCommitValue),
    /// Kind 1.
    1 OffsetCommit(OffsetCommitKey, OffsetCommitValue),
    /// Kind 2.
    2 GroupMetadata(GroupMetadataKey, GroupMetadataValue),
    /// Kind 3.
    3 ConsumerGroupMetadata(ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    /// Kind 4.
    4 ConsumerGroupPartitionMetadata(
        ConsumerGroupPartitionMetadataKey,
        ConsumerGroupPartitionMetadataValue
    ),
    /// Kind 5.
    5 ConsumerGroupMemberMetadata(
        ConsumerGroupMemberMetadataKey,
        ConsumerGroupMemberMetadataValue
    ),
    /// Kind 6.
    6 ConsumerGroupTargetAssignmentMetadata(
        ConsumerGroupTargetAssignmentMetadataKey,
        ConsumerGroupTargetAssignmentMetadataValue
    ),
    /// Kind 7.
    7 ConsumerGroupTargetAssignmentMember(
        ConsumerGroupTargetAssignmentMemberKey,
        ConsumerGroupTargetAssignmentMemberValue
    ),
    /// Kind 8.
    8 ConsumerGroupCurrentMemberAssignment(
        ConsumerGroupCurrentMemberAssignmentKey,
        ConsumerGroupCurrentMemberAssignmentValue
    ),
    /// Kind 16.
    16 ConsumerGroupRegularExpression(
        ConsumerGroupRegularExpressionKey,
        ConsumerGroupRegularExpressionValue
    ),
}

/// A value that knows in which version Kafka 4.3 writes it.
trait Written: Message {
    fn version(&self) -> i16;
}

macro_rules! written_in_version_0 {
    ($($value:ident)*) => {
        $(impl Written for $value {
            fn version(&self) -> i16 {
                0
            }
        })*
    };
}

written_in_version_0! {
    LegacyOffsetCommitValue
    ConsumerGroupMetadataValue
    ConsumerGroupPartitionMetadataValue
    ConsumerGroupMemberMetadataValue
    ConsumerGroupTargetAssignmentMetadataValue
    ConsumerGroupTargetAssignmentMemberValue
    ConsumerGroupCurrentMemberAssignmentValue
    ConsumerGroupRegularExpressionValue
}

impl Written for OffsetCommitValue {
    /// Only version 1 has an expiry of its own.
    fn version(&self) -> i16 {
        if self.expire_timestamp == Self::default().expire_timestamp { 4 } else { 1 }
    }
}

impl Written for GroupMetadataValue {
    /// The last version that is not flexible: nothing is new in the one after it.
    fn version(&self) -> i16 {
        3
    }
}

fn encode<K: Message, V: Written>(
    kind: i16,
    key: &K,
    value: Option<&V>,
) -> Result<EncodedRecord, EncodeError> {
    let encode_value =
        |value: &V| version_prefixed::encode(value.version(), value, value.version());
    Ok(EncodedRecord {
        key: version_prefixed::encode(kind, key, KEY_VERSION)?,
        value: value.map(encode_value).transpose()?,
    })
}

fn read_value<V: Message>(
    kind: i16,
    value: Option<&Bytes>,
) -> Result<Option<V>, RecordDecodeError> {
    let Some(value) = value else { return Ok(None) };
    let mut reader = Reader::new(value.clone());
    let version = version_prefixed::read_prefix(&mut reader).map_err(RecordDecodeError::Prefix)?;
    read(kind, &mut reader, version).map(Some)
}

fn read<M: Message>(kind: i16, reader: &mut Reader, version: i16) -> Result<M, RecordDecodeError> {
    M::decode(reader, version).map_err(|source| RecordDecodeError::Malformed { kind, source })
}

#[cfg(test)]
mod tests;
