//! What the client knows of a cluster: its brokers and where they stand, the topics it asked for,
//! their ids, partitions, leaders and replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicId, TopicPartition};
use wire::metadata::{MetadataResponse, MetadataResponsePartition, MetadataResponseTopic};

use crate::config::Address;

/// The latest knowledge.
#[derive(Clone, Debug, Default)]
pub struct MetadataCache {
    /// The cluster's identity.
    pub cluster_id: Option<String>,
    /// The broker that answers for the controller.
    pub controller: Option<NodeId>,
    /// The brokers.
    pub brokers: BTreeMap<NodeId, Address>,
    /// The racks of brokers that have one, also of such as are down and keep a replica: theirs is
    /// the last that was heard of.
    racks: BTreeMap<NodeId, Arc<str>>,
    topics: BTreeMap<Arc<str>, Topic>,
}

/// One topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its identity; zero from brokers before 2.8.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Why it cannot be used now, if so.
    pub error: Option<ErrorCode>,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
    /// The brokers that keep each partition, in sync or not.
    replicas: Vec<Box<[NodeId]>>,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The broker that leads it, if one does.
    pub leader: Option<NodeId>,
    /// That broker's epoch as leader.
    pub leader_epoch: LeaderEpoch,
}

/// What happens to topics that an answer does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The answer is about all topics: they are gone.
    AllTopics,
    /// The answer is about some topics: they stay.
    SomeTopics,
}

impl MetadataCache {
    /// Takes in an answer.
    pub fn update(&mut self, response: &MetadataResponse, scope: Scope) {
        self.cluster_id.clone_from(&response.cluster_id);
        self.controller = (response.controller_id >= 0).then_some(NodeId(response.controller_id));
        self.brokers = response
            .brokers
            .iter()
            .filter_map(|broker| {
                let port = u16::try_from(broker.port).ok()?;
                Some((NodeId(broker.node_id), Address { host: broker.host.clone(), port }))
            })
            .collect();
        let mut known = std::mem::take(&mut self.topics);
        for topic in &response.topics {
            if let Some(name) = &topic.name {
                let before = known.remove(name.as_str());
                self.topics.insert(name.as_str().into(), Topic::of(topic, before.as_ref()));
            }
        }
        if scope == Scope::SomeTopics {
            self.topics.append(&mut known);
        }
        self.update_racks(response);
    }

    /// An answer names the brokers that are up. One that is down for a moment has not moved: were
    /// its rack forgotten, each restart would have groups rebalance twice (KAFKA-20778).
    fn update_racks(&mut self, response: &MetadataResponse) {
        for broker in &response.brokers {
            let node = NodeId(broker.node_id);
            match &broker.rack {
                Some(rack) if self.racks.get(&node).is_some_and(|known| **known == **rack) => {}
                Some(rack) => drop(self.racks.insert(node, rack.as_str().into())),
                None => drop(self.racks.remove(&node)),
            }
        }
        let (brokers, topics) = (&self.brokers, &self.topics);
        let has_replica =
            |topic: &Topic, node: &NodeId| topic.replicas.iter().any(|of| of.contains(node));
        self.racks.retain(|node, _| {
            brokers.contains_key(node) || topics.values().any(|topic| has_replica(topic, node))
        });
    }

    /// A broker has named a newer leader in passing (KIP-951). Returns whether that was news.
    pub fn update_leader(
        &mut self,
        topic_partition: &TopicPartition,
        leader: NodeId,
        leader_epoch: LeaderEpoch,
    ) -> bool {
        let Some(partition) = self.partition_mut(topic_partition) else {
            return false;
        };
        if leader_epoch <= partition.leader_epoch || leader.0 < 0 {
            return false;
        }
        *partition = Partition { leader: Some(leader), leader_epoch };
        true
    }

    /// Forgets a topic.
    pub fn forget(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// A topic, if it is known.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// Every known topic, by name.
    pub fn topics(&self) -> impl Iterator<Item = (&Arc<str>, &Topic)> {
        self.topics.iter()
    }

    /// The topic of an id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<str>> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name)
    }

