//! Disks that fail or fill up: the clients are told, and nothing acknowledged is lost.

use base::{ErrorCode, Uuid};
use storage::Disk as _;
use storage::disk::Fault;
use wire::metadata::MetadataRequestTopic;
use wire::{DescribeLogDirsRequest, MetadataRequest};

use crate::batches::batch_of_bytes;
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

/// Writes until the disk fails, and gives the number of acknowledged records.
async fn append_until_failure(client: &mut TestClient, tries: i64) -> i64 {
    for n in client.log_end("t").await..tries {
        let answer = client.produce("t", batch_of_bytes(1000)).await;
        if answer.error_code != 0 {
            assert_code(answer.error_code, ErrorCode::KafkaStorageError);
            return n;
        }
        assert_eq!(answer.base_offset, n);
    }
    tries
}

async fn expect_records(broker: &TestBroker, acknowledged: i64) {
    let mut client = broker.connect().await;
    let there = client.log_end("t").await;
    assert!(there >= acknowledged, "{there} of {acknowledged} records");
    assert_eq!(client.append("t", &["on"]).await, there);
}

#[tokio::test]
async fn a_failed_write_or_sync_is_told_and_loses_nothing_acknowledged() {
    let mut failed = 0;
    for fault in [Fault::Io, Fault::NoSpace] {
        for operations_later in 0..12 {
            let broker = TestBroker::start(&[]).await;
            let mut client = broker.connect().await;
            client.create_topic("t", &[]).await;
            assert_eq!(append_until_failure(&mut client, 5).await, 5);
            let next = broker.disk.operations();
            broker.disk.fail_at(next + operations_later, fault);
            let acknowledged = append_until_failure(&mut client, 40).await;
            failed += u32::from(acknowledged < 40);
            let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
            expect_records(&broker, acknowledged).await;
        }
    }
    assert!(failed >= 12, "only {failed} faults were met");
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_and_the_log_directory_says_so() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.create_topic("other", &[]).await;
    client.append("t", &["kept"]).await;
    let next = broker.disk.operations();
    for operation in next..next + 4 {
        broker.disk.fail_at(operation, Fault::Io);
    }
    assert_eq!(append_until_failure(&mut client, 40).await, 1);
    for topic in ["t", "other"] {
        let refused = client.produce(topic, batch_of_bytes(10)).await;
        assert_code(refused.error_code, ErrorCode::KafkaStorageError);
    }
    // The faults that nobody has met yet are not the metadata log's.
    while broker.disk.operations() < next + 4 {
        let unmet = std::path::Path::new("/unmet").join(broker.disk.operations().to_string());
        assert!(broker.disk.create_dir_all(&unmet).is_err());
    }
    client.create_topic("late", &[]).await;
    let refused = client.produce("late", batch_of_bytes(10)).await;
    assert_code(refused.error_code, ErrorCode::KafkaStorageError);
    let described = client.call(&DescribeLogDirsRequest { topics: None }).await;
    assert_code(described.results[0].error_code, ErrorCode::KafkaStorageError);
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing_acknowledged() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["fits"]).await;
    let capacity_bytes = 32 * 1024 * 1024;
    broker.disk.set_capacity_bytes(Some(capacity_bytes));
    let mut acknowledged = 1;
    for _ in 0..200 {
        let answer = client.produce("t", batch_of_bytes(500_000)).await;
        if answer.error_code != 0 {
            assert_code(answer.error_code, ErrorCode::KafkaStorageError);
            break;
        }
        acknowledged = answer.base_offset + 1;
    }
    assert!(acknowledged < 200, "the disk was never full");
    let disk = broker.cut_power().await;
    // Somebody has made room.
    disk.set_capacity_bytes(None);
    let broker = TestBroker::start_on(disk, &[]).await;
    expect_records(&broker, acknowledged).await;
}

#[tokio::test]
async fn a_topic_in_memory_outlives_the_disk_or_says_that_it_does_not() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("ottla.durability", "memory")]).await;
    client.append("t", &["kept"]).await;
    broker.disk.set_capacity_bytes(Some(0));
    for _ in 0..5 {
        let answer = client.produce("t", batch_of_bytes(100)).await;
        let code = ErrorCode::from_code(answer.error_code).unwrap();
        assert!([ErrorCode::None, ErrorCode::KafkaStorageError].contains(&code), "{code}");
    }
    assert_eq!(client.read("t", 0).await[0], (0, "kept".to_owned()));
}

#[tokio::test]
async fn a_topic_that_cannot_be_written_down_is_refused_and_the_next_start_creates_it() {
    let mut refused = 0;
    // Two changes, each written and synced.
    for operations_later in 0..4 {
        let broker = TestBroker::start(&[]).await;
        let mut client = broker.connect().await;
        client.create_topic("kept", &[]).await;
        client.append("kept", &["a"]).await;
        let next = broker.disk.operations() + operations_later;
        for operation in next..next + 1000 {
            broker.disk.fail_at(operation, Fault::NoSpace);
        }
        let mut created = Vec::new();
        for name in ["first", "second"] {
            let answer = client.try_create(name, 1, &[]).await;
            let code = ErrorCode::from_code(answer.error_code).unwrap();
            assert!([ErrorCode::None, ErrorCode::KafkaStorageError].contains(&code), "{code}");
            refused += u32::from(code != ErrorCode::None);
            if code == ErrorCode::None {
                created.push(name);
            }
        }
        let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
        let mut client = broker.connect().await;
        for name in created {
            assert_code(client.topic(name).await.error_code, ErrorCode::None);
        }
        assert_eq!(client.read("kept", 0).await.len(), 1);
        client.create_topic("third", &[]).await;
        assert_eq!(client.append("third", &["a"]).await, 0);
    }
    assert!(refused >= 6, "only {refused} were refused");
}

#[tokio::test]
async fn a_failed_metadata_log_is_told_in_words_that_a_client_and_its_user_understand() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let next = broker.disk.operations();
    for operation in next..next + 1000 {
        broker.disk.fail_at(operation, Fault::Io);
    }
    for name in ["first", "second"] {
        let refused = client.try_create(name, 1, &[]).await;
        assert_code(refused.error_code, ErrorCode::KafkaStorageError);
        let message = refused.error_message.unwrap();
        assert!(message.contains("/data/__cluster_metadata-0"), "{message}");
        assert!(message.contains("restart the broker"), "{message}");
        assert!(!message.to_lowercase().contains("raft"), "{message}");
    }
    let topics = ["on-demand", "t"]
        .map(|name| MetadataRequestTopic { name: Some(name.to_owned()), topic_id: Uuid::ZERO });
    let request = MetadataRequest {
        topics: Some(topics.to_vec()),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    };
    for (version, code) in [
        (4, ErrorCode::LeaderNotAvailable),
        (5, ErrorCode::LeaderNotAvailable),
        (6, ErrorCode::KafkaStorageError),
        (13, ErrorCode::KafkaStorageError),
    ] {
        let answer = client.call_in(version, &request).await;
        assert_code(answer.topics[0].error_code, code);
        assert_code(answer.topics[1].error_code, ErrorCode::None);
    }
}
