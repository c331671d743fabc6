//! Frames that nobody should have sent: whatever arrives, reading it does not panic and takes
//! memory in proportion.

use base::codec::Reader;
use base::{Rng, SplitMix64};
use bytes::Bytes;
use wire::{AnyRequest, AnyResponse, ApiKey, DecodeError};

use crate::contract::{MESSAGES, Message};
use crate::counting_allocator::peak_heap;
use crate::random_message::{array_paths, dense_message, random_message};

/// The promise: at most this many bytes of heap for each byte of the frame,
const HEAP_PER_FRAME_BYTE: usize = 64;
/// and these, however small the frame.
const HEAP_MIN: usize = 64 * 1024;
/// Messages of each kind and version that are then spoiled.
const SEEDS_EACH: u64 = 6;
/// How often each of them is.
const MUTATIONS_EACH: u32 = 25;
/// Elements of the arrays that are as dense as can be: well over what is reserved at first.
const DENSE_ELEMENTS: u32 = 2_000;

/// Numbers that stand for lengths when they overwrite a random place.
const LENGTHS: [&[u8]; 6] = [
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x00, 0x10, 0x00, 0x00],
    &[0x80, 0x80, 0x40],
    &[0x7f, 0xff],
];

#[test]
fn spoiled_messages_are_read_or_refused_within_bounds() {
    for_each_version(|api, message, version| {
        let mut rng = SplitMix64::new(version as u64 ^ 0x5eed);
        for _ in 0..SEEDS_EACH {
            let valid = random_message(message, version, &mut rng);
            for _ in 0..MUTATIONS_EACH {
                let mut spoiled = valid.clone();
                for _ in 0..=rng.below(3) {
                    spoil(&mut spoiled, &mut rng);
                }
                let _ = check(api, message, version, &spoiled);
            }
        }
    });
}

#[test]
fn every_beginning_of_a_message_is_read_or_refused_within_bounds() {
    for_each_version(|api, message, version| {
        let bytes = random_message(message, version, &mut SplitMix64::new(version as u64));
        for end in 0..bytes.len().min(600) {
            let _ = check(api, message, version, &bytes[..end]);
        }
    });
}

#[test]
fn random_bytes_are_read_or_refused_within_bounds() {
    for_each_version(|api, message, version| {
        let mut rng = SplitMix64::new(version as u64 ^ 0xbad);
        for _ in 0..100 {
            let length = rng.below(200);
            let bytes: Vec<u8> = (0..length).map(|_| rng.next_u64() as u8).collect();
            let _ = check(api, message, version, &bytes);
        }
    });
}

/// The bounds are for attackers: a valid message is never refused, not even the one that takes most
/// memory a byte.
#[test]
fn the_densest_arrays_are_read_within_bounds() {
    for_each_version(|api, message, version| {
        for path in array_paths(&message.fields, version) {
            let bytes = dense_message(message, version, &path, DENSE_ELEMENTS);
            if let Err(error) = check(api, message, version, &bytes) {
                panic!("{} {version} {path:?}: {error}", message.name);
            }
        }
    });
}

#[test]
fn an_array_that_claims_two_billion_elements_costs_nothing() {
    for frame in [
        // Metadata 1: a 4-byte count
        (ApiKey::Metadata, 1, vec![0x7f, 0xff, 0xff, 0xff]),
        // Produce 9: null transactional id, acks, time-out, and a compact count
        (ApiKey::Produce, 9, vec![0, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ] {
        let (api, version, bytes) = frame;
        let frame = Bytes::from(bytes);
        let (result, peak) =
            peak_heap(|| AnyRequest::decode(api, &mut Reader::new(frame), version).map(drop));
        assert!(result.is_err());
        assert!(peak < 100, "{api}: {peak} bytes");
    }
}

/// What is tried here for seconds is tried there for hours.
#[test]
fn every_request_has_a_fuzz_target() {
    let targets = include_str!("../../../../fuzz/Cargo.toml");
    for api in ApiKey::ALL {
        let words = api.name().chars().flat_map(|letter| {
            let space = letter.is_uppercase().then_some('_');
            space.into_iter().chain(letter.to_lowercase())
        });
        let target: String = words.skip(1).collect();
        assert!(targets.contains(&format!("name = \"{target}\"")), "{target} is missing");
    }
}

fn for_each_version(mut work: impl FnMut(ApiKey, &Message, i16)) {
    for &api in ApiKey::ALL {
        for kind in ["Request", "Response"] {
            let message = &MESSAGES[&format!("{api}{kind}")];
            for version in api.served().min..=api.served().max {
                work(api, message, version);
            }
        }
    }
}

fn check(api: ApiKey, message: &Message, version: i16, bytes: &[u8]) -> Result<(), DecodeError> {
    let frame = Bytes::copy_from_slice(bytes);
    let (result, peak) = peak_heap(|| {
        let mut reader = Reader::new(frame);
        if message.kind == "request" {
            AnyRequest::decode(api, &mut reader, version).map(drop)
        } else {
            AnyResponse::decode(api, &mut reader, version).map(drop)
        }
    });
    let bound = HEAP_PER_FRAME_BYTE * bytes.len() + HEAP_MIN;
    assert!(
        peak <= bound,
        "{} {version}: {peak} bytes of heap for {}: {bytes:02x?}",
        message.name,
        bytes.len()
    );
    result
}

fn spoil(bytes: &mut Vec<u8>, rng: &mut SplitMix64) {
    let place = rng.below(bytes.len() as u32 + 1) as usize;
    match rng.below(5) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, rng.next_u64() as u8),
        2 => {
            let length = LENGTHS[rng.below(LENGTHS.len() as u32) as usize];
            let end = bytes.len().min(place + length.len());
            bytes.splice(place..end, length.iter().copied());
        }
        3 => {
            let copy = bytes[place..].to_vec();
            bytes.extend(copy);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << rng.below(8);
            }
        }
    }
}
