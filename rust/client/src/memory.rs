//! `buffer.memory`: how much may wait to be acknowledged, and who waits for it to be.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A budget of bytes.
#[derive(Debug)]
pub(crate) struct Memory {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
    released: Notify,
}

impl Memory {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, used_bytes: AtomicUsize::new(0), released: Notify::new() }
    }

    /// Takes `bytes`, if that many are free.
    pub(crate) fn try_reserve(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Gives `bytes` back.
    pub(crate) fn release(&self, bytes: usize) {
        let before = self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        assert!(before >= bytes, "no more memory is given back than was taken");
        self.released.notify_waiters();
    }

    /// Waits until `bytes` could be taken; somebody else may be faster.
    pub(crate) async fn room(&self, bytes: usize) {
        loop {
            // Before looking, or the news could come in between.
            let released = self.released.notified();
            if self.used_bytes() + bytes <= self.limit_bytes {
                return;
            }
            released.await;
        }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_woken_when_there_is_room() {
        let memory = Arc::new(Memory::new(100));
        assert!(memory.try_reserve(80));
        assert!(!memory.try_reserve(21));
        let waiter = tokio::spawn({
            let memory = memory.clone();
            async move { memory.room(50).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        memory.release(80);
        waiter.await.unwrap();
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn no_sum_overflows() {
        let memory = Memory::new(usize::MAX - 1);
        assert!(memory.try_reserve(usize::MAX - 1));
        assert!(!memory.try_reserve(usize::MAX));
    }
}
