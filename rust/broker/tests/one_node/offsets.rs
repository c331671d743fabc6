//! Commits of whoever is in no group: stored durably, given back in every version, and gone with
//! their topic or their group.

use base::{ErrorCode, Uuid};
use wire::delete_groups::DeleteGroupsRequest;
use wire::list_groups::ListGroupsRequest;
use wire::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use wire::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use wire::{OffsetCommitRequest, Request};

use crate::group_client::{commit_request, offset_fetch_request};
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

async fn start() -> (TestBroker, TestClient, Uuid) {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    (broker, client, id)
}

#[tokio::test]
async fn what_is_committed_in_any_version_is_fetched_in_every_other() {
    let (_broker, mut client, topic_id) = start().await;
    let versions = OffsetCommitRequest::API.served();
    for committing in versions.min..=versions.max {
        let offset = i64::from(committing) * 100;
        let mut request = commit_request("g", "t", offset);
        if committing >= 10 {
            (request.topics[0].name, request.topics[0].topic_id) = (String::new(), topic_id);
        }
        let answer = client.call_in(committing, &request).await;
        assert_code(answer.topics[0].partitions[0].error_code, ErrorCode::None);
        for fetching in 1..=7 {
            let topics =
                vec![OffsetFetchRequestTopic { name: "t".to_owned(), partition_indexes: vec![0] }];
            let request = OffsetFetchRequest {
                group_id: "g".to_owned(),
                topics: Some(topics),
                ..OffsetFetchRequest::default()
            };
            let answer = client.call_in(fetching, &request).await;
            let partition = &answer.topics[0].partitions[0];
            assert_eq!(partition.committed_offset, offset, "{committing} {fetching}");
            assert_eq!(partition.metadata.as_deref(), Some("note"));
            let epoch = if committing >= 6 && fetching >= 5 { 0 } else { -1 };
            assert_eq!(partition.committed_leader_epoch, epoch, "{committing} {fetching}");
        }
        for fetching in 8..=10 {
            let mut request = offset_fetch_request("g", "t");
            if fetching >= 10 {
                let topic = &mut request.groups[0].topics.as_mut().unwrap()[0];
                (topic.name, topic.topic_id) = (String::new(), topic_id);
            }
            let answer = client.call_in(fetching, &request).await;
            let topic = &answer.groups[0].topics[0];
            assert_eq!(topic.partitions[0].committed_offset, offset, "{committing} {fetching}");
            assert_eq!(topic.topic_id, if fetching >= 10 { topic_id } else { Uuid::ZERO });
        }
    }
}

#[tokio::test]
async fn committed_offsets_survive_every_kind_of_end() {
    let (mut broker, mut client, _) = start().await;
    for end in 0..6_i64 {
        for group in ["g", "h", "another group"] {
            assert_code(client.commit(group, "t", end).await, ErrorCode::None);
        }
        let disk = match end % 3 {
            0 => broker.stop().await,
            1 => broker.kill().await,
            _ => broker.cut_power().await,
        };
        broker = TestBroker::start_on(disk, &[]).await;
        client = broker.connect().await;
        for group in ["g", "h", "another group"] {
            while client.fetch_group(group, "t").await.error_code
                == ErrorCode::CoordinatorLoadInProgress.code()
            {
                tokio::task::yield_now().await;
            }
            assert_eq!(client.committed(group, "t").await, end, "{group}");
        }
    }
}

#[tokio::test]
async fn a_group_that_has_not_begun_has_no_offset() {
    let (_broker, mut client, _) = start().await;
    assert_eq!(client.committed("g", "t").await, -1);
    let mut all = offset_fetch_request("g", "t");
    all.groups[0].topics = None;
    assert_eq!(client.call_in(9, &all).await.groups[0].topics, []);
}

#[tokio::test]
async fn several_groups_are_fetched_at_once_and_each_has_its_own() {
    let (_broker, mut client, _) = start().await;
    let mut request = OffsetFetchRequest::default();
    for (offset, group) in (0..20).map(|n| (n, format!("group-{n}"))) {
        assert_code(client.commit(&group, "t", offset).await, ErrorCode::None);
        request.groups.extend(offset_fetch_request(&group, "t").groups);
    }
    let answer = client.call_in(9, &request).await;
    let offsets: Vec<_> =
        answer.groups.iter().map(|group| group.topics[0].partitions[0].committed_offset).collect();
    assert_eq!(offsets, (0..20).collect::<Vec<_>>());
    let listed = client.call(&ListGroupsRequest::default()).await;
    assert_code(listed.error_code, ErrorCode::None);
    assert_eq!(listed.groups.len(), 20);
}

