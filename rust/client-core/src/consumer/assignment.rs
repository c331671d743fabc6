//! One assigned partition: where it is, what is under way for it, and what waits to be handed out.

use std::collections::VecDeque;

use base::{Instant, LeaderEpoch, TopicId};

use super::epochs::Epochs;
use super::fetched::Run;
use super::{ConsumeError, StartAt};

#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) position: Position,
    /// Counts seeks: what was asked for an earlier position is ignored when it comes.
    pub(super) generation: u64,
    /// When it was assigned: counts assignments.
    pub(super) tenure: u64,
    /// Everything before this offset the program was given and has come back for.
    pub(super) stored: Option<i64>,
    /// Of the records that the program was given.
    pub(super) epochs: Epochs,
    /// The high watermark of the last fetch.
    pub(super) high_watermark: Option<i64>,
    /// The leader's epoch in which the position was last found to be in the log; only where
    /// fetches do not find out.
    pub(super) validated: LeaderEpoch,
    /// What the group has committed, as far as is known.
    pub(super) committed: Option<i64>,
    pub(super) paused: bool,
    pub(super) in_flight: bool,
    /// It has not been fetched from since somebody last said to.
    pub(super) is_urgent: bool,
    /// Where to stop, for a bounded read.
    pub(super) stop_at: Option<i64>,
    pub(super) runs: VecDeque<Run>,
    pub(super) not_before: Instant,
    pub(super) failures: u32,
    pub(super) doubts: Doubts,
    /// Told once everything before it has been handed out.
    pub(super) error: Option<ConsumeError>,
}

/// What speaks against there being anything to read.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// The topic that is read, once it is known: another one may be given its name.
    pub(super) topic_id: Option<TopicId>,
    /// The answers in a row that have not named the partition, and when the first of them came.
    pub(super) missing: Option<(u32, Instant)>,
    /// The position that was not in the log.
    pub(super) out_of_range: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// To be looked up.
    Lookup(StartAt),
    /// The next fetch starts at this offset; the record before it was of this epoch.
    At { offset: i64, epoch: LeaderEpoch },
}

impl Assignment {
    pub(super) fn new(start: StartAt, stop_at: Option<i64>) -> Self {
        let mut assignment = Self {
            position: Position::Lookup(start),
            generation: 0,
            tenure: 0,
            stored: None,
            epochs: Epochs::default(),
            high_watermark: None,
            validated: LeaderEpoch::NONE,
            committed: None,
            paused: false,
            in_flight: false,
            is_urgent: true,
            stop_at,
            runs: VecDeque::new(),
            not_before: Instant::default(),
            failures: 0,
            doubts: Doubts::default(),
            error: None,
        };
        assignment.seek(start);
        assignment
    }

    /// Goes elsewhere: whatever was fetched or is being fetched is of no use.
    pub(super) fn seek(&mut self, start: StartAt) {
        self.position = match start {
            StartAt::Offset(offset) => Position::At { offset, epoch: LeaderEpoch::NONE },
            start => Position::Lookup(start),
        };
        self.generation += 1;
        self.in_flight = false;
        self.is_urgent = true;
        self.runs.clear();
        self.epochs.clear();
        self.validated = LeaderEpoch::NONE;
        self.not_before = Instant::default();
        self.failures = 0;
        self.doubts = Doubts { topic_id: self.doubts.topic_id, ..Doubts::default() };
        self.error = None;
    }

    /// The offset of the next record to be handed out, if it is known.
    pub(super) fn next_offset(&self) -> Option<i64> {
        match (self.runs.front(), self.position) {
            (Some(run), _) => Some(run.start),
            (None, Position::At { offset, .. }) => Some(offset),
            (None, Position::Lookup(_)) => None,
        }
    }

    /// Whether everything up to the end of a bounded read has been fetched.
    pub(super) fn is_fetched_to_stop(&self) -> bool {
        let Position::At { offset, .. } = self.position else { return false };
        self.stop_at.is_some_and(|stop| offset >= stop)
    }

    /// Whether something may be asked for it now, budget aside.
    pub(super) fn is_waiting(&self) -> bool {
        !self.in_flight && !self.paused && self.error.is_none() && !self.is_fetched_to_stop()
    }

    pub(super) fn buffered_bytes(&self) -> u64 {
        self.runs.iter().map(Run::size_bytes).sum()
    }
}
