//! How far the hosts of transactions have come, as they tell each other beside the network, so that
//! each knows when it is done.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use base::TopicPartition;
use history::Process;

use crate::plan::Plan;

/// Offsets by partition.
pub(crate) type Offsets = BTreeMap<TopicPartition, i64>;

/// What they share.
#[derive(Debug)]
pub(crate) struct Books {
    processes: Cell<u32>,
    is_open: Cell<bool>,
    /// Of each clerk.
    transfers_left: RefCell<Vec<u32>>,
    forwarders_left: Cell<usize>,
    /// Where the accounts end, once nothing is transferred any more.
    account_ends: RefCell<Option<Offsets>>,
    /// The offset behind the last record of each account that is committed, after that.
    due: RefCell<Option<Offsets>>,
    forwarded: RefCell<Offsets>,
    /// Where everything ends.
    last_ends: RefCell<Option<Offsets>>,
}

impl Books {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            processes: Cell::new(0),
            is_open: Cell::new(false),
            transfers_left: RefCell::new(plan.clerks.iter().map(|clerk| clerk.transfers).collect()),
            forwarders_left: Cell::new(plan.forwarders),
            account_ends: RefCell::default(),
            due: RefCell::default(),
            forwarded: RefCell::default(),
            last_ends: RefCell::default(),
        }
    }

    /// A name that nobody has had.
    pub(crate) fn next_process(&self) -> Process {
        let number = self.processes.get();
        self.processes.set(number + 1);
        Process(number)
    }

    /// The money is paid in, and may be transferred.
    pub(crate) fn open(&self) {
        self.is_open.set(true);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open.get()
    }

    /// What a clerk still has to do.
    pub(crate) fn transfers_left(&self, clerk: usize) -> u32 {
        self.transfers_left.borrow()[clerk]
    }

    /// One of them is over, one way or the other.
    pub(crate) fn note_transfer(&self, clerk: usize) {
        self.transfers_left.borrow_mut()[clerk] -= 1;
    }

    /// Whether nothing will be transferred any more.
    pub(crate) fn is_all_transferred(&self) -> bool {
        self.transfers_left.borrow().iter().all(|left| *left == 0)
    }

    pub(crate) fn note_account_ends(&self, ends: Offsets) {
        self.account_ends.replace(Some(ends));
    }

    /// Whether somebody at `positions` has read the accounts to their ends, and they have some.
    pub(crate) fn has_read_accounts(&self, positions: &Offsets) -> bool {
        self.account_ends.borrow().as_ref().is_some_and(|ends| is_reached(ends, positions))
    }

    pub(crate) fn note_due(&self, due: Offsets) {
        self.due.replace(Some(due));
    }

    /// The group has come to there.
    pub(crate) fn note_forwarded(&self, account: TopicPartition, offset: i64) {
        let mut forwarded = self.forwarded.borrow_mut();
        let known = forwarded.entry(account).or_default();
        *known = offset.max(*known);
    }

    /// Whether every record of the accounts is forwarded.
    pub(crate) fn is_all_forwarded(&self) -> bool {
        let forwarded = self.forwarded.borrow();
        self.due.borrow().as_ref().is_some_and(|due| is_reached(due, &forwarded))
    }

    pub(crate) fn note_forwarder_done(&self) {
        self.forwarders_left.set(self.forwarders_left.get() - 1);
    }

    pub(crate) fn forwarders_left(&self) -> usize {
        self.forwarders_left.get()
    }

    pub(crate) fn note_last_ends(&self, ends: Offsets) {
        self.last_ends.replace(Some(ends));
    }

    /// Whether somebody at `positions` has read everything, and all is over.
    pub(crate) fn has_read_all(&self, positions: &Offsets) -> bool {
        self.last_ends.borrow().as_ref().is_some_and(|ends| is_reached(ends, positions))
    }
}

fn is_reached(ends: &Offsets, positions: &Offsets) -> bool {
    ends.iter().all(|(name, end)| positions.get(name).copied().unwrap_or(0) >= *end)
}
