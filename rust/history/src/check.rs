//! Holds a history against what was promised.

use crate::anomaly::Anomaly;
use crate::checks::{
    consumed_twice, cycles, logs, missing, offsets, poll_order, reads, send_order,
};
use crate::evidence::Evidence;
use crate::history::History;
use crate::ledger::{Ledger, MalformedHistory};
use crate::report::Report;

/// Everything in a history that a log which keeps Kafka's promises could not have shown. Its
/// transactions are atomic for consumers that read `read_committed`; they are not isolated from
/// each other, so that only such circles are reported as contradict what happened before what.
pub fn check(history: &History) -> Result<Report, MalformedHistory> {
    let evidence = Evidence::gather(Ledger::read(history)?);
    Ok(Report::new(anomalies(&evidence)))
}

/// The same where transactions are also to be serialisable, because those who make them see to it,
/// or because somebody wants to know: every circle of ww, wr and rw dependencies is reported.
pub fn check_serializable(history: &History) -> Result<Report, MalformedHistory> {
    let evidence = Evidence::gather(Ledger::read(history)?);
    let mut anomalies = anomalies(&evidence);
    anomalies.extend(cycles::unserializable(&evidence));
    Ok(Report::new(anomalies))
}

fn anomalies(evidence: &Evidence) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    anomalies.extend(logs::duplicates(evidence));
    anomalies.extend(logs::inconsistent_offsets(evidence));
    anomalies.extend(reads::check(evidence));
    anomalies.extend(poll_order::skips(evidence));
    anomalies.extend(poll_order::turns(evidence));
    anomalies.extend(send_order::check(evidence));
    anomalies.extend(missing::check(evidence));
    anomalies.extend(offsets::strays(evidence));
    anomalies.extend(consumed_twice::check(evidence));
    anomalies.extend(cycles::impossible(evidence));
    anomalies
}

#[cfg(test)]
mod tests;
