//! Reading the fields of records one after the other, from a slice or (see [`crate::window`]) from
//! a stream.

use base::varint::{self, VarintError};

use crate::record::RecordError;

/// Where the fields of records come from.
pub(crate) trait Fields {
    /// One byte.
    fn byte(&mut self) -> Result<u8, RecordError>;
    /// A zigzag-folded 32-bit integer.
    fn varint(&mut self) -> Result<i32, RecordError>;
    /// A zigzag-folded 64-bit integer.
    fn varlong(&mut self) -> Result<i64, RecordError>;
    /// Passes over `length` bytes.
    fn skip(&mut self, length: usize) -> Result<(), RecordError>;
    /// The number of bytes passed so far.
    fn position(&self) -> u64;
    /// Whether no byte follows.
    fn is_at_end(&mut self) -> Result<bool, RecordError>;

    /// Passes over a field with a length in front, -1 for null; tells whether it was there.
    #[inline]
    fn skip_nullable(&mut self) -> Result<bool, RecordError> {
        match nullable_length(self.varint()?)? {
            Some(length) => self.skip(length).map(|()| true),
            None => Ok(false),
        }
    }
}

/// Reads fields from a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// The bytes that follow.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `length` bytes.
    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(RecordError::Cut { needed: length as u64, remaining: self.rest.len() as u64 })?;
        self.rest = rest;
        Ok(taken)
    }

    /// A field with a length in front, -1 for null.
    #[inline]
    pub(crate) fn nullable(&mut self) -> Result<Option<&'a [u8]>, RecordError> {
        match nullable_length(self.varint()?)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn read<T>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<(T, usize), VarintError>,
    ) -> Result<T, RecordError> {
        let (value, length) = read(self.rest)?;
        self.rest = &self.rest[length..];
        Ok(value)
    }

    /// The next variable-length integer, still folded, if it takes a byte or two, as most do.
    #[inline]
    fn short(&mut self) -> Option<i32> {
        let (value, length) = match *self.rest {
            [low, ..] if low < 0x80 => (i32::from(low), 1),
            [low, high, ..] if high < 0x80 => (i32::from(low & 0x7f) | i32::from(high) << 7, 2),
            _ => return None,
        };
        self.rest = &self.rest[length..];
        Some(value)
    }
}

impl Fields for Cursor<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, RecordError> {
        self.take(1).map(|bytes| bytes[0])
    }

    #[inline]
    fn varint(&mut self) -> Result<i32, RecordError> {
        match self.short() {
            Some(folded) => Ok(unfold(folded)),
            None => self.read(long_i32),
        }
    }

    #[inline]
    fn varlong(&mut self) -> Result<i64, RecordError> {
        match self.short() {
            Some(folded) => Ok(i64::from(unfold(folded))),
            None => self.read(long_i64),
        }
    }

    #[inline]
    fn skip(&mut self, length: usize) -> Result<(), RecordError> {
        self.take(length).map(|_| ())
    }

    #[inline]
    fn position(&self) -> u64 {
        (self.length - self.rest.len()) as u64
    }

    fn is_at_end(&mut self) -> Result<bool, RecordError> {
        Ok(self.rest.is_empty())
    }
}

/// A length that may be -1 for null.
#[inline]
pub(crate) fn nullable_length(length: i32) -> Result<Option<usize>, RecordError> {
    match usize::try_from(length) {
        Ok(length) => Ok(Some(length)),
        Err(_) if length == -1 => Ok(None),
        Err(_) => Err(RecordError::NegativeLength { length }),
    }
}

/// A length that may not be null.
#[inline]
pub(crate) fn required_length(length: i32) -> Result<usize, RecordError> {
    usize::try_from(length).map_err(|_| RecordError::NegativeLength { length })
}

// Kept out of their callers, which then are small enough to be inlined into the loop over the
// records, where the cursor stays in registers.
#[cold]
#[inline(never)]
fn long_i32(bytes: &[u8]) -> Result<(i32, usize), VarintError> {
    varint::read_i32(bytes)
}

#[cold]
#[inline(never)]
fn long_i64(bytes: &[u8]) -> Result<(i64, usize), VarintError> {
    varint::read_i64(bytes)
}

#[inline]
fn unfold(folded: i32) -> i32 {
    folded >> 1 ^ -(folded & 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_turn_and_counted() {
        let bytes = [7, 0x03, 0x80, 0x01, 4, b'a', b'b', 1, b'z'];
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(cursor.byte().unwrap(), 7);
        assert_eq!(cursor.varint().unwrap(), -2);
        assert_eq!(cursor.varlong().unwrap(), 64);
        assert_eq!(cursor.nullable().unwrap(), Some(&b"ab"[..]));
        assert_eq!(cursor.nullable().unwrap(), None);
        assert_eq!((cursor.position(), cursor.rest()), (8, &b"z"[..]));
        assert!(!cursor.is_at_end().unwrap());
        cursor.skip(1).unwrap();
        assert!(cursor.is_at_end().unwrap());
    }

    #[test]
    fn what_lies_beyond_the_end_is_an_error() {
        let mut cursor = Cursor::new(&[0x08, 1]);
        assert!(matches!(cursor.nullable(), Err(RecordError::Cut { needed: 4, remaining: 1 })));
        assert!(matches!(Cursor::new(&[]).varint(), Err(RecordError::Varint(_))));
        assert!(matches!(Cursor::new(&[]).byte(), Err(RecordError::Cut { .. })));
        assert!(matches!(
            Cursor::new(&[3]).nullable(),
            Err(RecordError::NegativeLength { length: -2 })
        ));
    }

    #[test]
    fn short_integers_are_read_as_the_long_way_reads_them() {
        for bytes in 0..=u16::MAX {
            let bytes = bytes.to_be_bytes();
            let read = |cursor: &mut Cursor<'_>| cursor.varint().ok();
            let mut cursor = Cursor::new(&bytes);
            let expected = varint::read_i32(&bytes).ok();
            assert_eq!(read(&mut cursor), expected.map(|(value, _)| value));
            assert_eq!(cursor.position() as usize, expected.map_or(0, |(_, length)| length));
            let expected = varint::read_i64(&bytes).ok().map(|(value, _)| value);
            assert_eq!(Cursor::new(&bytes).varlong().ok(), expected);
        }
    }
}
