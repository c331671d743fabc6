//! The requests that a shard answers, each with the variant that its answer comes in.

use coordinator::{Request, Response};

/// A request to one shard.
pub(crate) trait GroupRequest: wire::Request + Into<Request> {
    /// Its answer, out of all that there are.
    fn response(response: Response) -> Self::Response;
}

macro_rules! group_requests {
    ($($name:ident $request:ident,)*) => {
        $(impl GroupRequest for wire::$request {
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
