//! One partition's batches in their order: which may be sent, under which sequence number, and what
//! to do when one fails.
//!
//! Order and uniqueness rest on four rules (KIP-98, KIP-360):
//! 1. A batch gets its sequence number when it is first sent, and keeps it for every retry.
//! 2. Once a batch has to be sent again, the ones behind it wait until it is through: they go
//!    one at a time until nothing that was sent before is left in the queue.
//! 3. When a numbered batch is given up, the broker would refuse all later ones. So when nothing
//!    is in flight any more the partition takes its next epoch and counts from 0. What may already
//!    be in the log under the old epoch is given up with it, for under a new one the broker could
//!    not tell a repeat.
//! 4. The first batch of an id or epoch goes alone. A broker that knows nothing of a producer
//!    takes any sequence number from it: if the first batch failed and the second did not, they
//!    would be in the log the wrong way round.
//!
//! In a transaction the third rule is another: a batch that is given up is the transaction's end,
//! and what follows is numbered anew with the next one, under an epoch from the coordinator
//! ([`Lineage::renumber`]). And the fourth holds for the first batch of an id alone: an epoch of
//! an id that the broker knows begins at 0 or not at all.

use std::collections::VecDeque;
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use bytes::Bytes;
use records::Compression;

use super::batch::{Batch, BatchKey, sequence_after};
use super::outcome::{BatchOutcome, DeliveryError, RecordRefusal};
use super::splits::{Settled, Splits};

/// What a partition can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing, until something is told.
    Nothing,
    /// Something, at that time.
    At(Instant),
    /// Its open batch is to be sealed.
    Seal,
    /// A batch is to be sent.
    Send,
}

/// What an open batch waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) linger: Duration,
    /// Batches up to this number do not linger: somebody is waiting for them.
    pub(super) hurry_up_to: u64,
}

#[derive(Debug)]
pub(super) struct Lineage<T> {
    topic_partition: TopicPartition,
    is_transactional: bool,
    open: Option<Open>,
    queued: VecDeque<Batch<T>>,
    in_flight: VecDeque<Batch<T>>,
    splits: Splits<T>,
    in_flight_node: NodeId,
    producer: Option<(ProducerId, ProducerEpoch)>,
    next_sequence: i32,
    /// Whether the broker has acknowledged something under the present id and epoch.
    is_known: bool,
    retry_at: Instant,
    broken: bool,
    exhausted: Option<ProducerId>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    created_at: Instant,
}

impl<T> Lineage<T> {
    pub(super) fn new(topic_partition: TopicPartition, is_transactional: bool) -> Self {
        Self {
            topic_partition,
            is_transactional,
            open: None,
            queued: VecDeque::new(),
            in_flight: VecDeque::new(),
            splits: Splits::default(),
            in_flight_node: NodeId::NONE,
            producer: None,
            next_sequence: 0,
            is_known: false,
            retry_at: Instant::default(),
            broken: false,
            exhausted: None,
        }
    }

    /// A batch was opened.
    pub(super) fn handle_opened(&mut self, number: u64, created_at: Instant) {
        assert!(self.open.is_none(), "a partition has one open batch at a time");
        self.open = Some(Open { number, created_at });
    }

    /// The open batch was sealed.
    pub(super) fn handle_sealed(&mut self, sealed: super::SealedBatch<T>) {
        let open = self.open.take().expect("only an open batch is sealed");
        self.queued.push_back(Batch::new(sealed, open.number));
    }

    /// What to do now. A batch in flight to another broker than `leader` must be answered before
    /// the next is sent, or the two brokers could see them in either order.
    pub(super) fn next(&self, leader: NodeId, patience: &Patience, now: Instant) -> Next {
        if self.broken {
            return Next::Nothing;
        }
        if !self.in_flight.is_empty() {
            let is_first_alone = self.producer.is_some() && !self.is_known;
            if is_first_alone || self.in_flight_node != leader {
                return Next::Nothing;
            }
        }
        match self.queued.front() {
            Some(batch) if batch.attempts > 0 && !self.in_flight.is_empty() => Next::Nothing,
            Some(_) if self.retry_at > now => Next::At(self.retry_at),
            Some(_) => Next::Send,
            None => self.next_seal(patience, now),
        }
    }

