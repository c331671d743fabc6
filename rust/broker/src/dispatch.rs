//! From a frame to its handler and back: the one place that knows which handler answers which
//! request.

use std::sync::Arc;

use bytes::Bytes;
use net::{ConnectionContext, Reply, ResponseSlot, Service};
use wire::api_versions::ApiVersionsResponse;
use wire::{
    AnyRequest, ApiKey, EncodeError, Message, Reader, RequestHeaderError, decode_request_header,
    encode_response,
};

use crate::broker::Broker;
use crate::handlers;
use crate::request::RequestContext;

/// The broker as the network sees it.
#[derive(Debug)]
pub(crate) struct Dispatch {
    broker: Arc<Broker>,
}

impl Dispatch {
    /// Requests go to `broker`.
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self { broker }
    }
}

/// The requests that have a message and no handler yet. They are not advertised, and whoever sends
/// one all the same is cut off, as with a request that nobody knows.
const UNHANDLED: &[ApiKey] = &[
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::DeleteGroups,
    ApiKey::OffsetDelete,
    ApiKey::ConsumerGroupHeartbeat,
    ApiKey::ConsumerGroupDescribe,
];

/// The requests that have a handler, by key.
pub(crate) fn handled() -> impl Iterator<Item = ApiKey> {
    ApiKey::ALL.iter().copied().filter(|api| !UNHANDLED.contains(api))
}

impl Service for Dispatch {
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> ResponseSlot {
        let mut reader = Reader::new(request);
        let (api, header) = match decode_request_header(&mut reader) {
            Ok(decoded) => decoded,
            Err(error) => return ResponseSlot::Ready(undecodable(&error)),
        };
        let version = header.request_api_version;
        if UNHANDLED.contains(&api) {
            return ResponseSlot::Ready(unhandled(api));
        }
        // Bytes behind the body are tolerated: librdkafka sends some.
        let body = match AnyRequest::decode(api, &mut reader, version) {
            Ok(body) => body,
            Err(error) => {
                let client = header.client_id.unwrap_or_default();
                let reason = format!("{api} v{version} of `{client}` could not be read: {error}");
                return ResponseSlot::Ready(Reply::Close { reason });
            }
        };
        let answer = Answer { api, version, correlation_id: header.correlation_id };
        let context = RequestContext {
            broker: Arc::clone(&self.broker),
            connection: Arc::clone(connection),
            api_version: version,
        };
        respond(context, answer, body)
    }
}

/// A version from the future of `ApiVersions` is answered with what this broker speaks; the rest
/// ends the connection.
fn undecodable(error: &RequestHeaderError) -> Reply {
    if let RequestHeaderError::UnsupportedVersion { api, correlation_id, .. } = *error
        && api == ApiKey::ApiVersions
    {
        let answer = Answer { api, version: 0, correlation_id };
        return answer.with::<ApiVersionsResponse>(&handlers::api_versions::unsupported());
    }
    Reply::Close { reason: error.to_string() }
}

fn unhandled(api: ApiKey) -> Reply {
    Reply::Close { reason: format!("this broker does not serve {api}") }
}

/// What is needed of a request to encode its answer.
#[derive(Clone, Copy, Debug)]
struct Answer {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

impl Answer {
    fn with<M: Message>(self, response: &M) -> Reply {
        match encode_response(self.api, self.version, self.correlation_id, response) {
            Ok(frame) => Reply::Frame(frame),
            Err(error) => self.unanswerable(&error),
        }
    }

    /// A response that does not fit the protocol is our own mistake, but the connection is all that
    /// it costs.
    fn unanswerable(self, error: &EncodeError) -> Reply {
        let Self { api, version, .. } = self;
        Reply::Close {
            reason: format!("the answer to {api} v{version} cannot be encoded: {error}"),
        }
    }

    fn now<M: Message>(self, response: &M) -> ResponseSlot {
        ResponseSlot::Ready(self.with(response))
    }

    fn later<M: Message>(self, response: impl Future<Output = M> + Send + 'static) -> ResponseSlot {
        ResponseSlot::pending(async move { self.with(&response.await) })
    }
}

fn respond(context: RequestContext, answer: Answer, request: AnyRequest) -> ResponseSlot {
    use handlers as h;
    match request {
        AnyRequest::Produce(request) => produce(&context, answer, request),
        AnyRequest::Fetch(request) => answer.later(h::fetch::handle(context, request)),
        AnyRequest::ListOffsets(request) => answer.later(h::list_offsets::handle(context, request)),
        AnyRequest::Metadata(request) => answer.later(h::metadata::handle(context, request)),
        AnyRequest::ApiVersions(request) => {
            answer.now(&h::api_versions::handle(&context, &request))
        }
        AnyRequest::FindCoordinator(request) => {
            answer.now(&h::find_coordinator::handle(&context, request))
        }
        AnyRequest::CreateTopics(request) => {
            answer.later(h::create_topics::handle(context, request))
        }
        AnyRequest::DeleteTopics(request) => {
            answer.later(h::delete_topics::handle(context, request))
        }
        AnyRequest::DeleteRecords(request) => {
            answer.later(h::delete_records::handle(context, request))
        }
        AnyRequest::InitProducerId(request) => {
            answer.later(h::init_producer_id::handle(context, request))
        }
        AnyRequest::OffsetForLeaderEpoch(request) => {
            answer.now(&h::offset_for_leader_epoch::handle(&context, &request))
        }
        AnyRequest::DescribeConfigs(request) => {
            answer.now(&h::describe_configs::handle(&context, &request))
        }
        AnyRequest::AlterConfigs(request) => {
            answer.later(h::alter_configs::handle(context, request))
        }
        AnyRequest::IncrementalAlterConfigs(request) => {
            answer.later(h::incremental_alter_configs::handle(context, request))
        }
        AnyRequest::DescribeLogDirs(request) => {
            answer.now(&h::describe_log_dirs::handle(&context, &request))
        }
        AnyRequest::CreatePartitions(request) => {
            answer.later(h::create_partitions::handle(context, request))
        }
        AnyRequest::DescribeCluster(request) => {
            answer.now(&h::describe_cluster::handle(&context, &request))
        }
        AnyRequest::DescribeTopicPartitions(request) => {
            answer.now(&h::describe_topic_partitions::handle(&context, &request))
        }
        AnyRequest::OffsetCommit(_)
        | AnyRequest::OffsetFetch(_)
        | AnyRequest::JoinGroup(_)
        | AnyRequest::Heartbeat(_)
        | AnyRequest::LeaveGroup(_)
        | AnyRequest::SyncGroup(_)
        | AnyRequest::DescribeGroups(_)
        | AnyRequest::ListGroups(_)
        | AnyRequest::DeleteGroups(_)
        | AnyRequest::OffsetDelete(_)
        | AnyRequest::ConsumerGroupHeartbeat(_)
        | AnyRequest::ConsumerGroupDescribe(_) => ResponseSlot::Ready(unhandled(answer.api)),
    }
}

/// The batches are with the log when this returns, in the order of the connection's requests; the
/// answer comes later.
fn produce(
    context: &RequestContext,
    answer: Answer,
    request: wire::ProduceRequest,
) -> ResponseSlot {
    let pending = handlers::produce::submit(context, request);
    ResponseSlot::pending(async move {
        match pending.answer().await {
            Ok(Some(response)) => answer.with(&response),
            Ok(None) => Reply::None,
            Err(failure) => Reply::Close { reason: failure.to_string() },
        }
    })
}
