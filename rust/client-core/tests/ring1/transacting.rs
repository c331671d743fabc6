//! A producer of transactions while everything goes wrong, and what who reads what is committed
//! sees of them.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Rng, SplitMix64, TopicPartition};
use client_core::consumer::{GroupMetadata, OffsetAndMetadata};
use client_core::producer::{
    DeliveryError, Operation, OperationId, ProducerInput, TransactionError,
};

use crate::fake_cluster::TOPIC;
use crate::faults::Faults;
use crate::producing::{PARTITIONS, STEPS_MAX, World};
use crate::transaction_host::TransactionHost;

const TRANSACTIONS: u32 = 25;

/// One transaction, as the program knows it.
#[derive(Debug)]
struct Transaction {
    records: Vec<u64>,
    offsets: BTreeMap<i32, i64>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Committed,
    Aborted,
    /// The producer was lost before it was told.
    Unknown,
}

struct Program {
    world: World,
    rng: SplitMix64,
    next_id: u64,
    next_record: u64,
    transactions: Vec<Transaction>,
    /// How many of them failed, and were aborted for that.
    failed: usize,
}

impl Program {
    fn new(seed: u64, faults: Faults, more: &[(&str, &str)]) -> Self {
        let mut pairs = vec![("transactional.id", "t")];
        pairs.extend_from_slice(more);
        let mut world = World::new(seed, faults, &pairs);
        // The ids of some seeds run out of epochs on the way.
        let first_epoch = if seed.is_multiple_of(4) { i16::MAX - 8 } else { 0 };
        let level = if world.network.cluster.is_old { 0 } else { (seed % 3) as i16 };
        world.network.cluster.transactions = TransactionHost::new(level, first_epoch);
        world.drive();
        let rng = SplitMix64::new(seed ^ 0x7a7a);
        Self { world, rng, next_id: 0, next_record: 0, transactions: Vec::new(), failed: 0 }
    }

    /// Begins to do something.
    fn ask(&mut self, operation: Operation) -> OperationId {
        self.next_id += 1;
        let id = OperationId(self.next_id);
        let now = self.world.network.now;
        self.world.producer.handle(ProducerInput::Transact(id, operation), now);
        self.world.drive();
        id
    }

    /// Does something, and goes on until it is done.
    fn operate(&mut self, operation: Operation) -> Result<(), TransactionError> {
        let id = self.ask(operation);
        self.finish(id)
    }

    fn finish(&mut self, id: OperationId) -> Result<(), TransactionError> {
        for _ in 0..STEPS_MAX {
            if let Some(result) = self.world.transacted.remove(&id) {
                return result;
            }
            self.world.step(None);
        }
        panic!("the operation does not end");
    }

    /// One transaction from its beginning to its end. `Err` if the producer is lost.
    fn transact(&mut self) -> Result<(), TransactionError> {
        self.operate(Operation::Begin)?;
        let first = self.next_record;
        self.next_record += u64::from(self.rng.below(30));
        self.world.write(first..self.next_record, &mut self.rng);
        let mut offsets = BTreeMap::new();
        let mut sent = Ok(());
        if self.rng.below(3) == 0 {
            offsets.insert(self.rng.below(PARTITIONS) as i32, first as i64);
            sent = self.operate(send_offsets(&offsets));
        }
        let records = (first..self.next_record).collect();
        self.transactions.push(Transaction { records, offsets, fate: Fate::Unknown });
        let fate = if sent.is_ok() && self.rng.below(4) > 0 {
            match self.operate(Operation::Commit) {
                Ok(()) => Fate::Committed,
                Err(TransactionError::Abortable { .. }) => {
                    self.failed += 1;
                    self.abort()?
                }
                Err(error) => return Err(error),
            }
        } else {
            self.failed += usize::from(sent.is_err());
            self.abort()?
        };
        self.transactions.last_mut().expect("it was just begun").fate = fate;
        Ok(())
    }

