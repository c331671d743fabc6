//! The shell around a partition's leader machine: hears from the log, and answers whoever waits.
//!
//! The log calls in from the storage threads; the machine's outputs are carried out under its lock,
//! in order, so that the high watermark is set before a reply that rests on it leaves.

use std::sync::{Arc, OnceLock, Weak};

use base::{ErrorCode, LeaderEpoch, Offset};
use parking_lot::Mutex;
use replica::{EpochError, Leader, LeaderStart, Output, RequiredAcks, Until, WaiterId};
use storage::{Appended, Log, LogListener};
use tokio::sync::oneshot;

use crate::errors::ProduceError;
use crate::fetch_wait::FetchWake;
use crate::partition::AppendResult;

/// A leader machine, its lock, and the log that it leads. It is made before the log, which reports
/// to it.
#[derive(Debug, Default)]
pub(crate) struct Leadership {
    led: OnceLock<Led>,
}

#[derive(Debug)]
struct Led {
    leader: Mutex<Leader<Waiter>>,
    /// The log holds the leadership, so the way back is weak.
    log: Weak<Log>,
}

/// Who waits for a position of the log.
#[derive(Debug)]
enum Waiter {
    /// A produce request, with what it will be told.
    Produce { reply: oneshot::Sender<AppendResult>, appended: Appended },
    /// A long-polling fetch, which will look again at the partition that has this number there.
    Fetch(Arc<FetchWake>, usize),
}

/// A fetch's place among those who wait; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct FetchWait {
    leadership: Arc<Leadership>,
    id: Option<WaiterId>,
}

impl Drop for FetchWait {
    fn drop(&mut self) {
        if let (Some(id), Some(led)) = (self.id, self.leadership.led.get()) {
            led.leader.lock().cancel(id);
        }
    }
}

impl Leadership {
    /// Takes the lead with what the metadata log and the open log say.
    pub(crate) fn lead(&self, start: LeaderStart, log: &Arc<Log>) {
        let led = Led { leader: Mutex::new(Leader::new(start)), log: Arc::downgrade(log) };
        assert!(self.led.set(led).is_ok(), "a partition is led once");
        // What the log reported in the meantime was said to nobody.
        let offsets = log.offsets();
        self.log_end_moved(offsets.log_end);
        self.flushed_moved(offsets.flushed);
    }

    /// Whether an append may begin, and under which epoch.
    pub(crate) fn begin_append(&self, acks: RequiredAcks) -> Result<LeaderEpoch, ErrorCode> {
        let leader = self.led()?.leader.lock();
        leader.check_append(acks)?;
        Ok(leader.epoch())
    }

    /// Whether a request that believes in `requested` may be served.
    pub(crate) fn check_epoch(&self, requested: LeaderEpoch) -> Result<(), ErrorCode> {
        self.led()?.leader.lock().check_epoch(requested).map_err(EpochError::code)
    }

    /// The epoch under which this broker leads.
    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.led.get().map_or(LeaderEpoch::NONE, |led| led.leader.lock().epoch())
    }

    /// Replies to a producer once its records are where `acks` wants them. A repeat waits like the
    /// original: it may be told that its records are safe only when they are.
    pub(crate) fn wait_for_acks(
        &self,
        acks: RequiredAcks,
        appended: Appended,
        reply: oneshot::Sender<AppendResult>,
    ) {
        let needed = appended.last_offset.next();
        let waiter = Waiter::Produce { reply, appended };
        match (acks.until(), self.led.get()) {
            // With acks=0 nobody waits; the connection only wants to know of failures.
            (None, _) => waiter.release(),
            (Some(until), Some(led)) => drop(led.step(|leader| leader.wait(until, needed, waiter))),
            (Some(_), None) => waiter.fail(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// Wakes a fetch when the high watermark passes `seen`, or the last stable offset does for who
    /// reads committed records, at once if it has: the partition with the number `partition` has
    /// news.
    pub(crate) fn wait_beyond(
        self: &Arc<Self>,
        seen: Offset,
        read_committed: bool,
        fetch: &Arc<FetchWake>,
        partition: usize,
    ) -> FetchWait {
        let waiter = Waiter::Fetch(Arc::clone(fetch), partition);
        let until = if read_committed { Until::Stable } else { Until::Visible };
        let wait = |led: &Led| led.step(|leader| leader.wait(until, seen.next(), waiter));
        FetchWait { id: self.led.get().map(wait), leadership: Arc::clone(self) }
    }

    /// The topic's `min.insync.replicas` has changed.
    pub(crate) fn set_min_insync_replicas(&self, min_insync_replicas: u32) {
        self.tell(|leader| leader.handle_min_insync_replicas(min_insync_replicas));
    }

    /// The partition is not led here any more.
    pub(crate) fn close(&self, code: ErrorCode) {
        self.tell(|leader| leader.handle_closed(code));
    }

    fn led(&self) -> Result<&Led, ErrorCode> {
        self.led.get().ok_or(ErrorCode::NotLeaderOrFollower)
    }

    /// News from the log before there is a leader is not lost: [`Self::lead`] starts from the log's
    /// positions.
    fn tell(&self, news: impl FnOnce(&mut Leader<Waiter>)) {
        if let Some(led) = self.led.get() {
            led.step(news);
        }
    }
}

impl Led {
    /// Lets the machine take one input, then does what it says.
    fn step<T>(&self, input: impl FnOnce(&mut Leader<Waiter>) -> T) -> T {
        let mut leader = self.leader.lock();
        let result = input(&mut leader);
        while let Some(output) = leader.poll_output() {
            match output {
                Output::HighWatermarkMoved(offset) => {
                    if let Some(log) = self.log.upgrade() {
                        log.set_high_watermark(offset);
                        leader.handle_last_stable(log.offsets().last_stable);
                    }
                }
                Output::Released(waiter) => waiter.release(),
                Output::Failed(waiter, code) => waiter.fail(code),
            }
        }
        result
    }
}

impl Waiter {
    fn release(self) {
        match self {
            // A producer that has gone away needs no answer.
            Self::Produce { reply, appended } => drop(reply.send(Ok(appended))),
            Self::Fetch(fetch, partition) => fetch.wake(partition),
        }
    }

    fn fail(self, code: ErrorCode) {
        match self {
            Self::Produce { reply, .. } => drop(reply.send(Err(ProduceError::from(code)))),
            // The fetch looks again, and finds out for itself.
            Self::Fetch(fetch, partition) => fetch.wake(partition),
        }
    }
}

impl LogListener for Leadership {
    fn log_end_moved(&self, log_end: Offset) {
        self.tell(|leader| leader.handle_log_end(log_end));
    }

    fn flushed_moved(&self, flushed: Offset) {
        self.tell(|leader| leader.handle_flushed(flushed));
    }

    fn failed(&self, _reason: &str) {
        // The directory has logged the reason once, for all its partitions.
        self.tell(|leader| leader.handle_closed(ErrorCode::KafkaStorageError));
    }
}
