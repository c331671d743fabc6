//! What the validation of a produced batch takes from the heap: the same, however many records
//! there are.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use records::{
    BatchBuilder, Compression, CompressionType, Header, ProduceRules, ProducerStamp,
    validate_produce,
};

/// What one validation may take: a decoder, its window, and what they are made of.
const ALLOCATIONS_MAX: usize = 32;
const RECORDS: usize = 10_000;

/// The system's allocator, which counts how often the current thread asks it.
struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count_one() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe; every call goes to the system's allocator as it came"
)]
// SAFETY: the contract is the system allocator's, which is called with the same arguments.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// A batch with keys, values and headers, none of which a reader may copy.
fn batch(codec: CompressionType, records: usize) -> Bytes {
    let mut builder = BatchBuilder::new(8 << 20);
    for index in 0..records {
        let (key, value) = (format!("key-{index}"), format!("value {index} ").repeat(8));
        let headers = [Header { key: b"trace", value: Some(b"1") }];
        let (key, value) = (key.as_bytes(), value.as_bytes());
        builder.try_append(index as i64, Some(key), Some(value), &headers).unwrap();
    }
    builder.finish(&ProducerStamp::NONE, Compression { codec, level: None }).unwrap()
}

/// How often the heap is asked while a batch is validated.
fn allocations(codec: CompressionType, records: usize) -> usize {
    let bytes = batch(codec, records);
    let rules = ProduceRules { message_bytes_max: bytes.len(), ..ProduceRules::default() };
    let before = ALLOCATIONS.get();
    let validated = validate_produce(&bytes, &rules);
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(validated.unwrap().max_timestamp(), records as i64 - 1);
    allocations
}

#[test]
fn ten_thousand_records_are_validated_without_an_allocation_for_each() {
    for codec in [
        CompressionType::None,
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
        CompressionType::Zstd,
    ] {
        let (few, many) = (allocations(codec, RECORDS / 100), allocations(codec, RECORDS));
        assert!(many <= ALLOCATIONS_MAX, "{codec:?}: {few} for a hundred, {many} for all");
    }
}

#[test]
fn the_allocator_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}
