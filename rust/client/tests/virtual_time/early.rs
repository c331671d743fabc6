//! Records that are sent before their topic is known.

use std::time::Duration;

use base::{ErrorCode, TopicPartition};
use client::{Busy, DeliveryError, PlacementError, Producer, Record, SendError, TrySendError};
use tokio::time::{Instant, sleep};

use crate::fake_broker::FakeBroker;
use crate::producer;

/// The default of `max.block.ms`.
const BLOCK_MAX: Duration = Duration::from_mins(1);
/// More than asking for metadata again takes.
const ASKED_AGAIN: Duration = Duration::from_secs(2);

fn unknown(topic: &str, waited: Duration) -> PlacementError {
    let code = Some(ErrorCode::UnknownTopicOrPartition);
    PlacementError::UnknownTopic { topic: topic.into(), waited, code }
}

async fn send_numbers(producer: &Producer, topic: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let value = number.to_be_bytes();
        producer.send(&Record { value: Some(&value), ..Record::to(topic) }).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_topic_fails_the_delivery_after_max_block_ms_and_keeps_nobody_waiting() {
    let broker = FakeBroker::new("broker");
    let producer = producer(&broker, &[]).await;
    let begun = Instant::now();
    let record = Record { value: Some(b"v"), ..Record::to("nowhere") };
    let delivery = producer.try_send(&record).unwrap();
    assert_eq!((delivery.poll(), begun.elapsed()), (None, Duration::ZERO));
    assert_eq!(delivery.batch().topic_partition(), &TopicPartition::unplaced("nowhere"));
    let pending = producer.pending();
    assert_eq!(pending[&TopicPartition::unplaced("nowhere")], 1);
    let error = delivery.wait().await.unwrap_err();
    assert_eq!(begun.elapsed(), BLOCK_MAX);
    assert_eq!(error, DeliveryError::Unplaced(unknown("nowhere", BLOCK_MAX)));
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    let report = producer.flush().await;
    assert_eq!((report.failed(), report.pending(), report.partitions.len()), (1, 0, 1));
    assert_eq!(report.partitions[0].first_error, Some(error));
    assert_eq!(producer.buffered_bytes(), 0);
    assert!(producer.pending().is_empty());
}

#[tokio::test(start_paused = true)]
async fn delivery_timeout_ms_bounds_the_wait_too() {
    let broker = FakeBroker::new("broker");
    let more =
        [("delivery.timeout.ms", "7000"), ("request.timeout.ms", "5000"), ("linger.ms", "0")];
    let producer = producer(&broker, &more).await;
    let begun = Instant::now();
    let delivery = producer.try_send(&Record::to("nowhere")).unwrap();
    assert!(delivery.wait().await.is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_before_the_topic_is_there_goes_before_what_is_sent_after() {
    let broker = FakeBroker::new("broker");
    let producer = producer(&broker, &[("batch.size", "200")]).await;
    send_numbers(&producer, "t", 0..500).await;
    let first =
        producer.try_send(&Record { value: Some(b"keyed"), key: Some(b"k"), ..Record::to("t") });
    let first = first.unwrap();
    sleep(Duration::from_secs(3)).await;
    broker.create("t", 3);
    producer.partitions("t").await.unwrap();
    send_numbers(&producer, "t", 500..1000).await;
    let report = producer.flush().await;
    assert!(report.is_ok() && report.delivered() == 1001, "{report}");
    assert!(first.batch().topic_partition().is_placed());
    let delivered = first.poll().unwrap().unwrap();
    let logs = broker.values("t");
    let log = &logs[usize::try_from(delivered.topic_partition.partition.0).unwrap()];
    assert_eq!(log[usize::try_from(delivered.offset.unwrap()).unwrap()], "keyed");
    let mut all = Vec::new();
    for log in logs {
        let numbers = log.iter().filter(|value| value.len() == 4);
        let numbers: Vec<_> =
            numbers.map(|value| u32::from_be_bytes(value[..].try_into().unwrap())).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        all.extend(numbers);
    }
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_waits_takes_half_of_the_buffer_at_most_and_fits_when_its_topic_comes() {
    let broker = FakeBroker::new("broker");
    let more = [("buffer.memory", "100000"), ("max.block.ms", "10000")];
    let producer = producer(&broker, &more).await;
    let value = [7; 1_000];
    let record = Record { value: Some(&value), ..Record::to("t") };
    let mut taken = 0;
    let busy = loop {
        match producer.try_send(&record) {
            Ok(_) => taken += 1,
            Err(TrySendError::Busy(busy)) => break busy,
            Err(TrySendError::Refused(error)) => panic!("{error}"),
        }
    };
    assert_eq!(busy, Busy::Metadata { topic: "t".into() });
    assert!((40..50).contains(&taken), "{taken} records of 1,000 bytes in 50,000");
    let begun = Instant::now();
    sleep(Duration::from_secs(1)).await;
    // Whoever comes then waits, as for a full buffer.
    let waited = Duration::from_secs(10);
    let error = producer.send(&record).await.unwrap_err();
    assert_eq!(error, SendError::Unplaced(unknown("t", waited)));
    assert_eq!(begun.elapsed(), Duration::from_secs(11));
    assert_eq!(producer.flush().await.failed(), taken);
    let mut deliveries = Vec::new();
    while let Ok(delivery) = producer.try_send(&record) {
        deliveries.push(delivery);
    }
    broker.create("t", 10); // with more batches than there is memory for
    let report = producer.flush().await;
    assert_eq!((report.delivered(), report.failed()), (taken, 0), "{report}");
    assert!(deliveries.iter().all(|delivery| delivery.poll().unwrap().is_ok()));
    assert_eq!(producer.buffered_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_missing_topic_does_not_hold_up_the_others() {
    let broker = FakeBroker::new("broker");
    broker.create("there", 1);
    let producer = producer(&broker, &[("linger.ms", "30000")]).await;
    let missing = producer.try_send(&Record::to("nowhere")).unwrap();
    let there = producer.try_send(&Record { value: Some(b"v"), ..Record::to("there") }).unwrap();
    let begun = Instant::now();
    let (report, at) = tokio::join!(producer.flush(), async {
        there.wait().await.unwrap();
        begun.elapsed()
    });
    assert!(at < ASKED_AGAIN, "delivered after {at:?}");
    assert_eq!((report.delivered(), report.failed()), (1, 1), "{report}");
    assert_eq!(begun.elapsed(), BLOCK_MAX, "a flush waits for what waits");
    assert!(missing.poll().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_cannot_be_is_refused_as_soon_as_the_broker_says_so() {
    let broker = FakeBroker::new("broker");
    broker.refuse("a b", ErrorCode::InvalidTopicException);
    let producer = producer(&broker, &[]).await;
    let begun = Instant::now();
    let delivery = producer.try_send(&Record::to("a b")).unwrap();
    let refused = PlacementError::TopicRefused {
        topic: "a b".into(),
        code: ErrorCode::InvalidTopicException,
    };
    assert_eq!(delivery.wait().await.unwrap_err(), DeliveryError::Unplaced(refused.clone()));
    assert!(begun.elapsed() < ASKED_AGAIN);
    let again = producer.try_send(&Record::to("a b")).unwrap_err();
    assert_eq!(again, TrySendError::Refused(SendError::Unplaced(refused)));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_closed_says_which_topics_were_never_known() {
    let broker = FakeBroker::new("broker");
    let producer = producer(&broker, &[]).await;
    let delivery = producer.try_send(&Record::to("nowhere")).unwrap();
    let begun = Instant::now();
    let patience = Duration::from_secs(5);
    let report = producer.close(patience).await;
    assert_eq!(begun.elapsed(), patience);
    assert_eq!((report.failed(), report.pending()), (1, 0));
    let error = delivery.poll().unwrap().unwrap_err();
    assert_eq!(error, DeliveryError::Unplaced(unknown("nowhere", patience)));
}
