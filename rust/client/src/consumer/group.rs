//! The consumer as a member of its group: what the program is told, says, and asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::{Instant, LeaderEpoch, TopicPartition};
use client_core::consumer::{
    CommitError, ConsumeError, Consumer as Machine, Errand, ErrandAnswer, Given, GroupError,
    GroupMetadata, OffsetAndMetadata, Rebalance, Subscription, ToCommit,
};
use tokio::sync::oneshot;

use super::Consumer;
use super::machine::is_telling;

/// The program waits for records; until this is dropped, it is not away.
#[derive(Debug)]
pub struct Polling<'a>(&'a Consumer);

/// A commit that is under way.
#[derive(Debug)]
pub struct PendingCommit(oneshot::Receiver<Result<(), CommitError>>);

impl PendingCommit {
    /// What came of it, if that is known.
    pub fn poll(&mut self) -> Option<Result<(), CommitError>> {
        match self.0.try_recv() {
            Ok(result) => Some(result),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(closed())),
        }
    }

    /// What came of it.
    pub async fn wait(self) -> Result<(), CommitError> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Consumer {
    /// Joins the group for these topics, once the program polls. What was assigned by hand is not
    /// read any more.
    pub fn subscribe(&self, subscription: Subscription) -> Result<(), GroupError> {
        self.shared.machine.lock().subscribe(subscription)?;
        self.shared.changed();
        Ok(())
    }

    /// Whether the group assigns what is read.
    pub fn is_subscribed(&self) -> bool {
        self.shared.machine.lock().is_subscribed()
    }

    /// The program is back to poll: it has done with all that it was `given`, and is there until
    /// what this returns is dropped. Once an error if it was away for too long.
    pub fn begin_poll(&self, given: &[Given]) -> Result<Polling<'_>, ConsumeError> {
        let polled = self.shared.machine.lock().begin_poll(given, self.shared.desk.clock.now());
        // A program that polls often would otherwise wake the driver as often, for nothing.
        if !matches!(polled, Ok(false)) {
            self.shared.desk.kick.notify_one();
        }
        polled.map(|_| Polling(self))
    }

    /// Whether there may be a [`Self::rebalance`] to be told; as cheap as can be.
    pub fn has_rebalance(&self) -> bool {
        self.shared.is_telling.load(Ordering::Relaxed)
    }

    /// What the program is told now, before it gets another record. Until [`Self::rebalanced`] its
    /// time is counted, as between two polls.
    pub fn rebalance(&self) -> Option<Rebalance> {
        self.begin_callback(Machine::rebalance)
    }

    /// The program was told. Once an error if that took too long.
    pub fn rebalanced(&self) -> Result<(), ConsumeError> {
        self.end_callback(Machine::rebalanced)
    }

    /// What the program's own assignor is asked now, before the program gets another record. Until
    /// it answers its time is counted, as between two polls.
    pub fn errand(&self) -> Option<Errand> {
        self.begin_callback(Machine::errand)
    }

    /// What it has answered. Once an error if that took too long.
    pub fn answer_errand(&self, answer: ErrandAnswer) -> Result<(), ConsumeError> {
        self.end_callback(|machine, now| machine.answer_errand(answer, now))
    }

    fn begin_callback<T>(
        &self,
        begin: impl FnOnce(&mut Machine, Instant) -> Option<T>,
    ) -> Option<T> {
        let now = self.shared.desk.clock.now();
        let begun = begin(&mut self.shared.machine.lock(), now)?;
        // From now on the program's time is counted.
        self.shared.desk.kick.notify_one();
        Some(begun)
    }

    fn end_callback(
        &self,
        end: impl FnOnce(&mut Machine, Instant) -> Result<(), ConsumeError>,
    ) -> Result<(), ConsumeError> {
        let now = self.shared.desk.clock.now();
        let ended = {
            let mut machine = self.shared.machine.lock();
            let ended = end(&mut machine, now);
            self.shared.is_telling.store(is_telling(&machine), Ordering::Relaxed);
            ended
        };
        self.shared.changed();
        ended
    }

    /// As whom this consumer is a member of its group, while it is one.
    pub fn group_metadata(&self) -> Option<GroupMetadata> {
        self.shared.machine.lock().group_metadata()
    }

    /// What the consumer has committed of its own since somebody last asked; of many, the last.
    pub fn take_own_commits(&self) -> Vec<BTreeMap<TopicPartition, OffsetAndMetadata>> {
        std::mem::take(&mut *self.shared.own_commits.lock()).into()
    }

    /// The program has done with all that it was `given`, but does not poll.
    pub fn store(&self, given: &[Given]) {
        self.shared.machine.lock().store(given);
    }

    /// What the program has done with, by partition.
    pub fn stored(&self) -> BTreeMap<TopicPartition, i64> {
        self.shared.machine.lock().stored()
    }

    /// Which assignment of a partition this is: another number whenever it is assigned anew.
    pub fn tenure(&self, partition: &TopicPartition) -> Option<u64> {
        self.shared.machine.lock().tenure(partition)
    }

    /// In which leader epoch the record before `offset` was written, if this assignment has had it.
    /// [`Self::commit`] finds it by itself; who sends offsets with a transaction gives it along, so
    /// that whoever reads on from there notices when the log was cut meanwhile (KIP-320).
    pub fn leader_epoch_before(&self, partition: &TopicPartition, offset: i64) -> LeaderEpoch {
        self.shared.machine.lock().leader_epoch_before(partition, offset)
    }

    /// Begins to commit, and waits for nothing.
    pub fn begin_commit(&self, offsets: Vec<ToCommit>) -> Result<PendingCommit, CommitError> {
        let (sender, receiver) = oneshot::channel();
        let timeout = self.shared.config.default_api_timeout;
        {
            // The waiter is in its place before the driver can see the answer.
            let mut machine = self.shared.machine.lock();
            let id = machine.commit(offsets, timeout, self.shared.desk.clock.now())?;
            self.shared.commits.lock().insert(id, sender);
        }
        self.shared.desk.kick.notify_one();
        Ok(PendingCommit(receiver))
    }

    /// Commits; tried again until it is done or `default.api.timeout.ms` is over.
    pub async fn commit(&self, offsets: Vec<ToCommit>) -> Result<(), CommitError> {
        self.begin_commit(offsets)?.wait().await
    }

    /// What the group has committed; `None` where nothing is.
    pub async fn committed(
        &self,
        partitions: BTreeSet<TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>, CommitError> {
        let (sender, receiver) = oneshot::channel();
        let timeout = self.shared.config.default_api_timeout;
        {
            let mut machine = self.shared.machine.lock();
            let id = machine.ask_committed(partitions, timeout, self.shared.desk.clock.now())?;
            self.shared.asks.lock().insert(id, sender);
        }
        self.shared.desk.kick.notify_one();
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Commits what the program has done with, if that is done without being asked for
    /// (`enable.auto.commit`), and waits until nothing is to be committed. Whether it came to that
    /// in time.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let desk = &self.shared.desk;
        self.shared.machine.lock().flush(desk.clock.now());
        let until = desk.clock.now() + timeout;
        desk.until(until, || self.shared.machine.lock().is_flushed()).await
    }

    /// Leaves the group, unless this is a static member, who may come back. Whether the group knew
    /// in time; if not, it finds out by itself.
    pub async fn unsubscribe(&self, timeout: Duration) -> bool {
        let desk = &self.shared.desk;
        let until = desk.clock.now() + timeout;
        self.shared.machine.lock().unsubscribe();
        desk.until(until, || self.shared.machine.lock().has_left()).await
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let now = self.0.shared.desk.clock.now();
        // From now on the program's time is counted.
        self.0.shared.machine.lock().end_poll(now);
    }
}

fn closed() -> CommitError {
    CommitError::Impossible("the consumer was closed".to_owned())
}
