//! Snappy in the framing of xerial's Java library, which Kafka's clients share; a bare block is
//! read as well (librdkafka).
//!
//! ```text
//! 82 "SNAPPY" 00 | version: i32 = 1 | compatible from: i32 = 1 | (block length: i32 | block)*
//! ```

use std::io::{self, Read};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const VERSION: i32 = 1;
const PREAMBLE_BYTES: usize = 16;
/// The block size of xerial's library.
const BLOCK_BYTES: usize = 32 * 1024;
/// Three bytes give 64 at most, so a block that claims to grow more than this is not one.
const RATIO_MAX: usize = 32;

pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        let start = out.len();
        out.resize(start + 4 + snap::raw::max_compress_len(block.len()), 0);
        let length = encoder.compress(block, &mut out[start + 4..])?;
        out[start..start + 4].copy_from_slice(&(length as i32).to_be_bytes());
        out.truncate(start + 4 + length);
    }
    Ok(())
}

/// Decompresses one block at a time.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    block_read: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> io::Result<Self> {
        let framed = bytes.starts_with(&MAGIC);
        let rest = match bytes.get(PREAMBLE_BYTES..) {
            Some(rest) if framed => rest,
            _ if framed => return Err(malformed("the framing is cut")),
            // An empty input is not even a bare block.
            _ if bytes.is_empty() => return Err(malformed("there is no byte")),
            _ => bytes,
        };
        Ok(Self { rest, framed, block: Vec::new(), block_read: 0 })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let block = if self.framed { self.take_block()? } else { std::mem::take(&mut self.rest) };
        let length = snap::raw::decompress_len(block)?;
        if length > block.len().saturating_mul(RATIO_MAX) {
            return Err(malformed("a block claims a length that it cannot have"));
        }
        self.block.resize(length, 0);
        self.block_read = 0;
        let written = snap::raw::Decoder::new().decompress(block, &mut self.block)?;
        self.block.truncate(written);
        Ok(())
    }

    fn take_block(&mut self) -> io::Result<&'a [u8]> {
        let (length, rest) =
            self.rest.split_first_chunk().ok_or_else(|| malformed("a block length is cut"))?;
        let length = usize::try_from(i32::from_be_bytes(*length))
            .map_err(|_| malformed("a block length is negative"))?;
        let (block, rest) =
            rest.split_at_checked(length).ok_or_else(|| malformed("a block is cut"))?;
        self.rest = rest;
        Ok(block)
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block_read == self.block.len() && !self.rest.is_empty() {
            self.next_block()?;
        }
        let length = (&self.block[self.block_read..]).read(buffer)?;
        self.block_read += length;
        Ok(length)
    }
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
