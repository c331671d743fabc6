//! A Raft entry as a record batch: one entry, one batch, one record, one offset.
//!
//! ```text
//! batch header   base offset = index, leader epoch = term; the key repeats both: the CRC does not
//!                cover them
//! key            kind: u8 | term: u64 | index: u64 | synced below: u64
//! value          kind 0, blank: nothing
//!                kind 1, membership: JSON
//!                kind 2, change: framed metadata records, one after the other
//! ```
//!
//! `synced below` says that every entry with a smaller index was durable before this one was
//! written. So a whole entry bears witness that what is damaged before it was once whole: it tells
//! damage from a write that a power cut has torn.

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
const KEY_BYTES: usize = 25;

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

/// An entry as it is persisted.
#[derive(Debug, PartialEq)]
pub(crate) struct Persisted {
    pub(crate) entry: Entry,
    /// Every entry with a smaller index was durable before this one was written.
    pub(crate) synced_below: u64,
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

/// The batch that holds `entry`, to be written when every entry below `synced_below` is durable.
pub(crate) fn encode(entry: &Entry, synced_below: u64) -> Result<Bytes, EntryEncodeError> {
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
    builder.try_append(
        NO_TIMESTAMP,
        Some(&key(kind, term, index, synced_below)),
        Some(&value),
        &[],
    )?;
    let mut batch = BytesMut::from(builder.finish(&ProducerStamp::NONE, Compression::default())?);
    batch[0..8].copy_from_slice(&offset.to_be_bytes());
    batch[12..16].copy_from_slice(&epoch.to_be_bytes());
    Ok(batch.freeze())
}

/// The entry in `batch`, whose CRC is checked first.
pub(crate) fn decode(batch: &RecordBatch) -> Result<Persisted, EntryDecodeError> {
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
    let synced_below = *found.last_chunk().ok_or(EntryDecodeError::Key)?;
    let synced_below = u64::from_be_bytes(synced_below);
    if found[..] != key(kind, term, index, synced_below) {
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
    Ok(Persisted { entry: Entry { log_id: log_id(term, index), payload }, synced_below })
}

fn key(kind: u8, term: u64, index: u64, synced_below: u64) -> [u8; KEY_BYTES] {
    let mut key = [kind; KEY_BYTES];
    key[1..9].copy_from_slice(&term.to_be_bytes());
    key[9..17].copy_from_slice(&index.to_be_bytes());
    key[17..].copy_from_slice(&synced_below.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use openraft::entry::RaftEntry;

    use super::*;
    use crate::tests::{setting, topic};

    fn entries() -> Vec<Entry> {
        let members =
            MembershipText { configs: vec![[1, 2].into(), [2, 3].into()], nodes: members() };
        let change = Change::encode(vec![topic(1), setting("value")]).unwrap();
        let membership = EntryPayload::Membership(members.into_membership().unwrap());
        [EntryPayload::Blank, membership, EntryPayload::Normal(change)]
            .into_iter()
            .map(|payload| Entry { log_id: log_id(3, 7), payload })
            .collect()
    }

    fn members() -> BTreeMap<u64, String> {
        (1..=3).map(|id| (id, format!("host-{id}:9093"))).collect()
    }

    fn decoded(bytes: Bytes) -> Result<Persisted, EntryDecodeError> {
        decode(&RecordBatch::parse(bytes)?)
    }

    #[test]
    fn every_kind_of_entry_survives_its_batch() {
        for entry in entries() {
            let persisted = decoded(encode(&entry, 5).unwrap()).unwrap();
            assert_eq!(persisted, Persisted { entry, synced_below: 5 });
        }
    }

    #[test]
    fn a_blank_entry_has_the_bytes_that_the_layout_says() {
        let expected: Vec<u8> = [
            &7_i64.to_be_bytes()[..],
            &[0, 0, 0, 81, 0, 0, 0, 3, 2],
            &CRC,
            &[0, 0, 0, 0, 0, 0],
            &[0xff; 8 + 8 + 8 + 2 + 4],
            &[0, 0, 0, 1],
            &[0x3e, 0, 0, 0, 0x32, BLANK],
            &3_u64.to_be_bytes(),
            &7_u64.to_be_bytes(),
            &6_u64.to_be_bytes(),
            &[0, 0],
        ]
        .concat();
        assert_eq!(encode(&Entry::new_blank(log_id(3, 7)), 6).unwrap(), expected);
    }

    /// CRC-32C of the bytes from the attributes on, computed by another implementation.
    const CRC: [u8; 4] = [0x84, 0x25, 0xdc, 0x41];

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        for entry in entries() {
            let whole = encode(&entry, 7).unwrap();
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(decoded(bytes.into()).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_term_or_an_index_that_kafkas_fields_cannot_hold_is_refused() {
        for id in [log_id(1 << 31, 0), log_id(0, 1 << 63)] {
            let error = encode(&Entry::new_blank(id), 0).unwrap_err();
            assert!(matches!(error, EntryEncodeError::Position { .. }), "{error}");
        }
    }
}
