//! How dirty a log is, and which one is cleaned next: the filthiest, as Kafka's cleaner has it.
//!
//! ```text
//! | cleaned before | dirty, may be cleaned | too young, not stable, or active |
//! ^ log start      ^ first dirty           ^ first uncleanable
//! ```

use std::time::Duration;

use base::Offset;

/// What the cleaner must know of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    pub(crate) base_offset: Offset,
    pub(crate) next_offset: Offset,
    pub(crate) bytes: u64,
    /// Asked for only if it counts; none in a segment without a record.
    pub(crate) max_timestamp: Option<i64>,
    /// The highest timestamp of the first batch; asked for only if it counts.
    pub(crate) first_timestamp: Option<i64>,
}

/// What the cleaner must know of a log.
#[derive(Clone, Debug)]
pub(crate) struct LogFacts {
    pub(crate) log_start: Offset,
    pub(crate) log_end: Offset,
    pub(crate) last_stable: Offset,
    /// Up to where it was cleaned last.
    pub(crate) cleaned: Option<Offset>,
    /// All but the active one, in their order.
    pub(crate) segments: Vec<SegmentFacts>,
    pub(crate) min_cleanable_dirty_ratio: f64,
    pub(crate) min_compaction_lag_ms: i64,
    pub(crate) max_compaction_lag_ms: i64,
}

/// What there is to clean in a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dirt {
    pub(crate) first_dirty: Offset,
    /// Where a segment begins that is not cleaned.
    pub(crate) first_uncleanable: Offset,
    clean_bytes: u64,
    dirty_bytes: u64,
    /// For how long `max.compaction.lag.ms` has been over for a record; zero if it is not.
    overdue: Duration,
    min_ratio: f64,
}

impl LogFacts {
    /// What there is to clean; none in a log without sealed segments.
    pub(crate) fn dirt(&self, now_ms: i64) -> Option<Dirt> {
        let first_dirty = self.first_dirty();
        let dirty =
            || self.segments.iter().filter(move |segment| segment.next_offset > first_dirty);
        let youngest = now_ms.saturating_sub(self.min_compaction_lag_ms.max(0));
        let is_young = |segment: &&SegmentFacts| {
            self.min_compaction_lag_ms > 0
                && segment.max_timestamp.is_some_and(|newest| newest > youngest)
        };
        let bound = dirty()
            .find(is_young)
            .map_or(self.last_stable, |young| young.base_offset.min(self.last_stable));
        let cleanable = self.segments.iter().take_while(|segment| segment.next_offset <= bound);
        let first_uncleanable = cleanable.last()?.next_offset;
        let oldest = dirty().filter_map(|segment| segment.first_timestamp).filter(|&at| at > 0);
        let deadline = now_ms.saturating_sub(self.max_compaction_lag_ms.max(0));
        let bytes = |segments: &mut dyn Iterator<Item = &SegmentFacts>| {
            segments.map(|segment| segment.bytes).sum::<u64>()
        };
        Some(Dirt {
            first_dirty,
            first_uncleanable: first_uncleanable.max(first_dirty),
            clean_bytes: bytes(
                &mut self.segments.iter().filter(|segment| segment.base_offset < first_dirty),
            ),
            dirty_bytes: bytes(
                &mut dirty().filter(|segment| segment.base_offset < first_uncleanable),
            ),
            overdue: Duration::from_millis(
                oldest.min().map_or(0, |oldest| {
                    u64::try_from(deadline.saturating_sub(oldest)).unwrap_or(0)
                }),
            ),
            min_ratio: self.min_cleanable_dirty_ratio,
        })
    }

    /// A note that cannot be about this log is not believed: then all of it is dirty.
    fn first_dirty(&self) -> Offset {
        match self.cleaned {
            Some(cleaned) if cleaned <= self.log_end => cleaned.max(self.log_start),
            _ => self.log_start,
        }
    }
}

impl Dirt {
    /// The dirty part of what may be cleaned.
    pub(crate) fn ratio(&self) -> f64 {
        let total = self.clean_bytes + self.dirty_bytes;
        if total == 0 { 0.0 } else { self.dirty_bytes as f64 / total as f64 }
    }

    /// For how long a record has waited that `max.compaction.lag.ms` would not have wait.
    pub(crate) fn overdue(&self) -> Duration {
        self.overdue
    }

