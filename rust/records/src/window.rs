//! A small window over a body while it is decompressed, so that a batch of any size is checked in
//! bounded memory.

use base::varint::VARLONG_LENGTH_MAX;

use crate::compression::{CompressionType, DecompressError, Decompressor, decompressed_bytes_max};
use crate::cursor::{Cursor, Fields};
use crate::record::RecordError;

/// How much of a body is held decompressed. Most records fit, and longer ones are passed over piece
/// by piece.
const WINDOW_BYTES: usize = 16 * 1024;

pub(crate) struct Window<'a> {
    decompressor: Decompressor<'a>,
    buffer: Box<[u8]>,
    /// The bytes that were decompressed and not passed are `buffer[start..end]`.
    start: usize,
    end: usize,
    at_end_of_input: bool,
    passed: u64,
}

impl<'a> Window<'a> {
    /// A window at the start of the body that `bytes` are the compressed form of.
    pub(crate) fn new(codec: CompressionType, bytes: &'a [u8]) -> Result<Self, DecompressError> {
        Ok(Self {
            decompressor: Decompressor::new(codec, bytes, decompressed_bytes_max(bytes.len()))?,
            buffer: vec![0; WINDOW_BYTES].into(),
            start: 0,
            end: 0,
            at_end_of_input: false,
            passed: 0,
        })
    }

    fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn pass(&mut self, length: usize) {
        self.start += length;
        self.passed += length as u64;
    }

    /// Reads on until `wanted` bytes are available or the input ends.
    #[inline]
    fn fill(&mut self, wanted: usize) -> Result<(), DecompressError> {
        if self.end - self.start >= wanted || self.at_end_of_input {
            return Ok(());
        }
        self.read_on(wanted)
    }

    #[cold]
    fn read_on(&mut self, wanted: usize) -> Result<(), DecompressError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < wanted && !self.at_end_of_input {
            let length = self.decompressor.read(&mut self.buffer[self.end..])?;
            self.end += length;
            self.at_end_of_input = length == 0;
        }
        Ok(())
    }

    #[inline]
    fn read<T>(
        &mut self,
        wanted: usize,
        read: impl FnOnce(&mut Cursor<'_>) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        self.fill(wanted)?;
        let mut cursor = Cursor::new(self.available());
        let value = read(&mut cursor)?;
        let length = cursor.position() as usize;
        self.pass(length);
        Ok(value)
    }
}

impl Fields for Window<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, RecordError> {
        self.read(1, |cursor| cursor.byte())
    }

    #[inline]
    fn varint(&mut self) -> Result<i32, RecordError> {
        self.read(VARLONG_LENGTH_MAX, |cursor| cursor.varint())
    }

    #[inline]
    fn varlong(&mut self) -> Result<i64, RecordError> {
        self.read(VARLONG_LENGTH_MAX, |cursor| cursor.varlong())
    }

    #[inline]
    fn skip(&mut self, length: usize) -> Result<(), RecordError> {
        let mut left = length;
        loop {
            let step = left.min(self.end - self.start);
            self.pass(step);
            left -= step;
            if left == 0 {
                return Ok(());
            }
            self.fill(1)?;
            if self.available().is_empty() {
                return Err(RecordError::Cut {
                    needed: length as u64,
                    remaining: (length - left) as u64,
                });
            }
        }
    }

    fn position(&self) -> u64 {
        self.passed
    }

    fn is_at_end(&mut self) -> Result<bool, RecordError> {
        self.fill(1)?;
        Ok(self.available().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::compress;

    fn compressed(codec: CompressionType, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compress(codec.into(), bytes, &mut out).unwrap();
        out
    }

    #[test]
    fn fields_are_the_same_through_a_window_as_in_a_slice() {
        // Fields of uneven length, so that some lie across every edge of the window.
        let mut body = Vec::new();
        for value in 0..20_000 {
            base::varint::write_i32(value, &mut body);
            base::varint::write_i64(i64::from(value) << 33, &mut body);
            body.push(value as u8);
        }
        for codec in CompressionType::ALL {
            let compressed = compressed(codec, &body);
            let mut window = Window::new(codec, &compressed).unwrap();
            for value in 0..20_000 {
                assert_eq!(window.varint().unwrap(), value);
                assert_eq!(window.varlong().unwrap(), i64::from(value) << 33);
                assert_eq!(window.byte().unwrap(), value as u8);
            }
            assert!(window.is_at_end().unwrap());
            assert_eq!(window.position(), body.len() as u64);
            assert!(window.byte().is_err());
        }
    }

    #[test]
    fn a_field_larger_than_the_window_is_passed_over() {
        let body = vec![7; 10 * WINDOW_BYTES + 3];
        for codec in CompressionType::ALL {
            let compressed = compressed(codec, &body);
            let mut window = Window::new(codec, &compressed).unwrap();
            window.skip(10 * WINDOW_BYTES).unwrap();
            assert!(!window.is_at_end().unwrap());
            let error = window.skip(4).unwrap_err();
            assert!(matches!(error, RecordError::Cut { needed: 4, remaining: 3 }), "{error}");
        }
    }
}
