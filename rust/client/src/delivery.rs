//! What became of a record: one shared result for all records of a batch, and a light handle for
//! each of them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base::TopicPartition;
use client_core::producer::{BatchOutcome, DeliveryError};
use parking_lot::Mutex;
use tokio::sync::Notify;

type Callback = Box<dyn FnOnce(&BatchDelivery) + Send>;

/// A record's way into the log.
#[derive(Clone, Debug)]
pub struct Delivery {
    batch: Arc<BatchDelivery>,
    timestamp_ms: i64,
    index: u32,
}

/// A record in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Which partition.
    pub topic_partition: TopicPartition,
    /// Where in it. `None` with acks=0, and for a repeat that the broker no longer remembers.
    pub offset: Option<i64>,
    /// Its timestamp: the broker's where the topic asks for that, the record's own otherwise.
    pub timestamp_ms: i64,
}

/// A batch's way into the log. A record that is sent before its topic is known has one of its own,
/// until it is in a batch.
pub struct BatchDelivery {
    topic_partition: TopicPartition,
    /// Where it went, if it was begun without a partition.
    placed: OnceLock<TopicPartition>,
    reserved_bytes: usize,
    outcome: OnceLock<BatchOutcome>,
    done: Notify,
    callbacks: Mutex<Vec<Callback>>,
}

impl Delivery {
    pub(crate) fn new(batch: Arc<BatchDelivery>, index: u32, timestamp_ms: i64) -> Self {
        Self { batch, timestamp_ms, index }
    }

    /// The result, if there is one yet.
    pub fn poll(&self) -> Option<Result<Delivered, DeliveryError>> {
        self.batch.outcome().map(|outcome| self.read(outcome))
    }

    /// The result.
    pub async fn wait(&self) -> Result<Delivered, DeliveryError> {
        self.read(self.batch.wait().await)
    }

    /// The batch that the record is in.
    pub fn batch(&self) -> &Arc<BatchDelivery> {
        &self.batch
    }

    /// The record's place in the batch.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The timestamp that the record was sent with.
    pub fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    fn read(&self, outcome: &BatchOutcome) -> Result<Delivered, DeliveryError> {
        match outcome.of_record(self.index) {
            BatchOutcome::Delivered { base_offset: offset, log_append_time_ms } => Ok(Delivered {
                topic_partition: self.batch.topic_partition().clone(),
                offset,
                timestamp_ms: log_append_time_ms.unwrap_or(self.timestamp_ms),
            }),
            BatchOutcome::Failed { error, .. } => Err(error),
            BatchOutcome::Split(_) => unreachable!("one record has one result"),
        }
    }
}

impl BatchDelivery {
    pub(crate) fn new(topic_partition: TopicPartition, reserved_bytes: usize) -> Self {
        Self {
            topic_partition,
            placed: OnceLock::new(),
            reserved_bytes,
            outcome: OnceLock::new(),
            done: Notify::new(),
            callbacks: Mutex::default(),
        }
    }

    /// Which partition; [`TopicPartition::unplaced`] as long as the topic is not known.
    pub fn topic_partition(&self) -> &TopicPartition {
        self.placed.get().unwrap_or(&self.topic_partition)
    }

    /// The result, if there is one yet.
    pub fn outcome(&self) -> Option<&BatchOutcome> {
        self.outcome.get()
    }

    /// The result.
    pub async fn wait(&self) -> &BatchOutcome {
        loop {
            let done = self.done.notified(); // before looking, or the news could come in between
            if let Some(outcome) = self.outcome.get() {
                return outcome;
            }
            done.await;
        }
    }

    /// Calls `callback` once there is a result: at once if there is one, otherwise from the
    /// producer's own task, which waits for it, so it must not.
    pub fn on_done(&self, callback: Callback) {
        let mut callbacks = self.callbacks.lock();
        if self.outcome.get().is_none() {
            callbacks.push(callback);
            return;
        }
        drop(callbacks);
        callback(self);
    }

    /// What was begun without a partition is in a batch now: it has that batch's result.
    pub(crate) fn place(self: Arc<Self>, placed: &Delivery) {
        let was_unplaced = self.placed.set(placed.batch.topic_partition.clone()).is_ok();
        assert!(was_unplaced, "a record is placed once");
        let index = placed.index;
        placed.batch.on_done(Box::new(move |batch| {
            let outcome = batch.outcome().expect("it is called when there is one");
            self.complete(outcome.of_record(index));
        }));
    }

    pub(crate) fn reserved_bytes(&self) -> usize {
        self.reserved_bytes
    }

    pub(crate) fn complete(&self, outcome: BatchOutcome) {
        let callbacks = {
            let mut callbacks = self.callbacks.lock();
            assert!(self.outcome.set(outcome).is_ok(), "a batch has one result");
            std::mem::take(&mut *callbacks)
        };
        self.done.notify_waiters();
        for callback in callbacks {
            callback(self);
        }
    }
}

impl fmt::Debug for BatchDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchDelivery")
            .field("topic_partition", self.topic_partition())
            .field("outcome", &self.outcome.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn batch() -> Arc<BatchDelivery> {
        Arc::new(BatchDelivery::new(TopicPartition::new("t", 0), 100))
    }

    fn delivered() -> BatchOutcome {
        BatchOutcome::Delivered { base_offset: Some(5), log_append_time_ms: None }
    }

    #[test]
    fn every_record_of_a_batch_reads_its_own_offset_off_the_one_result() {
        let batch = batch();
        let second = Delivery::new(batch.clone(), 1, 77);
        assert_eq!(second.poll(), None);
        batch.complete(delivered());
        let read = second.poll().unwrap().unwrap();
        assert_eq!((read.offset, read.timestamp_ms), (Some(6), 77));
    }

    #[test]
    fn a_callback_is_called_once_whether_it_comes_before_or_after_the_result() {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = |calls: &Arc<AtomicUsize>| -> Callback {
            let calls = calls.clone();
            Box::new(move |_| {
                calls.fetch_add(1, Ordering::Relaxed);
            })
        };
        let batch = batch();
        batch.on_done(count(&calls));
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        batch.complete(delivered());
        batch.on_done(count(&calls));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_record_that_was_sent_before_its_topic_was_known_has_the_result_of_its_batch() {
        let early = Arc::new(BatchDelivery::new(TopicPartition::unplaced("t"), 0));
        let delivery = Delivery::new(early.clone(), 0, 77);
        assert_eq!(early.topic_partition().to_string(), "t");
        let batch = batch();
        early.clone().place(&Delivery::new(batch.clone(), 3, 77));
        assert_eq!((early.topic_partition().to_string(), delivery.poll()), ("t-0".into(), None));
        batch.complete(delivered());
        let read = delivery.poll().unwrap().unwrap();
        assert_eq!((read.topic_partition, read.offset), (TopicPartition::new("t", 0), Some(8)));
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_the_result() {
        let batch = batch();
        let waiter = tokio::spawn({
            let delivery = Delivery::new(batch.clone(), 0, 1);
            async move { delivery.wait().await }
        });
        tokio::task::yield_now().await;
        batch.complete(delivered());
        assert_eq!(waiter.await.unwrap().unwrap().offset, Some(5));
    }
}