    /// The racks in which each partition of a topic is kept, as far as brokers say where they are.
    pub fn racks(&self, topic: &str) -> impl Iterator<Item = BTreeSet<Arc<str>>> {
        let replicas = self.topics.get(topic).map(|topic| topic.replicas.iter());
        replicas
            .into_iter()
            .flatten()
            .map(|nodes| nodes.iter().filter_map(|node| self.racks.get(node)).cloned().collect())
    }

    /// A partition, if its topic is known and has it.
    pub fn partition(&self, topic_partition: &TopicPartition) -> Option<Partition> {
        let index = usize::try_from(topic_partition.partition.0).ok()?;
        self.topics.get(&topic_partition.topic)?.partitions.get(index).copied()
    }

    /// The broker that leads a partition, if that is known.
    pub fn leader(&self, topic_partition: &TopicPartition) -> Option<NodeId> {
        self.partition(topic_partition)?.leader
    }

    fn partition_mut(&mut self, topic_partition: &TopicPartition) -> Option<&mut Partition> {
        let index = usize::try_from(topic_partition.partition.0).ok()?;
        self.topics.get_mut(&topic_partition.topic)?.partitions.get_mut(index)
    }
}

impl Topic {
    /// Its identity, where there is one.
    pub fn known_id(&self) -> Option<TopicId> {
        Some(self.id).filter(|id| *id != TopicId::default())
    }

    /// The topic by an answer. A broker that lags behind may name an earlier leader of the same
    /// topic than we know of: the higher epoch wins (KIP-320).
    fn of(topic: &MetadataResponseTopic, before: Option<&Self>) -> Self {
        let id = TopicId(topic.topic_id);
        let before = before.filter(|before| before.id == id);
        let code = ErrorCode::from_code(topic.error_code).unwrap_or(ErrorCode::UnknownServerError);
        let error = (code != ErrorCode::None).then_some(code);
        let mut rows: Vec<_> = topic.partitions.iter().collect();
        rows.sort_unstable_by_key(|row| row.partition_index);
        let replicas = rows
            .iter()
            .map(|row| row.replica_nodes.iter().copied().map(NodeId).collect())
            .collect();
        let partitions = rows.into_iter().enumerate().map(|(index, row)| {
            let now = Partition::of(row);
            match before.and_then(|before| before.partitions.get(index)) {
                Some(before) if before.leader_epoch > now.leader_epoch => *before,
                _ => now,
            }
        });
        let partitions = partitions.collect();
        Self { id, is_internal: topic.is_internal, error, partitions, replicas }
    }
}

