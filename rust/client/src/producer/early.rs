//! Records that are sent before their topic is known: the sender goes on, and the driver puts them
//! into batches, or gives them up after `max.block.ms`.

use std::sync::Arc;
use std::time::Duration;

use base::{Instant, TopicPartition};
use client_core::MetadataCache;
use client_core::producer::{
    BatchOutcome, DeliveryError, NewRecord, PlacementError, ProducerInput, UnplacedRecord,
};

use super::append::Place;
use super::machine::Shared;
use super::{Busy, TrySendError};
use crate::delivery::{BatchDelivery, Delivery};
use crate::topics::Topic;

/// The share of `buffer.memory` that records without a partition may take: they need room for
/// whole batches when they are placed.
pub(super) const EARLY_BYTES_DIVISOR: usize = 2;

type Early = UnplacedRecord<Arc<BatchDelivery>>;

impl Shared {
    /// Takes a record whose topic was not known when it was looked for.
    pub(super) fn send_early(
        &self,
        name: &str,
        new: &NewRecord<'_>,
        place: &Place,
    ) -> Result<Delivery, TrySendError> {
        let mut early = self.early.lock();
        // Topics become known under this lock, so this one is not, or is and has been placed.
        if let Some(sent) = self.topics.with(name, |topic| self.append_to(topic, new, place)) {
            return sent;
        }
        let topic: Arc<str> = name.into();
        if let Some(code) = self.topics.error(name).filter(|code| !code.is_retriable()) {
            let refused = PlacementError::TopicRefused { topic, code };
            return Err(TrySendError::Refused(refused.into()));
        }
        self.tell(ProducerInput::Want(topic.clone()));
        if !early.has_room(place.bytes) {
            return Err(TrySendError::Busy(Busy::Metadata { topic }));
        }
        if !self.memory.try_reserve(place.bytes) {
            return Err(TrySendError::Busy(Busy::Memory { bytes: place.bytes }));
        }
        let unplaced = TopicPartition::unplaced(topic.clone());
        self.tally.sealed(&unplaced, 1);
        let batch = Arc::new(BatchDelivery::new(unplaced, 0));
        let (partition, sent_at) = (place.partition, self.clock.now());
        early.push(topic, UnplacedRecord::new(new, partition, sent_at, batch.clone()));
        Ok(Delivery::new(batch, 0, new.timestamp_ms))
    }

    /// Follows the metadata. Records that have waited for it are in their batches before anybody
    /// else sees the topic.
    pub(super) fn follow(&self, metadata: &MetadataCache) {
        let (mut refused, mut hurry) = (Vec::new(), false);
        let mut early = self.early.lock();
        self.topics.follow(metadata, |known, errors| {
            for name in early.topics() {
                if let Some(topic) = known.get(&name) {
                    // They have waited, and a flush may wait for them: they do not linger.
                    hurry = true;
                    let records = early.take(&name).into_iter();
                    refused.extend(records.filter_map(|record| self.place(topic, record)));
                } else if let Some(code) = errors.get(&name).filter(|code| !code.is_retriable()) {
                    let error = PlacementError::TopicRefused { topic: name.clone(), code: *code };
                    let records = early.take(&name).into_iter();
                    refused.extend(records.map(|record| (record, error.clone().into())));
                }
            }
        });
        // Whoever is told of a result may send again.
        drop(early);
        if hurry {
            self.tell(ProducerInput::Flush(None));
        }
        for (record, error) in refused {
            self.give_up(&record, error);
        }
        self.early_changed.notify_waiters();
    }

    /// Gives up the records that have waited for too long. When that is next to be done.
    pub(super) fn expire_early(&self, now: Instant) -> Option<Instant> {
        let wait_max = self.config.block_max.min(self.config.delivery_timeout);
        let mut early = self.early.lock();
        let expired = early.expire(wait_max, now);
        let expiry = early.expiry(wait_max);
        drop(early);
        self.give_up_all(expired, now);
        expiry
    }

    /// Gives up every record that waits: nobody will place it.
    pub(super) fn abandon_early(&self) {
        let now = self.clock.now();
        let expired = self.early.lock().expire(Duration::ZERO, now);
        self.give_up_all(expired, now);
    }

    /// Fails every record that waits, with this.
    pub(super) fn fail_early(&self, error: &DeliveryError) {
        let now = self.clock.now();
        let expired = self.early.lock().expire(Duration::ZERO, now);
        for (_, record) in &expired {
            self.give_up(record, error.clone());
        }
        if !expired.is_empty() {
            self.early_changed.notify_waiters();
        }
    }

    /// Waits until every record that waits now is placed or given up.
    pub(super) async fn early_placed(&self) {
        let mark = self.early.lock().next_number();
        loop {
            // Before looking, or the news could come in between.
            let changed = self.early_changed.notified();
            if !self.early.lock().has_before(mark) {
                return;
            }
            changed.await;
        }
    }

    /// Why a record has no place after `waited`.
    pub(super) fn unknown(&self, topic: &Arc<str>, waited: Duration) -> PlacementError {
        let code = self.topics.error(topic);
        PlacementError::UnknownTopic { topic: topic.clone(), waited, code }
    }

    /// Puts a record into its batch; gives it back if it has none.
    fn place(&self, topic: &Topic, early: Early) -> Option<(Early, DeliveryError)> {
        let headers = early.headers();
        let bytes = early.batch_bytes_max;
        let place = Place { partition: early.partition, bytes, reserved_bytes: bytes };
        let appended = self.append_to(topic, &early.record(&headers), &place);
        drop(headers);
        match appended {
            Ok(delivery) => {
                self.tally.unsealed(&TopicPartition::unplaced(topic.name.clone()), 1);
                early.payload.place(&delivery);
                None
            }
            Err(TrySendError::Refused(crate::SendError::Unplaced(error))) => {
                Some((early, error.into()))
            }
            Err(TrySendError::Refused(error)) => {
                let (topic_partition, reason) =
                    (TopicPartition::unplaced(topic.name.clone()), error.to_string());
                Some((early, DeliveryError::Unsendable { topic_partition, reason }))
            }
            Err(TrySendError::Busy(_)) => unreachable!("a record brings its memory along"),
        }
    }

    fn give_up_all(&self, expired: Vec<(Arc<str>, Early)>, now: Instant) {
        if expired.is_empty() {
            return;
        }
        for (topic, record) in expired {
            let waited = now.since(record.sent_at);
            self.give_up(&record, self.unknown(&topic, waited).into());
        }
        self.early_changed.notify_waiters();
    }

    fn give_up(&self, record: &Early, error: DeliveryError) {
        self.note_unplaced(&error);
        let outcome = BatchOutcome::Failed { error, records: Vec::new() };
        self.memory.release(record.batch_bytes_max);
        self.tally.completed(record.payload.topic_partition(), 1, &outcome);
        record.payload.complete(outcome);
    }
}
