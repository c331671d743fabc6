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
use crate::handlers as h;
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

impl Service for Dispatch {
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> ResponseSlot {
        let mut reader = Reader::new(request.clone());
        let (api, header) = match decode_request_header(&mut reader) {
            Ok(decoded) => decoded,
            Err(error) => return ResponseSlot::Ready(undecodable(&error)),
        };
        let version = header.request_api_version;
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
            client_id: header.client_id.unwrap_or_default(),
            api_version: version,
            frame: request,
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
        return answer.with::<ApiVersionsResponse>(&h::api_versions::unsupported());
    }
    Reply::Close { reason: error.to_string() }
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

    /// An answer that tells of as much as there is, however short the question: it is begun when
    /// there is memory for it.
    fn at_length<M: Message>(
        self,
        response: impl Future<Output = M> + Send + 'static,
    ) -> ResponseSlot {
        ResponseSlot::pending_large(async move { self.with(&response.await) })
    }
}

fn respond(context: RequestContext, answer: Answer, request: AnyRequest) -> ResponseSlot {
    match request {
        AnyRequest::Produce(body) => produce(&context, answer, body),
        AnyRequest::Fetch(body) => answer.later(h::fetch::handle(context, body)),
        AnyRequest::ListOffsets(body) => answer.later(h::list_offsets::handle(context, body)),
        AnyRequest::Metadata(body) => answer.at_length(h::metadata::handle(context, body)),
        AnyRequest::ApiVersions(body) => answer.now(&h::api_versions::handle(&context, &body)),
        AnyRequest::FindCoordinator(body) => {
            answer.later(h::find_coordinator::handle(context, body))
        }
        AnyRequest::CreateTopics(body) => answer.at_length(h::create_topics::handle(context, body)),
        AnyRequest::DeleteTopics(body) => answer.later(h::delete_topics::handle(context, body)),
        AnyRequest::DeleteRecords(body) => answer.later(h::delete_records::handle(context, body)),
        AnyRequest::InitProducerId(body) => {
            answer.later(h::init_producer_id::handle(context, body))
        }
        AnyRequest::OffsetForLeaderEpoch(body) => {
            answer.now(&h::offset_for_leader_epoch::handle(&context, &body))
        }
        AnyRequest::DescribeConfigs(body) => {
            answer.at_length(async move { h::describe_configs::handle(&context, &body) })
        }
        AnyRequest::AlterConfigs(body) => answer.later(h::alter_configs::handle(context, body)),
        AnyRequest::IncrementalAlterConfigs(body) => {
            answer.later(h::incremental_alter_configs::handle(context, body))
        }
        AnyRequest::DescribeLogDirs(body) => {
            answer.at_length(async move { h::describe_log_dirs::handle(&context, &body) })
        }
        AnyRequest::CreatePartitions(body) => {
            answer.later(h::create_partitions::handle(context, body))
        }
        AnyRequest::DescribeCluster(body) => {
            answer.now(&h::describe_cluster::handle(&context, &body))
        }
        AnyRequest::ListConfigResources(body) => {
            answer.at_length(async move { h::list_config_resources::handle(&context, &body) })
        }
        AnyRequest::DescribeTopicPartitions(body) => {
            answer.at_length(async move { h::describe_topic_partitions::handle(&context, &body) })
        }
        AnyRequest::OffsetCommit(body) => answer.later(h::offset_commit::handle(context, body)),
        AnyRequest::OffsetFetch(body) => answer.at_length(h::offset_fetch::handle(context, body)),
        AnyRequest::OffsetDelete(body) => answer.later(h::offset_delete::handle(context, body)),
        AnyRequest::JoinGroup(body) => answer.later(h::join_group::handle(context.patient(), body)),
        AnyRequest::SyncGroup(body) => answer.later(h::sync_group::handle(context.patient(), body)),
        AnyRequest::Heartbeat(body) => answer.later(h::heartbeat::handle(context, body)),
        AnyRequest::LeaveGroup(body) => answer.later(h::leave_group::handle(context, body)),
        AnyRequest::ListGroups(body) => answer.at_length(h::list_groups::handle(context, body)),
        AnyRequest::DescribeGroups(body) => {
            answer.at_length(h::describe_groups::handle(context, body))
        }
        AnyRequest::DeleteGroups(body) => answer.later(h::delete_groups::handle(context, body)),
        AnyRequest::ConsumerGroupHeartbeat(body) => {
            answer.later(h::consumer_group_heartbeat::handle(context, body))
        }
        AnyRequest::ConsumerGroupDescribe(body) => {
            answer.at_length(h::consumer_group_describe::handle(context, body))
        }
        request => respond_about_transactions(context, answer, request),
    }
}

/// Requests about transactions and their version.
fn respond_about_transactions(
    context: RequestContext,
    answer: Answer,
    request: AnyRequest,
) -> ResponseSlot {
    match request {
        AnyRequest::WriteTxnMarkers(body) => {
            answer.later(h::write_txn_markers::handle(context, body))
        }
        AnyRequest::DescribeProducers(body) => {
            answer.at_length(async move { h::describe_producers::handle(&context, &body) })
        }
        AnyRequest::AddPartitionsToTxn(body) => {
            answer.later(h::add_partitions_to_txn::handle(context, body))
        }
        AnyRequest::AddOffsetsToTxn(body) => {
            answer.later(h::add_offsets_to_txn::handle(context, body))
        }
        AnyRequest::EndTxn(body) => answer.later(h::end_txn::handle(context, body)),
        AnyRequest::UpdateFeatures(body) => answer.later(h::update_features::handle(context, body)),
        AnyRequest::DescribeTransactions(body) => {
            answer.at_length(h::describe_transactions::handle(context, body))
        }
        AnyRequest::ListTransactions(body) => {
            answer.at_length(h::list_transactions::handle(context, body))
        }
        AnyRequest::TxnOffsetCommit(body) => {
            answer.later(h::txn_offset_commit::handle(context, body))
        }
        _ => unreachable!("{} is answered with all others", answer.api),
    }
}

/// The batches are with the log when this returns, in the order of the connection's requests, or
/// have their place in the order of their producer's; the answer comes later.
fn produce(
    context: &RequestContext,
    answer: Answer,
    request: wire::ProduceRequest,
) -> ResponseSlot {
    let submission = h::produce::submit(context, request);
    let frame = context.frame.clone();
    ResponseSlot::pending(async move {
        // Charged until it is answered, as others are.
        let _frame = frame;
        match submission.answer().await {
            Ok(Some(response)) => answer.with(&response),
            Ok(None) => Reply::None,
            Err(failure) => Reply::Close { reason: failure.to_string() },
        }
    })
}
