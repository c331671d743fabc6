//! Groups of the new protocol (KIP-848): members heartbeat, and the broker assigns.

use base::ErrorCode;
use wire::consumer_group_describe::{ConsumerGroupDescribeRequest, DescribedGroup};
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};

use crate::group_client::commit_request;
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

/// Members are assigned as soon as they come.
const AT_ONCE: &[(&str, &str)] = &[("group.consumer.assignment.interval.ms", "0")];
const PARTITIONS: i32 = 4;

/// A member as its client would keep it.
pub(crate) struct Member {
    pub(crate) client: TestClient,
    request: ConsumerGroupHeartbeatRequest,
    owned: Vec<i32>,
}

impl Member {
    /// Subscribes to `t`.
    pub(crate) async fn join(broker: &TestBroker, group: &str, member_id: &str) -> Self {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: group.to_owned(),
            member_id: member_id.to_owned(),
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(vec!["t".to_owned()]),
            topic_partitions: Some(Vec::new()),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        let mut member = Self { client: broker.connect().await, request, owned: Vec::new() };
        member.beat().await;
        member
    }

    /// Heartbeats, and takes what it is told to own. A coordinator that is being loaded is asked
    /// again.
    pub(crate) async fn beat(&mut self) -> ConsumerGroupHeartbeatResponse {
        let mut answer = self.client.call(&self.request).await;
        while answer.error_code == ErrorCode::CoordinatorLoadInProgress.code() {
            answer = self.client.call(&self.request).await;
        }
        assert_code(answer.error_code, ErrorCode::None);
        self.request.member_epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            let partitions = assignment.topic_partitions.iter().flat_map(|topic| &topic.partitions);
            self.owned = partitions.copied().collect();
            self.owned.sort_unstable();
            let owned = assignment.topic_partitions.iter().map(|topic| TopicPartitions {
                topic_id: topic.topic_id,
                partitions: topic.partitions.clone(),
            });
            self.request.topic_partitions = Some(owned.collect());
        }
        answer
    }
}

async fn start() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(AT_ONCE).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", PARTITIONS, &[]).await.error_message, None);
    client.find_coordinator("g").await;
    (broker, client)
}

/// Lets all members heartbeat until they share the partitions.
async fn settle(members: &mut [Member]) {
    loop {
        for member in members.iter_mut() {
            member.beat().await;
        }
        let mut owned: Vec<i32> = members.iter().flat_map(|member| member.owned.clone()).collect();
        owned.sort_unstable();
        if owned == (0..PARTITIONS).collect::<Vec<_>>()
            && members.iter().all(|member| !member.owned.is_empty())
        {
            return;
        }
    }
}

async fn describe(client: &mut TestClient, group: &str) -> DescribedGroup {
    let group_ids = vec![group.to_owned()];
    let request =
        ConsumerGroupDescribeRequest { group_ids, ..ConsumerGroupDescribeRequest::default() };
    client.call(&request).await.groups.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_lone_member_is_assigned_everything() {
    let (broker, mut client) = start().await;
    let mut members = [Member::join(&broker, "g", "m1").await];
    settle(&mut members).await;
    assert_eq!(members[0].owned, [0, 1, 2, 3]);
    members[0].beat().await;
    let described = describe(&mut client, "g").await;
    assert_code(described.error_code, ErrorCode::None);
    assert_eq!(
        (described.group_state.as_str(), described.assignor_name.as_str()),
        ("Stable", "uniform")
    );
    let member = &described.members[0];
    assert_eq!((member.member_id.as_str(), member.member_type), ("m1", 1));
    assert_eq!((&member.instance_id, &member.rack_id), (&None, &None));
    assert_eq!(member.subscribed_topic_regex, None);
    assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("test", "/127.0.0.1"));
}

