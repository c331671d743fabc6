//! `DescribeTopicPartitions` (key 75), v0: topics and their partitions, a page at a time (KIP-966).

use std::collections::BTreeSet;

use base::{ErrorCode, NodeId, PartitionIndex};
use metadata::MetadataImage;
use metadata::controller::validate_topic_name;
use metadata::image::{PartitionImage, TopicImage};
use metadata::internal_topic::is_internal;
use wire::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};

use crate::authorized_operations::TOPIC;
use crate::request::RequestContext;

/// Answers with the topics from the cursor on, in the order of their names, up to the limit.
pub(crate) fn handle(
    context: &RequestContext,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let image = context.broker.controller.image();
    let most = context.broker.config.max_request_partition_size_limit.max(1);
    let mut page = Page {
        room: (request.response_partition_limit.max(1) as usize).min(most),
        response: DescribeTopicPartitionsResponse::default(),
    };
    let first = request.cursor.as_ref().map_or("", |cursor| cursor.topic_name.as_str());
    for name in names(&image, request).range(first.to_owned()..) {
        let from = request.cursor.as_ref().filter(|cursor| cursor.topic_name == *name);
        let from = from.map_or(0, |cursor| cursor.partition_index.max(0));
        if !page.add(&image, name, PartitionIndex(from)) {
            break;
        }
    }
    page.response
}

/// The topics asked for; none asked for means all.
fn names(image: &MetadataImage, request: &DescribeTopicPartitionsRequest) -> BTreeSet<String> {
    if request.topics.is_empty() {
        return image.topics().map(|topic| topic.name.to_string()).collect();
    }
    request.topics.iter().map(|topic| topic.name.clone()).collect()
}

struct Page {
    room: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page {
    /// Adds a topic as far as it fits, and says whether there is room for more.
    fn add(&mut self, image: &MetadataImage, name: &str, from: PartitionIndex) -> bool {
        let Some(topic) = image.topic_by_name(name) else {
            self.response.topics.push(unknown(name));
            return true;
        };
        let rest = topic.partitions().filter(|(index, _)| *index >= from);
        let mut rest = rest.peekable();
        if self.room == 0 && rest.peek().is_some() {
            self.response.next_cursor = Some(cursor(name, from));
            return false;
        }
        let fits: Vec<_> = rest.by_ref().take(self.room).map(|(i, p)| partition(i, p)).collect();
        self.room -= fits.len();
        let next = rest.next();
        self.response.topics.push(known(topic, fits));
        if let Some((index, _)) = next {
            self.response.next_cursor = Some(cursor(name, index));
        }
        next.is_none()
    }
}

fn cursor(topic: &str, partition: PartitionIndex) -> Cursor {
    Cursor { topic_name: topic.to_owned(), partition_index: partition.0 }
}

fn known(
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.to_string()),
        topic_id: topic.id.0,
        is_internal: is_internal(&topic.name),
        partitions,
        topic_authorized_operations: TOPIC,
    }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let code = match validate_topic_name(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: code.code(),
        name: Some(name.to_owned()),
        is_internal: is_internal(name),
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

fn partition(
    index: PartitionIndex,
    partition: &PartitionImage,
) -> DescribeTopicPartitionsResponsePartition {
    let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
    let no_leader = partition.leader.is_none().then_some(ErrorCode::LeaderNotAvailable);
    DescribeTopicPartitionsResponsePartition {
        error_code: no_leader.unwrap_or(ErrorCode::None).code(),
        partition_index: index.0,
        leader_id: partition.leader.unwrap_or(NodeId::NONE).0,
        leader_epoch: partition.leader_epoch.0,
        replica_nodes: ids(&partition.replicas),
        isr_nodes: ids(&partition.isr),
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: Vec::new(),
    }
}
