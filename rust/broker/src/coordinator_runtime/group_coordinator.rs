//! The coordinator of groups: what it tells besides its answers to requests.

use base::ErrorCode;
use coordinator::{GroupExplanation, Shard};

use super::CoordinatorRuntime;
use super::rebalance_metrics::RebalanceMetrics;

/// The coordinator of groups.
pub(crate) type GroupCoordinator = CoordinatorRuntime<Shard>;

impl GroupCoordinator {
    /// Where a group stands, and why it was rebalanced.
    pub(crate) async fn explain(&self, group: &str) -> Result<GroupExplanation, ErrorCode> {
        let id = group.to_owned();
        self.look(group, move |shard, now| shard.explain(now, &id)).await
    }

    /// What has been counted of all groups' rebalances.
    pub(crate) fn rebalances(&self) -> RebalanceMetrics {
        self.host.surroundings.read()
    }
}
