//! A client that makes one transaction after the other: transfers of the bank, or appends to lists
//! and reads of them.

use std::collections::{BTreeMap, BTreeSet};

use base::Rng;
use history::workload::list_append::ListStep;
use history::{Answer, Event, IsolationLevel, Operation, OperationId, Process, RecordValue};

use crate::world::{Late, World, sending};

pub(crate) struct Transactor {
    process: Process,
    open: Option<Open>,
    /// What it has to be told before it ends the transaction, or begins the next one.
    waits_for: BTreeSet<OperationId>,
    /// Where it reads on, by partition.
    positions: BTreeMap<usize, i64>,
}

/// An open transaction and what is left to do, last first.
struct Open {
    number: usize,
    steps: Vec<ListStep>,
}

impl Transactor {
    pub(crate) fn new(process: Process) -> Self {
        let (waits_for, positions) = (BTreeSet::new(), BTreeMap::new());
        Self { process, open: None, waits_for, positions }
    }

    pub(crate) fn is_told(&mut self, id: OperationId) {
        self.waits_for.remove(&id);
    }
}

impl World {
    /// One of the transactions goes a step further.
    pub(crate) fn transact(&mut self) {
        let index = self.rng.below(self.transactors.len() as u32) as usize;
        let transactor = &mut self.transactors[index];
        let process = transactor.process;
        let is_waiting = !transactor.waits_for.is_empty();
        let Some(mut open) = transactor.open.take() else {
            if !is_waiting {
                let open = self.begin(process);
                self.transactors[index].open = Some(open);
            }
            return;
        };
        match open.steps.pop() {
            Some(ListStep::Append(to, value)) => {
                self.append(index, open.number, to.partition.0 as usize, &value);
                self.transactors[index].open = Some(open);
            }
            Some(ListStep::Read(list)) => {
                self.read(index, list.partition.0 as usize);
                self.transactors[index].open = Some(open);
            }
            None if is_waiting => self.transactors[index].open = Some(open),
            None if self.happens(10) => {
                // It is killed; somebody else comes, and the broker aborts what it has left.
                self.broker.end(open.number, false);
                self.transactors[index] = Transactor::new(self.process());
            }
            None => {
                let told = self.end(process, open.number);
                self.transactors[index].waits_for.insert(told);
            }
        }
    }

    fn begin(&mut self, process: Process) -> Open {
        let id = self.invoke(process, Operation::Begin);
        self.tell(id, Answer::Done);
        let number = self.broker.begin();
        let steps = if self.happens(50) {
            let transfer = self.bank.transfer();
            let [first, second] = transfer.records();
            let append =
                |(to, value): &(_, RecordValue)| ListStep::Append(Clone::clone(to), value.clone());
            vec![append(first), append(second)]
        } else {
            self.lists.transaction()
        };
        Open { number, steps }
    }

    fn append(&mut self, index: usize, transaction: usize, number: usize, value: &RecordValue) {
        let process = self.transactors[index].process;
        let id = self.invoke(process, sending(number, value.as_str()));
        let value = value.as_str().to_owned();
        let offset = self.broker.append(number, &[value], Some(transaction))[0];
        self.answer(id, Event::Ok(Answer::Sent { offset: Some(offset) }));
        self.transactors[index].waits_for.insert(id);
    }

    fn read(&mut self, index: usize, number: usize) {
        let Transactor { process, ref positions, .. } = self.transactors[index];
        let position = positions.get(&number).copied();
        if position.is_none() {
            self.position(process, number, Some(0));
        }
        let isolation = IsolationLevel::ReadCommitted;
        let next = self.poll(process, isolation, number, position.unwrap_or(0));
        self.transactors[index].positions.insert(number, next);
    }

    /// Ends a transaction one way or another; the operation whose answer has to be waited for.
    pub(crate) fn end(&mut self, process: Process, transaction: usize) -> OperationId {
        let fate = self.rng.below(10);
        let operation = if fate < 3 { Operation::Abort } else { Operation::Commit };
        let id = self.invoke(process, operation);
        match fate {
            // The request is late, or lost, and the client does not know.
            3 if self.happens(50) => self.come_late(Late::Commit(transaction)),
            0..4 => self.broker.end(transaction, false),
            _ => self.broker.end(transaction, true),
        }
        if matches!(fate, 3 | 4) {
            self.answer(id, Event::Unknown("timed out".to_owned()));
        } else {
            self.answer(id, Event::Ok(Answer::Done));
        }
        id
    }
}
