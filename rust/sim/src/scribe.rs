//! A client's hand in the history of transactions, which `rust/history` judges.

use std::fmt::Display;
use std::rc::Rc;

use history::{
    Answer, IsolationLevel, Operation, OperationId, PartitionOffset, PartitionPosition,
    PolledRecord, Process,
};

use crate::clock;
use crate::trace;
use crate::world::World;

/// One process of the history: a client from its beginning to its end.
pub(crate) struct Scribe {
    world: Rc<World>,
    process: Process,
}

impl Scribe {
    /// Of a client that begins.
    pub(crate) fn new(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), process: world.books.next_process() }
    }

    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// Something is about to be asked for; if nothing more is heard of it, it is unknown.
    pub(crate) fn invoke(&self, operation: Operation) -> OperationId {
        trace::note(format_args!("{} asks: {operation:?}", self.process));
        self.history(|history| history.invoke(now_us(), self.process, operation))
    }

    pub(crate) fn ok(&self, id: OperationId, answer: Answer) {
        trace::note(format_args!("{id} is done: {answer:?}"));
        self.history(|history| history.ok(now_us(), id, answer));
    }

    /// It has not happened, and never will.
    pub(crate) fn failed(&self, id: OperationId, reason: &dyn Display) {
        trace::note(format_args!("{id} has failed: {reason}"));
        self.history(|history| history.failed(now_us(), id, reason.to_string()));
    }

    pub(crate) fn unknown(&self, id: OperationId, reason: &dyn Display) {
        trace::note(format_args!("{id} is unknown: {reason}"));
        self.history(|history| history.unknown(now_us(), id, reason.to_string()));
    }

    /// The consumer goes on there.
    pub(crate) fn position(&self, positions: Vec<PartitionPosition>) {
        trace::note(format_args!("{} goes on at {positions:?}", self.process));
        self.history(|history| history.position(now_us(), self.process, positions));
    }

    /// A poll that is over.
    pub(crate) fn polled(
        &self,
        isolation: IsolationLevel,
        records: Vec<PolledRecord>,
        positions: Vec<PartitionOffset>,
    ) {
        let poll = self.invoke(Operation::Poll { isolation });
        self.ok(poll, Answer::Polled { records, positions });
    }

    fn history<R>(&self, write: impl FnOnce(&mut history::History) -> R) -> R {
        write(&mut self.world.history.borrow_mut().transactions)
    }
}

fn now_us() -> u64 {
    clock::elapsed().as_micros() as u64
}
