//! Batches on their way to the log, in order, and the replies that wait for each of them.

use std::collections::{BTreeSet, VecDeque};

use base::{ErrorCode, Instant, Offset};
use coordinator::ReplyToken;
use tokio::sync::oneshot;

use super::machine::Machine;
use crate::errors::ProduceError;
use crate::partition::AppendResult;

/// How many batches are on their way before nothing more is decided.
const BATCHES_MAX: usize = 64;

/// Replies, each with whom it is for.
pub(crate) type Replies<M> = Vec<(ReplyToken, <M as Machine>::Response)>;

/// What waits until all that it rests on is committed.
#[derive(Debug)]
pub(crate) struct Held<M: Machine> {
    pub replies: Replies<M>,
    pub effects: Vec<M::Effect>,
}

/// The batches that are not known to be committed.
#[derive(Debug)]
pub(crate) struct InFlight<M: Machine> {
    batches: VecDeque<Batch<M>>,
    /// A batch was not appended: those behind it were decided on what is not true.
    has_failed: bool,
}

#[derive(Debug)]
struct Batch<M: Machine> {
    appended: oneshot::Receiver<AppendResult>,
    /// Where the shard's replay has put it.
    base_offset: Offset,
    held: Held<M>,
    /// Until when its replies wait.
    deadline: Instant,
}

impl<M: Machine> Default for Held<M> {
    fn default() -> Self {
        Self { replies: Vec::new(), effects: Vec::new() }
    }
}

impl<M: Machine> Held<M> {
    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.effects.is_empty()
    }
}

impl<M: Machine> Default for InFlight<M> {
    fn default() -> Self {
        Self { batches: VecDeque::new(), has_failed: false }
    }
}

impl<M: Machine> InFlight<M> {
    /// Whether everything that was decided is committed.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether the log must catch up first.
    pub(crate) fn is_full(&self) -> bool {
        self.batches.len() >= BATCHES_MAX
    }

    /// A batch has been handed to the log; it is expected to begin at `base_offset`, and to be
    /// committed by `deadline`.
    pub(crate) fn push(
        &mut self,
        appended: oneshot::Receiver<AppendResult>,
        base_offset: Offset,
        deadline: Instant,
    ) {
        self.batches.push_back(Batch { appended, base_offset, held: Held::default(), deadline });
    }

    /// Whether no more may be on their way, and the oldest batch should have been committed.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.is_full() && self.batches.front().is_some_and(|oldest| oldest.deadline <= now)
    }

    /// When the first replies will have waited for too long, or the log is stuck.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let waited_for = self.batches.iter().find(|batch| !batch.held.replies.is_empty());
        let oldest = self.batches.front().filter(|_| self.is_full());
        let oldest = oldest.filter(|oldest| oldest.deadline > now);
        waited_for.into_iter().chain(oldest).map(|batch| batch.deadline).min()
    }

    /// Takes out the replies that have waited for too long. What they would have told may still
    /// come to be.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Replies<M> {
        let overdue = self.batches.iter_mut().take_while(|batch| batch.deadline <= now);
        overdue.flat_map(|batch| std::mem::take(&mut batch.held.replies)).collect()
    }

    /// Whose replies wait for what is on its way.
    pub(crate) fn reply_tokens(&self) -> BTreeSet<ReplyToken> {
        let replies = self.batches.iter().flat_map(|batch| &batch.held.replies);
        replies.map(|(token, _)| *token).collect()
    }

    /// Lets something wait for everything that is on its way, or gives it back if nothing is.
    pub(crate) fn hold(&mut self, held: Held<M>) -> Held<M> {
        match self.batches.back_mut() {
            Some(last) => {
                last.held.replies.extend(held.replies);
                last.held.effects.extend(held.effects);
                Held::default()
            }
            None => held,
        }
    }

    /// Waits for the first batch, and gives what rests on it. Nothing is lost if the caller turns
    /// to something else meanwhile.
    pub(crate) async fn committed(&mut self) -> Result<Held<M>, ProduceError> {
        let Some(first) = self.batches.front_mut() else { return std::future::pending().await };
        // Only a broker that is gone gives no answer.
        let answer = (&mut first.appended).await;
        let result = answer.unwrap_or_else(|_| Err(ErrorCode::NotCoordinator.into()));
        let first = self.batches.pop_front().expect("it was there before it was waited for");
        let result = first.check(result);
        self.has_failed |= result.is_err();
        result?;
        if self.has_failed {
            return Err(ErrorCode::NotCoordinator.into());
        }
        Ok(first.held)
    }
}