    /// Whether the open batch is to be sealed, wherever its partition's leader is.
    pub(super) fn next_seal(&self, patience: &Patience, now: Instant) -> Next {
        match &self.open {
            None => Next::Nothing,
            Some(open) => {
                let due = open.created_at + patience.linger;
                let hurry = open.number <= patience.hurry_up_to;
                if hurry || due <= now { Next::Seal } else { Next::At(due) }
            }
        }
    }

    /// The size of the batch that [`Self::take`] would take.
    pub(super) fn next_size_bytes(&self) -> usize {
        self.queued.front().map_or(0, Batch::size_bytes)
    }

    /// Takes the next batch to be sent to `node`: its name and its bytes. `None` if it could not
    /// be written, in which case it has its result.
    pub(super) fn take(
        &mut self,
        node: NodeId,
        producer: Option<(ProducerId, ProducerEpoch)>,
        compression: Compression,
        settled: &mut Vec<Settled<T>>,
    ) -> Option<(BatchKey, Bytes)> {
        let mut batch = self.queued.pop_front().expect("the caller was told to send");
        let is_first = batch.sequence.is_none();
        if is_first {
            if self.producer.is_none() {
                // A partition that has an id keeps it: the broker knows it as long as it is used.
                self.producer = producer;
                self.next_sequence = 0;
            }
            batch.sequence = self.producer.map(|_| self.next_sequence);
        }
        match batch.finish(self.producer, self.is_transactional, compression) {
            Ok(bytes) => {
                if is_first && self.producer.is_some() {
                    self.next_sequence = sequence_after(self.next_sequence, batch.record_count);
                }
                batch.attempts += 1;
                let key = batch.key;
                self.in_flight_node = node;
                self.in_flight.push_back(batch);
                Some((key, bytes))
            }
            Err(reason) => {
                if is_first {
                    batch.sequence = None;
                }
                let topic_partition = self.topic_partition.clone();
                self.fail(batch, DeliveryError::Unsendable { topic_partition, reason }, settled);
                None
            }
        }
    }

    /// The batch is in the log.
    pub(super) fn handle_delivered(
        &mut self,
        key: BatchKey,
        base_offset: Option<i64>,
        log_append_time_ms: Option<i64>,
        settled: &mut Vec<Settled<T>>,
    ) {
        let Some(batch) = self.take_in_flight(key) else { return };
        self.is_known = true;
        let outcome = BatchOutcome::Delivered { base_offset, log_append_time_ms };
        self.settle(batch, outcome, settled);
        self.mend(settled);
    }

    /// This attempt did not put the batch into the log, and there will be no other. An earlier one
    /// may have.
    pub(super) fn handle_refused(
        &mut self,
        key: BatchKey,
        error: DeliveryError,
        records: Vec<RecordRefusal>,
        settled: &mut Vec<Settled<T>>,
    ) {
        let Some(batch) = self.take_in_flight(key) else { return };
        self.broken |= batch.sequence.is_some();
        let outcome = if batch.maybe_appended {
            let error =
                self.unresolved(error.code(), format!("an earlier attempt was lost; {error}"));
            BatchOutcome::Failed { error, records: Vec::new() }
        } else {
            BatchOutcome::Failed { error, records }
        };
        self.settle(batch, outcome, settled);
        self.mend(settled);
    }

