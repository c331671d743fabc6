//! A stretch: what a consumer has read of a partition without being moved. Every record between its
//! two ends was there to be seen.

use std::collections::BTreeMap;

use crate::ledger::{Ledger, Poll, Step};
use crate::operation::{IsolationLevel, Process};

/// What a consumer has read of a partition in one go.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) process: Process,
    pub(crate) partition: usize,
    pub(crate) isolation: IsolationLevel,
    /// The offset that it is known to have started at: that of the first record, if no other is.
    pub(crate) from: i64,
    /// The offset that it had come to.
    pub(crate) to: i64,
    /// By offset.
    pub(crate) sightings: Vec<PolledAt>,
    /// The last one that told anything of this partition.
    pub(crate) last_poll: usize,
}

/// A record and who was given it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolledAt {
    pub(crate) offset: i64,
    pub(crate) record: usize,
    pub(crate) poll: usize,
}

/// A consumer that went back by itself.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The poll before, if there was one.
    pub(crate) last_poll: Option<usize>,
    pub(crate) stood_at: i64,
    pub(crate) at: PolledAt,
}

/// Which offsets of a partition some stretches have gone over.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// By where they start; each with the farthest end so far, and whose it is.
    reach: Vec<Reach>,
}

#[derive(Debug)]
struct Reach {
    from: i64,
    to: i64,
    stretch: usize,
}

impl Stretch {
    /// The poll that went past an offset within the stretch.
    pub(crate) fn passing_poll(&self, offset: i64) -> usize {
        let behind = self.sightings.partition_point(|sighting| sighting.offset <= offset);
        self.sightings.get(behind).map_or(self.last_poll, |sighting| sighting.poll)
    }
}

impl Coverage {
    /// That of the given stretches, which are of one partition.
    pub(crate) fn of<'a>(stretches: impl Iterator<Item = (usize, &'a Stretch)>) -> Self {
        let reach = stretches
            .filter(|(_, stretch)| stretch.from < stretch.to)
            .map(|(number, stretch)| Reach { from: stretch.from, to: stretch.to, stretch: number });
        let mut reach: Vec<Reach> = reach.collect();
        reach.sort_by_key(|reach| reach.from);
        for index in 1..reach.len() {
            let (before, rest) = reach.split_at_mut(index);
            if let (Some(before), Some(this)) = (before.last(), rest.first_mut())
                && before.to > this.to
            {
                (this.to, this.stretch) = (before.to, before.stretch);
            }
        }
        Self { reach }
    }

    /// A stretch that has gone over `offset`.
    pub(crate) fn over(&self, offset: i64) -> Option<usize> {
        let starting = self.reach.partition_point(|reach| reach.from <= offset);
        let farthest = &self.reach[starting.checked_sub(1)?];
        (farthest.to > offset).then_some(farthest.stretch)
    }

    /// A stretch that has gone from the first offset to `end`.
    pub(crate) fn whole(&self, end: i64) -> Option<usize> {
        let starting = self.reach.partition_point(|reach| reach.from <= 0);
        let farthest = &self.reach[starting.checked_sub(1)?];
        (farthest.to >= end).then_some(farthest.stretch)
    }
}

/// All stretches of a history, and where consumers went back by themselves.
pub(crate) fn stretches(ledger: &Ledger) -> (Vec<Stretch>, Vec<Turn>) {
    let mut walk = Walk::default();
    for step in &ledger.steps {
        match step {
            Step::Polled(poll) => walk.follow(ledger, *poll, &ledger.polls[*poll]),
            Step::Positioned { process, partition, offset } => {
                walk.current.insert((*process, *partition), Standing::Positioned(*offset));
            }
            Step::OffsetsSent(_) => {}
        }
    }
    (walk.stretches, walk.turns)
}

/// Where a consumer stands in a partition.
#[derive(Clone, Copy)]
enum Standing {
    Positioned(Option<i64>),
    /// At the end of this stretch.
    Reading(usize),
}

#[derive(Default)]
struct Walk {
    current: BTreeMap<(Process, usize), Standing>,
    stretches: Vec<Stretch>,
    turns: Vec<Turn>,
}

impl Walk {
    fn follow(&mut self, ledger: &Ledger, number: usize, poll: &Poll) {
        for sighting in &poll.sightings {
            let partition = ledger.records[sighting.record].partition;
            let at = PolledAt { offset: sighting.offset, record: sighting.record, poll: number };
            let mut stretch = self.stretch(number, poll, partition, at.offset);
            let Stretch { to: stood_at, ref sightings, last_poll, .. } = self.stretches[stretch];
            if at.offset < stood_at {
                let is_first = sightings.is_empty() && last_poll == number;
                let last_poll = (!is_first).then_some(last_poll);
                self.turns.push(Turn { last_poll, stood_at, at });
                self.current.remove(&(poll.id.process, partition));
                stretch = self.stretch(number, poll, partition, at.offset);
            }
            let stretch = &mut self.stretches[stretch];
            stretch.to = at.offset + 1;
            stretch.last_poll = number;
            stretch.sightings.push(at);
        }
        for &(partition, offset) in &poll.positions {
            let stretch = self.stretch(number, poll, partition, offset);
            let stretch = &mut self.stretches[stretch];
            stretch.to = offset.max(stretch.to);
            stretch.last_poll = number;
        }
    }

    /// The stretch that a consumer is in; a new one if it was moved, or reads otherwise than
    /// before.
    fn stretch(&mut self, number: usize, poll: &Poll, partition: usize, offset: i64) -> usize {
        let key = (poll.id.process, partition);
        let start = match self.current.get(&key) {
            Some(Standing::Reading(stretch))
                if self.stretches[*stretch].isolation == poll.isolation =>
            {
                return *stretch;
            }
            Some(Standing::Positioned(Some(start))) => *start,
            Some(_) | None => offset,
        };
        self.current.insert(key, Standing::Reading(self.stretches.len()));
        self.stretches.push(Stretch {
            process: poll.id.process,
            partition,
            isolation: poll.isolation,
            from: start,
            to: start,
            sightings: Vec::new(),
            last_poll: number,
        });
        self.stretches.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, to: i64) -> Stretch {
        let sightings = Vec::new();
        let isolation = IsolationLevel::ReadCommitted;
        let process = Process(1);
        Stretch { process, partition: 0, isolation, from, to, sightings, last_poll: 0 }
    }

    fn coverage(stretches: &[Stretch]) -> Coverage {
        Coverage::of(stretches.iter().enumerate())
    }

    #[test]
    fn an_offset_is_gone_over_if_some_stretch_holds_it() {
        let coverage = coverage(&[stretch(5, 7), stretch(0, 3), stretch(1, 2), stretch(9, 9)]);
        let over: Vec<_> = (0..10).map(|offset| coverage.over(offset)).collect();
        let (one, two) = (Some(1), Some(0));
        assert_eq!(over, [one, one, one, None, None, two, two, None, None, None]);
    }

    #[test]
    fn a_partition_is_read_whole_from_its_first_offset_to_its_end_in_one_stretch() {
        let in_two = coverage(&[stretch(0, 4), stretch(4, 8)]);
        assert_eq!(in_two.whole(8), None);
        assert_eq!(in_two.whole(4), Some(0));
        assert_eq!(coverage(&[stretch(1, 8)]).whole(8), None);
        assert_eq!(coverage(&[]).whole(0), None);
    }
}
