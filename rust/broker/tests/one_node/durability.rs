//! What each durability promises, and what it does not.

use base::ErrorCode;

use crate::requests::assert_code;
use crate::test_broker::TestBroker;

const DISK: (&str, &str) = ("ottla.durability", "disk");
const OS: (&str, &str) = ("ottla.durability", "os");
const MEMORY: (&str, &str) = ("ottla.durability", "memory");

#[tokio::test]
async fn what_disk_has_acknowledged_survives_a_power_cut() {
    let broker = TestBroker::start(&[OS]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[DISK]).await;
    for n in 0..50 {
        assert_eq!(client.append("t", &[&n.to_string()]).await, n);
    }
    let broker = TestBroker::start_on(broker.cut_power().await, &[OS]).await;
    let expected: Vec<_> = (0..50).map(|n| (n, n.to_string())).collect();
    assert_eq!(broker.connect().await.read("t", 0).await, expected);
}

#[tokio::test]
async fn what_os_has_acknowledged_survives_a_kill() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[OS]).await;
    for n in 0..50 {
        assert_eq!(client.append("t", &[&n.to_string()]).await, n);
    }
    let broker = TestBroker::start_on(broker.kill().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.read("t", 0).await.len(), 50);
    assert_eq!(client.append("t", &["on"]).await, 50);
}

#[tokio::test]
async fn a_topic_in_memory_serves_and_starts_anew_with_the_broker() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[MEMORY]).await;
    assert_eq!(client.append("t", &["a", "b"]).await, 0);
    assert_eq!(client.read("t", 0).await.len(), 2);
    let epoch = client.topic("t").await.partitions[0].leader_epoch;
    let broker = TestBroker::start_on(broker.stop().await, &[]).await;
    let mut client = broker.connect().await;
    let topic = client.topic("t").await;
    assert_code(topic.error_code, ErrorCode::None);
    assert_eq!(topic.partitions[0].leader_epoch, epoch + 1, "offset 0 names another record now");
    assert_eq!(client.read("t", 0).await, []);
    assert_eq!(client.append("t", &["c"]).await, 0);
}

#[tokio::test]
async fn records_are_visible_when_they_are_acknowledged_and_not_before() {
    for durability in [DISK, OS, MEMORY] {
        let broker = TestBroker::start(&[]).await;
        let mut client = broker.connect().await;
        client.create_topic("t", &[durability]).await;
        for n in 0..20 {
            client.append("t", &["a"]).await;
            let fetched = client.fetch("t", n).await;
            assert_eq!(fetched.high_watermark, n + 1, "{durability:?}");
        }
    }
}

/// The brokers' key, in any layer.
const IN_MEMORY_BY_DEFAULT: (&str, &str) = MEMORY;

#[tokio::test]
async fn a_topic_that_was_created_in_memory_stays_there_whatever_the_default_becomes() {
    let broker = TestBroker::start(&[IN_MEMORY_BY_DEFAULT]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a"]).await;
    let epoch = client.topic("t").await.partitions[0].leader_epoch;
    let broker = TestBroker::start_on(broker.stop().await, &[DISK]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.durability("t").await, "memory");
    let now = client.topic("t").await.partitions[0].leader_epoch;
    assert_eq!(now, epoch + 1, "offset 0 names another record now");
    assert_eq!(client.append("t", &["b"]).await, 0);
    let broker = TestBroker::start_on(broker.stop().await, &[DISK]).await;
    assert_eq!(broker.connect().await.read("t", 0).await, []);
}

#[tokio::test]
async fn a_topic_that_was_created_on_the_disk_stays_there_whatever_the_default_becomes() {
    let broker = TestBroker::start(&[OS]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a"]).await;
    client.set_default_durability("memory").await;
    assert_eq!(client.durability("t").await, "os");
    client.append("t", &["b"]).await;
    client.create_topic("late", &[]).await;
    assert_eq!(client.durability("late").await, "memory");
    let broker = TestBroker::start_on(broker.stop().await, &[IN_MEMORY_BY_DEFAULT]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.durability("t").await, "disk");
    assert_eq!(client.read("t", 0).await.len(), 2);
    assert_eq!(client.append("t", &["c"]).await, 2);
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    assert_eq!(broker.connect().await.read("t", 0).await.len(), 3);
}
