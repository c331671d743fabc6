//! Where each leader epoch starts in a log (KIP-101): what followers and consumers find out a
//! divergence by.

use base::{LeaderEpoch, Offset};

/// The epochs of a log, oldest first; both columns strictly grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochCache {
    entries: Vec<(LeaderEpoch, Offset)>,
}

/// The answer to "where does this epoch end": the largest epoch not above the one asked for, and
/// its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEndOffset {
    /// That epoch.
    pub leader_epoch: LeaderEpoch,
    /// The offset after its last record.
    pub end_offset: Offset,
}

impl LeaderEpochCache {
    /// The cache with these epochs; those that break the order are overruled by the ones after
    /// them.
    pub fn from_entries(entries: impl IntoIterator<Item = (LeaderEpoch, Offset)>) -> Self {
        let mut cache = Self::default();
        for (epoch, start) in entries {
            cache.assign(epoch, start);
        }
        cache
    }

    /// Lets `epoch` start at `start`, and says whether that was news. Epochs that contradict it are
    /// forgotten.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        assert!(epoch.0 >= 0 && start.0 >= 0, "epoch {epoch} cannot start at {start}");
        let known = |&(last, last_start)| last == epoch && start >= last_start;
        if self.entries.last().is_some_and(known) {
            return false;
        }
        while self.entries.last().is_some_and(|&(last, at)| last >= epoch || at >= start) {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
        true
    }

    /// Forgets the epochs that start at `end` or later, and says whether there were any.
    pub fn truncate_from_end(&mut self, end: Offset) -> bool {
        let before = self.entries.len();
        self.entries.retain(|&(_, start)| start < end);
        self.entries.len() < before
    }

    /// Forgets the epochs that end at `start` or before; the one that `start` lies in now starts
    /// there. Says whether anything changed.
    pub fn truncate_from_start(&mut self, start: Offset) -> bool {
        let before = self.entries.clone();
        let gone = self.entries.partition_point(|&(_, at)| at <= start);
        if let Some(last) = gone.checked_sub(1) {
            self.entries[last].1 = start;
            self.entries.drain(..last);
        }
        self.entries != before
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The epochs and where they start.
    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.entries
    }

    /// The latest epoch that has a start.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|&(epoch, _)| epoch)
    }

    /// The epoch of the record at `offset`.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|&(_, start)| start <= offset);
        after.checked_sub(1).map(|index| self.entries[index].0)
    }

    /// Where `epoch` ends; `None` if it lies above all known ones. An epoch below all known ones
    /// ends where the first known one starts, so that a follower can begin there.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEndOffset> {
        if epoch == LeaderEpoch::NONE {
            return None;
        }
        if self.latest() == Some(epoch) {
            return Some(EpochEndOffset { leader_epoch: epoch, end_offset: log_end });
        }
        let higher = self.entries.partition_point(|&(known, _)| known <= epoch);
        let &(_, end_offset) = self.entries.get(higher)?;
        let floor = higher.checked_sub(1).map(|index| self.entries[index].0);
        Some(EpochEndOffset { leader_epoch: floor.unwrap_or(epoch), end_offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
        LeaderEpochCache::from_entries(entries.iter().map(|&(e, o)| (LeaderEpoch(e), Offset(o))))
    }

    fn end(cache: &LeaderEpochCache, epoch: i32) -> Option<(i32, i64)> {
        let end = cache.end_offset_for(LeaderEpoch(epoch), Offset(100));
        end.map(|end| (end.leader_epoch.0, end.end_offset.0))
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_starts() {
        let cache = cache(&[(2, 10), (4, 20), (5, 30)]);
        assert_eq!(end(&cache, 5), Some((5, 100)), "the latest ends at the log's end");
        assert_eq!(end(&cache, 4), Some((4, 30)));
        assert_eq!(end(&cache, 3), Some((2, 20)), "an unknown one answers for the one below");
        assert_eq!(end(&cache, 1), Some((1, 10)), "below all: where the first starts");
        assert_eq!(end(&cache, 6), None);
        assert_eq!(end(&cache, -1), None);
        assert_eq!(end(&LeaderEpochCache::default(), 0), None);
    }

    #[test]
    fn an_epoch_is_assigned_once() {
        let mut cache = cache(&[(2, 10)]);
        assert!(!cache.assign(LeaderEpoch(2), Offset(15)));
        assert!(cache.assign(LeaderEpoch(3), Offset(15)));
        assert_eq!(cache.latest(), Some(LeaderEpoch(3)));
        assert_eq!(cache.entries().len(), 2);
    }

    #[test]
    fn a_contradicted_epoch_is_forgotten() {
        let mut cache = cache(&[(2, 10), (4, 20)]);
        assert!(cache.assign(LeaderEpoch(5), Offset(20)), "epoch 4 wrote nothing");
        assert_eq!(cache.entries(), [(LeaderEpoch(2), Offset(10)), (LeaderEpoch(5), Offset(20))]);
        assert!(cache.assign(LeaderEpoch(3), Offset(30)), "a lower epoch after a higher one");
        assert_eq!(cache.entries(), [(LeaderEpoch(2), Offset(10)), (LeaderEpoch(3), Offset(30))]);
        assert!(cache.assign(LeaderEpoch(3), Offset(5)));
        assert_eq!(cache.entries(), [(LeaderEpoch(3), Offset(5))]);
    }

    #[test]
    fn both_ends_are_cut() {
        let mut cache = cache(&[(2, 10), (4, 20), (5, 30)]);
        assert!(!cache.truncate_from_start(Offset(5)));
        assert!(cache.truncate_from_start(Offset(25)));
        assert_eq!(cache.entries(), [(LeaderEpoch(4), Offset(25)), (LeaderEpoch(5), Offset(30))]);
        assert!(!cache.truncate_from_start(Offset(25)));
        assert!(!cache.truncate_from_end(Offset(31)));
        assert!(cache.truncate_from_end(Offset(30)));
        assert_eq!(cache.latest(), Some(LeaderEpoch(4)));
        cache.clear();
        assert_eq!(cache.latest(), None);
    }

    proptest! {
        #[test]
        fn the_epoch_of_a_record_is_that_of_a_plain_list(
            runs in prop::collection::vec((1..4_i32, 0..5_usize), 1..12),
            start in 0..30_i64,
            cut in 0..30_i64,
        ) {
            let mut epochs = Vec::new();
            let mut cache = LeaderEpochCache::default();
            let mut epoch = 0;
            for (step, records) in runs {
                epoch += step;
                cache.assign(LeaderEpoch(epoch), Offset(epochs.len() as i64));
                epochs.extend(std::iter::repeat_n(LeaderEpoch(epoch), records));
            }
            for (offset, &epoch) in epochs.iter().enumerate() {
                prop_assert_eq!(cache.epoch_of(Offset(offset as i64)), Some(epoch));
            }
            cache.truncate_from_end(Offset(cut));
            cache.truncate_from_start(Offset(start));
            for (offset, &epoch) in epochs.iter().enumerate() {
                let offset = offset as i64;
                if offset < cut && offset >= start {
                    prop_assert_eq!(cache.epoch_of(Offset(offset)), Some(epoch));
                }
            }
            prop_assert!(cache.entries().is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        }
    }
}
