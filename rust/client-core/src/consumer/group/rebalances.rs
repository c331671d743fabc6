//! Why and for how long this member had to wait for its partitions: a report of each rebalance as
//! it ends, and their sums.

use std::collections::VecDeque;
use std::time::Duration;

use base::Instant;

/// Reports that nobody has taken are not kept beyond this many.
const REPORTS_MAX: usize = 100;

/// A rebalance that is over, as one member has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceReport {
    /// Why it began.
    pub cause: String,
    /// From its beginning until this member was settled, callbacks included.
    pub duration: Duration,
    /// The generation, or the member's epoch.
    pub generation: i32,
    /// How many partitions this member had before and has now.
    pub partitions_before: usize,
    /// See there.
    pub partitions: usize,
}

/// All rebalances of a member since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebalanceTotals {
    /// How many there were.
    pub count: u64,
    /// How often the membership was lost: whatever it had may have become another's.
    pub lost_count: u64,
    /// How long they took together.
    pub duration: Duration,
    /// How long the longest took.
    pub duration_max: Duration,
    /// The last one.
    pub last: Option<RebalanceReport>,
}

/// What is under way, and what was.
#[derive(Debug, Default)]
pub(super) struct Rebalances {
    ongoing: Option<Ongoing>,
    totals: RebalanceTotals,
    reports: VecDeque<RebalanceReport>,
}

#[derive(Debug)]
struct Ongoing {
    cause: String,
    since: Instant,
    partitions_before: usize,
}

impl Rebalances {
    /// A rebalance begins, unless one is under way already: then the first cause stands.
    pub(super) fn begin(&mut self, cause: &str, partitions_before: usize, now: Instant) {
        let cause = || Ongoing { cause: cause.to_owned(), since: now, partitions_before };
        self.ongoing.get_or_insert_with(cause);
    }

    /// The membership is lost; whatever was under way is not any more.
    pub(super) fn lose(&mut self, cause: &str, partitions_before: usize, now: Instant) {
        self.totals.lost_count += 1;
        self.ongoing = Some(Ongoing { cause: cause.to_owned(), since: now, partitions_before });
    }

    /// The membership ended before the rebalance did.
    pub(super) fn abandon(&mut self) {
        self.ongoing = None;
    }

    /// The member is settled.
    pub(super) fn end(&mut self, generation: i32, partitions: usize, now: Instant) {
        let Some(Ongoing { cause, since, partitions_before }) = self.ongoing.take() else { return };
        let duration = now.since(since);
        let report = RebalanceReport { cause, duration, generation, partitions_before, partitions };
        self.totals.count += 1;
        self.totals.duration += duration;
        self.totals.duration_max = self.totals.duration_max.max(duration);
        self.totals.last = Some(report.clone());
        self.reports.push_back(report);
        if self.reports.len() > REPORTS_MAX {
            self.reports.pop_front();
        }
    }

    pub(super) fn poll_report(&mut self) -> Option<RebalanceReport> {
        self.reports.pop_front()
    }

    pub(super) fn totals(&self) -> &RebalanceTotals {
        &self.totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_stands_until_the_rebalance_is_over() {
        let mut rebalances = Rebalances::default();
        let at = |seconds| Instant::default() + Duration::from_secs(seconds);
        rebalances.begin("joining", 0, at(1));
        rebalances.begin("the group is rebalancing", 3, at(2));
        rebalances.end(7, 4, at(4));
        let report = rebalances.poll_report().unwrap();
        assert_eq!((report.cause.as_str(), report.duration), ("joining", Duration::from_secs(3)));
        assert_eq!((report.generation, report.partitions_before, report.partitions), (7, 0, 4));
        rebalances.end(7, 4, at(5));
        assert_eq!(rebalances.totals().count, 1, "none was under way");
    }
}
