//! What a shard is asked and answers: the group APIs' messages, and who sent them.

use wire::consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use wire::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use wire::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use wire::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use wire::join_group::{JoinGroupRequest, JoinGroupResponse};
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use wire::list_groups::{ListGroupsRequest, ListGroupsResponse};
use wire::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use wire::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use wire::offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};
use wire::txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

/// Names the waiting place of a reply; the host hands it out and knows what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyToken(pub u64);

/// Who sent a request, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The client id of the request's header; empty if it had none.
    pub client_id: String,
    /// Its address as Kafka spells it: `/127.0.0.1`.
    pub host: String,
    /// The request's version.
    pub api_version: i16,
}

macro_rules! group_apis {
    ($($api:ident($request:ident, $response:ident),)*) => {
        /// A request to one shard.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $(#[doc = concat!("`", stringify!($api), "`")] $api($request),)*
        }

        /// Its answer.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $(#[doc = concat!("`", stringify!($api), "`")] $api($response),)*
        }

        $(impl From<$request> for Request {
            fn from(request: $request) -> Self {
                Self::$api(request)
            }
        }

        impl From<$response> for Response {
            fn from(response: $response) -> Self {
                Self::$api(response)
            }
        })*
    };
}

group_apis! {
    OffsetCommit(OffsetCommitRequest, OffsetCommitResponse),
    TxnOffsetCommit(TxnOffsetCommitRequest, TxnOffsetCommitResponse),
    OffsetFetch(OffsetFetchRequest, OffsetFetchResponse),
    OffsetDelete(OffsetDeleteRequest, OffsetDeleteResponse),
    JoinGroup(JoinGroupRequest, JoinGroupResponse),
    SyncGroup(SyncGroupRequest, SyncGroupResponse),
    Heartbeat(HeartbeatRequest, HeartbeatResponse),
    LeaveGroup(LeaveGroupRequest, LeaveGroupResponse),
    ListGroups(ListGroupsRequest, ListGroupsResponse),
    DescribeGroups(DescribeGroupsRequest, DescribeGroupsResponse),
    DeleteGroups(DeleteGroupsRequest, DeleteGroupsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse),
}
