//! LZ4 frames with independent blocks of 64 KiB and no checksums: the batch's CRC covers them.

use std::io::{self, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

pub(super) type Reader<'a> = FrameDecoder<&'a [u8]>;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// Java's reader knows independent blocks only (FLG 0x60, BD 0x40).
pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let frame = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(frame, out);
    encoder.write_all(bytes)?;
    encoder.finish().map(|_| ()).map_err(io::Error::other)
}

pub(super) fn reader(bytes: &[u8]) -> io::Result<Reader<'_>> {
    // The decoder would also take LZ4's legacy format, which no Kafka client reads.
    if !bytes.starts_with(&MAGIC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no LZ4 frame begins here"));
    }
    Ok(FrameDecoder::new(bytes))
}

/// The decoder stops at the end of the frame, and at an empty block too: then bytes are left.
pub(super) fn check_end(reader: &Reader<'_>) -> io::Result<()> {
    match reader.get_ref() {
        [] => Ok(()),
        rest => {
            let reason = format!("{} bytes follow the frame", rest.len());
            Err(io::Error::new(io::ErrorKind::InvalidData, reason))
        }
    }
}
