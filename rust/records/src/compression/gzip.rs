//! Gzip: one member or several, one after the other.

use std::io::{self, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

pub(super) type Reader<'a> = MultiGzDecoder<&'a [u8]>;

pub(super) fn compress(level: Option<i32>, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    // Zlib's levels; -1 is Kafka's way to say its default.
    let level = match level {
        None | Some(-1) => flate2::Compression::default(),
        Some(level @ 0..=9) => flate2::Compression::new(level as u32),
        Some(level) => {
            let reason = format!("gzip has the levels 1 to 9, not {level}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
    };
    let mut encoder = GzEncoder::new(out, level);
    encoder.write_all(bytes)?;
    encoder.finish().map(|_| ())
}

pub(super) fn reader(bytes: &[u8]) -> Reader<'_> {
    MultiGzDecoder::new(bytes)
}
