//! Control records: the markers that end a transaction (KIP-98), and the one that opens a leader's
//! term (KIP-595).
//!
//! ```text
//! key:               version: i16 = 0 | type: i16
//! abort, commit:     version: i16 = 0 | coordinator epoch: i32
//! leader change:     version: i16 = 0 | leader: i32 | voters | granting voters | tagged fields: 0
//!   voters:          count + 1: unsigned varint | voter*
//!     voter:         id: i32 | directory: uuid, from version 1 | tagged fields: 0
//! ```

use base::varint::{self, VarintError};
use base::{NodeId, ProducerEpoch, ProducerId};
use bytes::Bytes;
use thiserror::Error;

use crate::NO_SEQUENCE;
use crate::batch::{BatchError, BatchRecords};
use crate::builder::{BatchBuilder, ProducerStamp};
use crate::compression::CompressionType;
use crate::record::Record;

const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;
const LEADER_CHANGE: i16 = 2;
/// Far more than any control record needs.
const CONTROL_BATCH_BYTES: usize = 512;

/// What a control record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// The producer's transaction is void on this partition.
    Abort {
        /// The epoch of the transaction coordinator that decided it.
        coordinator_epoch: i32,
    },
    /// The producer's transaction holds.
    Commit {
        /// The epoch of the transaction coordinator that decided it.
        coordinator_epoch: i32,
    },
    /// A leader of a quorum begins its term.
    LeaderChange {
        /// The leader.
        leader: NodeId,
        /// Who could vote.
        voters: Vec<NodeId>,
        /// Who voted for it.
        granting_voters: Vec<NodeId>,
    },
    /// A kind that only its writer knows; readers pass over it.
    Other {
        /// Its number.
        control_type: i16,
    },
}

/// Why a control record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ControlRecordError {
    /// The key or the value is missing or cut.
    #[error("a control record is cut")]
    Cut,
    /// A version that has no meaning.
    #[error("a control record has the version {0}")]
    Version(i16),
    /// A number in it cannot be read.
    #[error(transparent)]
    Varint(#[from] VarintError),
}

/// Why it cannot be told what a control batch says.
#[derive(Debug, Error)]
pub enum ControlBatchError {
    /// The batch cannot be read.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Its record cannot.
    #[error(transparent)]
    Record(#[from] ControlRecordError),
}

impl ControlRecord {
    /// What a control batch says; nothing if compaction has emptied it.
    pub fn first_of(records: &BatchRecords) -> Result<Option<Self>, ControlBatchError> {
        match records.iter().next() {
            Some(record) => Ok(Some(Self::parse(&record?)?)),
            None => Ok(None),
        }
    }

    /// Reads the control record that a record of a control batch is.
    pub fn parse(record: &Record<'_>) -> Result<Self, ControlRecordError> {
        let mut key = Input(record.key.ok_or(ControlRecordError::Cut)?);
        key.version()?;
        let control_type = key.i16()?;
        let mut value = Input(record.value.unwrap_or_default());
        match control_type {
            ABORT | COMMIT => {
                value.version()?;
                let coordinator_epoch = value.i32()?;
                Ok(match control_type {
                    ABORT => Self::Abort { coordinator_epoch },
                    _ => Self::Commit { coordinator_epoch },
                })
            }
            LEADER_CHANGE => {
                let version = value.version()?;
                Ok(Self::LeaderChange {
                    leader: NodeId(value.i32()?),
                    voters: value.voters(version)?,
                    granting_voters: value.voters(version)?,
                })
            }
            _ => Ok(Self::Other { control_type }),
        }
    }

    /// The batch that ends a producer's transaction on a partition.
    ///
    /// # Panics
    /// When this is not a commit or an abort.
    pub fn end_transaction_batch(
        &self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        timestamp: i64,
    ) -> Bytes {
        assert!(
            matches!(self, Self::Abort { .. } | Self::Commit { .. }),
            "only a commit or an abort ends a transaction"
        );
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch,
            base_sequence: NO_SEQUENCE,
            transactional: true,
        };
        self.batch(timestamp, &stamp)
    }

    /// The batch that opens a leader's term.
    ///
    /// # Panics
    /// When this is not a leader change.
    pub fn leader_change_batch(&self, timestamp: i64) -> Bytes {
        assert!(matches!(self, Self::LeaderChange { .. }), "only a leader change opens a term");
        self.batch(timestamp, &ProducerStamp::NONE)
    }

    fn batch(&self, timestamp: i64, stamp: &ProducerStamp) -> Bytes {
        let (key, value) = (self.key(), self.value());
        let mut builder = BatchBuilder::control(CONTROL_BATCH_BYTES);
        builder
            .try_append(timestamp, Some(&key), Some(&value), &[])
            .expect("the first record of a batch always fits");
        builder
            .finish(stamp, CompressionType::None.into())
            .expect("what is not compressed cannot fail")
    }

    fn key(&self) -> Vec<u8> {
        let control_type = match self {
            Self::Abort { .. } => ABORT,
            Self::Commit { .. } => COMMIT,
            Self::LeaderChange { .. } => LEADER_CHANGE,
            Self::Other { control_type } => *control_type,
        };
        [VERSION.to_be_bytes(), control_type.to_be_bytes()].concat()
    }

    fn value(&self) -> Vec<u8> {
        let mut out = VERSION.to_be_bytes().to_vec();
        match self {
            Self::Abort { coordinator_epoch } | Self::Commit { coordinator_epoch } => {
                out.extend_from_slice(&coordinator_epoch.to_be_bytes());
            }
            Self::LeaderChange { leader, voters, granting_voters } => {
                out.extend_from_slice(&leader.0.to_be_bytes());
                write_voters(voters, &mut out);
                write_voters(granting_voters, &mut out);
                out.push(0);
            }
            Self::Other { .. } => {}
        }
        out
    }
}

fn write_voters(voters: &[NodeId], out: &mut Vec<u8>) {
    varint::write_u32(voters.len() as u32 + 1, out);
    for voter in voters {
        out.extend_from_slice(&voter.0.to_be_bytes());
        out.push(0);
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ControlRecordError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(ControlRecordError::Cut)?;
        self.0 = rest;
        Ok(*array)
    }

    fn i16(&mut self) -> Result<i16, ControlRecordError> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, ControlRecordError> {
        self.array().map(i32::from_be_bytes)
    }

    fn unsigned_varint(&mut self) -> Result<u32, ControlRecordError> {
        let (value, length) = varint::read_u32(self.0)?;
        self.0 = &self.0[length..];
        Ok(value)
    }

    /// Readers take any later version for the last that they know (KIP-98).
    fn version(&mut self) -> Result<i16, ControlRecordError> {
        match self.i16()? {
            version if version < 0 => Err(ControlRecordError::Version(version)),
            version => Ok(version),
        }
    }

    fn voters(&mut self, version: i16) -> Result<Vec<NodeId>, ControlRecordError> {
        // The bytes bound the loop: every turn takes some, or fails.
        let count = self.unsigned_varint()?.saturating_sub(1);
        let mut voters = Vec::new();
        for _ in 0..count {
            voters.push(NodeId(self.i32()?));
            if version >= 1 {
                let _directory_id: [u8; 16] = self.array()?;
            }
            self.tagged_fields()?;
        }
        Ok(voters)
    }

    fn tagged_fields(&mut self) -> Result<(), ControlRecordError> {
        for _ in 0..self.unsigned_varint()? {
            let _tag = self.unsigned_varint()?;
            let length = self.unsigned_varint()? as usize;
            self.0 = self.0.get(length..).ok_or(ControlRecordError::Cut)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
