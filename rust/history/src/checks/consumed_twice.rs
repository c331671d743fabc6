//! Exactly once: no two committed transactions consume the same record for a group. A transaction
//! consumes what its process was given since it last sent offsets, up to the offset that it sends.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::anomaly::Anomaly;
use crate::evidence::Evidence;
use crate::ledger::{End, Ledger, OffsetCommit, Step};
use crate::operation::Process;

pub(crate) fn check(evidence: &Evidence) -> Vec<Anomaly> {
    let mut walk = Walk::default();
    for step in &evidence.ledger.steps {
        walk.follow(&evidence.ledger, step);
    }
    walk.anomalies(&evidence.ledger)
}

#[derive(Default)]
struct Walk {
    /// The offsets that each process was given and has sent no offset for, by partition.
    given: BTreeMap<(Process, usize), VecDeque<i64>>,
    /// The transaction that has consumed an offset, by group and partition.
    consumer: HashMap<(usize, usize, i64), usize>,
    /// The first common offset of two transactions and the count of all, by group and partition.
    common: BTreeMap<(usize, usize, usize, usize), (i64, usize)>,
}

impl Walk {
    fn follow(&mut self, ledger: &Ledger, step: &Step) {
        match step {
            Step::Polled(poll) => {
                let poll = &ledger.polls[*poll];
                for sighting in &poll.sightings {
                    let partition = ledger.records[sighting.record].partition;
                    let given = self.given.entry((poll.id.process, partition)).or_default();
                    given.push_back(sighting.offset);
                }
            }
            Step::Positioned { process, partition, .. } => {
                self.given.remove(&(*process, *partition));
            }
            Step::OffsetsSent(commit) => self.consume(ledger, &ledger.commits[*commit]),
        }
    }

    fn consume(&mut self, ledger: &Ledger, commit: &OffsetCommit) {
        let Some(transaction) = commit.transaction else { return };
        let is_committed = ledger.transactions[transaction].end == End::Committed;
        for &(partition, next) in &commit.offsets {
            let Some(given) = self.given.get_mut(&(commit.id.process, partition)) else { continue };
            while let Some(offset) = given.pop_front_if(|offset| *offset < next) {
                if !is_committed {
                    continue;
                }
                let place = (commit.group, partition, offset);
                let first = *self.consumer.entry(place).or_insert(transaction);
                if first != transaction {
                    let common = (commit.group, partition, first, transaction);
                    self.common.entry(common).or_insert((offset, 0)).1 += 1;
                }
            }
        }
    }

    fn anomalies(self, ledger: &Ledger) -> Vec<Anomaly> {
        let common = self.common.into_iter();
        let anomalies = common.map(|((group, partition, first, second), (offset, count))| {
            Anomaly::ConsumedTwice {
                group: ledger.groups[group].clone(),
                partition: ledger.partitions[partition].clone(),
                offset,
                first: ledger.transactions[first].id,
                second: ledger.transactions[second].id,
                count,
            }
        });
        anomalies.collect()
    }
}
