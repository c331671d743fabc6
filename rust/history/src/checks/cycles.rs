//! Circles of transactions each of which was before the next.
//!
//! Kafka's transactions are atomic, not isolated: two that are open at the same time may write into
//! each other's midst on two partitions, and Elle's graph of whole transactions would call that a
//! circle (G0). So there are two graphs. In the first one a transaction is two moments, and an edge
//! stands for what no clock can deny:
//!
//! ```text
//! B ─────> C             a transaction begins before it is committed
//! B1 ────> C2     ww     a record of 1 lies before one of 2: 1 had begun when 2 had not ended
//! C1 ────> C2     wr     2 was given a record of 1: 1 was committed before 2 ended
//! C1 > t > t > B2        1 was known to be committed before 2 began: along a line of moments
//! ```
//!
//! A circle there is impossible, whatever the isolation. The second graph is Elle's, with ww, wr
//! and rw between whole transactions: a circle there means that no order of the transactions, one
//! after the other, explains the history.

use std::collections::BTreeMap;

use crate::anomaly::{Anomaly, CyclePart, Dependency};
use crate::evidence::Evidence;
use crate::graph::{Edge, Graph};
use crate::ledger::{End, Outcome};
use crate::operation::IsolationLevel;

/// Circles that contradict time itself.
pub(crate) fn impossible(evidence: &Evidence) -> Vec<Anomaly> {
    let order = Order::of(evidence);
    let transactions = evidence.ledger.transactions.len();
    let (begin, end) = (|of: usize| 2 * of, |of: usize| 2 * of + 1);
    let mut edges = Vec::new();
    for transaction in order.committed() {
        edges.push(free(begin(transaction), end(transaction)));
    }
    for step in order.write_write() {
        edges.push(counted(begin(step.from), end(step.to), Label::Step(step)));
    }
    for step in order.write_read() {
        edges.push(counted(end(step.from), end(step.to), Label::Step(step)));
    }
    let line = order.by_commit();
    let moment = |index: usize| 2 * transactions + index;
    for (index, transaction) in line.iter().enumerate() {
        edges.push(counted(end(*transaction), moment(index), Label::Leave(*transaction)));
        if index + 1 < line.len() {
            edges.push(free(moment(index), moment(index + 1)));
        }
    }
    let ledger = &evidence.ledger.transactions;
    for transaction in order.committed() {
        let began = ledger[transaction].began;
        let before = line.partition_point(|earlier| ledger[*earlier].committed < began);
        if let Some(last) = before.checked_sub(1) {
            let label = Label::Enter(transaction);
            edges.push(Edge { label, ..free(moment(last), begin(transaction)) });
        }
    }
    cycles(evidence, &Graph::new(2 * transactions + line.len(), edges))
}

/// Circles that no order of whole transactions explains.
pub(crate) fn unserializable(evidence: &Evidence) -> Vec<Anomaly> {
    let order = Order::of(evidence);
    let steps = [order.write_write(), order.write_read(), order.read_write()];
    let edge = |step: Step| counted(step.from, step.to, Label::Step(step));
    let edges = steps.into_iter().flatten().map(edge).collect();
    cycles(evidence, &Graph::new(evidence.ledger.transactions.len(), edges))
}

#[derive(Clone, Copy, Debug)]
enum Label {
    Free,
    Step(Step),
    /// From a transaction to the moment of its commit.
    Leave(usize),
    /// From the last moment before a transaction to that.
    Enter(usize),
}

/// One transaction is before another.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: usize,
    to: usize,
    reason: Reason,
}

#[derive(Clone, Copy, Debug)]
enum Reason {
    WriteWrite { first: usize, second: usize },
    WriteRead { record: usize, poll: usize },
    ReadWrite { poll: usize, record: usize },
    RealTime,
}

fn free(from: usize, to: usize) -> Edge<Label> {
    Edge { from, to, label: Label::Free, counts: false }
}

fn counted(from: usize, to: usize, label: Label) -> Edge<Label> {
    Edge { from, to, label, counts: true }
}

/// What is known of the order of the committed transactions.
struct Order<'a> {
    evidence: &'a Evidence,
    /// By partition: offset, record and transaction of what they wrote.
    writes: Vec<Vec<(i64, usize, usize)>>,
}

