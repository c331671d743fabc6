//! DescribeCluster, DescribeTopicPartitions and DescribeLogDirs.

use base::ErrorCode;
use wire::describe_log_dirs::DescribableLogDirTopic;
use wire::describe_topic_partitions::{Cursor, TopicRequest};
use wire::{DescribeClusterRequest, DescribeLogDirsRequest, DescribeTopicPartitionsRequest};

use crate::requests::assert_code;
use crate::test_broker::TestBroker;

#[tokio::test]
async fn the_cluster_is_this_broker_at_the_address_that_was_reached() {
    let broker = TestBroker::start(&[("node.id", "3"), ("broker.rack", "attic")]).await;
    let mut client = broker.connect().await;
    for version in 0..=2 {
        let answer = client.call_in(version, &DescribeClusterRequest::default()).await;
        assert_code(answer.error_code, ErrorCode::None);
        assert_eq!(answer.cluster_id, broker.server.cluster_id());
        assert_eq!(answer.cluster_id.len(), 22);
        assert_eq!(answer.controller_id, 3);
        assert_eq!(answer.cluster_authorized_operations, i32::MIN);
        let [node] = &answer.brokers[..] else { panic!("{answer:?}") };
        let port = i32::from(broker.address().port());
        assert_eq!((node.broker_id, node.host.as_str(), node.port), (3, "127.0.0.1", port));
        assert_eq!((node.rack.as_deref(), node.is_fenced), (Some("attic"), false));
    }
}

#[tokio::test]
async fn controllers_and_unknown_endpoints_are_not_described_here() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (endpoint_type, code) in
        [(2, ErrorCode::MismatchedEndpointType), (3, ErrorCode::UnsupportedEndpointType)]
    {
        let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
        let answer = client.call(&request).await;
        assert_code(answer.error_code, code);
        assert!(answer.error_message.is_some());
    }
}

#[tokio::test]
async fn pages_of_partitions_hold_each_one_once_in_order() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (name, partitions) in [("b", 3), ("a", 2), ("c", 1), ("d", 2)] {
        assert_eq!(client.try_create(name, partitions, &[]).await.error_code, 0);
    }
    for limit in 1..=9 {
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let request = DescribeTopicPartitionsRequest {
                response_partition_limit: limit,
                cursor: cursor.take(),
                ..DescribeTopicPartitionsRequest::default()
            };
            let page = client.call(&request).await;
            let mut on_page = 0;
            for topic in &page.topics {
                assert_code(topic.error_code, ErrorCode::None);
                for partition in &topic.partitions {
                    assert_eq!((partition.leader_id, &partition.isr_nodes[..]), (1, &[1][..]));
                    seen.push((topic.name.clone().unwrap(), partition.partition_index));
                    on_page += 1;
                }
            }
            assert!(on_page <= limit);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let expected = [("a", 2), ("b", 3), ("c", 1), ("d", 2)]
            .into_iter()
            .flat_map(|(name, count)| (0..count).map(move |index| (name.to_owned(), index)));
        assert_eq!(seen, expected.collect::<Vec<_>>(), "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_of_partitions_is_no_longer_than_the_brokers_limit() {
    let broker = TestBroker::start(&[("max.request.partition.size.limit", "3")]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 5, &[]).await.error_code, 0);
    let request = DescribeTopicPartitionsRequest {
        response_partition_limit: 2000,
        ..DescribeTopicPartitionsRequest::default()
    };
    let page = client.call(&request).await;
    assert_eq!(page.topics[0].partitions.len(), 3);
    let next = Cursor { topic_name: "t".to_owned(), partition_index: 3 };
    assert_eq!(page.next_cursor, Some(next));
}

#[tokio::test]
async fn topics_that_are_asked_for_are_described_from_the_cursor_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for name in ["a", "b"] {
        assert_eq!(client.try_create(name, 3, &[]).await.error_code, 0);
    }
    let named = |name: &str| TopicRequest { name: name.to_owned() };
    let request = DescribeTopicPartitionsRequest {
        topics: vec![named("b"), named("a"), named("absent"), named("no name")],
        cursor: Some(Cursor { topic_name: "absent".to_owned(), partition_index: 0 }),
        ..DescribeTopicPartitionsRequest::default()
    };
    let answer = client.call(&request).await;
    let described: Vec<_> =
        answer.topics.iter().map(|t| (t.name.as_deref().unwrap(), t.error_code)).collect();
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    let invalid = ErrorCode::InvalidTopicException.code();
    assert_eq!(described, [("absent", unknown), ("b", 0), ("no name", invalid)]);
}

#[tokio::test]
async fn the_log_directory_tells_the_size_of_its_partitions() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("a", 2, &[]).await.error_code, 0);
    client.create_topic("b", &[]).await;
    client.append("a", &["some bytes"]).await;
    for (topics, expected) in [
        (None, &[("a", 2), ("b", 1)][..]),
        (Some(("a", vec![1])), &[("a", 1)]),
        (Some(("absent", vec![0])), &[]),
    ] {
        let topics = topics.map(|(topic, partitions)| {
            vec![DescribableLogDirTopic { topic: topic.to_owned(), partitions }]
        });
        let answer = client.call(&DescribeLogDirsRequest { topics }).await;
        let [directory] = &answer.results[..] else { panic!("{answer:?}") };
        assert_eq!((directory.error_code, directory.log_dir.as_str()), (0, "/data"));
        let told: Vec<_> =
            directory.topics.iter().map(|t| (t.name.as_str(), t.partitions.len())).collect();
        assert_eq!(told, expected);
    }
    let answer = client.call(&DescribeLogDirsRequest { topics: None }).await;
    let sizes: Vec<_> =
        answer.results[0].topics[0].partitions.iter().map(|p| p.partition_size).collect();
    assert_eq!(sizes, [i64::try_from(crate::batches::batch(&["some bytes"]).len()).unwrap(), 0]);
}
