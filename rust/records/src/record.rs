//! One record: how it is laid out inside a batch, read without a copy and written.

use std::borrow::Cow;
use std::iter::FusedIterator;

use base::Offset;
use base::varint::{self, VARINT_LENGTH_MAX, VarintError};
use thiserror::Error;

use crate::compression::DecompressError;
use crate::cursor::{Cursor, Fields, required_length};

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A field is longer than what is left.
    #[error("a field of {needed} bytes has only {remaining} left")]
    Cut {
        /// The length that the field claims.
        needed: u64,
        /// The bytes that are there.
        remaining: u64,
    },
    /// A length or a delta cannot be read.
    #[error(transparent)]
    Varint(#[from] VarintError),
    /// A length is negative and not the one that means null, or null is not allowed.
    #[error("a length is {length}")]
    NegativeLength {
        /// The length.
        length: i32,
    },
    /// More headers are claimed than there are bytes.
    #[error("a record claims {count} headers in {remaining} bytes")]
    HeaderCount {
        /// The claimed number.
        count: i32,
        /// The bytes that are left of the record.
        remaining: u64,
    },
    /// The fields of a record end elsewhere than its length says.
    #[error("a record of {declared} bytes has fields of {actual} bytes")]
    Length {
        /// The length in front of the record.
        declared: u64,
        /// The length of its fields.
        actual: u64,
    },
    /// Bytes follow the last record.
    #[error("bytes follow the last record that the batch declares")]
    TrailingBytes,
    /// The records cannot be decompressed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
}

/// A record of a batch; key, value and headers are slices of the batch's body.
///
/// ```text
/// length: varint | attributes: i8 | timestamp delta: varlong | offset delta: varint
/// key length: varint, -1 null | key | value length: varint, -1 null | value
/// header count: varint | (key length: varint | key | value length: varint, -1 null | value)*
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's offset.
    pub offset: Offset,
    /// Milliseconds since 1970; what they mean, the batch says.
    pub timestamp: i64,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; a record without one is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in the order in which the producer added them; keys may repeat.
    pub headers: Headers<'a>,
}

/// A header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The key: UTF-8 by the protocol, but foreign producers may have written anything.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// A header.
    pub fn new(key: &'a str, value: Option<&'a [u8]>) -> Self {
        Self { key: key.as_bytes(), value }
    }

    /// The key as text; what is not UTF-8 becomes U+FFFD.
    pub fn key_text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key)
    }
}

/// The headers of a record, checked when it was read and unpacked on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    /// The number of headers.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn read(cursor: &mut Cursor<'a>) -> Result<Self, RecordError> {
        let count = cursor.varint()?;
        if count == 0 {
            return Ok(Self::default());
        }
        let bytes = cursor.rest();
        skip_headers(cursor, count, bytes.len() as u64)?;
        let length = bytes.len() - cursor.rest().len();
        Ok(Self { count: count as usize, bytes: &bytes[..length] })
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = Header<'a>;
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        HeaderIter { left: self.count, cursor: Cursor::new(self.bytes) }
    }
}

/// The headers of a record, one by one.
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    left: usize,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.left = self.left.checked_sub(1)?;
        let key = self.cursor.nullable().ok().flatten();
        let value = self.cursor.nullable().ok();
        key.zip(value).map(|(key, value)| Header { key, value })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for HeaderIter<'_> {}
impl FusedIterator for HeaderIter<'_> {}

/// A record as it lies in its batch, before the header's base offset and timestamp are added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRecord<'a> {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Headers<'a>,
}

impl<'a> RawRecord<'a> {
    /// Reads the next record.
    #[inline]
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, RecordError> {
        let length = required_length(cursor.varint()?)?;
        let mut fields = Cursor::new(cursor.take(length)?);
        fields.byte()?; // no attribute of a record is defined
        let timestamp_delta = fields.varlong()?;
        let offset_delta = fields.varint()?;
        let key = fields.nullable()?;
        let value = fields.nullable()?;
        let headers = Headers::read(&mut fields)?;
        match fields.rest() {
            [] => Ok(Self { offset_delta, timestamp_delta, key, value, headers }),
            _ => Err(RecordError::Length { declared: length as u64, actual: fields.position() }),
        }
    }
}