    fn abort(&mut self) -> Result<Fate, TransactionError> {
        self.operate(Operation::Abort).map(|()| Fate::Aborted)
    }

    fn count(&self, fate: Fate) -> usize {
        self.transactions.iter().filter(|transaction| transaction.fate == fate).count()
    }

    /// What must hold of every history.
    fn check(&self) {
        let results = self.world.results.len() as u64;
        assert_eq!(results, self.next_record, "every record has a result");
        let mut seen = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let values = self.world.network.cluster.committed_values(partition as usize);
            assert!(values.is_sorted(), "partition {partition} is out of order: {values:?}");
            for value in values {
                assert_eq!(seen.insert(value, partition), None, "record {value} is there twice");
                assert_eq!(self.world.partition_of[&value], partition);
            }
        }
        let mut offsets = BTreeMap::new();
        for transaction in &self.transactions {
            let records = transaction.records.iter();
            let visible = records.filter(|record| seen.contains_key(record)).count();
            let expected = match transaction.fate {
                Fate::Aborted => 0,
                Fate::Unknown if visible == 0 => 0,
                Fate::Unknown | Fate::Committed => transaction.records.len(),
            };
            assert_eq!(visible, expected, "{transaction:?} is torn");
            if transaction.fate == Fate::Committed {
                offsets.extend(transaction.offsets.clone());
            }
        }
        if self.count(Fate::Unknown) == 0 {
            assert_eq!(self.world.network.cluster.transactions.committed_offsets, offsets);
        }
    }
}

fn send_offsets(offsets: &BTreeMap<i32, i64>) -> Operation {
    let group = GroupMetadata {
        group_id: "g".to_owned(),
        member_id: String::new(),
        generation: -1,
        instance_id: None,
    };
    let row = |(partition, offset): (&i32, &i64)| {
        (TopicPartition::new(TOPIC, *partition), OffsetAndMetadata::of(*offset))
    };
    Operation::SendOffsets { group, offsets: offsets.iter().map(row).collect() }
}

/// Transactions, one after the other, and whether what came of them is what it may be.
fn transact_and_check(seed: u64, faults: Faults) -> Program {
    let mut program = Program::new(seed, faults, &[]);
    program.operate(Operation::Init).unwrap();
    for _ in 0..TRANSACTIONS {
        program.transact().unwrap();
    }
    program.check();
    program
}

pub(crate) fn under_fire(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let program = transact_and_check(seed, faults);
    assert!(program.count(Fate::Committed) > 3, "{:?}", program.transactions);
}

pub(crate) fn with_brokers_that_fail(seed: u64) {
    let mut faults = Faults::with_trouble(&mut SplitMix64::new(seed));
    // A coordinator that never hears the end of a request says nothing about what comes later.
    faults.request_outlives = 0;
    let program = transact_and_check(seed, faults);
    assert!(program.count(Fate::Committed) > 3, "{:?}", program.transactions);
}

pub(crate) fn in_calm(seed: u64) {
    let program = transact_and_check(seed, Faults::NONE);
    assert_eq!(program.failed, 0, "nothing is aborted but what the program aborts");
}

/// What an abort gives up, sent or not, costs the next transaction nothing.
pub(crate) fn aborted_on_the_way(seed: u64) {
    let faults = Faults { connection_breaks: 100, leader_moves: 100, ..Faults::NONE };
    let mut program = Program::new(seed, faults, &[]);
    program.operate(Operation::Init).unwrap();
    for turn in 0..TRANSACTIONS {
        program.operate(Operation::Begin).unwrap();
        let records: Vec<u64> = (program.next_record..program.next_record + 20).collect();
        program.next_record += 20;
        program.world.write(records[0]..program.next_record, &mut program.rng);
        let fate = if turn % 2 == 0 {
            program.abort().unwrap()
        } else {
            program.operate(Operation::Commit).unwrap();
            Fate::Committed
        };
        program.transactions.push(Transaction { records, offsets: BTreeMap::new(), fate });
    }
    program.check();
}

