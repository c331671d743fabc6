//! A Raft entry as a record batch: one entry, one batch, one record, one offset.
//!
//! ```text
//! batch header   base offset = index, leader epoch = term; the key repeats both: the CRC does not
//!                cover them
//! key            kind: u8 | term: u64 | index: u64
//! value          kind 0, blank: nothing
//!                kind 1, membership: JSON
//!                kind 2, change: framed metadata records, one after the other
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use metadata::RecordDecodeError;
use openraft::EntryPayload;
use openraft::impls::BasicNode;
use records::{
    AppendError, BatchBuilder, BatchError, CompressError, Compression, HEADER_BYTES, NO_TIMESTAMP,
    ProducerStamp, RecordBatch,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::raft_types::{Change, Entry, Membership, log_id, term_of};

const BLANK: u8 = 0;
const MEMBERSHIP: u8 = 1;
const CHANGE: u8 = 2;
const KEY_BYTES: usize = 17;

/// An entry that cannot be written.
#[derive(Debug, Error)]
pub(crate) enum EntryEncodeError {
    #[error("term {term} and index {index} do not both fit a leader epoch and an offset")]
    Position { term: u64, index: u64 },
    #[error("its members cannot be written: {0}")]
    Membership(#[from] serde_json::Error),
    #[error("it fits into no record batch: {0}")]
    Batch(#[from] AppendError),
    #[error("its record batch cannot be sealed: {0}")]
    Seal(#[from] CompressError),
}

/// A batch that is no entry of ours.
#[derive(Debug, Error)]
pub(crate) enum EntryDecodeError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("it has {0} records where one was written")]
    RecordCount(i32),
    #[error("its record has no key of {KEY_BYTES} bytes that repeats the batch's offset and epoch")]
    Key,
    #[error("its kind, {0}, is not known; start a release that knows it")]
    Kind(u8),
    #[error(transparent)]
    Record(#[from] RecordDecodeError),
    #[error("its members cannot be read: {0}")]
    Membership(#[from] serde_json::Error),
    #[error("its members contradict each other: {0}")]
    Members(String),
}

/// Members as they are persisted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MembershipText {
    configs: Vec<BTreeSet<u64>>,
    nodes: BTreeMap<u64, String>,
}

impl MembershipText {
    pub(crate) fn of(membership: &Membership) -> Self {
        Self {
            configs: membership.get_joint_config().clone(),
            nodes: membership.nodes().map(|(id, node)| (*id, node.addr.clone())).collect(),
        }
    }

    pub(crate) fn into_membership(self) -> Result<Membership, EntryDecodeError> {
        let nodes: BTreeMap<u64, BasicNode> =
            self.nodes.into_iter().map(|(id, addr)| (id, BasicNode { addr })).collect();
        let invalid = |error| EntryDecodeError::Members(format!("{error}"));
        Membership::new(self.configs, nodes).map_err(invalid)
    }
}

/// The batch that holds `entry`.
pub(crate) fn encode(entry: &Entry) -> Result<Bytes, EntryEncodeError> {
    let (term, index) = (term_of(&entry.log_id), entry.log_id.index);
    let position = (i32::try_from(term), i64::try_from(index));
    let (Ok(epoch), Ok(offset)) = position else {
        return Err(EntryEncodeError::Position { term, index });
    };
    let (kind, value) = match &entry.payload {
        EntryPayload::Blank => (BLANK, Bytes::new()),
        EntryPayload::Membership(membership) => {
            (MEMBERSHIP, serde_json::to_vec(&MembershipText::of(membership))?.into())
        }
        EntryPayload::Normal(change) => (CHANGE, change.encoded.clone()),
    };
    let mut builder = BatchBuilder::with_capacity(usize::MAX, HEADER_BYTES + value.len() + 64);
    builder.try_append(NO_TIMESTAMP, Some(&key(kind, term, index)), Some(&value), &[])?;
    let mut batch = BytesMut::from(builder.finish(&ProducerStamp::NONE, Compression::default())?);
    batch[0..8].copy_from_slice(&offset.to_be_bytes());
    batch[12..16].copy_from_slice(&epoch.to_be_bytes());
    Ok(batch.freeze())
}

/// The entry in `batch`, whose CRC is checked first.
pub(crate) fn decode(batch: &RecordBatch) -> Result<Entry, EntryDecodeError> {
    batch.verify_crc()?;
    let header = batch.header();
    if header.record_count != 1 {
        return Err(EntryDecodeError::RecordCount(header.record_count));
    }
    let records = batch.records()?;
    let record = records.owned().next().ok_or(EntryDecodeError::RecordCount(0))??;
    let found = record.key.ok_or(EntryDecodeError::Key)?;
    let (term, index) = (header.partition_leader_epoch.0 as u64, header.base_offset.0 as u64);
    let kind = *found.first().ok_or(EntryDecodeError::Key)?;
    if found[..] != key(kind, term, index) {
        return Err(EntryDecodeError::Key);
    }
    let value = record.value.unwrap_or_default();
    let payload = match kind {
        BLANK => EntryPayload::Blank,
        MEMBERSHIP => {
            let text: MembershipText = serde_json::from_slice(&value)?;
            EntryPayload::Membership(text.into_membership()?)
        }
        CHANGE => EntryPayload::Normal(Change::decode(value)?),
        other => return Err(EntryDecodeError::Kind(other)),
    };
    Ok(Entry { log_id: log_id(term, index), payload })
}

fn key(kind: u8, term: u64, index: u64) -> [u8; KEY_BYTES] {
    let mut key = [kind; KEY_BYTES];
    key[1..9].copy_from_slice(&term.to_be_bytes());
    key[9..].copy_from_slice(&index.to_be_bytes());
    key
}
