//! In which leader epochs the records were written that a program was given: an offset is
//! committed with the epoch of the record before it, so that whoever reads on from there finds out
//! when the log was cut meanwhile (KIP-320).

use std::collections::VecDeque;

use base::LeaderEpoch;

/// Epochs beyond this many are forgotten, the oldest first: their offsets are committed without.
const EPOCHS_MAX: usize = 64;

/// Each epoch with the first offset that it was seen at, in order.
#[derive(Debug, Default)]
pub(super) struct Epochs(VecDeque<(i64, LeaderEpoch)>);

impl Epochs {
    /// A record at `offset` is of this epoch; offsets come in order.
    pub(super) fn note(&mut self, offset: i64, epoch: LeaderEpoch) {
        if self.0.back().is_some_and(|(_, last)| *last == epoch) || epoch == LeaderEpoch::NONE {
            return;
        }
        self.0.push_back((offset, epoch));
        if self.0.len() > EPOCHS_MAX {
            self.0.pop_front();
        }
    }

    /// The epoch of the record before `offset`, if it is known.
    pub(super) fn before(&self, offset: i64) -> LeaderEpoch {
        let found = self.0.iter().rfind(|(first, _)| *first < offset);
        found.map_or(LeaderEpoch::NONE, |(_, epoch)| *epoch)
    }

    /// Nothing before `offset` is asked for any more.
    pub(super) fn forget_before(&mut self, offset: i64) {
        while self.0.get(1).is_some_and(|(first, _)| *first < offset) {
            self.0.pop_front();
        }
    }

    /// The program goes elsewhere.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_the_epoch_of_the_record_before_it() {
        let mut epochs = Epochs::default();
        for (offset, epoch) in [(10, 3), (15, 3), (20, 5)] {
            epochs.note(offset, LeaderEpoch(epoch));
        }
        let expected = [(10, -1), (11, 3), (20, 3), (21, 5), (99, 5)];
        for (offset, epoch) in expected {
            assert_eq!(epochs.before(offset), LeaderEpoch(epoch), "{offset}");
        }
        epochs.forget_before(20);
        assert_eq!(epochs.before(20), LeaderEpoch(3), "that is still asked for");
        epochs.forget_before(21);
        assert_eq!(epochs.before(20), LeaderEpoch::NONE);
    }

    #[test]
    fn a_log_of_many_epochs_is_remembered_within_bounds() {
        let mut epochs = Epochs::default();
        for epoch in 0..1000 {
            epochs.note(i64::from(epoch), LeaderEpoch(epoch));
        }
        assert_eq!(epochs.0.len(), EPOCHS_MAX);
        assert_eq!(epochs.before(1000), LeaderEpoch(999));
    }
}