    /// The batch is not in the log, because it is too large: its halves may not be. What was sent
    /// behind it was refused too, and follows them.
    pub(super) fn handle_too_large(
        &mut self,
        key: BatchKey,
        error: DeliveryError,
        settled: &mut Vec<Settled<T>>,
    ) {
        let is_one = |batch: &Batch<T>| batch.record_count <= 1 || batch.is_settled();
        if self.in_flight.iter().any(|batch| batch.key == key && is_one(batch)) {
            return self.handle_refused(key, error, Vec::new(), settled);
        }
        let Some(batch) = self.take_in_flight(key) else { return };
        match batch.halves() {
            Ok(halves) => {
                self.splits.split(batch);
                for half in halves {
                    self.queue(half);
                }
            }
            Err(reason) => {
                let topic_partition = self.topic_partition.clone();
                self.fail(batch, DeliveryError::Unsendable { topic_partition, reason }, settled);
            }
        }
        self.mend(settled);
    }

    /// The attempt failed. `maybe_appended` if nobody knows what the broker did with it.
    pub(super) fn handle_retriable(
        &mut self,
        key: BatchKey,
        retry: Retry,
        settled: &mut Vec<Settled<T>>,
    ) {
        let Some(mut batch) = self.take_in_flight(key) else { return };
        batch.maybe_appended |= retry.maybe_appended;
        batch.last_failure = Some(retry.reason);
        if batch.is_settled() {
            self.broken |= batch.sequence.is_some(); // it has its result: it is not sent again
        } else if batch.attempts > retry.retries_max {
            let reason = batch.last_failure.clone().unwrap_or_default();
            let error = if batch.maybe_appended {
                self.unresolved(None, format!("all retries are used up ({reason})"))
            } else {
                let topic_partition = self.topic_partition.clone();
                DeliveryError::Unsendable { topic_partition, reason }
            };
            self.fail(batch, error, settled);
        } else {
            self.retry_at = self.retry_at.max(retry.not_before);
            self.queue(batch);
        }
        self.mend(settled);
    }

    /// The broker expected another sequence number. If an earlier batch is still to be sent again
    /// that is no wonder, and this one follows it; otherwise the broker has lost what it knew, and
    /// the partition begins a new epoch.
    pub(super) fn handle_out_of_sequence(
        &mut self,
        key: BatchKey,
        retry: Retry,
        settled: &mut Vec<Settled<T>>,
    ) {
        let earlier = |batch: &Batch<T>| batch.key < key;
        let expected = self.queued.iter().any(earlier) || self.in_flight.iter().any(earlier);
        self.broken |= !expected;
        self.handle_retriable(key, retry, settled);
    }

    /// Gives up what has waited for too long, in the queue or in flight.
    pub(super) fn expire(
        &mut self,
        timeout: Duration,
        now: Instant,
        settled: &mut Vec<Settled<T>>,
    ) {
        let is_due = |batch: &Batch<T>| batch.created_at + timeout <= now;
        while self.queued.front().is_some_and(is_due) {
            let batch = self.queued.pop_front().expect("there is a first one");
            let error = self.timed_out(&batch, batch.maybe_appended, timeout);
            self.fail(batch, error, settled);
        }
        for index in 0..self.in_flight.len() {
            let batch = &self.in_flight[index];
            if is_due(batch) && !batch.is_settled() {
                let error = self.timed_out(batch, true, timeout);
                let outcome = BatchOutcome::Failed { error, records: Vec::new() };
                self.splits.settle(&mut self.in_flight[index], outcome, settled);
            }
        }
        self.mend(settled);
    }

    /// Gives up everything, whatever it is doing.
    pub(super) fn fail_all(&mut self, error: &DeliveryError, settled: &mut Vec<Settled<T>>) {
        for mut batch in self.in_flight.drain(..).chain(self.queued.drain(..)) {
            let outcome = BatchOutcome::Failed { error: error.clone(), records: Vec::new() };
            self.splits.settle(&mut batch, outcome, settled);
        }
    }

    /// Gives up everything that is not in flight. A sequence number may be missing then.
    pub(super) fn fail_unsent(&mut self, error: &DeliveryError, settled: &mut Vec<Settled<T>>) {
        for batch in std::mem::take(&mut self.queued) {
            self.fail(batch, error.clone(), settled);
        }
    }

