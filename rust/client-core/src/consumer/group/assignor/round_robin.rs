//! Round robin: all partitions of all topics are dealt out in turns; who does not subscribe to a
//! topic is passed over.

use base::TopicPartition;

use super::{Owners, PartitionCounts, Subscriber, by_topic};

pub(super) fn assign(subscribers: &[&Subscriber], partitions: &PartitionCounts) -> Owners {
    let mut owners = Owners::new();
    let mut turn = 0;
    for topic in by_topic(subscribers, partitions).into_keys() {
        for partition in 0..partitions[topic] {
            // Somebody subscribes to it, so the search ends.
            while !subscribers[turn % subscribers.len()].wants(topic) {
                turn += 1;
            }
            let partition = TopicPartition::new(topic.clone(), partition);
            owners.insert(partition, turn % subscribers.len());
            turn += 1;
        }
    }
    owners
}
