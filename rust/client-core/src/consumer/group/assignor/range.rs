//! Range: each topic by itself is cut into as many ranges as it has subscribers, the first ones
//! longer by one where it does not come out even.

use base::TopicPartition;

use super::{Owners, PartitionCounts, Subscriber, by_topic};

pub(super) fn assign(subscribers: &[&Subscriber], partitions: &PartitionCounts) -> Owners {
    let mut owners = Owners::new();
    for (topic, subscribed) in by_topic(subscribers, partitions) {
        let count = usize::try_from(partitions[topic]).unwrap_or(0);
        let (share, longer) = (count / subscribed.len(), count % subscribed.len());
        let mut next = 0;
        for (place, owner) in subscribed.into_iter().enumerate() {
            for _ in 0..share + usize::from(place < longer) {
                owners.insert(TopicPartition::new(topic.clone(), next), owner);
                next += 1;
            }
        }
    }
    owners
}