/// What goes wrong when the coordinator has been asked to commit is not the transaction's.
pub(crate) fn failed_too_late(seed: u64) {
    let mut program = Program::new(seed, Faults::NONE, &[]);
    program.operate(Operation::Init).unwrap();
    for _ in 0..5 {
        program.operate(Operation::Begin).unwrap();
        let records: Vec<u64> = (program.next_record..program.next_record + 10).collect();
        program.next_record += 10;
        program.world.write(records[0]..program.next_record, &mut program.rng);
        let ended = program.world.network.cluster.transactions.ended;
        program.next_id += 1;
        let id = OperationId(program.next_id);
        let now = program.world.network.now;
        program.world.producer.handle(ProducerInput::Transact(id, Operation::Commit), now);
        program.world.drive();
        while program.world.network.cluster.transactions.ended == ended {
            program.world.step(None);
        }
        let reason = "a record of another thread was not taken".to_owned();
        let failure = ProducerInput::FailTransaction { code: None, reason };
        program.world.producer.handle(failure, program.world.network.now);
        program.world.drive();
        while !program.world.transacted.contains_key(&id) {
            program.world.step(None);
        }
        assert_eq!(program.world.transacted.remove(&id), Some(Ok(())));
        let (offsets, fate) = (BTreeMap::new(), Fate::Committed);
        program.transactions.push(Transaction { records, offsets, fate });
    }
    program.check();
}

/// The coordinator hears of each partition while records are still sent; the rest lingers.
pub(crate) fn announced(seed: u64) {
    let mut program = Program::new(seed, Faults::NONE, &[("linger.ms", "10000")]);
    let level = if program.world.network.cluster.is_old { 0 } else { 2 };
    program.world.network.cluster.transactions = TransactionHost::new(level, 0);
    program.operate(Operation::Init).unwrap();
    for _ in 0..3 {
        program.operate(Operation::Begin).unwrap();
        let records: Vec<u64> = (program.next_record..program.next_record + 20).collect();
        program.next_record += 20;
        program.world.write(records[0]..program.next_record, &mut program.rng);
        // As the shell does when a batch is opened.
        program.world.drive();
        let until = program.world.network.now + Duration::from_secs(1);
        while program.world.network.now < until {
            program.world.step(Some(until));
        }
        let world = &program.world;
        let delivered = records.iter().filter(|record| world.results.contains_key(record)).count();
        assert!(delivered < records.len(), "everything was sent at once");
        for partition in 0..if level == 2 { PARTITIONS } else { 0 } {
            let first = records.iter().find(|record| world.partition_of[record] == partition);
            assert!(first.is_none_or(|first| world.results.contains_key(first)));
        }
        program.operate(Operation::Commit).unwrap();
        let (offsets, fate) = (BTreeMap::new(), Fate::Committed);
        program.transactions.push(Transaction { records, offsets, fate });
    }
    program.check();
}

pub(crate) fn fenced_off(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let mut program = Program::new(seed, faults, &[]);
    program.operate(Operation::Init).unwrap();
    for _ in 0..3 {
        program.transact().unwrap();
    }
    program.operate(Operation::Begin).unwrap();
    let first = program.next_record;
    program.next_record += 10;
    program.world.write(first..program.next_record, &mut program.rng);
    let cluster = &mut program.world.network.cluster;
    cluster.transactions.fence(&mut cluster.partitions);
    let records = (first..program.next_record).collect();
    program.transactions.push(Transaction {
        records,
        offsets: BTreeMap::new(),
        fate: Fate::Aborted,
    });
    let committed = program.operate(Operation::Commit);
    let ended = match committed {
        // A batch was refused first: that may have been a transaction that took too long.
        Err(TransactionError::Abortable { .. }) => program.operate(Operation::Abort),
        ended => ended,
    };
    assert!(matches!(ended, Err(TransactionError::Fenced { .. })), "{ended:?}");
    for operation in [Operation::Begin, Operation::Commit, Operation::Abort, Operation::Init] {
        let refused = program.operate(operation).unwrap_err();
        assert!(matches!(refused, TransactionError::Fenced { .. }), "{refused}");
    }
    assert!(program.world.failed);
    program.check();
}

