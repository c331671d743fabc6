//! The kinds of record in the metadata log.
//!
//! The kinds that Apache Kafka has too bear its numbers; ours start at 1000. A record is framed as
//! Kafka frames its own:
//!
//! ```text
//! uvarint 1 (the frame's version) | uvarint kind | uvarint version | fields, flexible (KIP-482)
//! ```

use base::codec::{DecodeError, EncodeError, Message, Reader, Writer};
use thiserror::Error;

mod broker;
mod cluster;
mod config;
mod partition;
mod producer_ids;
mod topic;
mod unclean_start;

pub use broker::{BrokerEndPoint, BrokerFeature, RegisterBrokerRecord};
pub use cluster::{ClusterIdRecord, FeatureLevelRecord};
pub use config::ConfigRecord;
pub use partition::{PartitionChangeRecord, PartitionRecord};
pub use producer_ids::ProducerIdsRecord;
pub use topic::{RemoveTopicRecord, TopicRecord};
pub use unclean_start::UncleanStartRecord;

/// The only way in which records are framed.
const FRAME_VERSION: u32 = 1;
/// The version in which every kind is written.
const VERSION: i16 = 0;

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordDecodeError {
    /// Neither kind nor version can be told.
    #[error(
        "a metadata record has frame version {0}, and only {FRAME_VERSION} is known; a later \
        release has written it"
    )]
    UnknownFrame(u32),
    /// A later release has kinds that this one does not know. To leave one out would be to guess.
    #[error(
        "metadata record kind {kind} (version {version}) is not known; start a release that \
        knows it"
    )]
    UnknownKind {
        /// The kind.
        kind: u32,
        /// Its version.
        version: u32,
    },
    /// The kind is known, and the bytes are not what it consists of.
    #[error("a metadata record of kind {kind} (version {version}) cannot be read: {source}")]
    Malformed {
        /// The kind.
        kind: u32,
        /// Its version.
        version: u32,
        /// What is wrong.
        source: DecodeError,
    },
    /// Not even a frame.
    #[error("a metadata record's frame cannot be read: {0}")]
    Frame(#[from] DecodeError),
}

macro_rules! metadata_records {
    ($($kind:literal $variant:ident($record:ident),)*) => {
        /// A record of the metadata log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $(#[doc = concat!("Kind ", stringify!($kind), ".")] $variant($record),)*
        }

        impl MetadataRecord {
            /// Its kind's number.
            pub fn kind(&self) -> u32 {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// Appends the framed record.
            pub fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
                writer.write_unsigned_varint(FRAME_VERSION);
                writer.write_unsigned_varint(self.kind());
                writer.write_unsigned_varint(VERSION as u32);
                match self {
                    $(Self::$variant(record) => record.encode(writer, VERSION),)*
                }
            }

            fn decode_kind(
                kind: u32,
                version: u32,
                reader: &mut Reader,
            ) -> Result<Self, RecordDecodeError> {
                let known = i16::try_from(version).unwrap_or(i16::MAX);
                let malformed = |source| RecordDecodeError::Malformed { kind, version, source };
                match kind {
                    $($kind => {
                        $record::decode(reader, known).map(Self::$variant).map_err(malformed)
                    })*
                    _ => Err(RecordDecodeError::UnknownKind { kind, version }),
                }
            }
        }

        $(impl From<$record> for MetadataRecord {
            fn from(record: $record) -> Self {
                Self::$variant(record)
            }
        })*
    };
}

metadata_records! {
    0 RegisterBroker(RegisterBrokerRecord),
    2 Topic(TopicRecord),
    3 Partition(PartitionRecord),
    4 Config(ConfigRecord),
    5 PartitionChange(PartitionChangeRecord),
    9 RemoveTopic(RemoveTopicRecord),
    12 FeatureLevel(FeatureLevelRecord),
    15 ProducerIds(ProducerIdsRecord),
    1000 ClusterId(ClusterIdRecord),
    1001 UncleanStart(UncleanStartRecord),
}

impl MetadataRecord {
    /// Reads the next framed record; what follows it stays in the reader.
    pub fn decode(reader: &mut Reader) -> Result<Self, RecordDecodeError> {
        let frame = reader.read_unsigned_varint()?;
        if frame != FRAME_VERSION {
            return Err(RecordDecodeError::UnknownFrame(frame));
        }
        let kind = reader.read_unsigned_varint()?;
        let version = reader.read_unsigned_varint()?;
        Self::decode_kind(kind, version, reader)
    }
}

#[cfg(test)]
mod tests;
