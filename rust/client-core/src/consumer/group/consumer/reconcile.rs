//! From what is owned to what is assigned: first what is not assigned any more is given up, then
//! what is new is taken on. Topics come by id, and wait for metadata that name them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{TopicId, TopicPartition};

use super::ConsumerMember;
use crate::cluster::Cluster;
use crate::consumer::group::member::Asking;
use crate::consumer::group::membership::Membership;

impl ConsumerMember {
    /// One step towards the target; the program knows of all earlier ones.
    pub(super) fn reconcile(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        let Some((assigned, is_whole)) = self.assigned(to.cluster) else { return };
        if !is_whole {
            to.cluster.request_metadata();
        }
        let owned = membership.ownership.owned();
        let is_same = |partition: &TopicPartition| {
            assigned.get(partition) == self.owned_ids.get(&partition.topic)
        };
        let revoked: Vec<_> = owned.iter().filter(|owned| !is_same(owned)).cloned().collect();
        if !revoked.is_empty() {
            membership.begin_rebalance("the coordinator has assigned anew", to.now);
            return membership.ownership.give_up(revoked);
        }
        let added: Vec<_> =
            assigned.keys().filter(|partition| !owned.contains(*partition)).cloned().collect();
        self.owned_ids = assigned.into_iter().map(|(row, id)| (row.topic, id)).collect();
        if !added.is_empty() {
            membership.begin_rebalance("the coordinator has assigned anew", to.now);
            return membership.ownership.add(added);
        }
        let said = self.said.as_ref().map(|said| &said.owned);
        if is_whole && said == Some(&self.owned(membership)) {
            membership.settled(self.epoch, to.now);
        }
    }

    /// What is assigned, as far as its topics are known by name, and whether that is all; `None`
    /// before there was an assignment.
    fn assigned(&self, cluster: &Cluster) -> Option<(BTreeMap<TopicPartition, TopicId>, bool)> {
        let mut assigned = BTreeMap::new();
        let mut is_whole = true;
        for (id, partitions) in self.target.as_ref()? {
            let Some(name) = self.name(*id, cluster) else {
                is_whole = false;
                continue;
            };
            for partition in partitions {
                assigned.insert(TopicPartition::new(name.clone(), *partition), *id);
            }
        }
        Some((assigned, is_whole))
    }

    /// A topic that is owned goes by the name it had, until the coordinator says that it is gone.
    fn name(&self, id: TopicId, cluster: &Cluster) -> Option<Arc<str>> {
        let owned = self.owned_ids.iter().find(|(_, owned)| **owned == id);
        owned.map(|(name, _)| name).or_else(|| cluster.metadata().topic_by_id(id)).cloned()
    }
}