/// What a validator needs to know of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordShape {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) has_key: bool,
}

impl RecordShape {
    /// Reads the next record and keeps nothing of its key, value and headers.
    #[inline]
    pub(crate) fn read(fields: &mut impl Fields) -> Result<Self, RecordError> {
        let declared = required_length(fields.varint()?)? as u64;
        let start = fields.position();
        fields.byte()?;
        let timestamp_delta = fields.varlong()?;
        let offset_delta = fields.varint()?;
        let has_key = fields.skip_nullable()?;
        fields.skip_nullable()?;
        let count = fields.varint()?;
        if count != 0 {
            let remaining = (start + declared).saturating_sub(fields.position());
            skip_headers(fields, count, remaining)?;
        }
        let actual = fields.position() - start;
        if actual != declared {
            return Err(RecordError::Length { declared, actual });
        }
        Ok(Self { offset_delta, timestamp_delta, has_key })
    }
}

fn skip_headers(fields: &mut impl Fields, count: i32, remaining: u64) -> Result<(), RecordError> {
    // A header takes two bytes at least, so the bytes of the record bound this loop.
    if u64::try_from(count).map_or(true, |count| count > remaining / 2) {
        return Err(RecordError::HeaderCount { count, remaining });
    }
    for _ in 0..count {
        if !fields.skip_nullable()? {
            return Err(RecordError::NegativeLength { length: -1 });
        }
        fields.skip_nullable()?;
    }
    Ok(())
}

/// A record on its way into a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRecord<'a> {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [Header<'a>],
}

impl NewRecord<'_> {
    /// The length that goes in front of the record.
    #[inline]
    pub(crate) fn body_bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| nullable_bytes(Some(header.key)) + nullable_bytes(header.value))
            .sum();
        1 + varint::length_i64(self.timestamp_delta)
            + varint::length_i32(self.offset_delta)
            + nullable_bytes(self.key)
            + nullable_bytes(self.value)
            + varint::length_i32(self.headers.len() as i32)
            + headers
    }

    /// The length of a record with its length in front.
    #[inline]
    pub(crate) fn framed_bytes(body_bytes: usize) -> usize {
        length_bytes(body_bytes) + body_bytes
    }

    /// Appends the record, whose [`Self::body_bytes`] the caller knows and has found to be small
    /// enough.
    #[inline]
    pub(crate) fn write(&self, body_bytes: usize, out: &mut Vec<u8>) {
        out.reserve(VARINT_LENGTH_MAX + body_bytes);
        varint::write_i32(body_bytes as i32, out);
        out.push(0);
        varint::write_i64(self.timestamp_delta, out);
        varint::write_i32(self.offset_delta, out);
        write_nullable(self.key, out);
        write_nullable(self.value, out);
        varint::write_i32(self.headers.len() as i32, out);
        for header in self.headers {
            write_nullable(Some(header.key), out);
            write_nullable(header.value, out);
        }
    }
}

#[inline]
fn nullable_bytes(field: Option<&[u8]>) -> usize {
    field.map_or(1, |bytes| length_bytes(bytes.len()) + bytes.len())
}

/// The length of a length, which folding makes twice as large.
#[inline]
fn length_bytes(length: usize) -> usize {
    // A length beyond the type is refused before it is written.
    varint::length_u32(u32::try_from(length << 1).unwrap_or(u32::MAX))
}

#[inline]
fn write_nullable(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        Some(bytes) => {
            varint::write_i32(bytes.len() as i32, out);
            out.extend_from_slice(bytes);
        }
        None => varint::write_i32(-1, out),
    }
}

#[cfg(test)]
mod tests;
