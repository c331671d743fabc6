//! The small broker and its clients, whose requests and answers are lost or late, who are killed,
//! rewound and moved, all from a seed.

use std::collections::{BTreeMap, VecDeque};

use base::{Rng, SplitMix64, TopicPartition};
use history::workload::bank::Bank;
use history::workload::list_append::ListAppend;
use history::{
    Answer, Event, History, IsolationLevel, Operation, OperationId, PartitionOffset,
    PartitionPosition, PolledRecord, Process, RecordValue,
};

use crate::broker::{Broker, Bug};
use crate::consumer::Consumer;
use crate::processor::{self, Processor};
use crate::transactor::Transactor;

pub(crate) const PARTITIONS: usize = 4;
/// The partitions below are lists, those from here on accounts of the bank.
const ACCOUNTS: usize = 2;
const STEPS: u64 = 400;
const TRANSACTORS: usize = 3;
const CONSUMERS: usize = 3;
/// By how many steps an answer is late, and by how many a request.
const ANSWER_STEPS_MAX: u32 = 4;
const REQUEST_STEPS_LATE: u64 = 10;
const AUDITOR: Process = Process(1_000_000);

pub(crate) struct World {
    pub(crate) history: History,
    pub(crate) bank: Bank,
    pub(crate) lists: ListAppend,
    pub(crate) broker: Broker,
    pub(crate) rng: SplitMix64,
    pub(crate) now: u64,
    next_process: u32,
    next_value: u64,
    /// Answers under way, by when they come.
    answers: BTreeMap<(u64, OperationId), Event>,
    /// Requests that come late, by when.
    pub(crate) late: VecDeque<(u64, Late)>,
    producer: Process,
    pub(crate) transactors: Vec<Transactor>,
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) processor: Processor,
}

pub(crate) enum Late {
    Append(usize, String),
    Commit(usize),
}

pub(crate) fn partition(number: usize) -> TopicPartition {
    TopicPartition::new("events", number as i32)
}

pub(crate) fn run(seed: u64, bug: Option<Bug>) -> World {
    let mut world = World::new(seed, bug);
    world.open_bank();
    for _ in 0..STEPS {
        world.step();
    }
    world.settle();
    world.audit();
    world
}

