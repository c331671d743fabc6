//! Zstandard frames. The content size is written, so that a reader can size its buffer.

use std::io;

use zstd::stream::read::Decoder;

pub(super) type Reader<'a> = Decoder<'static, &'a [u8]>;

pub(super) fn compress(level: Option<i32>, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
    if !zstd::compression_level_range().contains(&level) {
        let reason = format!("zstd has no level {level}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    let start = out.len();
    out.resize(start + zstd::zstd_safe::compress_bound(bytes.len()), 0);
    let length = zstd::bulk::compress_to_buffer(bytes, &mut out[start..], level)?;
    out.truncate(start + length);
    Ok(())
}

/// The window is bounded by the library's own limit of 128 MiB, which Java's compressor can reach;
/// its pages are touched only as far as output is written.
pub(super) fn reader(bytes: &[u8]) -> io::Result<Reader<'_>> {
    Decoder::with_buffer(bytes)
}
