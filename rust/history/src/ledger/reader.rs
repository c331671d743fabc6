//! Reads a history entry by entry and pairs what was asked with what was answered.

use std::collections::{BTreeMap, HashMap};

use base::TopicPartition;

use super::{
    End, Ends, Ledger, Moment, NEVER, OffsetCommit, OffsetFetch, Outcome, Poll, Record, Send,
    Sighting, Step, Transaction,
};
use crate::history::{Entry, Event, History};
use crate::operation::{
    Answer, IsolationLevel, Operation, OperationId, PartitionOffset, PolledRecord, Process,
    RecordValue,
};

/// A history that nothing can be said about, because it was not recorded as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHistory {
    /// Numbers name operations.
    #[error("entry {entry}: operation {operation} begins while another of that number is open")]
    InvokedTwice {
        /// Counted from 0.
        entry: usize,
        /// Which.
        operation: OperationId,
    },
    /// It completed before, or never began.
    #[error("entry {entry}: operation {operation} completes, but is not open")]
    NotInvoked {
        /// Counted from 0.
        entry: usize,
        /// Which.
        operation: OperationId,
    },
    /// Say, a send that was answered with records.
    #[error("entry {entry}: operation {operation} was given an answer of another operation")]
    WrongAnswer {
        /// Counted from 0.
        entry: usize,
        /// Which.
        operation: OperationId,
    },
    /// Values name records.
    #[error(
        "entry {entry}: operation {operation} sends {value} to {partition} again: each value may \
         be sent to a partition once; name another try otherwise"
    )]
    ValueSentTwice {
        /// Counted from 0.
        entry: usize,
        /// The second one.
        operation: OperationId,
        /// Where.
        partition: TopicPartition,
        /// What.
        value: RecordValue,
    },
    /// It has to begin first.
    #[error("entry {entry}: operation {operation} belongs to a transaction, but none is open")]
    NoTransaction {
        /// Counted from 0.
        entry: usize,
        /// Which.
        operation: OperationId,
    },
    /// One that is not known is left out.
    #[error("entry {entry}: operation {operation} has the offset {offset}; offsets start at 0")]
    NegativeOffset {
        /// Counted from 0.
        entry: usize,
        /// Which.
        operation: OperationId,
        /// The offset.
        offset: i64,
    },
}