impl<'a> Order<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let logs = evidence.logs.iter();
        let writes = logs.map(|log| {
            let alone = log.entries.chunk_by(|a, b| a.offset == b.offset);
            // Of what contradicts itself nothing follows.
            let alone = alone.filter_map(|entries| match entries {
                [entry] if evidence.seen[entry.record].offset == Some(entry.offset) => Some(entry),
                _ => None,
            });
            let written = alone.filter_map(|entry| {
                let transaction = evidence.ledger.transaction_of(entry.record)?;
                evidence.committed[transaction]?;
                let send = evidence.ledger.records[entry.record].send.as_ref()?;
                let is_failed = send.outcome == Outcome::Failed;
                (!is_failed).then_some((entry.offset, entry.record, transaction))
            });
            written.collect()
        });
        Self { evidence, writes: writes.collect() }
    }

    fn committed(&self) -> impl Iterator<Item = usize> {
        let committed = self.evidence.committed.iter().enumerate();
        committed.filter_map(|(transaction, moment)| moment.map(|_| transaction))
    }

    /// Those whose process was told that they are committed, in the order in which that was.
    fn by_commit(&self) -> Vec<usize> {
        let transactions = &self.evidence.ledger.transactions;
        let mut told: Vec<usize> =
            self.committed().filter(|of| transactions[*of].end == End::Committed).collect();
        told.sort_by_key(|of| transactions[*of].committed);
        told
    }

    /// Between neighbours in a log; the others follow.
    fn write_write(&self) -> Vec<Step> {
        let neighbours = self.writes.iter().flat_map(|writes| writes.windows(2));
        let steps = neighbours.filter_map(|pair| match *pair {
            [(_, first, from), (_, second, to)] if from != to => {
                Some(Step { from, to, reason: Reason::WriteWrite { first, second } })
            }
            _ => None,
        });
        steps.collect()
    }

    fn write_read(&self) -> Vec<Step> {
        let ledger = &self.evidence.ledger;
        let mut steps = Vec::new();
        for to in self.committed() {
            let mut last = None;
            for poll in self.committed_polls(to) {
                for sighting in &ledger.polls[poll].sightings {
                    let record = sighting.record;
                    let from = ledger.transaction_of(record);
                    let from = from.filter(|from| self.evidence.committed[*from].is_some());
                    if from.is_some() && from != Some(to) && from != last {
                        let reason = Reason::WriteRead { record, poll };
                        steps.extend(from.map(|from| Step { from, to, reason }));
                    }
                    last = from;
                }
            }
        }
        steps
    }

    /// To whoever wrote what follows where a transaction has stopped reading.
    fn read_write(&self) -> Vec<Step> {
        let ledger = &self.evidence.ledger;
        let mut steps = Vec::new();
        for from in self.committed() {
            let mut stopped: BTreeMap<usize, (i64, usize)> = BTreeMap::new();
            for number in self.committed_polls(from) {
                let poll = &ledger.polls[number];
                let seen = poll.sightings.iter().map(|sighting| {
                    (ledger.records[sighting.record].partition, sighting.offset + 1)
                });
                for (partition, offset) in seen.chain(poll.positions.iter().copied()) {
                    let stopped = stopped.entry(partition).or_insert((offset, number));
                    *stopped = (*stopped).max((offset, number));
                }
            }
            for (partition, (offset, poll)) in stopped {
                let writes = &self.writes[partition];
                let next = writes.partition_point(|(written, ..)| *written < offset);
                let next = writes[next..].iter().find(|(.., to)| *to != from);
                steps.extend(next.map(|&(_, record, to)| Step {
                    from,
                    to,
                    reason: Reason::ReadWrite { poll, record },
                }));
            }
        }
        steps
    }

    fn committed_polls(&self, transaction: usize) -> impl Iterator<Item = usize> {
        let ledger = &self.evidence.ledger;
        let polls = ledger.transactions[transaction].polls.iter().copied();
        polls.filter(move |poll| ledger.polls[*poll].isolation == IsolationLevel::ReadCommitted)
    }
}

fn cycles(evidence: &Evidence, graph: &Graph<Label>) -> Vec<Anomaly> {
    let cycles = graph.shortest_cycles().into_iter();
    cycles.map(|cycle| Anomaly::WriteCycle { steps: explained(evidence, &cycle) }).collect()
}

fn explained(evidence: &Evidence, cycle: &[&Edge<Label>]) -> Vec<CyclePart> {
    // A circle may have been cut open within the line of moments: start where one leaves for it.
    let first = cycle.iter().position(|edge| edge.counts).unwrap_or(0);
    let edges = cycle.iter().cycle().skip(first).take(cycle.len());
    let mut left = None;
    let mut parts = Vec::new();
    for edge in edges {
        match edge.label {
            Label::Free => {}
            Label::Step(step) => parts.push(part(evidence, step)),
            Label::Leave(transaction) => left = Some(transaction),
            Label::Enter(to) => {
                let entered = left.take().map(|from| Step { from, to, reason: Reason::RealTime });
                parts.extend(entered.map(|step| part(evidence, step)));
            }
        }
    }
    parts
}

fn part(evidence: &Evidence, step: Step) -> CyclePart {
    let ledger = &evidence.ledger;
    let id = |transaction: usize| ledger.transactions[transaction].id;
    let dependency = match step.reason {
        Reason::WriteWrite { first, second } => {
            Dependency::WriteWrite { first: ledger.named(first), second: ledger.named(second) }
        }
        Reason::WriteRead { record, poll } => {
            Dependency::WriteRead { record: ledger.named(record), poll: ledger.polls[poll].id }
        }
        Reason::ReadWrite { poll, record } => {
            Dependency::ReadWrite { poll: ledger.polls[poll].id, record: ledger.named(record) }
        }
        Reason::RealTime => Dependency::RealTime,
    };
    CyclePart { from: id(step.from), to: id(step.to), dependency }
}