#[tokio::test]
async fn two_members_share_the_partitions_and_the_last_one_has_them_all() {
    let (broker, _client) = start().await;
    let mut members = vec![Member::join(&broker, "g", "m1").await];
    settle(&mut members).await;
    members.push(Member::join(&broker, "g", "m2").await);
    settle(&mut members).await;
    assert_eq!((members[0].owned.len(), members[1].owned.len()), (2, 2));
    let mut leaving = members.remove(0);
    leaving.request.member_epoch = -1;
    assert_eq!(leaving.beat().await.member_epoch, -1);
    settle(&mut members).await;
    assert_eq!(members[0].owned, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_group_is_what_it_was_after_every_kind_of_end() {
    let (mut broker, mut client) = start().await;
    let mut members = [Member::join(&broker, "g", "m1").await];
    settle(&mut members).await;
    members[0].beat().await;
    let mut commit = commit_request("g", "t", 7);
    commit.member_id = "m1".to_owned();
    commit.generation_id_or_member_epoch = members[0].request.member_epoch;
    assert_code(client.commit_with(&commit).await, ErrorCode::None);
    commit.generation_id_or_member_epoch += 1;
    assert_code(client.commit_with(&commit).await, ErrorCode::StaleMemberEpoch);
    let before = describe(&mut client, "g").await;
    for end in 0..3 {
        let disk = match end {
            0 => broker.stop().await,
            1 => broker.kill().await,
            _ => broker.cut_power().await,
        };
        broker = TestBroker::start_on(disk, AT_ONCE).await;
        client = broker.connect().await;
        let mut after = describe(&mut client, "g").await;
        while after.error_code == ErrorCode::CoordinatorLoadInProgress.code() {
            after = describe(&mut client, "g").await;
        }
        assert_eq!(after, before);
        assert_eq!(client.committed("g", "t").await, 7);
        members[0].client = broker.connect().await;
        members[0].beat().await;
        assert_eq!(members[0].owned, [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn a_rebalance_is_explained_and_counted() {
    let (broker, _client) = start().await;
    let mut members =
        [Member::join(&broker, "g", "m1").await, Member::join(&broker, "g", "m2").await];
    settle(&mut members).await;
    let explanation = broker.server.explain_group("g").await.unwrap();
    let now = explanation.now.as_ref().unwrap();
    assert_eq!((now.group_type, now.members.len()), ("consumer", 2));
    let text = explanation.to_string();
    assert!(text.contains("m1 joined") && text.contains("m2 joined"), "{text}");
    let metrics = broker.server.rebalance_metrics();
    assert!(metrics.rebalances >= 1);
    assert_eq!(metrics.causes["joined"], 2);
    assert_eq!(broker.server.explain_group("other").await.unwrap().now, None);
}

#[tokio::test]
async fn consumer_groups_can_be_disabled() {
    let classic_only = [("group.coordinator.rebalance.protocols", "classic")];
    let broker = TestBroker::start(&classic_only).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    let answer = client.call(&request).await;
    assert_code(answer.error_code, ErrorCode::UnsupportedVersion);
    let described = describe(&mut client, "g").await;
    assert_code(described.error_code, ErrorCode::UnsupportedVersion);
    assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
}

#[tokio::test]
async fn who_is_not_a_member_is_told_so() {
    let (broker, mut client) = start().await;
    let _member = Member::join(&broker, "g", "m1").await;
    let stranger = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "who".to_owned(),
        member_epoch: 5,
        ..ConsumerGroupHeartbeatRequest::default()
    };
    let answer = client.call(&stranger).await;
    assert_code(answer.error_code, ErrorCode::UnknownMemberId);
    assert!(answer.error_message.is_some());
    let unnamed = ConsumerGroupHeartbeatRequest { group_id: String::new(), ..stranger };
    assert_code(client.call(&unnamed).await.error_code, ErrorCode::InvalidRequest);
    let unknown = describe(&mut client, "unknown").await;
    assert_code(unknown.error_code, ErrorCode::GroupIdNotFound);
}
