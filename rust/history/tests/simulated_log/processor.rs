//! A client that consumes, transforms and produces in one transaction, and others that take over.

use history::{Answer, IsolationLevel, Operation, PartitionOffset, Process};

use crate::world::{Late, World, partition, sending};

pub(crate) const GROUP: &str = "processors";
/// What it reads, and where it writes to.
pub(crate) const INPUT: usize = 0;
const OUTPUT: usize = 1;

pub(crate) struct Processor {
    pub(crate) process: Process,
    pub(crate) position: i64,
}

impl World {
    pub(crate) fn process_input(&mut self) {
        let Processor { process, position } = self.processor;
        let next = self.poll(process, IsolationLevel::ReadCommitted, INPUT, position);
        let begin = self.invoke(process, Operation::Begin);
        self.tell(begin, Answer::Done);
        let transaction = self.broker.begin();
        let value = self.value();
        let send = self.invoke(process, sending(OUTPUT, &value));
        let offset = self.broker.append(OUTPUT, &[value], Some(transaction))[0];
        self.tell(send, Answer::Sent { offset: Some(offset) });
        let offsets = vec![PartitionOffset::new(&partition(INPUT), next)];
        let id = self.invoke(process, Operation::SendOffsets { group: GROUP.to_owned(), offsets });
        self.broker.send_offset(transaction, GROUP, INPUT, next);
        self.tell(id, Answer::Done);
        self.end(process, transaction);
        // A commit that is on its way comes to nothing: whoever takes over has it aborted.
        self.late.retain(|(_, late)| !matches!(late, Late::Commit(it) if *it == transaction));
        self.broker.end(transaction, false);
        self.take_over();
    }

    /// Somebody goes on where the group stands: one that does not know how its transaction has
    /// ended does so, too, as another process.
    pub(crate) fn take_over(&mut self) {
        self.processor.process = self.process();
        self.fetch_offset(self.processor.process, GROUP, INPUT);
        self.processor.position = self.broker.take_over(GROUP, INPUT);
        self.position(self.processor.process, INPUT, Some(self.processor.position));
    }
}
