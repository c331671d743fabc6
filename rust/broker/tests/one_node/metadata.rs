//! Metadata: topics that come into being by being asked for, and the address that clients are told.

use base::{ErrorCode, Uuid};
use wire::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseBroker};

use crate::requests::assert_code;
use crate::test_broker::{Settings, TestBroker};
use crate::test_client::TestClient;

fn by_name(names: &[&str]) -> MetadataRequest {
    let topics = names
        .iter()
        .map(|name| MetadataRequestTopic { name: Some((*name).to_owned()), topic_id: Uuid::ZERO });
    MetadataRequest { topics: Some(topics.collect()), ..MetadataRequest::default() }
}

#[tokio::test]
async fn a_topic_that_is_asked_for_takes_records_when_the_answer_is_there() {
    let broker = TestBroker::start(&[("num.partitions", "3")]).await;
    let mut client = broker.connect().await;
    for version in [0, 1, 4, 9, 12, 13] {
        let name = format!("asked-for-in-{version}");
        let response = client.call_in(version, &by_name(&[&name])).await;
        let [topic] = &response.topics[..] else { panic!("{response:?}") };
        assert_code(topic.error_code, ErrorCode::None);
        assert_eq!(topic.partitions.len(), 3);
        assert!(topic.partitions.iter().all(|p| p.leader_id == 1 && p.error_code == 0));
        assert_eq!(client.append(&name, &["at once"]).await, 0);
    }
}

#[tokio::test]
async fn clients_that_ask_for_the_same_new_topic_at_once_all_get_it() {
    let broker = TestBroker::start(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = broker.connect().await;
        client.send(12, &by_name(&["contended"])).await;
        clients.push(client);
    }
    let mut ids = std::collections::BTreeSet::new();
    for mut client in clients {
        let (_, response) = client.receive::<MetadataRequest>(12).await;
        assert_code(response.topics[0].error_code, ErrorCode::None);
        assert_eq!(response.topics[0].partitions.len(), 1);
        ids.insert(response.topics[0].topic_id.0);
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn no_topic_is_created_when_the_client_or_the_broker_forbids_it() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let request = MetadataRequest { allow_auto_topic_creation: false, ..by_name(&["absent"]) };
    let answer = client.call(&request).await;
    assert_code(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);

    let broker = TestBroker::start(&[("auto.create.topics.enable", "false")]).await;
    let mut client = broker.connect().await;
    let answer = client.call(&by_name(&["absent"])).await;
    assert_code(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
    let all = client.call(&MetadataRequest { topics: None, ..MetadataRequest::default() }).await;
    assert_eq!(all.topics, []);
}

#[tokio::test]
async fn a_topic_with_an_illegal_name_is_not_created_and_its_neighbours_are() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let answer = client.call(&by_name(&["a space", "legal"])).await;
    let codes: Vec<_> =
        answer.topics.iter().map(|t| (t.name.as_deref().unwrap(), t.error_code)).collect();
    let invalid = ErrorCode::InvalidTopicException.code();
    assert_eq!(codes, [("a space", invalid), ("legal", 0)]);
}

#[tokio::test]
async fn a_null_list_asks_for_all_topics_and_an_empty_one_for_none_but_in_version_0() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("a", &[]).await;
    client.create_topic("b", &[]).await;
    let all = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let none = by_name(&[]);
    for (version, request, expected) in
        [(0, &none, 2), (1, &none, 0), (1, &all, 2), (13, &none, 0), (13, &all, 2)]
    {
        let answer = client.call_in(version, request).await;
        assert_eq!(answer.topics.len(), expected, "v{version}");
    }
}

#[tokio::test]
async fn a_topic_is_found_by_its_id() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("named", &[]).await;
    let by_id = |topic_id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id, name: None }]),
        ..MetadataRequest::default()
    };
    let found = client.call(&by_id(id)).await;
    assert_eq!(found.topics[0].name.as_deref(), Some("named"));
    assert_eq!(found.topics[0].topic_id, id);
    let unknown = client.call(&by_id(Uuid([9; 16]))).await;
    assert_code(unknown.topics[0].error_code, ErrorCode::UnknownTopicId);
    assert_eq!(unknown.topics[0].name, None);
}

#[tokio::test]
async fn a_client_is_told_the_address_that_it_has_reached() {
    let broker = TestBroker::start(&[("listeners", "PLAINTEXT://0.0.0.0:0")]).await;
    for host in ["127.0.0.1", "127.0.0.2"] {
        let address = std::net::SocketAddr::new(host.parse().unwrap(), broker.address().port());
        let mut client = TestClient::connect(address).await;
        let answer = client.call(&by_name(&[])).await;
        let told = (answer.brokers[0].host.as_str(), answer.brokers[0].port);
        assert_eq!(told, (host, i32::from(address.port())));
    }
}

async fn told_address(settings: Settings<'_>) -> MetadataResponseBroker {
    let broker = TestBroker::start(settings).await;
    let answer = broker.connect().await.call(&by_name(&[])).await;
    assert_eq!(answer.brokers.len(), 1);
    answer.brokers.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_client_is_told_the_advertised_address_if_there_is_one() {
    let advertised = [("advertised.listeners", "PLAINTEXT://broker.example:19092")];
    let told = told_address(&advertised).await;
    assert_eq!((told.host.as_str(), told.port), ("broker.example", 19092));
}

#[tokio::test]
async fn the_node_and_rack_that_were_configured_are_told() {
    let told = told_address(&[("node.id", "42"), ("broker.rack", "attic")]).await;
    assert_eq!((told.node_id, told.rack.as_deref()), (42, Some("attic")));
}

#[tokio::test]
async fn the_authorized_operations_are_told_only_to_those_who_ask() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let silent = client.call(&by_name(&["t"])).await;
    assert_eq!(silent.topics[0].topic_authorized_operations, i32::MIN);
    let request = MetadataRequest { include_topic_authorized_operations: true, ..by_name(&["t"]) };
    let told = client.call(&request).await;
    // Without an authorizer everything is allowed that one can do with a topic: read, write,
    // create, delete, alter, describe, describe configs and alter configs.
    assert_eq!(told.topics[0].topic_authorized_operations, 0b1101_1111_1000);
}
