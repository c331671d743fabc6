//! A journal entry's header: which partition it is about, and what happened to it.

use base::{LeaderEpoch, Offset, PartitionIndex, TopicId, Uuid};

/// The bytes of an entry's header.
///
/// ```text
/// offset  size  field           append          truncate   log start   synced     delete
///      0     1  kind            1               2          3           4          5
///      1    16  topic id
///     17     4  partition
///     21     4  leader epoch    the batch's     -1         -1          -1         -1
///     25     8  first offset    the batch's     new end    new start   log end    0
///     33     8  end offset      last + 1        new end    new start   log end    0
///     41     4  length          of the batch    0          0           0          0
///     45        the batch
/// ```
pub const ENTRY_HEADER_BYTES: usize = 45;

/// What an entry says about its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// One record batch, stamped with its base offset and leader epoch, follows.
    Append,
    /// Records from the offset on are void.
    Truncate,
    /// Records below the offset are void.
    LogStart,
    /// The segments hold, durably, all that came before: nothing before this entry is replayed for
    /// the partition.
    Synced,
    /// The partition's log was deleted: nothing before this entry is replayed for it.
    Delete,
}

/// An entry without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    /// What happened.
    pub kind: EntryKind,
    /// To which topic.
    pub topic_id: TopicId,
    /// To which of its partitions.
    pub partition: PartitionIndex,
    /// The leader epoch of an append.
    pub leader_epoch: LeaderEpoch,
    /// The first offset of an append; the offset of what happened otherwise.
    pub first_offset: Offset,
    /// The offset after the last one of an append; the first offset otherwise.
    pub end_offset: Offset,
    /// The bytes that follow.
    pub length: u32,
}

impl EntryHeader {
    /// An entry of a kind that has no bytes.
    pub fn marker(
        kind: EntryKind,
        topic_id: TopicId,
        partition: PartitionIndex,
        offset: Offset,
    ) -> Self {
        Self {
            kind,
            topic_id,
            partition,
            leader_epoch: LeaderEpoch::NONE,
            first_offset: offset,
            end_offset: offset,
            length: 0,
        }
    }

    /// Appends the header's bytes to `buffer`.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.push(self.kind.code());
        buffer.extend_from_slice(&self.topic_id.0.0);
        buffer.extend_from_slice(&self.partition.0.to_be_bytes());
        buffer.extend_from_slice(&self.leader_epoch.0.to_be_bytes());
        buffer.extend_from_slice(&self.first_offset.0.to_be_bytes());
        buffer.extend_from_slice(&self.end_offset.0.to_be_bytes());
        buffer.extend_from_slice(&self.length.to_be_bytes());
    }

    /// The header at the start of `bytes`; none if they are too few or say nothing that this
    /// version knows.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ENTRY_HEADER_BYTES] = bytes.first_chunk()?;
        let header = Self {
            kind: EntryKind::from_code(bytes[0])?,
            topic_id: TopicId(Uuid(field(bytes, 1))),
            partition: PartitionIndex(i32::from_be_bytes(field(bytes, 17))),
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field(bytes, 21))),
            first_offset: Offset(i64::from_be_bytes(field(bytes, 25))),
            end_offset: Offset(i64::from_be_bytes(field(bytes, 33))),
            length: u32::from_be_bytes(field(bytes, 41)),
        };
        (header.first_offset <= header.end_offset).then_some(header)
    }
}

impl EntryKind {
    fn code(self) -> u8 {
        match self {
            Self::Append => 1,
            Self::Truncate => 2,
            Self::LogStart => 3,
            Self::Synced => 4,
            Self::Delete => 5,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Append,
            2 => Self::Truncate,
            3 => Self::LogStart,
            4 => Self::Synced,
            5 => Self::Delete,
            _ => return None,
        })
    }

    /// Whether nothing that came before this entry is replayed for its partition.
    pub fn is_barrier(self) -> bool {
        matches!(self, Self::Synced | Self::Delete)
    }
}

/// The `N` bytes at `start` of a header whose size the caller has checked.
pub(super) fn field<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    bytes
        .get(start..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .expect("the header's size was checked, and every field lies inside it")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = EntryKind> {
        prop_oneof![
            Just(EntryKind::Append),
            Just(EntryKind::Truncate),
            Just(EntryKind::LogStart),
            Just(EntryKind::Synced),
            Just(EntryKind::Delete),
        ]
    }

    #[test]
    fn an_entry_has_the_bytes_that_the_layout_draws() {
        let header = EntryHeader {
            kind: EntryKind::Append,
            topic_id: TopicId(Uuid([7; 16])),
            partition: PartitionIndex(3),
            leader_epoch: LeaderEpoch(5),
            first_offset: Offset(9),
            end_offset: Offset(11),
            length: 258,
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);

        let mut golden = vec![1];
        golden.extend([7; 16]);
        golden.extend([0, 0, 0, 3, 0, 0, 0, 5]);
        golden.extend([0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 11]);
        golden.extend([0, 0, 1, 2]);
        assert_eq!(bytes, golden);
        assert_eq!(bytes.len(), ENTRY_HEADER_BYTES);
    }

    #[test]
    fn an_unknown_kind_or_offsets_that_run_backwards_are_no_entry() {
        let id = TopicId(Uuid([1; 16]));
        let mut bytes = Vec::new();
        EntryHeader::marker(EntryKind::Synced, id, PartitionIndex(0), Offset(4)).encode(&mut bytes);
        assert!(EntryHeader::decode(&bytes).is_some());
        for kind in [0, 6, 255] {
            bytes[0] = kind;
            assert_eq!(EntryHeader::decode(&bytes), None);
        }
        bytes[0] = 4;
        bytes[40] = 3;
        assert_eq!(EntryHeader::decode(&bytes), None, "the end lies below the start");
    }

    proptest! {
        #[test]
        fn every_header_survives_its_bytes(
            kind in kinds(),
            id: [u8; 16],
            partition: i32,
            epoch: i32,
            first: i64,
            records in 0_i64..1_000,
            length: u32,
        ) {
            let first = first.min(i64::MAX - records);
            let header = EntryHeader {
                kind,
                topic_id: TopicId(Uuid(id)),
                partition: PartitionIndex(partition),
                leader_epoch: LeaderEpoch(epoch),
                first_offset: Offset(first),
                end_offset: Offset(first) + records,
                length,
            };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            prop_assert_eq!(EntryHeader::decode(&bytes), Some(header));
            bytes.pop();
            prop_assert_eq!(EntryHeader::decode(&bytes), None);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = EntryHeader::decode(&bytes);
        }
    }
}
