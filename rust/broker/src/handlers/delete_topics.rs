//! `DeleteTopics` (key 20), v1-v6: by name, or from v6 by id (KIP-516).

use base::{ErrorCode, TopicId, Uuid};
use metadata::Rejection;
use metadata::controller::{DeleteTopics, DeletedTopic, TopicReference};
use wire::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};

use crate::request::RequestContext;

/// Deletes what can be deleted; each topic has an answer of its own.
pub(crate) async fn handle(
    context: RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    if !context.broker.config.delete_topic_enable {
        let code = if context.api_version < 3 {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::TopicDeletionDisabled
        };
        let disabled = Rejection::new(code, "topic deletion is disabled: see delete.topic.enable");
        return refuse_all(asked(request), &disabled);
    }
    let asked = asked(request);
    let named_both_ways = |t: &DeleteTopicState| t.name.is_some() && t.topic_id != Uuid::ZERO;
    if asked.iter().any(named_both_ways) {
        let message = "You may not specify both topic name and topic id.";
        return refuse_all(asked, &Rejection::new(ErrorCode::InvalidRequest, message));
    }
    let delete = DeleteTopics { topics: asked.iter().map(reference).collect() };
    match context.broker.controller.change(move |image, _| delete.decide(image)).await {
        Err(rejection) => refuse_all(asked, &rejection),
        Ok(replies) => {
            let answered = asked.into_iter().zip(replies);
            let responses = answered.map(|(asked, reply)| answer(asked, reply)).collect();
            DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() }
        }
    }
}

/// The topics of the request; until v5 they are only names.
fn asked(request: DeleteTopicsRequest) -> Vec<DeleteTopicState> {
    let by_name = request.topic_names.into_iter();
    let by_name = by_name.map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::ZERO });
    request.topics.into_iter().chain(by_name).collect()
}

fn reference(asked: &DeleteTopicState) -> TopicReference {
    match &asked.name {
        Some(name) => TopicReference::Name(name.clone()),
        None => TopicReference::Id(TopicId(asked.topic_id)),
    }
}

fn answer(asked: DeleteTopicState, reply: Result<DeletedTopic, Rejection>) -> DeletableTopicResult {
    match reply {
        Ok(deleted) => DeletableTopicResult {
            name: Some(deleted.name.to_string()),
            topic_id: deleted.id.0,
            ..DeletableTopicResult::default()
        },
        Err(rejection) => refused(asked, &rejection),
    }
}

fn refuse_all(asked: Vec<DeleteTopicState>, rejection: &Rejection) -> DeleteTopicsResponse {
    let responses = asked.into_iter().map(|asked| refused(asked, rejection)).collect();
    DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() }
}

fn refused(asked: DeleteTopicState, rejection: &Rejection) -> DeletableTopicResult {
    DeletableTopicResult {
        name: asked.name,
        topic_id: asked.topic_id,
        error_code: rejection.code.code(),
        error_message: Some(rejection.message.clone()),
    }
}
