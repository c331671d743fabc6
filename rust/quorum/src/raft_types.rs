//! What openraft is told about our log: its types, in one place.

use std::fmt;
use std::sync::Arc;

use base::codec::{EncodeError, Reader, Writer};
use bytes::Bytes;
use metadata::{MetadataRecord, RecordDecodeError, ReplayError};
use openraft::alias::{EntryOf, LogIdOf, StoredMembershipOf, VoteOf};
use openraft::impls::{BasicNode, leader_id_std};
use openraft_rt_tokio::TokioRuntime;
use thiserror::Error;

/// The most bytes that are committed together: an entry is written, synced and one day sent as a
/// whole.
const CHANGE_BYTES_MAX: usize = 64 * 1024 * 1024;

openraft::declare_raft_types!(
    /// One leader a term, as in the paper: so a term is a leader epoch, and an index is an offset.
    pub(crate) Types:
        D = Change,
        R = Applied,
        NodeId = u64,
        Node = BasicNode,
        Term = u64,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = TokioRuntime,
);

pub(crate) type Entry = EntryOf<Types>;
pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, BasicNode>;
pub(crate) type StoredMembership = StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Types>;
pub(crate) type Vote = VoteOf<Types>;

/// The records of one proposal, as they are and as they are persisted. Copies share both.
///
/// They are encoded before they are proposed: an entry that could not be written would stop the
/// log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) records: Arc<[MetadataRecord]>,
    pub(crate) encoded: Bytes,
}

/// Records that cannot be persisted.
#[derive(Debug, Error)]
pub(crate) enum ChangeEncodeError {
    #[error(transparent)]
    Record(#[from] EncodeError),
    #[error(transparent)]
    Collect(#[from] std::io::Error),
    #[error(
        "the records have {0} bytes, and at most {CHANGE_BYTES_MAX} are committed together; ask \
        for less at once"
    )]
    TooLarge(usize),
}

/// What became of a proposal when it was applied: taken in, or left out because it contradicts what
/// came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied(pub(crate) Result<(), ReplayError>);

impl Change {
    /// A change of these records.
    pub(crate) fn encode(records: Vec<MetadataRecord>) -> Result<Self, ChangeEncodeError> {
        let mut writer = Writer::new();
        records.iter().try_for_each(|record| record.encode(&mut writer))?;
        let encoded = writer.finish()?.collect()?;
        if encoded.len() > CHANGE_BYTES_MAX {
            return Err(ChangeEncodeError::TooLarge(encoded.len()));
        }
        Ok(Self { records: records.into(), encoded })
    }

    /// The change that was persisted as these bytes.
    pub(crate) fn decode(encoded: Bytes) -> Result<Self, RecordDecodeError> {
        let mut reader = Reader::new(encoded.clone());
        let mut records = Vec::new();
        while reader.remaining() > 0 {
            records.push(MetadataRecord::decode(&mut reader)?);
        }
        Ok(Self { records: records.into(), encoded })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records", self.records.len())
    }
}

/// The id of the entry at `index` that the leader of `term` put there.
pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

/// The term of the leader that put the entry with this id there.
pub(crate) fn term_of(id: &LogId) -> u64 {
    **id.committed_leader_id()
}
