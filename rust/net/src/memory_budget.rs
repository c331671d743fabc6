//! The memory that the requests of all connections share with the replies that wait to be read,
//! with one overdraft so that nobody waits for ever.
//!
//! Charges grow while a frame arrives, so many half-read frames could hold the whole budget and
//! none could be finished. Therefore one frame at a time may go beyond it, to its end: the bound is
//! the budget plus one request, and the broker always moves on. The overdraft is given back when
//! the frame's last byte is dropped, not when it has been read.
//!
//! How large a reply is shows when it is there, so replies may put the budget into debt. What is
//! given back pays for the debt first: until it is paid no frame gets memory, and no reply is begun
//! that may be large. So the debt is at most the replies to what was admitted, and one large reply
//! for each thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A number of bytes that charges are taken from.
#[derive(Debug)]
pub struct MemoryBudget {
    bytes: Arc<Semaphore>,
    overdraft: Arc<Semaphore>,
    /// What charges hold beyond the budget.
    debt: Mutex<usize>,
    debt_paid: Notify,
    /// How many wait for memory.
    waiting: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS))),
            overdraft: Arc::new(Semaphore::new(1)),
            debt: Mutex::new(0),
            debt_paid: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The bytes that are not charged.
    pub fn free_bytes(&self) -> usize {
        self.bytes.available_permits()
    }

    /// Whether anybody waits for memory.
    pub(crate) fn is_contended(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether charges hold more than the budget.
    pub(crate) fn is_in_debt(&self) -> bool {
        *self.debt.lock() > 0
    }

    /// Adds `bytes` to `charge` at once, if the budget or its overdraft allows it.
    pub(crate) fn try_grow(self: &Arc<Self>, charge: &mut Charge, bytes: u32) -> bool {
        if charge.is_overdrawn() {
            return true;
        }
        match Arc::clone(&self.bytes).try_acquire_many_owned(bytes) {
            Ok(permit) => charge.add(self, Grant::Bytes(permit)),
            Err(_) => match Arc::clone(&self.overdraft).try_acquire_owned() {
                Ok(permit) => charge.add(self, Grant::Overdraft(permit)),
                Err(_) => return false,
            },
        }
        true
    }

    /// Waits for `bytes`, in the order in which readers began to wait, or for the overdraft.
    pub(crate) async fn grant(self: Arc<Self>, bytes: u32) -> Grant {
        let _waiting = Waiting::begin(&self.waiting);
        let granted = Arc::clone(&self.bytes).acquire_many_owned(bytes);
        let overdraft = Arc::clone(&self.overdraft).acquire_owned();
        tokio::select! {
            biased;
            permit = granted => Grant::Bytes(permit.expect("the budget is never closed")),
            permit = overdraft => Grant::Overdraft(permit.expect("the overdraft is never closed")),
        }
    }

    /// Waits until there is no debt.
    pub(crate) async fn paid(self: Arc<Self>) {
        let _waiting = Waiting::begin(&self.waiting);
        loop {
            let mut paid = std::pin::pin!(self.debt_paid.notified());
            // Whoever pays between the look and the wait is heard.
            paid.as_mut().enable();
            if !self.is_in_debt() {
                return;
            }
            paid.await;
        }
    }

    /// Makes `charge` hold `bytes`, if need be beyond the budget.
    pub(crate) fn set(self: &Arc<Self>, charge: &mut Charge, bytes: usize) {
        if bytes < charge.bytes {
            self.give_back(charge.bytes - bytes);
        } else if bytes > charge.bytes {
            self.owe(bytes - charge.bytes);
        }
        charge.budget.get_or_insert_with(|| Arc::clone(self));
        charge.bytes = bytes;
    }

    fn owe(&self, bytes: usize) {
        // Held, so that nothing is given back meanwhile that could have paid.
        let mut debt = self.debt.lock();
        *debt += bytes - self.bytes.forget_permits(bytes);
    }

    fn give_back(&self, bytes: usize) {
        let mut debt = self.debt.lock();
        let paid = bytes.min(*debt);
        *debt -= paid;
        self.bytes.add_permits(bytes - paid);
        if paid > 0 && *debt == 0 {
            self.debt_paid.notify_waiters();
        }
    }
}

/// One who waits, counted until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a reader that waited was given.
#[derive(Debug)]
pub(crate) enum Grant {
    Bytes(OwnedSemaphorePermit),
    Overdraft(OwnedSemaphorePermit),
}

/// What one frame, or the replies of one connection, hold of the budget; given back on drop.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    budget: Option<Arc<MemoryBudget>>,
    bytes: usize,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Charge {
    pub(crate) fn add(&mut self, budget: &Arc<MemoryBudget>, grant: Grant) {
        match grant {
            Grant::Bytes(permit) => {
                self.budget.get_or_insert_with(|| Arc::clone(budget));
                self.bytes += permit.num_permits();
                permit.forget();
            }
            Grant::Overdraft(permit) => self.overdraft = Some(permit),
        }
    }

    /// Whether this is the one frame that may go beyond the budget.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.overdraft.is_some()
    }

    /// Whether others could use what is held here.
    pub(crate) fn is_held(&self) -> bool {
        self.bytes > 0 || self.is_overdrawn()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_when_it_is_dropped() {
        let budget = Arc::new(MemoryBudget::new(100));
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
        let budget = Arc::new(MemoryBudget::new(100));
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
    #[test]
    fn a_reply_beyond_the_budget_is_a_debt_that_is_paid_before_anything_is_free() {
        let budget = Arc::new(MemoryBudget::new(100));
        let (mut request, mut reply) = (Charge::default(), Charge::default());
        assert!(budget.try_grow(&mut request, 60));
        budget.set(&mut reply, 70);
        assert!(budget.is_in_debt());
        assert_eq!(budget.free_bytes(), 0);
        budget.set(&mut reply, 50);
        assert!(budget.is_in_debt());
        drop(request);
        assert!(!budget.is_in_debt());
        assert_eq!(budget.free_bytes(), 50);
        drop(reply);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[tokio::test]
    async fn who_waits_for_a_debt_to_be_paid_is_counted_and_woken() {
        let budget = Arc::new(MemoryBudget::new(100));
        let mut reply = Charge::default();
        budget.set(&mut reply, 101);
        let waiting = tokio::spawn(Arc::clone(&budget).paid());
        tokio::task::yield_now().await;
        assert!(budget.is_contended() && !waiting.is_finished());
        budget.set(&mut reply, 100);
        waiting.await.unwrap();
        assert!(!budget.is_contended());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_charged_comes_back(
            steps in proptest::collection::vec((0_usize..4, 0_usize..600), 0..50),
        ) {
            let budget = Arc::new(MemoryBudget::new(1000));
            let mut charges: [Charge; 4] = Default::default();
            for (charge, bytes) in steps {
                budget.set(&mut charges[charge], bytes);
                let held: usize = charges.iter().map(|charge| charge.bytes).sum();
                assert_eq!(budget.free_bytes(), 1000_usize.saturating_sub(held));
                assert_eq!(*budget.debt.lock(), held.saturating_sub(1000));
            }
            drop(charges);
            assert_eq!(budget.free_bytes(), 1000);
        }
    }
}
