//! Groups of the classic protocol: members join, elect a leader, are assigned what it says, and
//! leave.

use base::ErrorCode;
use wire::list_groups::ListGroupsRequest;
use wire::{JoinGroupRequest, JoinGroupResponse, Request, SyncGroupRequest};

use crate::group_client::{commit_request, join_request, sync_request};
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

const NO_DELAY: &[(&str, &str)] = &[("group.initial.rebalance.delay.ms", "0")];

async fn start() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(NO_DELAY).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    (broker, client)
}

/// A group of one, which has its assignment.
async fn lead(client: &mut TestClient, group: &str) -> JoinGroupResponse {
    let joined = client.join(&join_request(group, 30_000)).await;
    assert_code(joined.error_code, ErrorCode::None);
    assert_eq!(joined.leader, joined.member_id);
    let synced = client.sync(group, &joined, &[(&joined.member_id, b"all")]).await;
    assert_code(synced.error_code, ErrorCode::None);
    assert_eq!(&synced.assignment[..], b"all");
    joined
}

#[tokio::test]
async fn a_newcomer_is_handed_an_id_and_then_leads() {
    let (_broker, mut client) = start().await;
    let first = client.call(&join_request("g", 30_000)).await;
    assert_code(first.error_code, ErrorCode::MemberIdRequired);
    assert!(first.member_id.starts_with("test-"), "{}", first.member_id);
    let joined = lead(&mut client, "g").await;
    assert_eq!((joined.generation_id, joined.members.len()), (1, 1));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_code(client.heartbeat("g", &joined).await, ErrorCode::None);
    let described = client.describe_group("g").await;
    assert_eq!(described.group_state, "Stable");
    assert_eq!(described.protocol_data, "range");
    let member = &described.members[0];
    assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("test", "/127.0.0.1"));
    assert_eq!(&member.member_assignment[..], b"all");
}

#[tokio::test]
async fn every_version_of_the_protocol_joins_and_syncs() {
    let (_broker, mut client) = start().await;
    for version in 0..=JoinGroupRequest::API.served().max {
        let group = format!("g{version}");
        let mut request = join_request(&group, 30_000);
        let mut joined = client.call_in(version, &request).await;
        if version >= 4 {
            assert_code(joined.error_code, ErrorCode::MemberIdRequired);
            request.member_id = joined.member_id;
            joined = client.call_in(version, &request).await;
        }
        assert_code(joined.error_code, ErrorCode::None);
        let sync = sync_request(&group, &joined, &[(&joined.member_id, b"all")]);
        let synced = client.call_in(version.min(SyncGroupRequest::API.served().max), &sync).await;
        assert_code(synced.error_code, ErrorCode::None);
        assert_eq!(&synced.assignment[..], b"all");
    }
}

