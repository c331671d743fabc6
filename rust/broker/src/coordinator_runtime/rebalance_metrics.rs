//! How often groups were rebalanced, why, and how long it took: counters since the broker started.

use std::collections::BTreeMap;
use std::time::Duration;

use coordinator::{Cause, Rebalance};
use parking_lot::Mutex;

/// What the group coordinator of a broker has counted since it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceMetrics {
    /// Rebalances that have come to their end.
    pub rebalances: u64,
    /// How long they took, all together.
    pub took: Duration,
    /// How long the longest took.
    pub took_max: Duration,
    /// What they were caused by, by [`Cause::kind`], those that have not come up too. A rebalance
    /// has one cause or more.
    pub causes: BTreeMap<&'static str, u64>,
}

impl Default for RebalanceMetrics {
    fn default() -> Self {
        let causes = Cause::KINDS.map(|kind| (kind, 0)).into();
        Self { rebalances: 0, took: Duration::ZERO, took_max: Duration::ZERO, causes }
    }
}

impl RebalanceMetrics {
    fn count(&mut self, rebalance: &Rebalance) {
        self.rebalances += 1;
        self.took += rebalance.took;
        self.took_max = self.took_max.max(rebalance.took);
        for cause in &rebalance.causes {
            *self.causes.entry(cause.kind()).or_default() += 1;
        }
    }
}

/// The counters that all shards share.
#[derive(Debug, Default)]
pub(crate) struct SharedRebalanceMetrics {
    counted: Mutex<RebalanceMetrics>,
}

impl SharedRebalanceMetrics {
    /// Counts a rebalance, and tells of it: why a group was rebalanced is what people ask first
    /// when consumption stalls.
    pub(crate) fn take(&self, rebalance: &Rebalance) {
        self.counted.lock().count(rebalance);
        let Rebalance { group, generation, members, causes, further_causes, took, .. } = rebalance;
        let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
        let (causes, took_ms) = (causes.join("; "), took.as_millis());
        tracing::info!(
            %group, generation, members, causes, further_causes, took_ms, "a group was rebalanced"
        );
    }

    /// What has been counted so far.
    pub(crate) fn read(&self) -> RebalanceMetrics {
        self.counted.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rebalances_are_counted_by_cause_and_by_how_long_they_took() {
        let metrics = SharedRebalanceMetrics::default();
        let joined = |member: &str| Cause::Joined { member: member.to_owned(), reason: None };
        for (causes, took_ms) in
            [(vec![joined("a"), joined("b")], 30), (vec![Cause::TopicsChanged], 10)]
        {
            metrics.take(&Rebalance {
                group: "g".to_owned(),
                generation: 1,
                members: 2,
                causes,
                further_causes: 0,
                took: Duration::from_millis(took_ms),
                ended_unix_ms: 0,
            });
        }
        let read = metrics.read();
        assert_eq!(read.rebalances, 2);
        assert_eq!((read.took.as_millis(), read.took_max.as_millis()), (40, 30));
        assert_eq!(read.causes.len(), Cause::KINDS.len());
        let caused: Vec<_> = read.causes.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(caused, [("joined", 2), ("topics-changed", 1)]);
    }
}
