//! Tests of the codecs: what goes in comes out, within bounds, whatever arrives.

use proptest::prelude::*;

use super::*;

const CODECS: [CompressionType; 4] =
    [CompressionType::Gzip, CompressionType::Snappy, CompressionType::Lz4, CompressionType::Zstd];

fn compressed(compression: impl Into<Compression>, bytes: &[u8]) -> Vec<u8> {
    let mut out = b"in front".to_vec();
    compress(compression.into(), bytes, &mut out).unwrap();
    assert!(out.starts_with(b"in front"));
    out.split_off(8)
}

fn streamed(codec: CompressionType, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    let mut decompressor = Decompressor::new(codec, bytes, decompressed_bytes_max(bytes.len()))?;
    let (mut out, mut buffer) = (Vec::new(), [0; 777]);
    loop {
        match decompressor.read(&mut buffer)? {
            0 => return Ok(out),
            length => out.extend_from_slice(&buffer[..length]),
        }
    }
}

fn text(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| format!("line {line} of a text that shrinks\n").into_bytes())
        .collect()
}

#[test]
fn names_and_numbers_lead_to_their_codec() {
    for codec in CompressionType::ALL {
        assert_eq!(CompressionType::from_id(codec.id()), Some(codec));
        assert_eq!(codec.to_string().parse(), Ok(codec));
    }
    assert_eq!(CompressionType::from_id(5), None);
    let error = "brotli".parse::<CompressionType>().unwrap_err();
    assert!(error.to_string().contains("brotli"));
}

#[test]
fn every_level_can_be_asked_for_and_others_are_refused() {
    let bytes = text(1000);
    let sizes = |codec, levels: &[i32]| -> Vec<usize> {
        let at = |&level: &i32| compressed(Compression { codec, level: Some(level) }, &bytes).len();
        levels.iter().map(at).collect()
    };
    let gzip = sizes(CompressionType::Gzip, &[1, 6, 9, -1]);
    assert!(gzip[0] > gzip[1] && gzip[1] == gzip[3], "{gzip:?}");
    let zstd = sizes(CompressionType::Zstd, &[-5, 1, 3]);
    assert!(zstd[0] > zstd[1] && zstd[1] != zstd[2], "{zstd:?}");
    for codec in [CompressionType::Gzip, CompressionType::Zstd] {
        let compression = Compression { codec, level: Some(99) };
        compress(compression, &bytes, &mut Vec::new()).unwrap_err();
    }
}

#[test]
fn lz4_frames_have_the_flags_that_java_reads() {
    let frame = compressed(CompressionType::Lz4, &text(10_000));
    assert_eq!(frame[..6], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40]);
}

#[test]
fn snappy_is_written_in_the_framing_of_xerial_and_read_bare_too() {
    let bytes = text(10_000);
    let framed = compressed(CompressionType::Snappy, &bytes);
    assert_eq!(framed[..16], *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let bare = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    assert_eq!(decompress(CompressionType::Snappy, &bare, bytes.len()).unwrap(), bytes);
    assert_eq!(streamed(CompressionType::Snappy, &bare).unwrap(), bytes);
}

#[test]
fn a_limit_is_met_to_the_byte() {
    let bytes = text(5000);
    for codec in CompressionType::ALL {
        let small = compressed(codec, &bytes);
        assert_eq!(decompress(codec, &small, bytes.len()).unwrap(), bytes);
        let error = decompress(codec, &small, bytes.len() - 1).unwrap_err();
        assert!(matches!(error, DecompressError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_bomb_stops_at_its_limit() {
    for codec in [CompressionType::Gzip, CompressionType::Lz4, CompressionType::Zstd] {
        let bomb = compressed(codec, &vec![0; 4 << 20]);
        let error = decompress(codec, &bomb, 1 << 20).unwrap_err();
        assert!(matches!(error, DecompressError::TooLarge { bytes_max, .. }
            if bytes_max == 1 << 20));
    }
    // 64 MiB of zeros from a few KiB: more than any batch of that length may grow to.
    let bomb = compressed(CompressionType::Zstd, &vec![0; 64 << 20]);
    assert_eq!(decompressed_bytes_max(bomb.len()), 16 << 20, "{} bytes", bomb.len());
    let error = streamed(CompressionType::Zstd, &bomb).unwrap_err();
    assert!(matches!(error, DecompressError::TooLarge { .. }));

    // Snappy cannot grow that far, but claims its length in front: 4 GiB here, in a bare block and
    // in a framed one.
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let framed = [&compressed(CompressionType::Snappy, b"")[..], &[0, 0, 0, 7], &claim].concat();
    for bomb in [&claim[..], &framed] {
        let error = decompress(CompressionType::Snappy, bomb, usize::MAX - 1).unwrap_err();
        assert!(matches!(error, DecompressError::Malformed { .. }), "{error}");
    }
}

#[test]
fn limits_follow_the_compressed_length_between_two_ends() {
    assert_eq!(decompressed_bytes_max(0), DECOMPRESSED_BYTES_MIN);
    assert_eq!(decompressed_bytes_max(100 * 1024), 100 * 1024 * 1024);
    assert_eq!(decompressed_bytes_max(usize::MAX), DECOMPRESSED_BYTES_MAX);
}

#[test]
fn bytes_that_follow_are_refused() {
    for codec in CODECS {
        let mut bytes = compressed(codec, &text(100));
        bytes.extend_from_slice(b"more");
        assert!(decompress(codec, &bytes, 1 << 20).is_err(), "{codec}");
        assert!(streamed(codec, &bytes).is_err(), "{codec}");
    }
}

#[test]
fn every_cut_is_refused_or_gives_all_there_was() {
    let bytes = text(20);
    for codec in CODECS {
        let whole = compressed(codec, &bytes);
        for cut in 0..whole.len() {
            let start = &whole[..cut];
            let results = [decompress(codec, start, 1 << 20), streamed(codec, start)];
            // A frame may be cut between its blocks: the batch's CRC and record count tell.
            for out in results.into_iter().flatten() {
                assert!(bytes.starts_with(&out), "{codec} cut at {cut}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out(bytes in prop::collection::vec(0..9_u8, 0..20_000)) {
        for codec in CompressionType::ALL {
            let small = compressed(codec, &bytes);
            prop_assert_eq!(&decompress(codec, &small, bytes.len()).unwrap(), &bytes);
            prop_assert_eq!(&streamed(codec, &small).unwrap(), &bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, fronted: bool) {
        for codec in CODECS {
            if fronted {
                let front = compressed(codec, b"some text");
                let front = &front[..front.len().min(20)];
                bytes.splice(..front.len().min(bytes.len()), front.iter().copied());
            }
            let whole = decompress(codec, &bytes, 1 << 20);
            let pieces = streamed(codec, &bytes);
            prop_assert_eq!(whole.is_ok(), pieces.is_ok());
            if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
                prop_assert_eq!(whole, pieces);
            }
        }
    }
}
