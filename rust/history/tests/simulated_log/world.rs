//! Clients of the small broker: producers, transactions, consumers and a processor, whose requests
//! and answers are lost or late, who are killed, rewound and moved, all from a seed.

use std::collections::{BTreeMap, VecDeque};

use base::{Rng, SplitMix64, TopicPartition};
use history::workload::bank::Bank;
use history::{
    Answer, Event, History, IsolationLevel, Operation, OperationId, PartitionOffset,
    PartitionPosition, PolledRecord, Process, RecordValue,
};

use crate::broker::{Broker, Bug};

const PROCESSORS: &str = "processors";
const READERS: &str = "readers";
/// What the processor reads.
const INPUT: usize = 0;
const PARTITIONS: usize = 4;
/// The accounts of the bank are the partitions from here on.
const ACCOUNTS: usize = 2;
const STEPS: u64 = 400;
const CONSUMERS: usize = 3;
const AUDITOR: Process = Process(1_000_000);

pub(crate) struct World {
    pub(crate) history: History,
    pub(crate) bank: Bank,
    broker: Broker,
    rng: SplitMix64,
    now: u64,
    next_process: u32,
    next_value: u64,
    /// Answers under way, by when they come.
    answers: BTreeMap<(u64, OperationId), Event>,
    /// Requests that come late, by when.
    late: VecDeque<(u64, Late)>,
    producer: Process,
    transactors: Vec<Transactor>,
    consumers: Vec<Consumer>,
    processor: Processor,
}

enum Late {
    Append(usize, String),
    Commit(usize),
}

struct Transactor {
    process: Process,
    open: Option<Open>,
}

/// What is left to do in a transaction.
struct Open {
    number: usize,
    sends: Vec<(usize, String)>,
    sends_in_flight: u64,
}

struct Consumer {
    process: Process,
    isolation: IsolationLevel,
    positions: BTreeMap<usize, i64>,
}

struct Processor {
    process: Process,
    position: i64,
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
        let mut world = Self {
            history: History::new(),
            bank: Bank::new(accounts, seed),
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
        world.transactors = (0..3).map(|_| world.transactor()).collect();
        for number in 0..CONSUMERS {
            let isolation = if number == 0 {
                IsolationLevel::ReadUncommitted
            } else {
                IsolationLevel::ReadCommitted
            };
            let process = world.process();
            world.consumers.push(Consumer { process, isolation, positions: BTreeMap::new() });
        }
        world.processor.process = world.process();
        world.position(world.processor.process, INPUT, Some(0));
        world
    }

    fn process(&mut self) -> Process {
        self.next_process += 1;
        Process(self.next_process)
    }

    fn transactor(&mut self) -> Transactor {
        Transactor { process: self.process(), open: None }
    }

    fn happens(&mut self, chance_in_a_hundred: u32) -> bool {
        self.rng.below(100) < chance_in_a_hundred
    }

    fn value(&mut self) -> String {
        self.next_value += 1;
        format!("v{}", self.next_value)
    }

    fn invoke(&mut self, process: Process, operation: Operation) -> OperationId {
        self.history.invoke(self.now, process, operation)
    }

    /// Tells an answer, some time later.
    fn answer(&mut self, id: OperationId, event: Event) {
        let due = self.now + u64::from(self.rng.below(4));
        self.answers.insert((due, id), event);
    }

    /// Tells an answer now, of an operation that its process waits for.
    fn tell(&mut self, id: OperationId, answer: Answer) {
        self.history.ok(self.now, id, answer);
    }

