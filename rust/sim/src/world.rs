//! What the hosts of a run share with the one who runs it. Nothing of it goes over the network.

use std::cell::{Cell, RefCell};

use storage::FaultyDisk;

use crate::books::Books;
use crate::history::{Event, History};
use crate::plan::Plan;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Records are produced, money is transferred, and things go wrong.
    Producing,
    /// Every record has its result, nothing is transferred and nothing goes wrong any more, and
    /// what is left can be read.
    Settled,
    /// It has been read: whoever still consumes has to come to the same end.
    Audited,
}

/// One run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The broker's; another one after each power cut.
    pub(crate) disk: RefCell<FaultyDisk>,
    pub(crate) history: RefCell<History>,
    /// How far the hosts of transactions have come.
    pub(crate) books: Books,
    pub(crate) stage: Cell<Stage>,
    /// The producers that have records without a result.
    pub(crate) producers_left: Cell<usize>,
    /// The broker is to stop in order.
    pub(crate) stop_wanted: Cell<bool>,
    /// How often the broker was started.
    pub(crate) starts: Cell<u64>,
    failure: RefCell<Option<String>>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            disk: RefCell::new(FaultyDisk::new()),
            history: RefCell::default(),
            books: Books::new(&plan),
            stage: Cell::new(Stage::Producing),
            producers_left: Cell::new(plan.producers.len()),
            stop_wanted: Cell::new(false),
            starts: Cell::new(0),
            failure: RefCell::default(),
            plan,
        }
    }

    /// Notes what has just happened; returns its index in the history.
    pub(crate) fn note(&self, event: Event) -> usize {
        self.history.borrow_mut().note(event)
    }

    /// Something is wrong that needs no invariant to be seen. The run ends with the first of these.
    pub(crate) fn fail(&self, what: String) {
        self.failure.borrow_mut().get_or_insert(what);
    }

    /// What was wrong.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }
}
