//! What a process has sent to a partition lies there in the order in which it was sent. Only what
//! was acknowledged counts: what is unknown may come late.

use std::collections::BTreeMap;

use crate::anomaly::Anomaly;
use crate::evidence::Evidence;
use crate::ledger::Outcome;

pub(crate) fn check(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let mut sent: Vec<_> = ledger
        .records
        .iter()
        .enumerate()
        .filter_map(|(record, sent)| {
            let send = sent.send.as_ref().filter(|send| send.outcome == Outcome::Ok)?;
            let offset = send.offset.or(evidence.seen[record].offset)?;
            Some((send.id, sent.partition, offset))
        })
        .collect();
    // A process counts its operations as it begins them.
    sent.sort_by_key(|(id, ..)| *id);
    let mut last = BTreeMap::new();
    let mut anomalies = Vec::new();
    for (id, partition, offset) in sent {
        let farthest = last.entry((id.process, partition)).or_insert((id, offset));
        if offset < farthest.1 {
            anomalies.push(Anomaly::NonMonotonicSend {
                first: *farthest,
                second: (id, offset),
                partition: ledger.partitions[partition].clone(),
            });
        } else {
            *farthest = (id, offset);
        }
    }
    anomalies
}