impl Partition {
    fn of(row: &MetadataResponsePartition) -> Self {
        Self {
            leader: (row.leader_id >= 0).then_some(NodeId(row.leader_id)),
            leader_epoch: LeaderEpoch(row.leader_epoch),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Uuid;
    use wire::metadata::MetadataResponseBroker;

    use super::*;

    fn response(id: u8, leader_id: i32, leader_epoch: i32) -> MetadataResponse {
        let partition = MetadataResponsePartition { leader_id, leader_epoch, ..Default::default() };
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: "one".into(),
                port: 9092,
                ..Default::default()
            }],
            topics: vec![MetadataResponseTopic {
                name: Some("t".into()),
                topic_id: Uuid([id; 16]),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn partition() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    #[test]
    fn an_answer_from_a_broker_that_lags_behind_does_not_bring_back_an_earlier_leader() {
        let mut cache = MetadataCache::default();
        cache.update(&response(1, 2, 7), Scope::SomeTopics);
        cache.update(&response(1, 1, 6), Scope::SomeTopics);
        assert_eq!(cache.leader(&partition()), Some(NodeId(2)));
        cache.update(&response(1, 3, 8), Scope::SomeTopics);
        assert_eq!(cache.leader(&partition()), Some(NodeId(3)));
    }

    #[test]
    fn a_topic_that_was_made_anew_starts_its_epochs_anew() {
        let mut cache = MetadataCache::default();
        cache.update(&response(1, 2, 7), Scope::SomeTopics);
        cache.update(&response(9, 1, 0), Scope::SomeTopics);
        assert_eq!(cache.leader(&partition()), Some(NodeId(1)));
        assert_eq!(cache.topic_by_id(TopicId(Uuid([9; 16]))).map(|name| &**name), Some("t"));
    }

    #[test]
    fn a_leader_named_in_passing_counts_only_with_a_higher_epoch() {
        let mut cache = MetadataCache::default();
        assert!(!cache.update_leader(&partition(), NodeId(5), LeaderEpoch(1)));
        cache.update(&response(1, 2, 7), Scope::SomeTopics);
        assert!(!cache.update_leader(&partition(), NodeId(5), LeaderEpoch(7)));
        assert!(cache.update_leader(&partition(), NodeId(5), LeaderEpoch(8)));
        assert_eq!(cache.leader(&partition()), Some(NodeId(5)));
        assert!(!cache.update_leader(&TopicPartition::new("t", -1), NodeId(5), LeaderEpoch(8)));
    }

    #[test]
    fn only_an_answer_about_all_topics_forgets_those_it_does_not_name() {
        let mut cache = MetadataCache::default();
        cache.update(&response(1, 2, 7), Scope::SomeTopics);
        cache.update(&MetadataResponse::default(), Scope::SomeTopics);
        assert!(cache.topic("t").is_some());
        cache.update(&MetadataResponse::default(), Scope::AllTopics);
        assert!(cache.topic("t").is_none());
    }

    #[test]
    fn a_broker_whose_port_cannot_be_is_not_a_broker() {
        let mut answer = response(1, 1, 0);
        answer.brokers[0].port = 70_000;
        let mut cache = MetadataCache::default();
        cache.update(&answer, Scope::SomeTopics);
        assert!(cache.brokers.is_empty());
    }

    fn racked(brokers: &[(i32, Option<&str>)], replicas: &[i32]) -> MetadataResponse {
        let broker = |(node_id, rack): &(i32, Option<&str>)| MetadataResponseBroker {
            node_id: *node_id,
            rack: rack.map(Into::into),
            ..Default::default()
        };
        let mut answer = response(1, 1, 0);
        answer.brokers = brokers.iter().map(broker).collect();
        answer.topics[0].partitions[0].replica_nodes = replicas.to_vec();
        answer
    }

    fn racks(cache: &MetadataCache) -> Vec<String> {
        let racks: Vec<_> = cache.racks("t").collect();
        assert_eq!(racks.len(), 1, "the topic has one partition");
        racks[0].iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_partition_is_in_the_racks_of_all_its_replicas() {
        let mut cache = MetadataCache::default();
        let brokers = [(1, Some("b")), (2, None), (3, Some("a")), (4, Some("b")), (5, Some("c"))];
        cache.update(&racked(&brokers, &[1, 2, 3, 4, 9]), Scope::SomeTopics);
        assert_eq!(racks(&cache), ["a", "b"]);
        assert_eq!(cache.racks("gone").count(), 0);
    }

    #[test]
    fn a_broker_that_is_down_keeps_its_rack_as_long_as_it_has_a_replica() {
        let mut cache = MetadataCache::default();
        cache.update(&racked(&[(1, Some("a")), (2, Some("b"))], &[1, 2]), Scope::SomeTopics);
        cache.update(&racked(&[(1, Some("a"))], &[1, 2]), Scope::SomeTopics);
        assert_eq!(racks(&cache), ["a", "b"]);
        cache.update(&racked(&[(1, Some("a")), (2, Some("c"))], &[1, 2]), Scope::SomeTopics);
        assert_eq!(racks(&cache), ["a", "c"], "it came back elsewhere");
        cache.update(&racked(&[(1, None)], &[1]), Scope::SomeTopics);
        assert!(racks(&cache).is_empty());
        assert!(cache.racks.is_empty(), "nothing is kept of who is gone for good");
    }
}
