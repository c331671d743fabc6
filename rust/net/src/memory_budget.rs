//! The memory that the requests of all connections share, with one overdraft so that nobody waits
//! for ever.
//!
//! Charges grow while a frame arrives, so many half-read frames could hold the whole budget and
//! none could be finished. Therefore one frame at a time may go beyond it, to its end: the bound is
//! the budget plus one request, and the broker always moves on. The overdraft is given back when
//! the frame's last byte is dropped, not when it has been read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of bytes that charges are taken from.
#[derive(Debug)]
pub struct MemoryBudget {
    bytes: Arc<Semaphore>,
    overdraft: Arc<Semaphore>,
}

impl MemoryBudget {
    /// A budget of `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS))),
            overdraft: Arc::new(Semaphore::new(1)),
        }
    }

    /// The bytes that are not charged.
    pub fn free_bytes(&self) -> usize {
        self.bytes.available_permits()
    }

    /// Adds `bytes` to `charge` at once, if the budget or its overdraft allows it.
    pub(crate) fn try_grow(&self, charge: &mut Charge, bytes: u32) -> bool {
        if charge.is_overdrawn() {
            return true;
        }
        match Arc::clone(&self.bytes).try_acquire_many_owned(bytes) {
            Ok(permit) => charge.add(Grant::Bytes(permit)),
            Err(_) => match Arc::clone(&self.overdraft).try_acquire_owned() {
                Ok(permit) => charge.add(Grant::Overdraft(permit)),
                Err(_) => return false,
            },
        }
        true
    }

    /// Waits for `bytes`, in the order in which readers began to wait, or for the overdraft.
    pub(crate) async fn grant(self: Arc<Self>, bytes: u32) -> Grant {
        let granted = Arc::clone(&self.bytes).acquire_many_owned(bytes);
        let overdraft = Arc::clone(&self.overdraft).acquire_owned();
        tokio::select! {
            biased;
            permit = granted => Grant::Bytes(permit.expect("the budget is never closed")),
            permit = overdraft => Grant::Overdraft(permit.expect("the overdraft is never closed")),
        }
    }
}

/// What a reader that waited was given.
#[derive(Debug)]
pub(crate) enum Grant {
    Bytes(OwnedSemaphorePermit),
    Overdraft(OwnedSemaphorePermit),
}

/// What one frame holds of the budget; given back on drop.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    bytes: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Charge {
    pub(crate) fn add(&mut self, grant: Grant) {
        match (grant, &mut self.bytes) {
            (Grant::Bytes(permit), Some(held)) => held.merge(permit),
            (Grant::Bytes(permit), none) => *none = Some(permit),
            (Grant::Overdraft(permit), _) => self.overdraft = Some(permit),
        }
    }

    /// Whether this is the one frame that may go beyond the budget.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.overdraft.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_when_it_is_dropped() {
        let budget = MemoryBudget::new(100);
        let mut charge = Charge::default();
        assert!(budget.try_grow(&mut charge, 60));
        assert!(budget.try_grow(&mut charge, 40));
        assert_eq!(budget.free_bytes(), 0);
        assert!(!charge.is_overdrawn());
        drop(charge);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn one_charge_at_a_time_may_go_beyond_the_budget() {
        let budget = MemoryBudget::new(100);
        let (mut first, mut second) = (Charge::default(), Charge::default());
        assert!(budget.try_grow(&mut first, 1000));
        assert!(first.is_overdrawn());
        assert!(budget.try_grow(&mut first, 1_000_000));
        assert!(!budget.try_grow(&mut second, 1000));
        assert!(budget.try_grow(&mut second, 100));
        drop(first);
        assert!(budget.try_grow(&mut second, 1000));
        assert!(second.is_overdrawn());
    }

    #[tokio::test]
    async fn a_waiting_charge_gets_whatever_is_free_first() {
        let budget = Arc::new(MemoryBudget::new(100));
        let (mut holder, mut overdrawn) = (Charge::default(), Charge::default());
        assert!(budget.try_grow(&mut holder, 100) && budget.try_grow(&mut overdrawn, 50));
        let waiting = tokio::spawn(Arc::clone(&budget).grant(50));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(holder);
        assert!(matches!(waiting.await.unwrap(), Grant::Bytes(_)));
        let waiting = tokio::spawn(Arc::clone(&budget).grant(5000));
        tokio::task::yield_now().await;
        drop(overdrawn);
        assert!(matches!(waiting.await.unwrap(), Grant::Overdraft(_)));
        assert_eq!(budget.free_bytes(), 100);
    }
}
