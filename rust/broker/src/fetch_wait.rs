//! What waiting costs a long-polling fetch: memory, of which all of them together have a share, and
//! a look at those partitions that have news, and at no others.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Waiting fetches may hold one part in so many of `queued.max.request.bytes`: who waits for ever
/// must not keep requests from being read.
const SHARE: usize = 4;

/// The memory of the fetches that wait.
#[derive(Debug)]
pub(crate) struct WaitingFetches {
    bytes: Arc<Semaphore>,
}

impl WaitingFetches {
    /// A share of the memory that requests may hold.
    pub(crate) fn new(queued_request_bytes_max: usize) -> Self {
        let bytes = (queued_request_bytes_max / SHARE).min(Semaphore::MAX_PERMITS);
        Self { bytes: Arc::new(Semaphore::new(bytes)) }
    }

    /// A place for a fetch that holds so many bytes, if there is one; given up when it is dropped.
    pub(crate) fn place(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()
    }
}

/// Wakes a fetch, and tells it which of its partitions has woken it.
#[derive(Debug, Default)]
pub(crate) struct FetchWake {
    woken: Mutex<Vec<usize>>,
    notify: Notify,
}

impl FetchWake {
    /// The partition with this number has news.
    pub(crate) fn wake(&self, partition: usize) {
        self.woken.lock().push(partition);
        self.notify.notify_one();
    }

    /// Waits for news, and gives the numbers of the partitions that have some.
    pub(crate) async fn woken(&self) -> Vec<usize> {
        loop {
            let woken = std::mem::take(&mut *self.woken.lock());
            if !woken.is_empty() {
                return woken;
            }
            self.notify.notified().await;
        }
    }
}

/// How many bytes a fetch would get, partition by partition.
#[derive(Debug)]
pub(crate) struct Gathered {
    of_partition: Vec<usize>,
    total: usize,
}

impl Gathered {
    /// What the first look has found.
    pub(crate) fn new(of_partition: Vec<usize>) -> Self {
        let total = of_partition.iter().sum();
        Self { of_partition, total }
    }

    /// One partition has so many now.
    pub(crate) fn set(&mut self, partition: usize, bytes: usize) {
        let before = std::mem::replace(&mut self.of_partition[partition], bytes);
        self.total = self.total - before + bytes;
    }

    /// All of them together.
    pub(crate) fn total(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn waiting_fetches_hold_no_more_than_their_share() {
        let waiting = WaitingFetches::new(4000);
        let places: Vec<_> = (0..10).filter_map(|_| waiting.place(300)).collect();
        assert_eq!(places.len(), 3);
        assert!(waiting.place(101).is_none() && waiting.place(usize::MAX).is_none());
        drop(places);
        assert!(waiting.place(1000).is_some());
    }

    #[test]
    fn only_the_partitions_with_news_are_named_and_each_news_once() {
        let wake = FetchWake::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut woken = Box::pin(wake.woken());
        assert!(woken.as_mut().poll(&mut context).is_pending());
        wake.wake(7);
        wake.wake(3);
        assert_eq!(woken.as_mut().poll(&mut context), Poll::Ready(vec![7, 3]));
        assert!(Box::pin(wake.woken()).as_mut().poll(&mut context).is_pending());
    }

    #[test]
    fn what_a_partition_has_takes_the_place_of_what_it_had() {
        let mut gathered = Gathered::new(vec![10, 0, 5]);
        gathered.set(1, 100);
        gathered.set(0, 4);
        assert_eq!(gathered.total(), 109);
    }
}