#[tokio::test]
async fn a_second_member_makes_the_first_join_again_and_both_are_assigned() {
    let (broker, mut first) = start().await;
    let mut second = broker.connect().await;
    let alone = lead(&mut first, "g").await;
    let request = join_request("g", 30_000);
    let id = second.call(&request).await.member_id;
    let version = JoinGroupRequest::API.served().max;
    second.send(version, &JoinGroupRequest { member_id: id, ..request.clone() }).await;
    while first.heartbeat("g", &alone).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_code(first.heartbeat("g", &alone).await, ErrorCode::RebalanceInProgress);
    let again = JoinGroupRequest { member_id: alone.member_id.clone(), ..request };
    let leader = first.call(&again).await;
    let (_, follower) = second.receive::<JoinGroupRequest>(version).await;
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    assert_eq!(follower.leader, leader.member_id);

    let version = SyncGroupRequest::API.served().max;
    second.send(version, &sync_request("g", &follower, &[])).await;
    let assignments: [(&str, &'static [u8]); 2] =
        [(&leader.member_id, b"one"), (&follower.member_id, b"two")];
    assert_eq!(&first.sync("g", &leader, &assignments).await.assignment[..], b"one");
    let (_, synced) = second.receive::<SyncGroupRequest>(version).await;
    assert_eq!(&synced.assignment[..], b"two");

    let left = first.leave("g", &leader.member_id).await;
    assert_code(left.members[0].error_code, ErrorCode::None);
    assert_code(second.heartbeat("g", &follower).await, ErrorCode::RebalanceInProgress);
    assert_code(first.heartbeat("g", &leader).await, ErrorCode::UnknownMemberId);
}

#[tokio::test]
async fn only_a_member_of_the_generation_commits() {
    let (_broker, mut client) = start().await;
    let joined = lead(&mut client, "g").await;
    let mut request = commit_request("g", "t", 5);
    assert_code(client.commit_with(&request).await, ErrorCode::UnknownMemberId);
    request.member_id.clone_from(&joined.member_id);
    request.generation_id_or_member_epoch = joined.generation_id + 1;
    assert_code(client.commit_with(&request).await, ErrorCode::IllegalGeneration);
    request.generation_id_or_member_epoch = joined.generation_id;
    assert_code(client.commit_with(&request).await, ErrorCode::None);
    assert_eq!(client.committed("g", "t").await, 5);
}

#[tokio::test]
async fn a_group_is_what_it_was_after_every_kind_of_end() {
    let (mut broker, mut client) = start().await;
    let joined = lead(&mut client, "g").await;
    for end in 0..3 {
        let disk = match end % 3 {
            0 => broker.stop().await,
            1 => broker.kill().await,
            _ => broker.cut_power().await,
        };
        broker = TestBroker::start_on(disk, NO_DELAY).await;
        client = broker.connect().await;
        while client.describe_group("g").await.error_code
            == ErrorCode::CoordinatorLoadInProgress.code()
        {
            tokio::task::yield_now().await;
        }
        let described = client.describe_group("g").await;
        assert_eq!((described.group_state.as_str(), described.members.len()), ("Stable", 1));
        assert_eq!(&described.members[0].member_assignment[..], b"all");
        assert_code(client.heartbeat("g", &joined).await, ErrorCode::None);
    }
}

/// Real time: the shortest session that a broker can be told to allow.
#[tokio::test]
async fn a_member_that_falls_silent_is_removed() {
    let settings =
        [("group.initial.rebalance.delay.ms", "0"), ("group.min.session.timeout.ms", "100")];
    let broker = TestBroker::start(&settings).await;
    let mut client = broker.connect().await;
    client.find_coordinator("g").await;
    let joined = client.join(&join_request("g", 100)).await;
    assert_code(joined.error_code, ErrorCode::None);
    client.sync("g", &joined, &[(&joined.member_id, b"all")]).await;
    while client.describe_group("g").await.group_state == "Stable" {
        tokio::task::yield_now().await;
    }
    let described = client.describe_group("g").await;
    assert_eq!((described.group_state.as_str(), described.members.len()), ("Empty", 0));
    assert_code(client.heartbeat("g", &joined).await, ErrorCode::UnknownMemberId);
}

#[tokio::test]
async fn groups_are_listed_by_their_state_and_type() {
    let (_broker, mut client) = start().await;
    lead(&mut client, "stable").await;
    client.commit("empty", "t", 1).await;
    let mut request = ListGroupsRequest::default();
    let names = |answer: wire::ListGroupsResponse| {
        let mut names: Vec<_> = answer.groups.into_iter().map(|group| group.group_id).collect();
        names.sort();
        names
    };
    assert_eq!(names(client.call(&request).await), ["empty", "stable"]);
    request.states_filter = vec!["Stable".to_owned()];
    assert_eq!(names(client.call(&request).await), ["stable"]);
    request.states_filter.clear();
    request.types_filter = vec!["consumer".to_owned()];
    assert_eq!(names(client.call(&request).await), [""; 0]);
}

#[tokio::test]
async fn what_the_broker_does_not_allow_is_refused() {
    let (_broker, mut client) = start().await;
    let joined = client.call(&join_request("g", 1)).await;
    assert_code(joined.error_code, ErrorCode::InvalidSessionTimeout);
    let joined = client.call(&join_request("", 30_000)).await;
    assert_code(joined.error_code, ErrorCode::InvalidGroupId);
    let unknown = JoinGroupRequest { member_id: "who".to_owned(), ..join_request("g", 30_000) };
    assert_code(client.call(&unknown).await.error_code, ErrorCode::UnknownMemberId);
}
