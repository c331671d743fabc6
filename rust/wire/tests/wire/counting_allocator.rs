//! Counts the bytes that the current thread holds on the heap, and the most it has held: what an
//! attacker's frame costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with books per thread: tests run side by side.
#[derive(Debug)]
pub(crate) struct CountingAllocator;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work` and tells by how many bytes the heap was larger at its largest than before.
pub(crate) fn peak_heap<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

fn allocated(bytes: usize) {
    HELD.set(HELD.get().wrapping_add(bytes));
    PEAK.set(PEAK.get().max(HELD.get()));
}

/// What another thread allocated may be freed here, so that the books may pass below zero.
fn freed(bytes: usize) {
    HELD.set(HELD.get().saturating_sub(bytes));
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe; every call goes to the system's allocator as it came"
)]
// SAFETY: the contract is the system allocator's, which is called with the same arguments.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old and the new block may both live while the bytes are copied.
        allocated(size);
        freed(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_what_was_held_at_once_and_a_grown_vector_twice() {
        let ((), peak) = peak_heap(|| {
            drop(Vec::<u8>::with_capacity(1_000));
            drop(Vec::<u8>::with_capacity(3_000));
        });
        assert_eq!(peak, 3_000);
        let ((), peak) = peak_heap(|| {
            let mut bytes = Vec::<u8>::with_capacity(1_000);
            bytes.reserve_exact(2_000);
        });
        assert_eq!(peak, 3_000);
    }
}
