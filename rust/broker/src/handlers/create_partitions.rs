//! `CreatePartitions` (key 37), v0-v3: adds partitions to a topic (KIP-195); those that exist stay
//! as they are.

use std::collections::BTreeSet;

use base::{ErrorCode, NodeId};
use metadata::controller::{CreatePartitions, NewPartitions};
use metadata::internal_topic::is_internal;
use wire::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};

use crate::request::RequestContext;

/// Adds what can be added; each topic has an answer of its own.
pub(crate) async fn handle(
    context: RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut names: Vec<String> = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        if !names.contains(&topic.name) {
            names.push(topic.name.clone());
        }
    }
    let (internal, topics): (Vec<_>, Vec<_>) =
        request.topics.into_iter().partition(|topic| is_internal(&topic.name));
    let refused: BTreeSet<String> = internal.into_iter().map(|topic| topic.name).collect();
    let create = CreatePartitions {
        topics: topics.into_iter().map(new_partitions).collect(),
        validate_only: request.validate_only,
    };
    let decided =
        context.broker.controller.change(move |image, rng| create.decide(image, rng)).await;
    let results = names.into_iter().map(|name| {
        if refused.contains(&name) {
            return refuse_internal(name);
        }
        let refusal = match &decided {
            Ok(answers) => answers.get(&name).and_then(|answer| answer.as_ref().err()),
            Err(rejection) => Some(rejection),
        };
        CreatePartitionsTopicResult {
            name,
            error_code: refusal.map_or(0, |rejection| rejection.code.code()),
            error_message: refusal.map(|rejection| rejection.message.clone()),
        }
    });
    CreatePartitionsResponse { results: results.collect(), ..CreatePartitionsResponse::default() }
}

/// Groups and transactional ids are spread over the partitions by their number: with another one
/// nobody would find what is there.
fn refuse_internal(name: String) -> CreatePartitionsTopicResult {
    let message = format!("the number of partitions of {name} is fixed: groups are spread by it");
    CreatePartitionsTopicResult {
        name,
        error_code: ErrorCode::InvalidTopicException.code(),
        error_message: Some(message),
    }
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.map(|assignments| {
        let nodes = |ids: Vec<i32>| ids.into_iter().map(NodeId).collect();
        assignments.into_iter().map(|assignment| nodes(assignment.broker_ids)).collect()
    });
    NewPartitions { name: topic.name, count: topic.count, assignments }
}
