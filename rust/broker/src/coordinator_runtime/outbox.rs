//! Batches that are ready for the log, in order, as long as its directory has no room for them.

use std::collections::VecDeque;

use base::{ErrorCode, Instant};
use bytes::Bytes;

use crate::errors::ProduceError;

/// A batch as a producer would send it.
#[derive(Debug)]
pub(crate) struct Ready {
    /// How many offsets it takes.
    pub records: i32,
    pub bytes: Bytes,
}

/// What is still to be handed to the log.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    batches: VecDeque<Ready>,
    /// Until when the first one is tried again.
    deadline: Option<Instant>,
}

impl Outbox {
    /// Whether everything has been handed over.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Takes a batch in. It waits no longer than until `deadline` when it has come to its turn.
    pub(crate) fn push(&mut self, batch: Ready, deadline: Instant) {
        self.deadline.get_or_insert(deadline);
        self.batches.push_back(batch);
    }

    /// Hands over as much as `append` takes. It refuses with `REQUEST_TIMED_OUT` while there is too
    /// much to do: then the rest waits, and nobody's work is lost for that.
    pub(crate) fn hand_over(
        &mut self,
        now: Instant,
        mut append: impl FnMut(&Ready) -> Result<(), ProduceError>,
    ) -> Result<(), ProduceError> {
        while let Some(first) = self.batches.front() {
            match append(first) {
                Ok(()) => drop(self.batches.pop_front()),
                Err(error) if self.may_wait(now, &error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.deadline = None;
        Ok(())
    }

    fn may_wait(&self, now: Instant, error: &ProduceError) -> bool {
        error.code == ErrorCode::RequestTimedOut
            && self.deadline.is_some_and(|deadline| now < deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(records: i32) -> Ready {
        Ready { records, bytes: Bytes::new() }
    }

    fn full() -> Result<(), ProduceError> {
        Err(ErrorCode::RequestTimedOut.into())
    }

    #[test]
    fn what_there_is_no_room_for_waits_and_keeps_its_order() {
        let mut outbox = Outbox::default();
        outbox.push(ready(1), Instant(10));
        outbox.push(ready(2), Instant(20));
        outbox.hand_over(Instant(5), |_| full()).unwrap();
        outbox.push(ready(3), Instant(30));
        let mut taken = Vec::new();
        let mut room = 2;
        let mut append = |batch: &Ready| {
            if room == 0 {
                return full();
            }
            room -= 1;
            taken.push(batch.records);
            Ok(())
        };
        outbox.hand_over(Instant(9), &mut append).unwrap();
        assert!(!outbox.is_empty());
        let last = |batch: &Ready| {
            taken.push(batch.records);
            Ok(())
        };
        outbox.hand_over(Instant(9), last).unwrap();
        assert!(outbox.is_empty());
        assert_eq!(taken, [1, 2, 3]);
    }

    #[test]
    fn nothing_waits_for_ever_and_a_failure_not_at_all() {
        let mut outbox = Outbox::default();
        outbox.push(ready(1), Instant(10));
        outbox.hand_over(Instant(9), |_| full()).unwrap();
        let error = outbox.hand_over(Instant(10), |_| full()).unwrap_err();
        assert_eq!(error.code, ErrorCode::RequestTimedOut);

        let mut outbox = Outbox::default();
        outbox.push(ready(1), Instant(10));
        outbox.hand_over(Instant(1), |_| Ok(())).unwrap();
        outbox.push(ready(2), Instant(20));
        outbox.hand_over(Instant(19), |_| full()).unwrap();
        let failed = |_: &Ready| Err(ErrorCode::KafkaStorageError.into());
        let error = outbox.hand_over(Instant(19), failed).unwrap_err();
        assert_eq!(error.code, ErrorCode::KafkaStorageError);
    }
}