impl<M: Machine> Batch<M> {
    fn check(&self, result: AppendResult) -> Result<(), ProduceError> {
        let appended = result?;
        if appended.base_offset != self.base_offset {
            let message = format!(
                "somebody else writes to the partition: a batch of the coordinator is at {} \
                 instead of {}",
                appended.base_offset, self.base_offset
            );
            return Err(ProduceError::new(ErrorCode::NotCoordinator, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use coordinator::{Response, Shard};
    use storage::Appended;
    use wire::HeartbeatResponse;

    use super::*;

    fn appended(base_offset: i64) -> Appended {
        Appended {
            base_offset: Offset(base_offset),
            last_offset: Offset(base_offset),
            log_append_time_ms: None,
            log_start: Offset::ZERO,
            duplicate: false,
            stamped_header: None,
            sync_due: false,
        }
    }

    type InFlight = super::InFlight<Shard>;

    fn reply(token: u64) -> Held<Shard> {
        let replies = vec![(ReplyToken(token), Response::Heartbeat(HeartbeatResponse::default()))];
        Held { replies, effects: Vec::new() }
    }

    fn tokens(replies: &Replies<Shard>) -> Vec<u64> {
        replies.iter().map(|(token, _)| token.0).collect()
    }

    /// Batches at these offsets, each with the reply of its place, and how to answer for them.
    fn in_flight(offsets: [i64; 2]) -> (InFlight, Vec<oneshot::Sender<AppendResult>>) {
        let mut in_flight = InFlight::default();
        let mut answers = Vec::new();
        for (token, offset) in (0..).zip(offsets) {
            let (answer, waiting) = oneshot::channel();
            in_flight.push(waiting, Offset(offset), Instant(10 + token));
            assert!(in_flight.hold(reply(token)).replies.is_empty());
            answers.push(answer);
        }
        (in_flight, answers)
    }

    #[test]
    fn a_reply_waits_for_nothing_if_nothing_is_on_its_way() {
        assert_eq!(tokens(&InFlight::default().hold(reply(7)).replies), [7]);
    }

    #[tokio::test]
    async fn replies_that_wait_for_too_long_are_given_back_and_the_batch_goes_on() {
        let (mut in_flight, mut answers) = in_flight([0, 1]);
        assert_eq!(in_flight.next_deadline(Instant(9)), Some(Instant(10)));
        assert!(in_flight.take_overdue(Instant(9)).is_empty());
        assert_eq!(tokens(&in_flight.take_overdue(Instant(10))), [0]);
        assert_eq!(in_flight.next_deadline(Instant(10)), Some(Instant(11)));
        drop(answers.remove(0).send(Ok(appended(0))));
        drop(answers.remove(0).send(Ok(appended(1))));
        assert!(in_flight.committed().await.unwrap().replies.is_empty());
        assert_eq!(tokens(&in_flight.committed().await.unwrap().replies), [1]);
        assert_eq!(in_flight.next_deadline(Instant(11)), None);
    }

    #[test]
    fn a_log_is_stuck_when_no_more_fits_and_the_oldest_batch_is_overdue() {
        let mut in_flight = InFlight::default();
        let mut answers = Vec::new();
        for number in 0..BATCHES_MAX as u64 {
            let (answer, waiting) = oneshot::channel();
            answers.push(answer);
            assert!(!in_flight.is_stuck(Instant(1_000)), "there is room for batch {number}");
            in_flight.push(waiting, Offset(number as i64), Instant(10 + number));
        }
        assert_eq!(in_flight.next_deadline(Instant(9)), Some(Instant(10)));
        assert!(!in_flight.is_stuck(Instant(9)));
        assert!(in_flight.is_stuck(Instant(10)));
        // It is known now; there is nothing more to be woken for.
        assert_eq!(in_flight.next_deadline(Instant(10)), None);
    }

    #[tokio::test]
    async fn replies_leave_in_order_whoever_is_answered_first() {
        let (mut in_flight, mut answers) = in_flight([0, 1]);
        // Decided after both, without records of its own.
        assert!(in_flight.hold(reply(2)).replies.is_empty());
        drop(answers.pop().unwrap().send(Ok(appended(1))));
        drop(answers.pop().unwrap().send(Ok(appended(0))));
        assert_eq!(tokens(&in_flight.committed().await.unwrap().replies), [0]);
        assert_eq!(tokens(&in_flight.committed().await.unwrap().replies), [1, 2]);
        assert!(in_flight.is_empty());
    }

    #[tokio::test]
    async fn no_reply_leaves_that_was_decided_on_what_did_not_come_to_be() {
        let (mut in_flight, mut answers) = in_flight([0, 1]);
        drop(answers.pop().unwrap().send(Ok(appended(1))));
        drop(answers.pop().unwrap().send(Err(ErrorCode::KafkaStorageError.into())));
        let error = in_flight.committed().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::KafkaStorageError);
        assert_eq!(in_flight.committed().await.unwrap_err().code, ErrorCode::NotCoordinator);
        assert!(in_flight.is_empty());
    }

    #[tokio::test]
    async fn a_batch_that_lands_elsewhere_is_a_failure() {
        let (mut in_flight, mut answers) = in_flight([0, 1]);
        drop(answers.remove(0).send(Ok(appended(5))));
        let error = in_flight.committed().await.unwrap_err();
        assert!(error.message.unwrap().contains("at 5 instead of 0"));
        // The broker is gone before it answers for the other.
        drop(answers);
        assert_eq!(in_flight.committed().await.unwrap_err().code, ErrorCode::NotCoordinator);
    }
}
