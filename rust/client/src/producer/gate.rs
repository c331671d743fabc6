//! Whether a producer takes records, and why not: it is closed, has failed, or has no transaction
//! that they could belong to.

use std::sync::atomic::{AtomicBool, Ordering};

use client_core::producer::TransactionError;
use parking_lot::Mutex;

use crate::error::SendError;

/// What every record passes: one flag, as long as it is open.
#[derive(Debug)]
pub(super) struct Gate {
    is_shut: AtomicBool,
    reasons: Mutex<Reasons>,
}

#[derive(Debug, Default)]
struct Reasons {
    /// Why it will not open again.
    closed: Option<String>,
    /// Why it is shut for now.
    transaction: Option<TransactionError>,
}

impl Gate {
    /// Open, unless there must be a transaction first.
    pub(super) fn new(is_transactional: bool) -> Self {
        let transaction = is_transactional.then_some(TransactionError::Misuse(
            "records are sent in a transaction: begin_transaction() comes first",
        ));
        let reasons = Reasons { closed: None, transaction };
        Self { is_shut: AtomicBool::new(is_transactional), reasons: Mutex::new(reasons) }
    }

    #[inline]
    pub(super) fn check(&self) -> Result<(), SendError> {
        if self.is_shut.load(Ordering::Acquire) { Err(self.reason()) } else { Ok(()) }
    }

    /// Whether it will never open again.
    pub(super) fn is_closed(&self) -> bool {
        self.reasons.lock().closed.is_some()
    }

    /// Whether there may be a transaction that has neither been committed nor aborted.
    pub(super) fn has_transaction(&self) -> bool {
        let reasons = self.reasons.lock();
        let is_failed = reasons.transaction.as_ref().map(TransactionError::is_abortable);
        reasons.closed.is_none() && is_failed.unwrap_or(true)
    }

    /// Shuts it for good; the first reason counts.
    pub(super) fn close(&self, because: &str) {
        self.reasons.lock().closed.get_or_insert_with(|| because.to_owned());
        self.is_shut.store(true, Ordering::Release);
    }

    /// Shuts it until the next transaction begins.
    pub(super) fn shut(&self, because: TransactionError) {
        self.reasons.lock().transaction = Some(because);
        self.is_shut.store(true, Ordering::Release);
    }

    /// A transaction has begun.
    pub(super) fn open(&self) {
        let mut reasons = self.reasons.lock();
        reasons.transaction = None;
        self.is_shut.store(reasons.closed.is_some(), Ordering::Release);
    }

    fn reason(&self) -> SendError {
        let reasons = self.reasons.lock();
        match (&reasons.transaction, &reasons.closed) {
            // A producer that is fenced off says so, closed or not.
            (Some(error), Some(_)) if error.is_fatal() => error.clone().into(),
            (_, Some(because)) => SendError::Closed(because.clone()),
            (Some(error), None) => error.clone().into(),
            (None, None) => SendError::Closed(String::new()), // it was opened meanwhile
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> TransactionError {
        TransactionError::Abortable { code: None, reason: "why".into() }
    }

    #[test]
    fn a_gate_is_open_between_the_beginning_of_a_transaction_and_its_end() {
        let gate = Gate::new(true);
        assert!(matches!(gate.check(), Err(SendError::Transaction(TransactionError::Misuse(_)))));
        assert!(!gate.has_transaction());
        gate.open();
        assert!(gate.check().is_ok() && gate.has_transaction());
        gate.shut(failed());
        assert_eq!(gate.check(), Err(failed().into()));
        assert!(gate.has_transaction(), "it has to be aborted");
        assert!(Gate::new(false).check().is_ok());
    }

    #[test]
    fn a_closed_gate_does_not_open_again_and_tells_of_a_fence() {
        let gate = Gate::new(true);
        gate.close("it is over");
        gate.open();
        assert_eq!(gate.check(), Err(SendError::Closed("it is over".into())));
        assert!(gate.is_closed() && !gate.has_transaction());
        let fenced = TransactionError::Fenced { transactional_id: "t".into() };
        gate.shut(fenced.clone());
        assert_eq!(gate.check(), Err(fenced.into()));
    }
}
