//! The in-sync replicas: the set that the metadata log has committed, and the one that the leader
//! has asked for (KIP-497).

use std::collections::BTreeSet;

use base::NodeId;

/// The replicas whose answer a committed record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSyncReplicas {
    committed: BTreeSet<NodeId>,
    proposed: Option<BTreeSet<NodeId>>,
}

impl InSyncReplicas {
    /// The set that the metadata log holds.
    pub fn new(committed: impl IntoIterator<Item = NodeId>) -> Self {
        Self { committed: committed.into_iter().collect(), proposed: None }
    }

    /// The leader asks the controller for another set.
    pub fn propose(&mut self, proposed: BTreeSet<NodeId>) {
        self.proposed = Some(proposed);
    }

    /// The metadata log has answered, with whatever set it holds now.
    pub fn commit(&mut self, committed: impl IntoIterator<Item = NodeId>) {
        *self = Self::new(committed);
    }

    /// The set that the metadata log holds.
    pub fn committed(&self) -> &BTreeSet<NodeId> {
        &self.committed
    }

    /// Whether a proposal is on its way.
    pub fn is_changing(&self) -> bool {
        self.proposed.is_some()
    }

    /// Every replica that may be in the set while a proposal is on its way, in order. The high
    /// watermark waits for all of them: the controller may have committed the proposal and elected
    /// one of the newcomers before the leader hears.
    pub fn maximal(&self) -> impl Iterator<Item = NodeId> + '_ {
        let newcomers = self.proposed.iter().flatten();
        self.committed
            .iter()
            .chain(newcomers.filter(|node| !self.committed.contains(node)))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: &[i32]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_proposal_to_grow_counts_at_once_and_a_proposal_to_shrink_only_when_committed() {
        let mut isr = InSyncReplicas::new(nodes(&[1, 2]));
        isr.propose(nodes(&[1, 3]));
        assert!(isr.is_changing());
        assert_eq!(isr.maximal().collect::<BTreeSet<_>>(), nodes(&[1, 2, 3]));
        assert_eq!(isr.committed(), &nodes(&[1, 2]));
        isr.commit(nodes(&[1, 3]));
        assert!(!isr.is_changing());
        assert_eq!(isr.maximal().collect::<BTreeSet<_>>(), nodes(&[1, 3]));
    }
}
