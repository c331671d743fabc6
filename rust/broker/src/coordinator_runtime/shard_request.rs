//! The requests that shards answer, each with the variant that its answer comes in.

use coordinator::{Response, Shard};

use super::machine::Machine;

/// A request to one shard.
pub(crate) trait ShardRequest<M: Machine>: Into<M::Request> {
    /// Its answer.
    type Response;

    /// Its answer, out of all that there are.
    fn response(response: M::Response) -> Self::Response;
}

macro_rules! group_requests {
    ($($name:ident $request:ident,)*) => {
        $(impl ShardRequest<Shard> for wire::$request {
            type Response = <Self as wire::Request>::Response;

            fn response(response: Response) -> Self::Response {
                match response {
                    Response::$name(response) => response,
                    other => unreachable!(
                        "{} was answered with {other:?}", stringify!($name)
                    ),
                }
            }
        })*
    };
}

group_requests! {
    OffsetCommit OffsetCommitRequest,
    TxnOffsetCommit TxnOffsetCommitRequest,
    OffsetFetch OffsetFetchRequest,
    OffsetDelete OffsetDeleteRequest,
    JoinGroup JoinGroupRequest,
    SyncGroup SyncGroupRequest,
    Heartbeat HeartbeatRequest,
    LeaveGroup LeaveGroupRequest,
    ListGroups ListGroupsRequest,
    DescribeGroups DescribeGroupsRequest,
    DeleteGroups DeleteGroupsRequest,
    ConsumerGroupHeartbeat ConsumerGroupHeartbeatRequest,
    ConsumerGroupDescribe ConsumerGroupDescribeRequest,
}