    fn position(&mut self, process: Process, number: usize, offset: Option<i64>) {
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
                if let Some(open) =
                    transactor.open.as_mut().filter(|_| transactor.process == id.process)
                {
                    open.sends_in_flight = open.sends_in_flight.saturating_sub(1);
                }
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

    /// A producer without transactions sends a request of some records.
    fn produce(&mut self) {
        let number = self.rng.below(PARTITIONS as u32 - 2) as usize;
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
                    self.late.push_back((self.now + 10, Late::Append(number, values[0].clone())));
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

    /// One of the transactions goes a step further.
    fn transact(&mut self) {
        let index = self.rng.below(self.transactors.len() as u32) as usize;
        let process = self.transactors[index].process;
        let Some(mut open) = self.transactors[index].open.take() else {
            let id = self.invoke(process, Operation::Begin);
            self.tell(id, Answer::Done);
            let open = self.plan();
            self.transactors[index].open = Some(open);
            return;
        };
        if let Some((number, value)) = open.sends.pop() {
            let id = self.invoke(process, sending(number, &value));
            let offset = self.broker.append(number, &[value], Some(open.number))[0];
            self.answer(id, Event::Ok(Answer::Sent { offset: Some(offset) }));
            open.sends_in_flight += 1;
            self.transactors[index].open = Some(open);
        } else if open.sends_in_flight > 0 {
            self.transactors[index].open = Some(open);
        } else if self.happens(10) {
            // It is killed; somebody else comes, and the broker aborts what it has left.
            self.broker.end(open.number, false);
            self.transactors[index] = self.transactor();
        } else {
            self.end(process, open.number);
        }
    }

    /// A transfer, or records for anybody.
    fn plan(&mut self) -> Open {
        let number = self.broker.begin();
        let sends = if self.happens(60) {
            let transfer = self.bank.transfer();
            let records = transfer.records();
            records.map(|(to, value)| (to.partition.0 as usize, value.as_str().to_owned())).into()
        } else {
            let count = 1 + self.rng.below(3);
            (0..count).map(|_| (self.rng.below(ACCOUNTS as u32) as usize, self.value())).collect()
        };
        Open { number, sends, sends_in_flight: 0 }
    }

    /// Ends a transaction one way or another.
    fn end(&mut self, process: Process, transaction: usize) {
        let fate = self.rng.below(10);
        let operation = if fate < 3 { Operation::Abort } else { Operation::Commit };
        let id = self.invoke(process, operation);
        match fate {
            0..3 => self.broker.end(transaction, false),
            3 => {
                // The request is lost, or late, and the client does not know.
                if self.happens(50) {
                    self.late.push_back((self.now + 10, Late::Commit(transaction)));
                } else {
                    self.broker.end(transaction, false);
                }
            }
            _ => self.broker.end(transaction, true),
        }
        if matches!(fate, 3 | 4) {
            self.history.unknown(self.now, id, "timed out");
        } else {
            self.tell(id, Answer::Done);
        }
    }

    fn consume(&mut self) {
        let index = self.rng.below(CONSUMERS as u32) as usize;
        let number = self.rng.below(PARTITIONS as u32) as usize;
        let Consumer { process, isolation, .. } = self.consumers[index];
        let Some(position) = self.consumers[index].positions.get(&number).copied() else {
            let start = self.rng.below(self.broker.end_offset(number) as u32 + 1);
            self.consumers[index].positions.insert(number, i64::from(start));
            self.position(process, number, Some(i64::from(start)));
            return;
        };
        let next = self.poll(process, isolation, number, position);
        self.consumers[index].positions.insert(number, next);
        if self.happens(30) {
            self.commit_offset(process, number, next);
        }
    }

    fn commit_offset(&mut self, process: Process, number: usize, offset: i64) {
        let group = || READERS.to_owned();
        let offsets = vec![PartitionOffset::new(&partition(number), offset)];
        let id = self.invoke(process, Operation::CommitOffsets { group: group(), offsets });
        self.broker.commit_offset(number, offset);
        if self.happens(20) {
            self.history.unknown(self.now, id, "timed out");
            return;
        }
        self.tell(id, Answer::Done);
        let id = self.invoke(process, Operation::FetchOffsets { group: group() });
        let found = self.broker.committed_by_readers.get(&number).copied();
        let offsets = vec![PartitionPosition::new(&partition(number), found)];
        self.tell(id, Answer::Fetched { offsets });
    }

    /// A poll that gives what one fetch gave; where it goes on.
    fn poll(
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

    /// A consumer is rewound, sent ahead, or loses the partition and gets it back.
    fn move_consumer(&mut self) {
        let index = self.rng.below(CONSUMERS as u32) as usize;
        let number = self.rng.below(PARTITIONS as u32) as usize;
        let to = i64::from(self.rng.below(self.broker.end_offset(number) as u32 + 1));
        let process = self.consumers[index].process;
        self.consumers[index].positions.insert(number, to);
        let told = (!self.happens(20)).then_some(to);
        self.position(process, number, told);
    }

    /// Consumes, transforms and produces in one transaction.
    fn process_input(&mut self) {
        let Processor { process, position } = self.processor;
        let isolation = IsolationLevel::ReadCommitted;
        let next = self.poll(process, isolation, INPUT, position);
        self.processor.position = next;
        let begin = self.invoke(process, Operation::Begin);
        self.tell(begin, Answer::Done);
        let transaction = self.broker.begin();
        let value = self.value();
        let send = self.invoke(process, sending(1, &value));
        let offset = self.broker.append(1, &[value], Some(transaction))[0];
        self.tell(send, Answer::Sent { offset: Some(offset) });
        let offsets = vec![PartitionOffset::new(&partition(INPUT), next)];
        let id =
            self.invoke(process, Operation::SendOffsets { group: PROCESSORS.to_owned(), offsets });
        self.broker.send_offset(transaction, INPUT, next);
        self.tell(id, Answer::Done);
        self.end(process, transaction);
        self.restart_processor(transaction);
    }

    /// Goes on where the group stands, as one does who has aborted or does not know.
    fn restart_processor(&mut self, transaction: usize) {
        // A commit that is on its way is waited for.
        self.late.retain(|(_, late)| !matches!(late, Late::Commit(it) if *it == transaction));
        self.broker.end(transaction, false);
        self.fetch_offset(self.processor.process);
        self.processor.position = self.broker.take_over(INPUT);
        self.position(self.processor.process, INPUT, Some(self.processor.position));
    }

    /// Another process takes over from the processor.
    fn take_over(&mut self) {
        self.processor.process = self.process();
        self.processor.position = self.broker.take_over(INPUT);
        self.position(self.processor.process, INPUT, Some(self.processor.position));
    }

    fn fetch_offset(&mut self, process: Process) {
        let id = self.invoke(process, Operation::FetchOffsets { group: PROCESSORS.to_owned() });
        let found = self.broker.committed.get(&INPUT).copied();
        let offsets = vec![PartitionPosition::new(&partition(INPUT), found)];
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

    /// Somebody reads everything, and the consumers go on to the end.
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
        self.fetch_offset(AUDITOR);
    }
}

fn sending(number: usize, value: &str) -> Operation {
    Operation::Send { partition: partition(number), value: RecordValue::from(value) }
}
