//! A group: the entries that one write and one sync made durable, on blocks of their own.

use base::Uuid;
use bytes::Bytes;

use super::entry::{ENTRY_HEADER_BYTES, EntryHeader, field};
use super::{BLOCK_BYTES, GROUP_ENTRIES_MAX};

/// The bytes of a group's header. All numbers are big-endian.
///
/// ```text
/// offset  size  field
///      0     4  crc           CRC-32C of all that follows, to the end of the last entry
///      4     4  magic         "OTJ1"
///      8    16  ring id       the log directory's id: another's file never passes for ours
///     24     8  sequence      dense over the ring: an old lap never passes for a new one
///     32     8  replay from   the first sequence that the segments do not hold durably
///     40     4  length        of the group, without its padding
///     44     4  entries       their number
///     48        entries, then zeros up to the next block
/// ```
pub const GROUP_HEADER_BYTES: usize = 48;

/// The first bytes after the checksum.
const MAGIC: [u8; 4] = *b"OTJ1";

/// No ring turns this often: at a million groups a second it would take a hundred thousand years.
const SEQUENCE_MAX: u64 = 1 << 62;

/// Zeros for the padding.
static PADDING: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// Collects the entries of a group without copying the batches' bodies.
#[derive(Debug)]
pub struct GroupBuilder {
    /// All headers, one after the other; the group's comes first.
    headers: Vec<u8>,
    /// Each body, and how many bytes of `headers` lie before it.
    bodies: Vec<(usize, Bytes)>,
    length: usize,
    bytes_max: usize,
    entries: usize,
}

impl GroupBuilder {
    /// A group of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            headers: vec![0; GROUP_HEADER_BYTES],
            bodies: Vec::new(),
            length: GROUP_HEADER_BYTES,
            bytes_max,
            entries: 0,
        }
    }

    /// Whether an entry with `bytes` bytes still fits.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.entries < GROUP_ENTRIES_MAX
            && self.length + ENTRY_HEADER_BYTES + bytes <= self.bytes_max
    }

    /// Adds an entry, whose bytes are `head` (copied) and `body` (not copied).
    pub fn push(&mut self, header: &EntryHeader, head: &[u8], body: Bytes) {
        let bytes = head.len() + body.len();
        assert!(self.has_room(bytes), "the caller asks before it adds an entry");
        assert_eq!(header.length as usize, bytes, "an entry's header tells its length");
        header.encode(&mut self.headers);
        self.headers.extend_from_slice(head);
        if !body.is_empty() {
            self.bodies.push((self.headers.len(), body));
        }
        self.length += ENTRY_HEADER_BYTES + bytes;
        self.entries += 1;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The blocks that the group will take.
    pub fn blocks(&self) -> usize {
        self.length.div_ceil(BLOCK_BYTES)
    }

    /// Seals the group.
    pub fn finish(mut self, ring_id: Uuid, sequence: u64, replay_from: u64) -> EncodedGroup {
        assert!(replay_from <= sequence, "what is not written yet need not be replayed");
        let mut header = Vec::with_capacity(GROUP_HEADER_BYTES);
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&ring_id.0);
        header.extend_from_slice(&sequence.to_be_bytes());
        header.extend_from_slice(&replay_from.to_be_bytes());
        header.extend_from_slice(&(self.length as u32).to_be_bytes());
        header.extend_from_slice(&(self.entries as u32).to_be_bytes());
        self.headers[..GROUP_HEADER_BYTES].copy_from_slice(&header);

        let blocks = self.blocks();
        let mut group = EncodedGroup { headers: self.headers, bodies: self.bodies, blocks };
        let crc = group.checksum(self.length);
        group.headers[..4].copy_from_slice(&crc.to_be_bytes());
        group
    }
}

/// A sealed group, ready to be written at a block boundary.
#[derive(Debug)]
pub struct EncodedGroup {
    headers: Vec<u8>,
    bodies: Vec<(usize, Bytes)>,
    blocks: usize,
}

impl EncodedGroup {
    /// The blocks that it fills.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Its bytes, padding included, in order.
    pub fn parts(&self) -> Vec<&[u8]> {
        let mut parts = Vec::with_capacity(2 * self.bodies.len() + 2);
        let mut start = 0;
        let mut length = 0;
        for (end, body) in &self.bodies {
            parts.push(&self.headers[start..*end]);
            parts.push(&body[..]);
            length += end - start + body.len();
            start = *end;
        }
        let rest = &self.headers[start..];
        length += rest.len();
        let padding = self.blocks * BLOCK_BYTES - length;
        parts.extend([rest, &PADDING[..padding]].into_iter().filter(|part| !part.is_empty()));
        parts
    }