#[tokio::test]
async fn what_cannot_be_committed_is_refused_partition_by_partition() {
    let (_broker, mut client, _) = start().await;
    let mut request = commit_request("g", "t", 5);
    request.topics[0].partitions[0].partition_index = 7;
    let code = client.commit_with(&request).await;
    assert_code(code, ErrorCode::UnknownTopicOrPartition);
    assert_code(client.commit("g", "unknown", 5).await, ErrorCode::UnknownTopicOrPartition);
    let mut request = commit_request("g", "t", 5);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4097));
    assert_code(client.commit_with(&request).await, ErrorCode::OffsetMetadataTooLarge);
    let mut request = commit_request("g", "", 5);
    request.topics[0].topic_id = Uuid([9; 16]);
    let answer = client.call_in(10, &request).await;
    assert_code(answer.topics[0].partitions[0].error_code, ErrorCode::UnknownTopicId);
    assert_eq!(client.committed("g", "t").await, -1);
}

#[tokio::test]
async fn commits_of_many_connections_are_all_there() {
    let (broker, mut client, _) = start().await;
    let mut committing = Vec::new();
    for n in 0..20 {
        let mut client = broker.connect().await;
        committing.push(tokio::spawn(async move {
            for offset in 0..20 {
                let code = client.commit(&format!("group-{n}"), "t", offset).await;
                assert_code(code, ErrorCode::None);
            }
        }));
    }
    for task in committing {
        task.await.unwrap();
    }
    for n in 0..20 {
        assert_eq!(client.committed(&format!("group-{n}"), "t").await, 19);
    }
}

#[tokio::test]
async fn offsets_go_with_their_topic() {
    let (_broker, mut client, _) = start().await;
    assert_code(client.commit("g", "t", 5).await, ErrorCode::None);
    client.delete_topic("t").await;
    client.create_topic("t", &[]).await;
    assert_eq!(client.committed("g", "t").await, -1);
}

#[tokio::test]
async fn offsets_go_with_their_group_and_are_deleted_one_by_one() {
    let (_broker, mut client, _) = start().await;
    assert_code(client.commit("g", "t", 5).await, ErrorCode::None);
    let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0 }];
    let topics = vec![OffsetDeleteRequestTopic { name: "t".to_owned(), partitions }];
    let request = OffsetDeleteRequest { group_id: "g".to_owned(), topics };
    let answer = client.call(&request).await;
    assert_code(answer.error_code, ErrorCode::None);
    assert_code(answer.topics[0].partitions[0].error_code, ErrorCode::None);
    assert_eq!(client.committed("g", "t").await, -1);

    assert_code(client.commit("h", "t", 5).await, ErrorCode::None);
    let request = DeleteGroupsRequest { groups_names: vec!["h".to_owned(), "no".to_owned()] };
    let answer = client.call(&request).await;
    let codes: Vec<_> = answer.results.iter().map(|result| result.error_code).collect();
    assert_eq!(codes, [0, ErrorCode::GroupIdNotFound.code()]);
    assert_eq!(client.committed("h", "t").await, -1);
}

/// The largest batch is small here: a commit fits it, and all of a group's offsets do not.
#[tokio::test]
async fn a_group_is_deleted_however_many_offsets_it_has() {
    let broker = TestBroker::start(&[("message.max.bytes", "1000")]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 40, &[]).await.error_message, None);
    client.find_coordinator("g").await;
    for partition in 0..40 {
        let mut request = commit_request("g", "t", 5);
        request.topics[0].partitions[0].partition_index = partition;
        assert_code(client.commit_with(&request).await, ErrorCode::None);
    }
    let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    assert_code(client.call(&request).await.results[0].error_code, ErrorCode::None);
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    let mut client = broker.connect().await;
    let mut all = offset_fetch_request("g", "t");
    all.groups[0].topics = None;
    loop {
        let group = client.call_in(9, &all).await.groups.remove(0);
        if group.error_code != ErrorCode::CoordinatorLoadInProgress.code() {
            assert_eq!(group.topics, []);
            return;
        }
    }
}

#[tokio::test]
async fn a_commit_that_fits_no_batch_is_refused_and_harms_nobody_else() {
    let broker = TestBroker::start(&[("message.max.bytes", "1000")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    assert_code(client.commit("g", "t", 5).await, ErrorCode::None);
    let mut request = commit_request("g", "t", 6);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(2_000));
    assert_code(client.commit_with(&request).await, ErrorCode::UnknownServerError);
    while client.fetch_group("g", "t").await.error_code != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.committed("g", "t").await, 5);
    assert_code(client.commit("g", "t", 7).await, ErrorCode::None);
}