pub(crate) fn misused(seed: u64) {
    let mut program = Program::new(seed, Faults::NONE, &[]);
    let is_misuse = |result: Result<(), TransactionError>| {
        assert!(matches!(result, Err(TransactionError::Misuse(_))), "{result:?}");
    };
    is_misuse(program.operate(Operation::Begin));
    is_misuse(program.operate(Operation::Commit));
    program.operate(Operation::Init).unwrap();
    program.operate(Operation::Init).unwrap();
    is_misuse(program.operate(Operation::Abort));
    is_misuse(program.operate(send_offsets(&[(0, 1)].into())));
    program.operate(Operation::Begin).unwrap();
    is_misuse(program.operate(Operation::Begin));
    is_misuse(program.operate(Operation::Init));
    program.operate(Operation::Commit).unwrap();
    let ended = program.world.network.cluster.transactions.ended;
    assert_eq!(ended, 0, "the coordinator is not asked to end what has not begun");
    // A record that is sent outside of any transaction.
    program.world.write(0..1, &mut program.rng);
    program.next_record = 1;
    program.world.drive();
    let refused = program.world.results[&0].as_ref().unwrap_err();
    let is_refused = matches!(refused, DeliveryError::Transaction(TransactionError::Misuse(_)));
    assert!(is_refused, "{refused}");
    program.check();
}

/// A program that asks for the other end while the first one is under way.
pub(crate) fn of_two_minds(seed: u64) {
    let faults = Faults::random(&mut SplitMix64::new(seed));
    let mut program = Program::new(seed, faults, &[]);
    program.operate(Operation::Init).unwrap();
    for _ in 0..TRANSACTIONS {
        program.operate(Operation::Begin).unwrap();
        let first = program.next_record;
        program.next_record += 5;
        program.world.write(first..program.next_record, &mut program.rng);
        let (one, other) = match program.rng.below(2) {
            0 => (Operation::Commit, Operation::Abort),
            _ => (Operation::Abort, Operation::Commit),
        };
        let asked = program.ask(one.clone());
        for _ in 0..program.rng.below(20) {
            program.world.step(None);
        }
        let other = program.operate(other);
        let fate = match (program.finish(asked), &one) {
            (Ok(()), Operation::Commit) => Fate::Committed,
            (Ok(()), _) => Fate::Aborted,
            // It has failed, and then the other one may have been what was needed.
            (Err(TransactionError::Abortable { .. }), _) if other.is_ok() => Fate::Aborted,
            (Err(TransactionError::Abortable { .. }), _) => program.abort().unwrap(),
            (Err(error), _) => panic!("{error}"),
        };
        if fate == Fate::Committed {
            assert!(matches!(other, Err(TransactionError::Misuse(_))), "{other:?}");
        }
        if one == Operation::Abort {
            assert!(other.is_err(), "what is aborted is not committed");
        }
        let records = (first..program.next_record).collect();
        let offsets = BTreeMap::new();
        program.transactions.push(Transaction { records, offsets, fate });
    }
    program.check();
}

pub(crate) fn upgraded(seed: u64) {
    let mut faults = Faults::random(&mut SplitMix64::new(seed));
    faults.connection_breaks = faults.connection_breaks.max(20);
    let mut program = Program::new(seed * 3 + 1, faults, &[]);
    program.operate(Operation::Init).unwrap();
    for level in [1, 2, 1, 2] {
        let cluster = &mut program.world.network.cluster;
        cluster.features_epoch += 1;
        cluster.transactions.level = level;
        for _ in 0..8 {
            program.transact().unwrap();
        }
    }
    program.check();
}
