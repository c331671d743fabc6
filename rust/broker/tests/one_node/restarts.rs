//! What a broker keeps when it stops, is killed, or loses its power; and brokers beside each other.

use std::sync::Arc;

use base::ErrorCode;
use storage::RealDisk;
use wire::{ApiVersionsRequest, MetadataRequest};

use crate::requests::assert_code;
use crate::test_broker::{self, TestBroker};
use crate::test_client::TestClient;

async fn broker_epoch(client: &mut TestClient) -> i64 {
    let request = ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1".to_owned(),
    };
    client.call(&request).await.finalized_features_epoch
}

#[tokio::test]
async fn every_start_has_a_greater_broker_epoch_and_the_same_cluster() {
    let mut broker = TestBroker::start(&[]).await;
    let cluster_id = broker.server.cluster_id();
    let mut epoch = broker_epoch(&mut broker.connect().await).await;
    for clean in [true, false, true] {
        let disk = if clean { broker.stop().await } else { broker.cut_power().await };
        broker = TestBroker::start_on(disk, &[]).await;
        assert_eq!(broker.server.recovery().clean, clean);
        assert_eq!(broker.server.cluster_id(), cluster_id);
        let next = broker_epoch(&mut broker.connect().await).await;
        assert!(next > epoch, "{next} after {epoch}");
        epoch = next;
    }
}

#[tokio::test]
async fn topics_and_records_survive_every_kind_of_end() {
    let mut broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    client.create_topic("deleted", &[]).await;
    client.delete_topic("deleted").await;
    let mut expected = Vec::new();
    for end in 0..6 {
        let mut client = broker.connect().await;
        for n in 0..10 {
            let value = format!("{end}-{n}");
            let offset = client.append("t", &[&value]).await;
            expected.push((offset, value));
        }
        let disk = match end % 3 {
            0 => broker.stop().await,
            1 => broker.kill().await,
            _ => broker.cut_power().await,
        };
        broker = TestBroker::start_on(disk, &[]).await;
        let mut client = broker.connect().await;
        assert_eq!(client.topic("t").await.topic_id, id);
        assert_eq!(client.read("t", 0).await, expected);
        let gone = client.topic("deleted").await.error_code;
        assert_code(gone, ErrorCode::UnknownTopicOrPartition);
    }
    let offsets: Vec<_> = expected.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_topic_that_was_just_created_survives_a_power_cut() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.topic("t").await.topic_id, id);
    assert_eq!(client.append("t", &["first"]).await, 0);
}

#[tokio::test]
async fn two_brokers_in_one_process_know_nothing_of_each_other() {
    let (one, other) = (TestBroker::start(&[]).await, TestBroker::start(&[]).await);
    assert_ne!(one.server.cluster_id(), other.server.cluster_id());
    let (mut at_one, mut at_other) = (one.connect().await, other.connect().await);
    at_one.create_topic("t", &[]).await;
    at_other.create_topic("t", &[]).await;
    at_one.append("t", &["one"]).await;
    at_other.append("t", &["other"]).await;
    one.stop().await;
    assert_eq!(at_other.append("t", &["still there"]).await, 1);
    let values: Vec<_> = at_other.read("t", 0).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["other", "still there"]);
}

#[tokio::test]
async fn a_directory_in_use_is_refused_with_the_holders_process_id() {
    let directory = tempfile::tempdir().unwrap();
    let log_dirs = directory.path().display().to_string();
    let settings = [("log.dirs", log_dirs.as_str())];
    let first = test_broker::start(Arc::new(RealDisk), &settings).await.unwrap();
    let refused = test_broker::start(Arc::new(RealDisk), &settings).await.unwrap_err().to_string();
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
    assert!(refused.contains(&log_dirs), "{refused}");
    first.shutdown().await;
    test_broker::start(Arc::new(RealDisk), &settings).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_directory_of_another_node_is_refused() {
    let disk = TestBroker::start(&[("node.id", "1")]).await.stop().await;
    let settings = [("node.id", "2")];
    let refused = test_broker::start(Arc::new(disk), &settings).await.unwrap_err().to_string();
    assert!(refused.contains("node.id"), "{refused}");
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_its_address() {
    let broker = TestBroker::start(&[]).await;
    let listeners = format!("PLAINTEXT://{}", broker.address());
    let disk = Arc::new(storage::FaultyDisk::new());
    let refused = test_broker::start(disk, &[("listeners", &listeners)]).await.unwrap_err();
    assert!(refused.to_string().contains(&broker.address().to_string()), "{refused}");
    let mut client = broker.connect().await;
    client.call(&MetadataRequest::default()).await;
}
