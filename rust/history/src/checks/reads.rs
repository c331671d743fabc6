//! What consumers were given that they should not have been: what was never sent, what was undone,
//! and what was not committed yet. Each record is told of once.

use std::collections::BTreeSet;

use crate::anomaly::{Anomaly, Undone};
use crate::evidence::Evidence;
use crate::ledger::{End, Ledger, Outcome, Poll, Sighting};
use crate::operation::IsolationLevel;

pub(crate) fn check(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let mut told = BTreeSet::new();
    let mut anomalies = Vec::new();
    for poll in &ledger.polls {
        for sighting in &poll.sightings {
            if let Some(anomaly) = wrong_read(ledger, poll, *sighting)
                && told.insert(sighting.record)
            {
                anomalies.push(anomaly);
            }
        }
    }
    anomalies
}

fn wrong_read(ledger: &Ledger, poll: &Poll, sighting: Sighting) -> Option<Anomaly> {
    let Sighting { record: number, offset } = sighting;
    let record = || ledger.named(number);
    let Some(send) = &ledger.records[number].send else {
        return Some(Anomaly::PhantomRecord { poll: poll.id, record: record(), offset });
    };
    let aborted = |undone| Anomaly::AbortedRead { poll: poll.id, record: record(), offset, undone };
    let is_failed = send.outcome == Outcome::Failed;
    let failed = Undone::Failed { send: send.id };
    let Some(transaction) = send.transaction.map(|transaction| &ledger.transactions[transaction])
    else {
        return is_failed.then(|| aborted(failed));
    };
    // A producer that gives up a transaction need not know which of its records are in the log, and
    // whoever reads read_uncommitted may be given any of them.
    if poll.isolation == IsolationLevel::ReadUncommitted {
        return None;
    }
    if transaction.end == End::Aborted {
        return Some(aborted(Undone::Aborted { transaction: transaction.id }));
    }
    if is_failed {
        return Some(aborted(failed));
    }
    (poll.completed < transaction.commit_asked).then(|| Anomaly::EarlyRead {
        poll: poll.id,
        record: record(),
        offset,
        transaction: transaction.id,
    })
}