impl World {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let accounts = (ACCOUNTS..PARTITIONS).map(partition).collect();
        let lists = (0..ACCOUNTS).map(partition).collect();
        let mut world = Self {
            history: History::new(),
            bank: Bank::new(accounts, seed),
            lists: ListAppend::new(lists, seed),
            broker: Broker::new(PARTITIONS, bug, !seed),
            rng: SplitMix64::new(seed),
            now: 0,
            next_process: 0,
            next_value: 0,
            answers: BTreeMap::new(),
            late: VecDeque::new(),
            producer: Process(0),
            transactors: Vec::new(),
            consumers: Vec::new(),
            processor: Processor { process: Process(0), position: 0 },
        };
        world.producer = world.process();
        for _ in 0..TRANSACTORS {
            let transactor = Transactor::new(world.process());
            world.transactors.push(transactor);
        }
        for number in 0..CONSUMERS {
            let consumer = Consumer::new(world.process(), number);
            world.consumers.push(consumer);
        }
        world.take_over();
        world
    }

    pub(crate) fn process(&mut self) -> Process {
        self.next_process += 1;
        Process(self.next_process)
    }

    pub(crate) fn happens(&mut self, chance_in_a_hundred: u32) -> bool {
        self.rng.below(100) < chance_in_a_hundred
    }

    pub(crate) fn value(&mut self) -> String {
        self.next_value += 1;
        format!("v{}", self.next_value)
    }

    pub(crate) fn invoke(&mut self, process: Process, operation: Operation) -> OperationId {
        self.history.invoke(self.now, process, operation)
    }

    /// Tells an answer, some time later.
    pub(crate) fn answer(&mut self, id: OperationId, event: Event) {
        let due = self.now + u64::from(self.rng.below(ANSWER_STEPS_MAX));
        self.answers.insert((due, id), event);
    }

    /// Tells an answer now, of an operation that its process waits for.
    pub(crate) fn tell(&mut self, id: OperationId, answer: Answer) {
        self.history.ok(self.now, id, answer);
    }

    pub(crate) fn position(&mut self, process: Process, number: usize, offset: Option<i64>) {
        let positions = vec![PartitionPosition::new(&partition(number), offset)];
        self.history.position(self.now, process, positions);
    }

    fn step(&mut self) {
        self.now += 1;
        self.deliver(self.now);
        match self.rng.below(10) {
            0 | 1 => self.produce(),
            2..5 => self.transact(),
            5 | 6 => self.consume(),
            7 => self.move_consumer(),
            8 => self.process_input(),
            _ => self.take_over(),
        }
    }

    fn deliver(&mut self, until: u64) {
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((_, id), event) = entry.remove_entry();
            match event {
                Event::Ok(answer) => self.history.ok(self.now, id, answer),
                Event::Failed(reason) => self.history.failed(self.now, id, reason),
                Event::Unknown(reason) => self.history.unknown(self.now, id, reason),
                Event::Invoke(_) | Event::Position(_) => unreachable!("these are no answers"),
            }
            for transactor in &mut self.transactors {
                transactor.is_told(id);
            }
        }
        while self.late.front().is_some_and(|(due, _)| *due <= until) {
            match self.late.pop_front().unwrap().1 {
                Late::Append(partition, value) => {
                    self.broker.append(partition, &[value], None);
                }
                Late::Commit(transaction) => self.broker.end(transaction, true),
            }
        }
    }

    /// Has a request come after later ones.
    pub(crate) fn come_late(&mut self, late: Late) {
        self.late.push_back((self.now + REQUEST_STEPS_LATE, late));
    }

    /// A producer without transactions sends a request of some records.
    fn produce(&mut self) {
        let number = self.rng.below(ACCOUNTS as u32) as usize;
        let values: Vec<String> = (0..=self.rng.below(3)).map(|_| self.value()).collect();
        let ids: Vec<_> =
            values.iter().map(|value| self.invoke(self.producer, sending(number, value))).collect();
        let fate = self.rng.below(10);
        let offsets = match fate {
            0 => {
                for id in ids {
                    self.answer(id, Event::Failed("refused".to_owned()));
                }
                return;
            }
            1 => {
                // The request is lost, or comes late.
                if self.happens(50) {
                    self.come_late(Late::Append(number, values[0].clone()));
                }
                Vec::new()
            }
            _ => self.broker.append(number, &values, None),
        };
        for (index, id) in ids.into_iter().enumerate() {
            let event = match fate {
                1 | 2 => Event::Unknown("timed out".to_owned()),
                3 => Event::Ok(Answer::Sent { offset: None }),
                _ => Event::Ok(Answer::Sent { offset: Some(offsets[index]) }),
            };
            self.answer(id, event);
        }
    }

    /// A poll that gives what one fetch gave; where it goes on.
    pub(crate) fn poll(
        &mut self,
        process: Process,
        isolation: IsolationLevel,
        number: usize,
        position: i64,
    ) -> i64 {
        let id = self.invoke(process, Operation::Poll { isolation });
        let (records, next) = self.broker.fetch(number, position, isolation);
        let records = records.into_iter().map(|(offset, value)| PolledRecord {
            partition: partition(number),
            offset,
            value: value.into(),
        });
        let positions = vec![PartitionOffset::new(&partition(number), next)];
        self.tell(id, Answer::Polled { records: records.collect(), positions });
        next
    }

    pub(crate) fn fetch_offset(&mut self, process: Process, group: &'static str, number: usize) {
        let id = self.invoke(process, Operation::FetchOffsets { group: group.to_owned() });
        let found = self.broker.committed_offset(group, number);
        let offsets = vec![PartitionPosition::new(&partition(number), found)];
        self.tell(id, Answer::Fetched { offsets });
    }

    fn open_bank(&mut self) {
        let process = self.process();
        let begin = self.invoke(process, Operation::Begin);
        self.tell(begin, Answer::Done);
        let transaction = self.broker.begin();
        for (to, value) in self.bank.opening() {
            let number = to.partition.0 as usize;
            let id = self.invoke(process, sending(number, value.as_str()));
            let value = value.as_str().to_owned();
            let offset = self.broker.append(number, &[value], Some(transaction))[0];
            self.tell(id, Answer::Sent { offset: Some(offset) });
        }
        let commit = self.invoke(process, Operation::Commit);
        self.broker.end(transaction, true);
        self.tell(commit, Answer::Done);
    }

    /// Everything under way arrives, and what nobody has ended is aborted.
    fn settle(&mut self) {
        self.now += 100;
        self.deliver(u64::MAX);
        self.broker.end_all_open();
    }

    /// Somebody reads everything.
    fn audit(&mut self) {
        let id = self.invoke(AUDITOR, Operation::EndOffsets);
        let ends: Vec<i64> = (0..PARTITIONS).map(|it| self.broker.end_offset(it)).collect();
        let told = (0..).zip(&ends).map(|(it, end)| PartitionOffset::new(&partition(it), *end));
        self.tell(id, Answer::Ends { ends: told.collect() });
        for (number, end) in ends.into_iter().enumerate() {
            self.position(AUDITOR, number, Some(0));
            let mut position = 0;
            while position < end {
                self.now += 1;
                let next = self.poll(AUDITOR, IsolationLevel::ReadCommitted, number, position);
                if next == position {
                    break;
                }
                position = next;
            }
        }
        self.fetch_offset(AUDITOR, processor::GROUP, processor::INPUT);
    }
}

pub(crate) fn sending(number: usize, value: &str) -> Operation {
    Operation::Send { partition: partition(number), value: RecordValue::from(value) }
}
