//! One record, one offset: no record lies at two offsets, and no two at one.

use crate::anomaly::{Anomaly, Place};
use crate::evidence::Evidence;
use crate::partition_log::LogEntry;

/// Records that lie at several offsets.
pub(crate) fn duplicates(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let mut anomalies = Vec::new();
    for log in &evidence.logs {
        let mut entries: Vec<&LogEntry> = log.entries.iter().collect();
        entries.sort_by_key(|entry| entry.record);
        for places in entries.chunk_by(|a, b| a.record == b.record) {
            // What nobody has sent is wrong at any offset.
            let record = places[0].record;
            if places.len() > 1 && ledger.records[record].send.is_some() {
                let place = |entry: &&LogEntry| Place {
                    offset: entry.offset,
                    told_by: entry.told_by(ledger),
                };
                let places = places.iter().map(place).collect();
                anomalies.push(Anomaly::Duplicate { record: ledger.named(record), places });
            }
        }
    }
    anomalies
}

/// Offsets at which several records lie.
pub(crate) fn inconsistent_offsets(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let mut anomalies = Vec::new();
    for (partition, log) in evidence.logs.iter().enumerate() {
        for values in log.entries.chunk_by(|a, b| a.offset == b.offset) {
            if let [first, _, ..] = values {
                let value = |entry: &LogEntry| {
                    (ledger.records[entry.record].value.clone(), entry.told_by(ledger))
                };
                anomalies.push(Anomaly::InconsistentOffset {
                    partition: ledger.partitions[partition].clone(),
                    offset: first.offset,
                    values: values.iter().map(value).collect(),
                });
            }
        }
    }
    anomalies
}
