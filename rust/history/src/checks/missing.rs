//! What was promised and is not there: records, offsets, and parts of transactions; and what is
//! there, but was seen by nobody.

use std::collections::BTreeMap;

use crate::anomaly::{Absence, Anomaly, Part};
use crate::evidence::{Evidence, Stale};

pub(crate) fn check(evidence: &Evidence) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut missing: BTreeMap<usize, Missing<'_>> = BTreeMap::new();
    for record in 0..evidence.ledger.records.len() {
        if let Some(absence) = evidence.absence(record) {
            match evidence.ledger.transaction_of(record) {
                Some(transaction) => {
                    missing.entry(transaction).or_default().records.insert(record, absence);
                }
                None => anomalies.extend(lost(evidence, record, absence)),
            }
        } else {
            anomalies.extend(unseen(evidence, record));
        }
    }
    for stale in &evidence.offsets.stale {
        match evidence.ledger.commits[stale.commit].transaction {
            Some(transaction) => {
                let missing = missing.entry(transaction).or_default();
                missing.offsets.entry((stale.commit, stale.partition)).or_insert(stale);
            }
            None => anomalies.push(stale_offset(evidence, stale)),
        }
    }
    for (transaction, missing) in missing {
        anomalies.extend(missing.judged(evidence, transaction));
    }
    anomalies
}

/// What is gone of one transaction.
#[derive(Default)]
struct Missing<'a> {
    records: BTreeMap<usize, Absence>,
    /// By commit and partition; one fetch that tells so will do.
    offsets: BTreeMap<(usize, usize), &'a Stale>,
}

impl Missing<'_> {
    /// Torn, if anything else of it was seen; if not, each part is lost on its own.
    fn judged(self, evidence: &Evidence, transaction: usize) -> Vec<Anomaly> {
        let seen = self.seen(evidence, transaction);
        if seen.is_empty() {
            let records = self.records.into_iter();
            let lost = records.filter_map(|(record, absence)| lost(evidence, record, absence));
            let stale = self.offsets.values().map(|stale| stale_offset(evidence, stale));
            return lost.chain(stale).collect();
        }
        let ledger = &evidence.ledger;
        let records = self.records.into_iter();
        let records =
            records.map(|(record, absence)| (Part::Record(ledger.named(record)), absence));
        let offsets = self.offsets.into_values().map(|stale| {
            let group = ledger.commits[stale.commit].group;
            let offset = Some(stale.committed);
            let part = Part::Offset(evidence.committed_offset(group, stale.partition, offset));
            let fetch = ledger.fetches[stale.fetch].id;
            (part, Absence::Fetched { offset: stale.found, fetch })
        });
        vec![Anomaly::TornTransaction {
            transaction: ledger.transactions[transaction].id,
            seen,
            missing: records.chain(offsets).collect(),
        }]
    }

    fn seen(&self, evidence: &Evidence, transaction: usize) -> Vec<Part> {
        let ledger = &evidence.ledger;
        let transaction = &ledger.transactions[transaction];
        let records = transaction.records.iter().copied();
        let records = records
            .filter(|record| evidence.seen[*record].by_committed.is_some())
            .filter(|record| !self.records.contains_key(record))
            .map(|record| Part::Record(ledger.named(record)));
        let commits = transaction.commits.iter().copied();
        let commits = commits.filter(|commit| evidence.offsets.seen.contains_key(commit));
        let offsets = commits.flat_map(|number| {
            let commit = &ledger.commits[number];
            let offsets = commit.offsets.iter();
            let offsets = offsets
                .filter(move |(partition, _)| !self.offsets.contains_key(&(number, *partition)));
            offsets.map(move |(partition, offset)| {
                Part::Offset(evidence.committed_offset(commit.group, *partition, Some(*offset)))
            })
        });
        records.chain(offsets).collect()
    }
}

fn lost(evidence: &Evidence, record: usize, absence: Absence) -> Option<Anomaly> {
    let send = evidence.ledger.records[record].send.as_ref()?;
    let (record, offset) = (evidence.ledger.named(record), evidence.seen[record].offset);
    Some(Anomaly::LostWrite { send: send.id, record, offset, absence })
}

/// A promised record below the high watermark that no consumer has come to.
fn unseen(evidence: &Evidence, record: usize) -> Option<Anomaly> {
    let known = &evidence.ledger.records[record];
    let send = known.send.as_ref()?;
    evidence.promised(record)?;
    let seen = evidence.seen[record];
    let offset = seen.offset.filter(|_| !seen.by_any)?;
    let end = evidence.ends[known.partition].filter(|end| offset < end.end)?.end;
    let record = evidence.ledger.named(record);
    Some(Anomaly::UnseenRecord { send: send.id, record, offset, end })
}

fn stale_offset(evidence: &Evidence, stale: &Stale) -> Anomaly {
    let commit = &evidence.ledger.commits[stale.commit];
    Anomaly::StaleOffset {
        fetch: evidence.ledger.fetches[stale.fetch].id,
        found: evidence.committed_offset(commit.group, stale.partition, stale.found),
        commit: commit.id,
        committed: stale.committed,
    }
}
