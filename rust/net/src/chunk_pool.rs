//! Buffers that carry file bytes to sockets: pooled under a budget for the whole broker, small when
//! that is spent.
//!
//! A slow reader may hold a chunk for minutes, so nobody ever waits for one: without a place in the
//! pool a connection goes on with a small chunk of its own. The bound is the budget plus one small
//! chunk for each connection.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CHUNK_BYTES, FREE_CHUNKS_MAX, SMALL_CHUNK_BYTES};

/// The pool.
#[derive(Debug)]
pub struct ChunkPool {
    places: Arc<Semaphore>,
    free: Mutex<Vec<Vec<u8>>>,
}

/// A buffer, returned to its pool when the last slice of it is dropped.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    home: Option<(Arc<ChunkPool>, OwnedSemaphorePermit)>,
}

impl ChunkPool {
    /// A pool of at most `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        let places = (bytes_max / CHUNK_BYTES).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), free: Mutex::new(Vec::new()) }
    }

    /// A chunk for `wanted` bytes: never larger than needed by much, often smaller than wanted,
    /// never empty.
    pub(crate) fn take(self: &Arc<Self>, wanted: usize) -> Chunk {
        if wanted > SMALL_CHUNK_BYTES
            && let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
        {
            let reused = self.free.lock().pop();
            let bytes = reused.unwrap_or_else(|| vec![0; CHUNK_BYTES]);
            return Chunk { bytes, home: Some((Arc::clone(self), place)) };
        }
        Chunk { bytes: vec![0; wanted.clamp(1, SMALL_CHUNK_BYTES)], home: None }
    }
}

impl Chunk {
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let Some((pool, _place)) = &self.home else { return };
        let mut free = pool.free.lock();
        if free.len() < FREE_CHUNKS_MAX {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_pool_gives_small_chunks_and_a_dropped_chunk_is_used_again() {
        let pool = Arc::new(ChunkPool::new(2 * CHUNK_BYTES));
        let mut first = pool.take(1 << 20);
        first.as_mut_slice()[0] = 7;
        let second = pool.take(SMALL_CHUNK_BYTES + 1);
        assert_eq!((first.as_ref().len(), second.as_ref().len()), (CHUNK_BYTES, CHUNK_BYTES));
        assert_eq!(pool.take(1 << 20).as_ref().len(), SMALL_CHUNK_BYTES);
        drop(first);
        assert_eq!(pool.take(1 << 20).as_ref()[0], 7);
    }

    #[test]
    fn a_short_response_takes_no_place_in_the_pool() {
        let pool = Arc::new(ChunkPool::new(CHUNK_BYTES));
        assert_eq!(pool.take(100).as_ref().len(), 100);
        assert_eq!(pool.places.available_permits(), 1);
    }

    #[test]
    fn no_more_than_the_named_number_of_chunks_is_kept() {
        let pool = Arc::new(ChunkPool::new(64 * CHUNK_BYTES));
        let chunks: Vec<_> = (0..20).map(|_| pool.take(1 << 20)).collect();
        drop(chunks);
        assert_eq!(pool.free.lock().len(), FREE_CHUNKS_MAX);
    }
}