    /// Whether a batch is open.
    pub(super) fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a sequence number is missing.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The transaction is over: what follows is numbered anew, under another epoch.
    pub(super) fn renumber(&mut self, is_other_id: bool) {
        assert!(self.in_flight.is_empty(), "a transaction ends when nothing is in flight");
        self.producer = None;
        self.is_known &= !is_other_id;
        self.broken = false;
    }

    /// When the first batch is given up, open or not.
    pub(super) fn expiry(&self, timeout: Duration) -> Option<Instant> {
        let waiting = self.in_flight.iter().filter(|batch| !batch.is_settled());
        let created = waiting.chain(&self.queued).map(|batch| batch.created_at);
        created.chain(self.open.as_ref().map(|open| open.created_at)).min().map(|at| at + timeout)
    }

    /// Whether the open batch's time is over before it was sealed.
    pub(super) fn is_open_overdue(&self, timeout: Duration, now: Instant) -> bool {
        self.open.as_ref().is_some_and(|open| open.created_at + timeout <= now)
    }

    /// Whether there is nothing open, queued or in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none() && self.queued.is_empty() && self.in_flight.is_empty()
    }

    /// The id whose epochs the partition has used up, until it has a new one.
    pub(super) fn exhausted_id(&self) -> Option<ProducerId> {
        self.exhausted.filter(|_| self.producer.is_none())
    }

    /// Begins a new epoch once nothing is in flight under a broken one (rule 3).
    fn mend(&mut self, settled: &mut Vec<Settled<T>>) {
        if !self.broken || !self.in_flight.is_empty() || self.is_transactional {
            return;
        }
        let Some((id, epoch)) = self.producer else { return };
        for mut batch in std::mem::take(&mut self.queued) {
            if batch.maybe_appended {
                let reason = match batch.last_failure.clone() {
                    Some(last) => format!("an earlier batch of the partition failed ({last})"),
                    None => "an earlier batch of the partition failed".to_owned(),
                };
                let error = self.unresolved(None, reason);
                self.settle(batch, BatchOutcome::Failed { error, records: Vec::new() }, settled);
            } else {
                batch.sequence = None;
                self.queued.push_back(batch);
            }
        }
        self.next_sequence = 0;
        self.is_known = false;
        self.broken = false;
        self.producer = epoch.0.checked_add(1).map(|next| (id, ProducerEpoch(next)));
        self.exhausted = Some(id);
    }

    fn unresolved(&self, code: Option<ErrorCode>, reason: String) -> DeliveryError {
        DeliveryError::Unresolved { topic_partition: self.topic_partition.clone(), code, reason }
    }

    fn timed_out(&self, batch: &Batch<T>, is_in_doubt: bool, waited: Duration) -> DeliveryError {
        DeliveryError::TimedOut {
            topic_partition: self.topic_partition.clone(),
            waited,
            attempts: batch.attempts,
            is_in_doubt,
            last: batch.last_failure.clone(),
        }
    }

    fn fail(&mut self, batch: Batch<T>, error: DeliveryError, settled: &mut Vec<Settled<T>>) {
        self.broken |= batch.sequence.is_some();
        self.settle(batch, BatchOutcome::Failed { error, records: Vec::new() }, settled);
    }

    fn settle(
        &mut self,
        mut batch: Batch<T>,
        outcome: BatchOutcome,
        settled: &mut Vec<Settled<T>>,
    ) {
        self.splits.settle(&mut batch, outcome, settled);
    }

    /// Into the queue, where it belongs.
    fn queue(&mut self, batch: Batch<T>) {
        let place = self.queued.iter().position(|other| other.key > batch.key);
        self.queued.insert(place.unwrap_or(self.queued.len()), batch);
    }

    fn take_in_flight(&mut self, key: BatchKey) -> Option<Batch<T>> {
        let index = self.in_flight.iter().position(|batch| batch.key == key)?;
        self.in_flight.remove(index)
    }
}

/// Why and when to send a batch again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) reason: String,
    pub(super) maybe_appended: bool,
    pub(super) retries_max: u32,
    pub(super) not_before: Instant,
}

#[cfg(test)]
mod tests;