    fn checksum(&self, length: usize) -> u32 {
        let mut crc = 0;
        let (mut skip, mut left) = (4, length - 4);
        for part in self.parts() {
            let part = &part[skip..];
            skip = 0;
            let taken = part.len().min(left);
            crc = crc32c::crc32c_append(crc, &part[..taken]);
            left -= taken;
        }
        crc
    }
}

/// A group's header as read back, not yet checked against the bytes that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    crc: u32,
    /// The log directory that wrote it.
    pub ring_id: Uuid,
    /// Its place in the order of all groups.
    pub sequence: u64,
    /// The first group that recovery needs.
    pub replay_from: u64,
    length: u32,
    entries: u32,
}

impl GroupHeader {
    /// The header at the start of `bytes`; none if there is no group.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; GROUP_HEADER_BYTES] = bytes.first_chunk()?;
        let magic: [u8; 4] = field(bytes, 4);
        let header = Self {
            crc: u32::from_be_bytes(field(bytes, 0)),
            ring_id: Uuid(field(bytes, 8)),
            sequence: u64::from_be_bytes(field(bytes, 24)),
            replay_from: u64::from_be_bytes(field(bytes, 32)),
            length: u32::from_be_bytes(field(bytes, 40)),
            entries: u32::from_be_bytes(field(bytes, 44)),
        };
        let in_order = header.replay_from <= header.sequence;
        let in_range = (1..SEQUENCE_MAX).contains(&header.sequence);
        (magic == MAGIC && in_order && in_range).then_some(header)
    }
}

/// A whole group, read back and checked.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its header.
    pub header: GroupHeader,
    bytes: Bytes,
}

impl Group {
    /// The group at the start of `bytes`; none if there is none, or not all of it.
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let header = GroupHeader::decode(bytes)?;
        let length = header.length as usize;
        let whole = bytes.get(..length)?;
        let checked = whole.get(4..)?;
        let is_whole = length >= GROUP_HEADER_BYTES && crc32c::crc32c(checked) == header.crc;
        is_whole.then(|| Self { header, bytes: bytes.slice(..length) })
    }

    /// The blocks that it fills.
    pub fn blocks(&self) -> usize {
        self.bytes.len().div_ceil(BLOCK_BYTES)
    }

    /// Its entries in order; none if they do not fill the group exactly (a writer of another
    /// version).
    pub fn entries(&self) -> Option<Vec<(EntryHeader, Bytes)>> {
        let mut entries = Vec::with_capacity((self.header.entries as usize).min(GROUP_ENTRIES_MAX));
        let mut rest = self.bytes.slice(GROUP_HEADER_BYTES..);
        for _ in 0..self.header.entries {
            let header = EntryHeader::decode(&rest)?;
            let end = ENTRY_HEADER_BYTES.checked_add(header.length as usize)?;
            if end > rest.len() {
                return None;
            }
            entries.push((header, rest.slice(ENTRY_HEADER_BYTES..end)));
            rest = rest.slice(end..);
        }
        rest.is_empty().then_some(entries)
    }
}

#[cfg(test)]
mod tests {
    use base::{LeaderEpoch, Offset, PartitionIndex, TopicId};
    use proptest::prelude::*;

    use super::super::{FILE_BYTES_DEFAULT, entry::EntryKind};
    use super::*;

    const RING: Uuid = Uuid([9; 16]);

    fn append(first: i64, bytes: usize) -> EntryHeader {
        EntryHeader {
            kind: EntryKind::Append,
            topic_id: TopicId(Uuid([1; 16])),
            partition: PartitionIndex(0),
            leader_epoch: LeaderEpoch(0),
            first_offset: Offset(first),
            end_offset: Offset(first + 1),
            length: bytes as u32,
        }
    }

    fn group_of(bodies: &[Vec<u8>]) -> GroupBuilder {
        let mut builder = GroupBuilder::new(FILE_BYTES_DEFAULT);
        for (index, body) in bodies.iter().enumerate() {
            let body = Bytes::copy_from_slice(body);
            builder.push(&append(index as i64, body.len() + 3), b"hdr", body);
        }
        builder
    }

