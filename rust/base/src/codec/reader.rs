//! Reads values from one frame, and believes no length in it before it has seen the bytes.

use bytes::Bytes;

use super::error::{DecodeError, DecodeReason};
use crate::limits::{ARRAY_RESERVE_MAX, DECODE_HEAP_MIN, DECODE_HEAP_PER_BYTE};
use crate::varint;

/// A position in a frame. Byte fields are slices of the frame and keep it alive; nothing else is
/// shared.
#[derive(Debug)]
pub struct Reader {
    frame: Bytes,
    position: usize,
    end: usize,
    heap_left: usize,
}

impl Reader {
    /// Reads `frame` from its start.
    pub fn new(frame: Bytes) -> Self {
        let end = frame.len();
        let heap_left = end.saturating_mul(DECODE_HEAP_PER_BYTE).saturating_add(DECODE_HEAP_MIN);
        Self { frame, position: 0, end, heap_left }
    }

    /// The number of bytes read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The number of bytes left.
    pub fn remaining(&self) -> usize {
        self.end - self.position
    }

    /// What is left, as a slice of the frame.
    pub fn rest(&self) -> Bytes {
        self.frame.slice(self.position..self.end)
    }

    /// An error here.
    pub fn error(&self, reason: DecodeReason) -> DecodeError {
        DecodeError::at(self.position, reason)
    }