pub(super) fn read(history: &History) -> Result<Ledger, MalformedHistory> {
    let mut reader = Reader::default();
    for (now, entry) in history.entries().iter().enumerate() {
        reader.follow(now, entry)?;
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    ledger: Ledger,
    partitions: BTreeMap<TopicPartition, usize>,
    groups: BTreeMap<String, usize>,
    records: HashMap<(usize, RecordValue), usize>,
    open: HashMap<OperationId, Asked>,
    /// The transaction of each process that was begun and is not known to have ended.
    current: BTreeMap<Process, usize>,
    /// For each transaction, what was asked of its end.
    endings: Vec<Ending>,
}

/// An operation without an answer.
#[derive(Clone, Copy)]
enum Asked {
    Send { record: usize },
    Poll { isolation: IsolationLevel, transaction: Option<usize> },
    CommitOffsets { commit: usize },
    FetchOffsets { group: usize, invoked: Moment },
    Begin,
    Commit { transaction: usize },
    Abort { transaction: usize },
    EndOffsets { asked: Moment },
}

#[derive(Default)]
struct Ending {
    commits_asked: usize,
    commits_failed: usize,
    is_abort_asked: bool,
    is_aborted: bool,
}

impl Ending {
    fn is_asked(&self) -> bool {
        self.commits_asked > 0 || self.is_abort_asked
    }
}

impl Reader {
    fn follow(&mut self, now: Moment, entry: &Entry) -> Result<(), MalformedHistory> {
        let id = OperationId { process: entry.process, number: entry.number };
        match &entry.event {
            Event::Invoke(operation) => {
                let asked = self.invoke(now, id, operation)?;
                match self.open.insert(id, asked) {
                    Some(_) => Err(MalformedHistory::InvokedTwice { entry: now, operation: id }),
                    None => Ok(()),
                }
            }
            Event::Ok(answer) => {
                let asked = self.take(now, id)?;
                self.ok(now, id, asked, answer)
            }
            Event::Failed(_) => {
                let asked = self.take(now, id)?;
                self.failed(id, asked);
                Ok(())
            }
            // What is unknown and what never completes is the same.
            Event::Unknown(_) => self.take(now, id).map(|_| ()),
            Event::Position(positions) => {
                for position in positions {
                    let offset = position.offset.map(|offset| not_negative(now, id, offset));
                    let offset = offset.transpose()?;
                    let partition = self.partition(&position.partition);
                    let process = entry.process;
                    self.ledger.steps.push(Step::Positioned { process, partition, offset });
                }
                Ok(())
            }
        }
    }

    fn take(&mut self, now: Moment, id: OperationId) -> Result<Asked, MalformedHistory> {
        let not_invoked = MalformedHistory::NotInvoked { entry: now, operation: id };
        self.open.remove(&id).ok_or(not_invoked)
    }

    fn invoke(
        &mut self,
        now: Moment,
        id: OperationId,
        operation: &Operation,
    ) -> Result<Asked, MalformedHistory> {
        let no_transaction = MalformedHistory::NoTransaction { entry: now, operation: id };
        Ok(match operation {
            Operation::Send { partition, value } => self.send(now, id, partition, value)?,
            Operation::Poll { isolation } => {
                Asked::Poll { isolation: *isolation, transaction: self.open_transaction(id) }
            }
            Operation::CommitOffsets { group, offsets } => {
                self.commit_offsets(now, id, group, offsets, None)?
            }
            Operation::SendOffsets { group, offsets } => {
                let transaction = self.open_transaction(id).ok_or(no_transaction)?;
                self.commit_offsets(now, id, group, offsets, Some(transaction))?
            }
            Operation::FetchOffsets { group } => {
                Asked::FetchOffsets { group: self.group(group), invoked: now }
            }
            Operation::Begin => self.begin(now, id),
            Operation::Commit => {
                let transaction = *self.current.get(&id.process).ok_or(no_transaction)?;
                self.endings[transaction].commits_asked += 1;
                let asked = &mut self.ledger.transactions[transaction].commit_asked;
                *asked = now.min(*asked);
                Asked::Commit { transaction }
            }
            Operation::Abort => {
                let transaction = *self.current.get(&id.process).ok_or(no_transaction)?;
                self.endings[transaction].is_abort_asked = true;
                Asked::Abort { transaction }
            }
            Operation::EndOffsets => Asked::EndOffsets { asked: now },
        })
    }

    fn send(
        &mut self,
        now: Moment,
        id: OperationId,
        partition: &TopicPartition,
        value: &RecordValue,
    ) -> Result<Asked, MalformedHistory> {
        let transaction = self.open_transaction(id);
        let number = self.partition(partition);
        let record = self.record(number, value);
        let send = &mut self.ledger.records[record].send;
        if send.is_some() {
            let (partition, value) = (partition.clone(), value.clone());
            return Err(MalformedHistory::ValueSentTwice {
                entry: now,
                operation: id,
                partition,
                value,
            });
        }
        let outcome = Outcome::Unknown;
        *send = Some(Send { id, outcome, acknowledged: NEVER, offset: None, transaction });
        if let Some(transaction) = transaction {
            self.ledger.transactions[transaction].records.push(record);
        }
        Ok(Asked::Send { record })
    }

    fn commit_offsets(
        &mut self,
        now: Moment,
        id: OperationId,
        group: &str,
        offsets: &[PartitionOffset],
        transaction: Option<usize>,
    ) -> Result<Asked, MalformedHistory> {
        let commit = self.ledger.commits.len();
        let offsets = self.offsets(now, id, offsets)?;
        let group = self.group(group);
        let outcome = Outcome::Unknown;
        let completed = NEVER;
        let entry =
            OffsetCommit { id, group, offsets, transaction, invoked: now, completed, outcome };
        self.ledger.commits.push(entry);
        if let Some(transaction) = transaction {
            self.ledger.transactions[transaction].commits.push(commit);
            self.ledger.steps.push(Step::OffsetsSent(commit));
        }
        Ok(Asked::CommitOffsets { commit })
    }

    fn begin(&mut self, now: Moment, id: OperationId) -> Asked {
        self.current.insert(id.process, self.ledger.transactions.len());
        self.endings.push(Ending::default());
        self.ledger.transactions.push(Transaction {
            id,
            began: now,
            commit_asked: NEVER,
            committed: NEVER,
            end: End::Unknown,
            records: Vec::new(),
            commits: Vec::new(),
            polls: Vec::new(),
        });
        Asked::Begin
    }

    fn ok(
        &mut self,
        now: Moment,
        id: OperationId,
        asked: Asked,
        answer: &Answer,
    ) -> Result<(), MalformedHistory> {
        match (asked, answer) {
            (Asked::Send { record }, Answer::Sent { offset }) => {
                let offset = offset.map(|offset| not_negative(now, id, offset)).transpose()?;
                let send = self.ledger.records[record].send.as_mut();
                let send = send.expect("it was noted when it was invoked");
                (send.outcome, send.acknowledged, send.offset) = (Outcome::Ok, now, offset);
            }
            (Asked::Poll { isolation, transaction }, Answer::Polled { records, positions }) => {
                self.polled(now, id, isolation, transaction, records, positions)?;
            }
            (Asked::CommitOffsets { commit }, Answer::Done) => {
                let commit = &mut self.ledger.commits[commit];
                (commit.outcome, commit.completed) = (Outcome::Ok, now);
            }
            (Asked::FetchOffsets { group, invoked }, Answer::Fetched { offsets }) => {
                let offsets = offsets.iter().map(|position| {
                    let offset = position.offset.map(|offset| not_negative(now, id, offset));
                    Ok((self.partition(&position.partition), offset.transpose()?))
                });
                let offsets = offsets.collect::<Result<_, _>>()?;
                let fetch = OffsetFetch { id, group, invoked, completed: now, offsets };
                self.ledger.fetches.push(fetch);
            }
            (Asked::Begin, Answer::Done) => {}
            (Asked::Commit { transaction }, Answer::Done) => {
                self.ledger.transactions[transaction].committed = now;
                self.close(id.process, transaction);
            }
            (Asked::Abort { transaction }, Answer::Done) => {
                self.endings[transaction].is_aborted = true;
                self.close(id.process, transaction);
            }
            (Asked::EndOffsets { asked }, Answer::Ends { ends }) => {
                let offsets = self.offsets(now, id, ends)?;
                self.ledger.ends.push(Ends { id, asked, offsets });
            }
            _ => return Err(MalformedHistory::WrongAnswer { entry: now, operation: id }),
        }
        Ok(())
    }

    fn polled(
        &mut self,
        now: Moment,
        id: OperationId,
        isolation: IsolationLevel,
        transaction: Option<usize>,
        records: &[PolledRecord],
        positions: &[PartitionOffset],
    ) -> Result<(), MalformedHistory> {
        let sightings = records.iter().map(|record| {
            let offset = not_negative(now, id, record.offset)?;
            let partition = self.partition(&record.partition);
            Ok(Sighting { record: self.record(partition, &record.value), offset })
        });
        let sightings = sightings.collect::<Result<_, _>>()?;
        let positions = self.offsets(now, id, positions)?;
        let poll = self.ledger.polls.len();
        self.ledger.polls.push(Poll { id, isolation, completed: now, sightings, positions });
        self.ledger.steps.push(Step::Polled(poll));
        if let Some(transaction) = transaction {
            self.ledger.transactions[transaction].polls.push(poll);
        }
        Ok(())
    }

    fn failed(&mut self, id: OperationId, asked: Asked) {
        match asked {
            Asked::Send { record } => {
                let send = self.ledger.records[record].send.as_mut();
                send.expect("it was noted when it was invoked").outcome = Outcome::Failed;
            }
            Asked::CommitOffsets { commit } => {
                self.ledger.commits[commit].outcome = Outcome::Failed;
            }
            Asked::Begin => {
                self.current.remove(&id.process);
            }
            Asked::Commit { transaction } => self.endings[transaction].commits_failed += 1,
            Asked::Poll { .. }
            | Asked::FetchOffsets { .. }
            | Asked::Abort { .. }
            | Asked::EndOffsets { .. } => {}
        }
    }

    /// The transaction that what `id` does now belongs to: the open one, until its end is asked
    /// for.
    fn open_transaction(&self, id: OperationId) -> Option<usize> {
        let transaction = *self.current.get(&id.process)?;
        (!self.endings[transaction].is_asked()).then_some(transaction)
    }

    fn close(&mut self, process: Process, transaction: usize) {
        if self.current.get(&process) == Some(&transaction) {
            self.current.remove(&process);
        }
    }

    fn finish(mut self) -> Ledger {
        for (transaction, ending) in self.ledger.transactions.iter_mut().zip(&self.endings) {
            // An abort that has succeeded tells what became of a commit that is unknown.
            transaction.end = if transaction.committed != NEVER {
                End::Committed
            } else if ending.is_aborted || ending.commits_failed == ending.commits_asked {
                End::Aborted
            } else {
                End::Unknown
            };
        }
        self.ledger
    }

    fn partition(&mut self, partition: &TopicPartition) -> usize {
        if let Some(number) = self.partitions.get(partition) {
            return *number;
        }
        let number = self.ledger.partitions.len();
        self.partitions.insert(partition.clone(), number);
        self.ledger.partitions.push(partition.clone());
        number
    }

    fn group(&mut self, group: &str) -> usize {
        if let Some(number) = self.groups.get(group) {
            return *number;
        }
        let number = self.ledger.groups.len();
        self.groups.insert(group.to_owned(), number);
        self.ledger.groups.push(group.to_owned());
        number
    }

    fn record(&mut self, partition: usize, value: &RecordValue) -> usize {
        let records = &mut self.ledger.records;
        *self.records.entry((partition, value.clone())).or_insert_with(|| {
            records.push(Record { partition, value: value.clone(), send: None });
            records.len() - 1
        })
    }

    fn offsets(
        &mut self,
        now: Moment,
        id: OperationId,
        offsets: &[PartitionOffset],
    ) -> Result<Vec<(usize, i64)>, MalformedHistory> {
        let offsets = offsets.iter().map(|PartitionOffset { partition, offset }| {
            Ok((self.partition(partition), not_negative(now, id, *offset)?))
        });
        offsets.collect()
    }
}

fn not_negative(now: Moment, id: OperationId, offset: i64) -> Result<i64, MalformedHistory> {
    let negative = MalformedHistory::NegativeOffset { entry: now, operation: id, offset };
    if offset < 0 { Err(negative) } else { Ok(offset) }
}

#[cfg(test)]
mod tests;
