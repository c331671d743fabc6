//! The codecs of a batch's body, in both directions; what comes out of a decompressor is bounded.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use base::limits::{DECOMPRESSED_BYTES_MAX, DECOMPRESSED_BYTES_MIN, DECOMPRESSION_RATIO_MAX};
use thiserror::Error;

mod gzip;
mod lz4;
mod snappy;
mod zstd;

/// A codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CompressionType {
    /// The body is as it was written.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy blocks in xerial's framing; a bare block is read too.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878 (KIP-110).
    Zstd,
}

impl CompressionType {
    /// Every codec.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this number in a batch's attributes.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    /// Its number in a batch's attributes.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for CompressionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no codec has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("compression {0:?} does not exist; take none, gzip, snappy, lz4 or zstd")]
pub struct UnknownCompressionName(String);

impl FromStr for CompressionType {
    type Err = UnknownCompressionName;

    fn from_str(name: &str) -> Result<Self, UnknownCompressionName> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| UnknownCompressionName(name.to_owned()))
    }
}

/// A codec and how hard it should try (KIP-780).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Compression {
    /// The codec.
    pub codec: CompressionType,
    /// The codec's level; its own default if there is none. Snappy and lz4 have one level only.
    pub level: Option<i32>,
}

impl From<CompressionType> for Compression {
    fn from(codec: CompressionType) -> Self {
        Self { codec, level: None }
    }
}

/// Why bytes could not be compressed.
#[derive(Debug, Error)]
#[error("the {codec} compressor failed")]
pub struct CompressError {
    codec: CompressionType,
    source: io::Error,
}

/// Appends `bytes` to `out`, compressed.
pub fn compress(
    compression: Compression,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CompressError> {
    let result = match compression.codec {
        CompressionType::None => {
            out.extend_from_slice(bytes);
            Ok(())
        }
        CompressionType::Gzip => gzip::compress(compression.level, bytes, out),
        CompressionType::Snappy => snappy::compress(bytes, out),
        CompressionType::Lz4 => lz4::compress(bytes, out),
        CompressionType::Zstd => zstd::compress(compression.level, bytes, out),
    };
    result.map_err(|source| CompressError { codec: compression.codec, source })
}

/// Why bytes could not be decompressed.
#[derive(Debug, Error)]
pub enum DecompressError {
    /// They are not what the codec writes.
    #[error("the bytes are not valid {codec}: {source}")]
    Malformed {
        /// The codec.
        codec: CompressionType,
        /// What it found.
        source: io::Error,
    },
    /// They would grow too large.
    #[error("{codec} bytes would decompress to more than the {bytes_max} bytes allowed")]
    TooLarge {
        /// The codec.
        codec: CompressionType,
        /// The limit.
        bytes_max: usize,
    },
}

/// How many bytes a body of `compressed_bytes` may decompress to.
pub fn decompressed_bytes_max(compressed_bytes: usize) -> usize {
    compressed_bytes
        .saturating_mul(DECOMPRESSION_RATIO_MAX)
        .clamp(DECOMPRESSED_BYTES_MIN, DECOMPRESSED_BYTES_MAX)
}

/// The decompressed form of `bytes`, of `bytes_max` bytes at most.
pub fn decompress(
    codec: CompressionType,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<Vec<u8>, DecompressError> {
    // Text shrinks to a quarter or so: most bodies fit without growing twice.
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(bytes_max));
    let mut decompressor = Decompressor::new(codec, bytes, bytes_max)?;
    let malformed = |source| DecompressError::Malformed { codec, source };
    (&mut decompressor.stream)
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut out)
        .map_err(malformed)?;
    if out.len() > bytes_max {
        return Err(DecompressError::TooLarge { codec, bytes_max });
    }
    decompressor.stream.check_end().map_err(malformed)?;
    Ok(out)
}

/// Decompresses piece by piece.
pub(crate) struct Decompressor<'a> {
    codec: CompressionType,
    stream: Stream<'a>,
    bytes_max: usize,
    bytes_read: usize,
}

impl<'a> Decompressor<'a> {
    pub(crate) fn new(
        codec: CompressionType,
        bytes: &'a [u8],
        bytes_max: usize,
    ) -> Result<Self, DecompressError> {
        let stream = Stream::new(codec, bytes)
            .map_err(|source| DecompressError::Malformed { codec, source })?;
        Ok(Self { codec, stream, bytes_max, bytes_read: 0 })
    }

    /// Reads the next bytes into `buffer`, which is not empty; none are left when it answers 0.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecompressError> {
        let codec = self.codec;
        let malformed = |source| DecompressError::Malformed { codec, source };
        let length = self.stream.read(buffer).map_err(malformed)?;
        if length == 0 {
            self.stream.check_end().map_err(malformed)?;
        }
        self.bytes_read += length;
        if self.bytes_read > self.bytes_max {
            return Err(DecompressError::TooLarge { codec, bytes_max: self.bytes_max });
        }
        Ok(length)
    }
}

enum Stream<'a> {
    None(&'a [u8]),
    Gzip(gzip::Reader<'a>),
    Snappy(snappy::Reader<'a>),
    Lz4(lz4::Reader<'a>),
    Zstd(zstd::Reader<'a>),
}

impl<'a> Stream<'a> {
    fn new(codec: CompressionType, bytes: &'a [u8]) -> io::Result<Self> {
        Ok(match codec {
            CompressionType::None => Self::None(bytes),
            CompressionType::Gzip => Self::Gzip(gzip::reader(bytes)),
            CompressionType::Snappy => Self::Snappy(snappy::Reader::new(bytes)?),
            CompressionType::Lz4 => Self::Lz4(lz4::reader(bytes)?),
            CompressionType::Zstd => Self::Zstd(zstd::reader(bytes)?),
        })
    }

    /// Whether the compressed bytes ended where the stream did.
    fn check_end(&self) -> io::Result<()> {
        match self {
            // These read on until the bytes end, or fail.
            Self::None(_) | Self::Gzip(_) | Self::Snappy(_) | Self::Zstd(_) => Ok(()),
            Self::Lz4(reader) => lz4::check_end(reader),
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::None(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
            Self::Snappy(reader) => reader.read(buffer),
            Self::Lz4(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests;