    /// The next `N` bytes: every number that has a fixed size.
    pub fn read_fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.unread().first_chunk::<N>().copied();
        let bytes = bytes.ok_or_else(|| self.truncated(N))?;
        self.position += N;
        Ok(bytes)
    }

    /// The next `length` bytes, as a slice of the frame.
    pub fn read_bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(self.truncated(length));
        }
        let bytes = self.frame.slice(self.position..self.position + length);
        self.position += length;
        Ok(bytes)
    }

    /// The next `length` bytes, which must be UTF-8.
    pub fn read_text(&mut self, length: usize) -> Result<String, DecodeError> {
        let bytes = self.unread().get(..length).ok_or_else(|| self.truncated(length))?;
        let text = str::from_utf8(bytes).map_err(|_| self.error(DecodeReason::NotUtf8))?.to_owned();
        self.position += length;
        Ok(text)
    }

    /// An unsigned variable-length integer.
    pub fn read_unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let (value, length) =
            varint::read_u32(self.unread()).map_err(|error| self.error(error.into()))?;
        self.position += length;
        Ok(value)
    }

    /// `claimed` elements, of which each takes `element_size_min` bytes or more.
    ///
    /// The claim is believed for [`ARRAY_RESERVE_MAX`] elements at first, and once those have truly
    /// arrived for as many as the rest of the frame can hold; both within what is left of the
    /// frame's memory.
    pub fn read_elements<T>(
        &mut self,
        claimed: usize,
        element_size_min: usize,
        mut read_one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        assert!(element_size_min > 0, "an element without bytes could be claimed for ever");
        let possible = self.remaining() / element_size_min;
        if claimed > possible {
            return Err(self.error(DecodeReason::TooManyElements { claimed, possible }));
        }
        let mut elements = Vec::new();
        self.reserve(&mut elements, claimed.min(ARRAY_RESERVE_MAX))?;
        while elements.len() < claimed {
            if elements.len() == elements.capacity() {
                let missing = claimed - elements.len();
                self.reserve(&mut elements, missing.min(self.remaining() / element_size_min))?;
            }
            elements.push(read_one(self)?);
        }
        Ok(elements)
    }

    /// The tagged fields at the end of a struct: `known` reads the field with the tag it is given,
    /// or says that it does not know it, in which case it is skipped. A field cannot reach beyond
    /// its size.
    pub fn read_tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.read_unsigned_varint()?;
        for _ in 0..count {
            let tag = self.read_unsigned_varint()?;
            let size = self.read_unsigned_varint()? as usize;
            if size > self.remaining() {
                return Err(self.truncated(size));
            }
            let outer_end = self.end;
            self.end = self.position + size;
            known(self, tag)?;
            self.position = self.end;
            self.end = outer_end;
        }
        Ok(())
    }

    fn unread(&self) -> &[u8] {
        &self.frame[self.position..self.end]
    }

    fn truncated(&self, needed: usize) -> DecodeError {
        self.error(DecodeReason::Truncated { needed, remaining: self.remaining() })
    }

    /// Reserves exactly, because the doubling of a growing vector would count three times.
    fn reserve<T>(&mut self, elements: &mut Vec<T>, additional: usize) -> Result<(), DecodeError> {
        let heap = additional.saturating_mul(size_of::<T>());
        let left = self.heap_left.checked_sub(heap);
        self.heap_left = left.ok_or_else(|| self.error(DecodeReason::HeapExhausted))?;
        elements.reserve_exact(additional);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(bytes: &[u8]) -> Reader {
        Reader::new(Bytes::copy_from_slice(bytes))
    }

    fn one_byte(reader: &mut Reader) -> Result<u8, DecodeError> {
        Ok(reader.read_fixed::<1>()?[0])
    }

    #[test]
    fn bytes_are_slices_of_the_frame() {
        let frame = Bytes::from(vec![1, 2, 3, 4]);
        let mut reader = Reader::new(frame.clone());
        reader.read_fixed::<1>().unwrap();
        let bytes = reader.read_bytes(2).unwrap();
        assert_eq!(bytes.as_ptr(), frame[1..].as_ptr());
        assert_eq!(reader.rest().as_ptr(), frame[3..].as_ptr());
        assert_eq!((reader.position(), reader.remaining()), (3, 1));
    }

    #[test]
    fn a_value_that_the_frame_cuts_says_what_is_missing_and_moves_nothing() {
        let mut reader = reader(&[1, 2, 3]);
        let truncated = |needed| DecodeReason::Truncated { needed, remaining: 3 };
        assert_eq!(reader.read_fixed::<4>().unwrap_err().reason, truncated(4));
        assert_eq!(reader.read_bytes(usize::MAX).unwrap_err().reason, truncated(usize::MAX));
        assert_eq!(reader.read_text(5).unwrap_err().reason, truncated(5));
        assert_eq!(reader.position(), 0);
    }

    #[test]
    fn an_array_that_claims_more_than_the_frame_holds_is_refused_before_anything_is_reserved() {
        for claimed in [4, 1 << 20, i32::MAX as usize, u32::MAX as usize] {
            let error = reader(&[0; 3]).read_elements(claimed, 1, one_byte).unwrap_err();
            assert_eq!(error.reason, DecodeReason::TooManyElements { claimed, possible: 3 });
        }
    }

    #[test]
    fn an_array_reserves_a_thousand_elements_until_they_have_arrived() {
        let mut capacities = Vec::new();
        let elements = reader(&[7; 5_000])
            .read_elements(5_000, 1, |reader| {
                capacities.push(reader.heap_left);
                one_byte(reader)
            })
            .unwrap();
        assert_eq!((elements.len(), elements.capacity()), (5_000, 5_000));
        let heap = 5_000 * DECODE_HEAP_PER_BYTE + DECODE_HEAP_MIN;
        assert_eq!(capacities[ARRAY_RESERVE_MAX - 1], heap - ARRAY_RESERVE_MAX);
        assert_eq!(capacities[ARRAY_RESERVE_MAX], heap - 5_000);
    }

    #[test]
    fn arrays_that_together_take_too_much_memory_are_refused() {
        // Elements of 64 bytes for one byte each: more than any schema of Kafka's asks for.
        let mut reader = reader(&[0; 10_000]);
        let error =
            reader.read_elements(10_000, 1, |r| one_byte(r).map(|_| [0u64; 8])).unwrap_err();
        assert_eq!(error.reason, DecodeReason::HeapExhausted);
    }

    #[test]
    fn a_tagged_field_ends_where_its_size_says_and_an_unknown_one_is_skipped() {
        // two fields: tag 9 of two bytes, tag 0 of three bytes; then one byte that belongs to the
        // next struct
        let mut reader = reader(&[2, 9, 2, 0xaa, 0xbb, 0, 3, 1, 2, 3, 0xcc]);
        let mut seen = Vec::new();
        reader
            .read_tagged_fields(|reader, tag| {
                if tag != 0 {
                    return Ok(false);
                }
                seen.push((reader.read_fixed::<2>().unwrap(), reader.read_fixed::<4>().is_err()));
                Ok(true)
            })
            .unwrap();
        assert_eq!(seen, [([1, 2], true)]);
        assert_eq!(reader.rest(), [0xcc].as_slice());
    }

    #[test]
    fn a_tagged_field_larger_than_its_struct_is_refused() {
        let mut reader = reader(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
        let error = reader.read_tagged_fields(|_, _| Ok(false)).unwrap_err();
        let needed = u32::MAX as usize;
        assert_eq!(error.reason, DecodeReason::Truncated { needed, remaining: 1 });
    }

    #[test]
    fn a_text_that_is_not_utf8_is_refused() {
        assert_eq!(reader(&[0xff]).read_text(1).unwrap_err().reason, DecodeReason::NotUtf8);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count: u16) {
            let mut elements = reader(&bytes);
            let _ = elements.read_elements(usize::from(count), 2, |r| {
                let length = r.read_unsigned_varint()? as usize;
                r.read_text(length)
            });
            let _ = reader(&bytes).read_tagged_fields(|r, tag| {
                r.read_bytes(tag as usize).map(|_| true)
            });
        }
    }
}
