//! Consumers that come and go, are moved, and commit where they stand.

use std::collections::BTreeMap;

use base::Rng;
use history::{Answer, IsolationLevel, Operation, PartitionOffset, Process};

use crate::world::{PARTITIONS, World, partition};

const GROUP: &str = "readers";

pub(crate) struct Consumer {
    process: Process,
    isolation: IsolationLevel,
    positions: BTreeMap<usize, i64>,
}

impl Consumer {
    /// The first one sees everything, the others what is committed.
    pub(crate) fn new(process: Process, number: usize) -> Self {
        let isolation = if number == 0 {
            IsolationLevel::ReadUncommitted
        } else {
            IsolationLevel::ReadCommitted
        };
        Self { process, isolation, positions: BTreeMap::new() }
    }
}

impl World {
    pub(crate) fn consume(&mut self) {
        let (index, number) = self.some_reader();
        let Consumer { process, isolation, ref positions } = self.consumers[index];
        let Some(position) = positions.get(&number).copied() else {
            self.move_to(index, number, true);
            return;
        };
        let next = self.poll(process, isolation, number, position);
        self.consumers[index].positions.insert(number, next);
        if self.happens(30) {
            self.commit_offset(process, number, next);
        }
    }

    /// A consumer is rewound, sent ahead, or loses the partition and gets it back.
    pub(crate) fn move_consumer(&mut self) {
        let (index, number) = self.some_reader();
        let is_told = self.happens(80);
        self.move_to(index, number, is_told);
    }

    fn some_reader(&mut self) -> (usize, usize) {
        let index = self.rng.below(self.consumers.len() as u32) as usize;
        (index, self.rng.below(PARTITIONS as u32) as usize)
    }

    fn move_to(&mut self, index: usize, number: usize, is_told: bool) {
        let to = i64::from(self.rng.below(self.broker.end_offset(number) as u32 + 1));
        let consumer = &mut self.consumers[index];
        consumer.positions.insert(number, to);
        let process = consumer.process;
        self.position(process, number, is_told.then_some(to));
    }

    fn commit_offset(&mut self, process: Process, number: usize, offset: i64) {
        let offsets = vec![PartitionOffset::new(&partition(number), offset)];
        let id =
            self.invoke(process, Operation::CommitOffsets { group: GROUP.to_owned(), offsets });
        self.broker.commit_offset(GROUP, number, offset);
        if self.happens(20) {
            self.history.unknown(self.now, id, "timed out");
        } else {
            self.tell(id, Answer::Done);
            self.fetch_offset(process, GROUP, number);
        }
    }
}
