//! A snapshot's bytes: the image as records, in record batches, behind a header that says where in
//! the log it stands.
//!
//! ```text
//! record 0        key "snapshot", value JSON: last entry, members, number of records
//! record 1..      no key, value one framed metadata record
//! ```

use base::codec::{EncodeError, Reader, Writer};
use bytes::{Bytes, BytesMut};
use metadata::{MetadataImage, MetadataRecord, RecordDecodeError, ReplayError};
use records::{
    AppendError, BatchBuilder, BatchError, CompressError, Compression, HEADER_BYTES, NO_TIMESTAMP,
    ProducerStamp, RecordBatch,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::entry_batch::{EntryDecodeError, MembershipText};
use crate::quorum_state::Position;
use crate::raft_types::{LogId, SnapshotMeta, StoredMembership};

const HEADER_KEY: &[u8] = b"snapshot";
const BATCH_BYTES: usize = 1024 * 1024;
const SUFFIX: &str = ".checkpoint";

/// A snapshot that cannot be written.
#[derive(Debug, Error)]
pub(crate) enum SnapshotEncodeError {
    #[error(transparent)]
    Record(#[from] EncodeError),
    #[error(transparent)]
    Collect(#[from] std::io::Error),
    #[error(transparent)]
    Header(#[from] serde_json::Error),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Seal(#[from] CompressError),
}

/// Bytes that are no snapshot, or not all of one.
#[derive(Debug, Error)]
pub(crate) enum SnapshotDecodeError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("it does not begin with a snapshot's header")]
    NoHeader,
    #[error("its header cannot be read: {0}")]
    Header(#[from] serde_json::Error),
    #[error(transparent)]
    Members(#[from] EntryDecodeError),
    #[error(transparent)]
    Record(#[from] RecordDecodeError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("it has {found} records where its header says {declared}")]
    RecordCount { declared: u64, found: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    last: Option<Position>,
    membership_at: Option<Position>,
    membership: MembershipText,
    records: u64,
}

/// The name of a snapshot's file: the later, the greater.
pub(crate) fn name(meta: &SnapshotMeta) -> String {
    let last = meta.last_log_id.map_or(Position { term: 0, index: 0 }, Position::from);
    format!("{:020}-{:010}{SUFFIX}", last.index, last.term)
}

/// What such names end with.
pub(crate) fn suffix() -> &'static str {
    SUFFIX
}

/// The bytes of a snapshot.
pub(crate) fn encode(
    meta: &SnapshotMeta,
    image: &MetadataImage,
) -> Result<Bytes, SnapshotEncodeError> {
    let header = Header {
        last: meta.last_log_id.map(Position::from),
        membership_at: meta.last_membership.log_id().map(Position::from),
        membership: MembershipText::of(meta.last_membership.membership()),
        records: image.to_records().count() as u64,
    };
    let mut batches = Batches::default();
    batches.append(Some(HEADER_KEY), &serde_json::to_vec(&header)?)?;
    for record in image.to_records() {
        let mut writer = Writer::new();
        record.encode(&mut writer)?;
        batches.append(None, &writer.finish()?.collect()?)?;
    }
    batches.finish()
}

/// The snapshot in `bytes`, which has to be whole.
pub(crate) fn decode(bytes: Bytes) -> Result<(SnapshotMeta, MetadataImage), SnapshotDecodeError> {
    let mut image = MetadataImage::default();
    let mut header: Option<Header> = None;
    let mut found = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let batch = RecordBatch::split_first(&mut rest)?;
        batch.verify_crc()?;
        for record in batch.records()?.owned() {
            let record = record?;
            let value = record.value.unwrap_or_default();
            if header.is_some() {
                image.replay(&MetadataRecord::decode(&mut Reader::new(value))?)?;
                found += 1;
            } else if record.key.as_deref() == Some(HEADER_KEY) {
                header = Some(serde_json::from_slice(&value)?);
            } else {
                return Err(SnapshotDecodeError::NoHeader);
            }
        }
    }
    let header = header.ok_or(SnapshotDecodeError::NoHeader)?;
    if header.records != found {
        return Err(SnapshotDecodeError::RecordCount { declared: header.records, found });
    }
    let membership = header.membership.into_membership()?;
    let last_membership = StoredMembership::new(header.membership_at.map(LogId::from), membership);
    Ok((SnapshotMeta { last_log_id: header.last.map(LogId::from), last_membership }, image))
}

/// Batches whose offsets follow each other from zero.
#[derive(Debug, Default)]
struct Batches {
    sealed: BytesMut,
    open: Option<BatchBuilder>,
    next_offset: i64,
}

impl Batches {
    fn append(&mut self, key: Option<&[u8]>, value: &[u8]) -> Result<(), SnapshotEncodeError> {
        let new = || BatchBuilder::with_capacity(BATCH_BYTES, HEADER_BYTES);
        let open = self.open.get_or_insert_with(new);
        match open.try_append(NO_TIMESTAMP, key, Some(value), &[]) {
            Err(AppendError::Full) => {
                self.seal()?;
                self.open.insert(new()).try_append(NO_TIMESTAMP, key, Some(value), &[])?;
            }
            other => drop(other?),
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), SnapshotEncodeError> {
        let Some(builder) = self.open.take() else { return Ok(()) };
        let records = i64::from(builder.record_count());
        let start = self.sealed.len();
        self.sealed.extend(builder.finish(&ProducerStamp::NONE, Compression::default())?);
        self.sealed[start..start + 8].copy_from_slice(&self.next_offset.to_be_bytes());
        self.next_offset += records;
        Ok(())
    }

    fn finish(mut self) -> Result<Bytes, SnapshotEncodeError> {
        self.seal()?;
        Ok(self.sealed.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use openraft::impls::BasicNode;

    use super::*;
    use crate::raft_types::{Membership, log_id};
    use crate::tests::{setting, topic};

    fn snapshot(topics: u32) -> (SnapshotMeta, MetadataImage) {
        let nodes = BTreeMap::from([(1, BasicNode { addr: "host:9093".to_owned() })]);
        let membership = Membership::new(vec![[1].into()], nodes).unwrap();
        let last_membership = StoredMembership::new(Some(log_id(0, 0)), membership);
        let mut image = MetadataImage::default();
        image.replay_all((0..topics).map(topic).collect::<Vec<_>>().iter()).unwrap();
        image.replay(&setting("value")).unwrap();
        (SnapshotMeta { last_log_id: Some(log_id(3, 4711)), last_membership }, image)
    }

    #[test]
    fn a_snapshot_of_one_batch_or_several_survives_its_bytes() {
        for topics in [0, 1, 40_000] {
            let (meta, image) = snapshot(topics);
            let bytes = encode(&meta, &image).unwrap();
            assert_eq!(bytes.len() > BATCH_BYTES, topics > 1);
            assert_eq!(decode(bytes).unwrap(), (meta, image));
        }
    }

    #[test]
    fn a_later_snapshot_has_a_greater_name() {
        let (meta, _) = snapshot(0);
        assert_eq!(name(&meta), "00000000000000004711-0000000003.checkpoint");
        let named = |term, index| {
            name(&SnapshotMeta { last_log_id: Some(log_id(term, index)), ..meta.clone() })
        };
        assert!(named(9, 99) < named(9, 100));
        assert!(named(9, 99) < named(10, 99));
    }

    #[test]
    fn a_snapshot_that_is_cut_or_damaged_anywhere_is_refused() {
        let (meta, image) = snapshot(2);
        let whole = encode(&meta, &image).unwrap();
        for end in 0..whole.len() {
            assert!(decode(whole.slice(..end)).is_err(), "cut at {end}");
        }
        // A batch's offset and epoch mean nothing here; the CRC covers what follows it.
        for byte in 17..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[byte] ^= 1;
            assert!(decode(bytes.into()).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn a_snapshot_without_its_last_batch_is_refused_by_count() {
        let (meta, image) = snapshot(40_000);
        let whole = encode(&meta, &image).unwrap();
        let mut rest = whole.clone();
        RecordBatch::split_first(&mut rest).unwrap();
        let first = whole.len() - rest.len();
        let error = decode(whole.slice(..first)).unwrap_err();
        assert!(matches!(error, SnapshotDecodeError::RecordCount { .. }), "{error}");
    }
}