    /// Whether there is enough of it.
    pub(crate) fn is_worth_cleaning(&self) -> bool {
        self.first_uncleanable > self.first_dirty
            && self.dirty_bytes > 0
            && (!self.overdue.is_zero() || self.ratio() > self.min_ratio)
    }
}

/// The filthiest log of those worth cleaning; of equals the first.
pub(crate) fn filthiest<L>(logs: impl IntoIterator<Item = (L, Dirt)>) -> Option<(L, Dirt)> {
    let worth = logs.into_iter().filter(|(_, dirt)| dirt.is_worth_cleaning());
    worth.reduce(|first, second| if second.1.ratio() > first.1.ratio() { second } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of ten records and a hundred bytes, whose timestamps are their base offsets.
    fn facts(segments: i64) -> LogFacts {
        let segment = |base| SegmentFacts {
            base_offset: Offset(base),
            next_offset: Offset(base + 10),
            bytes: 100,
            max_timestamp: Some(base),
            first_timestamp: Some(base),
        };
        LogFacts {
            log_start: Offset(0),
            log_end: Offset(segments * 10 + 5),
            last_stable: Offset(segments * 10 + 5),
            cleaned: None,
            segments: (0..segments).map(|number| segment(number * 10)).collect(),
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
        }
    }

    fn range(facts: &LogFacts, now_ms: i64) -> (i64, i64) {
        let dirt = facts.dirt(now_ms).unwrap();
        (dirt.first_dirty.0, dirt.first_uncleanable.0)
    }

    #[test]
    fn all_sealed_segments_that_are_stable_may_be_cleaned() {
        assert_eq!(facts(0).dirt(0), None);
        assert_eq!(range(&facts(3), 0), (0, 30));
        assert_eq!(range(&LogFacts { last_stable: Offset(29), ..facts(3) }, 0), (0, 20));
        assert_eq!(LogFacts { last_stable: Offset(9), ..facts(3) }.dirt(0), None);
    }

    #[test]
    fn young_segments_stay_as_they_are() {
        let young = LogFacts { min_compaction_lag_ms: 15, ..facts(4) };
        assert_eq!(range(&young, 30), (0, 20));
        assert_eq!(range(&young, 1000), (0, 40));
        // What was cleaned before is not too young for it any more.
        assert_eq!(range(&LogFacts { cleaned: Some(Offset(30)), ..young }, 30), (30, 30));
    }

    #[test]
    fn a_note_that_cannot_be_right_is_not_believed() {
        let cleaned = |offset| LogFacts { cleaned: Some(Offset(offset)), ..facts(3) };
        assert_eq!(range(&cleaned(20), 0), (20, 30));
        assert_eq!(range(&cleaned(36), 0), (0, 30));
        let deleted = LogFacts { log_start: Offset(10), ..cleaned(5) };
        assert_eq!(range(&deleted, 0), (10, 30));
    }

    #[test]
    fn the_dirty_part_must_be_larger_than_the_ratio_unless_a_record_has_waited_too_long() {
        let half = LogFacts { cleaned: Some(Offset(20)), ..facts(4) };
        let dirt = half.dirt(0).unwrap();
        assert!((dirt.ratio() - 0.5).abs() < 1e-9 && !dirt.is_worth_cleaning());
        let more = LogFacts { min_cleanable_dirty_ratio: 0.49, ..half.clone() };
        assert!(more.dirt(0).unwrap().is_worth_cleaning());
        let late = LogFacts { max_compaction_lag_ms: 100, ..half };
        assert!(!late.dirt(120).unwrap().is_worth_cleaning());
        assert_eq!(late.dirt(120).unwrap().overdue(), Duration::ZERO);
        assert!(late.dirt(121).unwrap().is_worth_cleaning());
        assert_eq!(late.dirt(150).unwrap().overdue(), Duration::from_millis(30));
        let nothing = LogFacts { cleaned: Some(Offset(40)), ..late };
        assert!(!nothing.dirt(1000).unwrap().is_worth_cleaning());
    }

    #[test]
    fn the_filthiest_comes_first() {
        let dirt =
            |cleaned| LogFacts { cleaned: Some(Offset(cleaned)), ..facts(10) }.dirt(0).unwrap();
        let logs = [("a", dirt(20)), ("b", dirt(10)), ("c", dirt(10)), ("d", dirt(90))];
        assert_eq!(filthiest(logs).unwrap().0, "b");
        assert!(filthiest([("d", dirt(90))]).is_none());
        assert!(filthiest(Vec::<((), Dirt)>::new()).is_none());
    }
}