    fn flat(group: &EncodedGroup) -> Bytes {
        Bytes::from(group.parts().concat())
    }

    #[test]
    fn a_group_has_the_bytes_that_the_layout_draws() {
        let bytes = flat(&group_of(&[b"body".to_vec()]).finish(RING, 5, 4));

        let mut golden = b"OTJ1".to_vec();
        golden.extend([9; 16]);
        golden.extend([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4]);
        golden.extend([0, 0, 0, 100, 0, 0, 0, 1]);
        append(0, 7).encode(&mut golden);
        golden.extend(b"hdrbody");
        assert_eq!(bytes[..4], crc32c::crc32c(&golden).to_be_bytes());
        assert_eq!(bytes[4..100], golden);
        assert_eq!(bytes.len(), BLOCK_BYTES);
        assert!(bytes[100..].iter().all(|&byte| byte == 0), "the padding is zeros");
    }

    #[test]
    fn a_group_torn_at_any_sector_is_no_group() {
        let bodies: Vec<Vec<u8>> = (1..9_u8).map(|n| vec![n; 1_000]).collect();
        let bytes = flat(&group_of(&bodies).finish(RING, 7, 7));
        let old_lap = flat(&group_of(&bodies).finish(RING, 3, 3));
        for torn_at in (0..bytes.len()).step_by(512) {
            let mut torn = bytes[..torn_at].to_vec();
            torn.extend_from_slice(&old_lap[torn_at..]);
            let group = Group::decode(&Bytes::from(torn));
            let whole = group.is_some_and(|group| group.header.sequence == 7);
            // What the tear left of the old lap is padding, in which both laps are alike.
            assert_eq!(whole, bytes[torn_at..] == old_lap[torn_at..], "torn at {torn_at}");
        }
    }

    #[test]
    fn a_group_never_grows_beyond_a_file() {
        let mut builder = GroupBuilder::new(FILE_BYTES_DEFAULT);
        let body = Bytes::from(vec![0; 255 * 1024]);
        let mut pushed = 0;
        while builder.has_room(body.len()) {
            builder.push(&append(0, body.len()), &[], body.clone());
            pushed += 1;
        }
        assert_eq!(pushed, 4);
        assert!(builder.blocks() * BLOCK_BYTES <= FILE_BYTES_DEFAULT);
    }

    #[test]
    fn a_length_beyond_the_file_is_no_group() {
        let mut bytes = flat(&group_of(&[b"body".to_vec()]).finish(RING, 5, 5)).to_vec();
        for length in [0_u32, 3, 47, 5_000, i32::MAX as u32, u32::MAX] {
            bytes[40..44].copy_from_slice(&length.to_be_bytes());
            assert!(Group::decode(&Bytes::from(bytes.clone())).is_none(), "length {length}");
        }
    }

    proptest! {
        #[test]
        fn every_group_survives_its_bytes(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..8),
            sequence in 1_u64..1_000,
        ) {
            let encoded = group_of(&bodies).finish(RING, sequence, sequence / 2);
            let bytes = flat(&encoded);
            prop_assert_eq!(bytes.len(), encoded.blocks() * BLOCK_BYTES);
            let group = Group::decode(&bytes).expect("a whole group");
            prop_assert_eq!(group.header.sequence, sequence);
            prop_assert_eq!(group.header.replay_from, sequence / 2);
            prop_assert_eq!(group.blocks(), encoded.blocks());
            let entries = group.entries().expect("whole entries");
            prop_assert_eq!(entries.len(), bodies.len());
            for (index, ((header, bytes), body)) in entries.iter().zip(&bodies).enumerate() {
                prop_assert_eq!(header.first_offset, Offset(index as i64));
                prop_assert_eq!(&bytes[..3], b"hdr");
                prop_assert_eq!(&bytes[3..], &body[..]);
            }
        }

        #[test]
        fn a_flipped_bit_is_found(position in 0_usize..160, bit in 0_u8..8) {
            let mut bytes = flat(&group_of(&[vec![5; 64]]).finish(RING, 5, 5)).to_vec();
            bytes[position] ^= 1 << bit;
            prop_assert!(Group::decode(&Bytes::from(bytes)).is_none());
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            if let Some(group) = Group::decode(&Bytes::from(bytes)) {
                let _ = group.entries();
            }
        }
    }
}
