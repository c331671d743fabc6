//! The 61 bytes in front of every record batch.

use base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

use crate::NO_SEQUENCE;
use crate::attributes::Attributes;
use crate::batch::BatchError;

/// The length of a batch header.
pub const HEADER_BYTES: usize = 61;
/// What the length field does not count: the base offset and itself.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// The only batch format that is read and written.
pub const MAGIC: i8 = 2;
/// Where the bytes begin that the CRC covers; it runs to the end of the batch.
pub const CRC_START: usize = 21;

/// A batch header, parsed. All integers are big-endian:
///
/// ```text
///  0        8        12       16    17    21           23                  27
///  | base   | batch  | leader | mag | crc | attributes | last offset delta |
///  | offset | length | epoch  | ic  |     |            |                   |
///
///  27               35              43            51         53              57             61
///  | base timestamp | max timestamp | producer id | producer | base sequence | record count |
///  |                |               |             | epoch    |               |              |
/// ```
///
/// Base offset, length, leader epoch and magic lie outside the CRC, so a leader stamps a batch
/// without summing it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record (as produced; compaction may have removed it).
    pub base_offset: Offset,
    /// The number of bytes that follow this field, header and body.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch.
    pub partition_leader_epoch: LeaderEpoch,
    /// CRC-32C from the attributes to the end of the batch.
    pub crc: u32,
    /// Compression, timestamp type, transactional, control.
    pub attributes: Attributes,
    /// The last record's offset less the base offset.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to.
    pub base_timestamp: i64,
    /// The highest timestamp of the records, or the append time of all of them.
    pub max_timestamp: i64,
    /// The idempotent producer, or none.
    pub producer_id: ProducerId,
    /// The producer's epoch, or none.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the first record, or [`NO_SEQUENCE`].
    pub base_sequence: i32,
    /// The number of records in the body.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; what follows it is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            // Formats 0 and 1 have the magic byte at the same place and may be shorter than a v2
            // header.
            return Err(match bytes.get(16) {
                Some(&magic) if magic as i8 != MAGIC => {
                    BatchError::UnsupportedMagic { magic: magic as i8 }
                }
                _ => BatchError::HeaderCut { available: bytes.len() },
            });
        };
        let magic = i8::from_be_bytes(field(header, 16));
        if magic != MAGIC {
            return Err(BatchError::UnsupportedMagic { magic });
        }
        let parsed = Self {
            base_offset: Offset(i64::from_be_bytes(field(header, 0))),
            batch_length: i32::from_be_bytes(field(header, 8)),
            partition_leader_epoch: LeaderEpoch(i32::from_be_bytes(field(header, 12))),
            crc: u32::from_be_bytes(field(header, 17)),
            attributes: Attributes(i16::from_be_bytes(field(header, 21))),
            last_offset_delta: i32::from_be_bytes(field(header, 23)),
            base_timestamp: i64::from_be_bytes(field(header, 27)),
            max_timestamp: i64::from_be_bytes(field(header, 35)),
            producer_id: ProducerId(i64::from_be_bytes(field(header, 43))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field(header, 51))),
            base_sequence: i32::from_be_bytes(field(header, 53)),
            record_count: i32::from_be_bytes(field(header, 57)),
        };
        if parsed.batch_length < (HEADER_BYTES - LOG_OVERHEAD_BYTES) as i32 {
            return Err(BatchError::LengthTooSmall { batch_length: parsed.batch_length });
        }
        Ok(parsed)
    }

    /// The header's bytes, with the CRC as it stands in the field.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.0.to_be_bytes());
        bytes[16] = MAGIC as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        bytes
    }

    /// The header's bytes with the CRC that it and `body` have together.
    pub fn encode_over(&self, body: &[u8]) -> [u8; HEADER_BYTES] {
        let mut bytes = self.encode();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[CRC_START..]), body);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// The length of the whole batch, header included.
    pub fn size_in_bytes(&self) -> usize {
        LOG_OVERHEAD_BYTES + usize::try_from(self.batch_length).expect("checked when parsed")
    }

    /// The offset of the last record (as produced).
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// The offset that follows the batch.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// From when on the batch's tombstones, or its marker, may go, if that was decided (KIP-534).
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// Whether an idempotent producer wrote the batch.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > ProducerId::NONE
    }

    /// The sequence number of the last record, or [`NO_SEQUENCE`].
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        // After i32::MAX sequence numbers go on at zero.
        self.base_sequence.wrapping_add(self.last_offset_delta) & i32::MAX
    }
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], start: usize) -> [u8; N] {
    *header[start..].first_chunk().expect("every field lies inside the header")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(batch_length: i32) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(0x0102_0304_0506_0708),
            batch_length,
            partition_leader_epoch: LeaderEpoch(0x1112_1314),
            crc: 0x2122_2324,
            attributes: Attributes(0x3132),
            last_offset_delta: 0x4142_4344,
            base_timestamp: 0x5152_5354_5556_5758,
            max_timestamp: 0x6162_6364_6566_6768,
            producer_id: ProducerId(0x7172_7374_7576_7778),
            producer_epoch: ProducerEpoch(0x0a0b),
            base_sequence: 0x1a1b_1c1d,
            record_count: 0x2a2b_2c2d,
        }
    }

    #[test]
    fn every_field_lies_where_kafka_has_it() {
        let bytes = header(49).encode();
        let expected = [
            1, 2, 3, 4, 5, 6, 7, 8, // base offset
            0, 0, 0, 49, // length
            0x11, 0x12, 0x13, 0x14, // leader epoch
            2,    // magic
            0x21, 0x22, 0x23, 0x24, // crc
            0x31, 0x32, // attributes
            0x41, 0x42, 0x43, 0x44, // last offset delta
            0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, // base timestamp
            0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, // max timestamp
            0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, // producer id
            0x0a, 0x0b, // producer epoch
            0x1a, 0x1b, 0x1c, 0x1d, // base sequence
            0x2a, 0x2b, 0x2c, 0x2d, // record count
        ];
        assert_eq!(bytes, expected);
        assert_eq!(BatchHeader::parse(&bytes).unwrap(), header(49));
    }

    #[test]
    fn a_cut_header_a_foreign_format_and_an_impossible_length_are_told_apart() {
        let bytes = header(49).encode();
        for cut in 0..HEADER_BYTES {
            let error = BatchHeader::parse(&bytes[..cut]).unwrap_err();
            assert!(matches!(error, BatchError::HeaderCut { available } if available == cut));
        }
        for magic in [0, 1, 3, -1_i8] {
            let mut old = bytes;
            old[16] = magic as u8;
            for cut in [&old[..], &old[..40]] {
                let error = BatchHeader::parse(cut).unwrap_err();
                assert!(matches!(error, BatchError::UnsupportedMagic { magic: m } if m == magic));
            }
        }
        for length in [i32::MIN, -1, 0, 48] {
            let error = BatchHeader::parse(&header(length).encode()).unwrap_err();
            let BatchError::LengthTooSmall { batch_length } = error else { panic!("{error}") };
            assert_eq!(batch_length, length);
        }
    }

    #[test]
    fn sequence_numbers_go_on_at_zero_after_the_last() {
        let at = |base_sequence, last_offset_delta| {
            BatchHeader { last_offset_delta, base_sequence, ..header(49) }.last_sequence()
        };
        assert_eq!(at(NO_SEQUENCE, 5), NO_SEQUENCE);
        assert_eq!(at(10, 5), 15);
        assert_eq!(at(i32::MAX, 0), i32::MAX);
        assert_eq!(at(i32::MAX, 1), 0);
        assert_eq!(at(i32::MAX - 1, 4), 2);
    }

    #[test]
    fn extreme_offsets_do_not_overflow() {
        let extreme = BatchHeader { base_offset: Offset(i64::MAX), ..header(i32::MAX) };
        assert_eq!(extreme.next_offset(), Offset(i64::MAX));
        assert_eq!(extreme.size_in_bytes(), i32::MAX as usize + 12);
    }

    proptest! {
        #[test]
        fn any_61_bytes_are_refused_or_come_back_as_they_were(bytes: [u8; 32], rest: [u8; 29]) {
            let bytes = [&bytes[..], &rest[..]].concat();
            if let Ok(header) = BatchHeader::parse(&bytes) {
                prop_assert_eq!(&header.encode()[..], &bytes[..]);
            }
        }
    }
}
