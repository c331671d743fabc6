//! Producing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base::ErrorCode;
use client::{
    Busy, DeliveryError, Header, PlacementError, Record, SendError, StartAt, TrySendError,
};
use client_core::murmur2::partition_for_key;

use super::fixture::{Broker, read};

pub(crate) async fn every_codec_is_read_back_as_it_was_sent(broker: Broker) {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = broker.topic(1).await;
        let producer = broker.producer(&[("compression.type", codec), ("linger.ms", "50")]).await;
        let headers =
            [Header::new("h", Some(b"1")), Header::new("h", Some(b"2")), Header::new("none", None)];
        let mut deliveries = Vec::new();
        for index in 0..500_i64 {
            let value = format!("value {index} of many that look alike").into_bytes();
            let record = Record {
                key: (index % 3 != 0).then_some(b"key".as_slice()),
                value: (index % 7 != 0).then_some(value.as_slice()),
                headers: if index % 2 == 0 { &headers } else { &[] },
                timestamp_ms: Some(1_700_000_000_000 + index),
                ..Record::to(&topic)
            };
            deliveries.push(producer.send(&record).await.unwrap());
        }
        let report = producer.flush().await;
        assert!(report.is_ok(), "{codec}: {report}");
        assert_eq!(report.delivered(), 500);
        for (index, delivery) in deliveries.iter().enumerate() {
            let delivered = delivery.poll().unwrap().unwrap();
            assert_eq!(delivered.offset, Some(index as i64), "{codec}");
            assert_eq!(delivered.timestamp_ms, 1_700_000_000_000 + index as i64);
        }
        let consumer = broker.consumer(&[]).await;
        consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
        for (index, (_, record)) in read(&consumer, 500).await.into_iter().enumerate() {
            assert_eq!(record.offset.0, index as i64);
            assert_eq!(record.timestamp, 1_700_000_000_000 + index as i64);
            let value = format!("value {index} of many that look alike").into_bytes();
            assert_eq!(record.key.as_deref(), (index % 3 != 0).then_some(b"key".as_slice()));
            assert_eq!(record.value.as_deref(), (index % 7 != 0).then_some(value.as_slice()));
            let read: Vec<_> =
                record.headers.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
            let sent: &[(&[u8], Option<&[u8]>)] = match index % 2 {
                0 => &[(b"h", Some(b"1")), (b"h", Some(b"2")), (b"none", None)],
                _ => &[],
            };
            assert_eq!(read, sent, "{codec}");
        }
        consumer.close().await;
        producer.close(Duration::from_secs(5)).await;
    }
}

pub(crate) async fn keys_go_where_javas_client_sends_them_and_keep_their_order(broker: Broker) {
    let topic = broker.topic(4).await;
    let producer = broker.producer(&[("batch.size", "300"), ("linger.ms", "0")]).await;
    for index in 0..2000_u32 {
        let key = format!("key-{}", index % 13);
        let value = index.to_be_bytes();
        let record =
            Record { key: Some(key.as_bytes()), value: Some(&value), ..Record::to(&topic) };
        producer.send(&record).await.unwrap();
    }
    assert!(producer.flush().await.is_ok());
    let consumer = broker.consumer(&[]).await;
    consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
    let mut last: BTreeMap<bytes::Bytes, u32> = BTreeMap::new();
    for (partition, record) in read(&consumer, 2000).await {
        let key = record.key.unwrap();
        assert_eq!(partition.partition.0 as u32, partition_for_key(&key, 4));
        let value = u32::from_be_bytes(record.value.unwrap()[..].try_into().unwrap());
        let before = last.insert(key, value);
        assert!(before.is_none_or(|before| before + 13 == value), "{before:?} then {value}");
    }
    assert_eq!(last.len(), 13);
}

pub(crate) async fn records_without_a_key_are_spread_over_all_partitions(broker: Broker) {
    let topic = broker.topic(3).await;
    let producer = broker.producer(&[("batch.size", "1000")]).await;
    let mut partitions = BTreeSet::new();
    producer.partitions(&topic).await.unwrap(); // or the first records have no partition yet
    for _ in 0..2000 {
        let record = Record { value: Some(&[7; 100]), ..Record::to(&topic) };
        let delivery = producer.send(&record).await.unwrap();
        partitions.insert(delivery.batch().topic_partition().partition.0);
    }
    assert!(producer.flush().await.is_ok());
    assert_eq!(partitions, [0, 1, 2].into());
}

pub(crate) async fn a_flush_does_not_wait_for_linger(broker: Broker) {
    let topic = broker.topic(1).await;
    let producer = broker.producer(&[("linger.ms", "30000"), ("request.timeout.ms", "5000")]).await;
    producer.send(&Record { value: Some(b"v"), ..Record::to(&topic) }).await.unwrap();
    let begun = Instant::now();
    let report = producer.flush().await;
    assert!(report.is_ok() && report.delivered() == 1, "{report}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

pub(crate) async fn a_full_buffer_blocks_until_there_is_room(broker: Broker) {
    let topic = broker.topic(1).await;
    let producer = broker
        .producer(&[
            ("buffer.memory", "40000"),
            ("linger.ms", "30000"),
            ("request.timeout.ms", "5000"),
            ("max.block.ms", "10000"),
        ])
        .await;
    let value = vec![0; 15_000];
    let record = Record { value: Some(&value), ..Record::to(&topic) };
    producer.partitions(&topic).await.unwrap();
    let mut busy = 0;
    for _ in 0..50 {
        match producer.try_send(&record) {
            Ok(_) => {}
            Err(TrySendError::Busy(wait @ Busy::Memory { .. })) => {
                busy += 1;
                producer.room(&wait).await.unwrap();
                producer.send(&record).await.unwrap();
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(busy > 0, "the buffer of two batches was never full");
    let report = producer.flush().await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.delivered(), 50);
    assert_eq!(producer.buffered_bytes(), 0);
}

pub(crate) async fn a_record_that_is_too_large_is_refused_by_us_or_by_the_broker(broker: Broker) {
    let topic = broker.topic(1).await;
    let value = vec![7; 2_000_000];
    let record = Record { value: Some(&value), ..Record::to(&topic) };
    let producer = broker.producer(&[]).await;
    let refused = producer.send(&record).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge { limit: "max.request.size", .. }), "{refused}");
    let producer = broker.producer(&[("max.request.size", "5000000")]).await;
    let small = Record { value: Some(b"v"), ..Record::to(&topic) };
    let large = producer.send(&record).await.unwrap();
    let error = large.wait().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge), "{error}");
    // The partition goes on, under its next epoch.
    assert_eq!(producer.send(&small).await.unwrap().wait().await.unwrap().offset, Some(0));
    let report = producer.flush().await;
    assert_eq!((report.delivered(), report.failed()), (1, 1));
    assert!(matches!(report.partitions[0].first_error, Some(DeliveryError::Refused { .. })));
}

pub(crate) async fn no_answer_is_awaited_with_acks_0(broker: Broker) {
    let topic = broker.topic(1).await;
    let producer = broker.producer(&[("acks", "0")]).await;
    let delivery =
        producer.send(&Record { value: Some(b"v"), ..Record::to(&topic) }).await.unwrap();
    assert_eq!(delivery.wait().await.unwrap().offset, None);
    let consumer = broker.consumer(&[]).await;
    consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
    assert_eq!(read(&consumer, 1).await[0].1.value.as_deref(), Some(b"v".as_slice()));
}

pub(crate) async fn a_partition_that_does_not_exist_is_named(broker: Broker) {
    let topic = broker.topic(2).await;
    let producer = broker.producer(&[]).await;
    let record = Record { partition: Some(2), ..Record::to(&topic) };
    let name = topic.as_str().into();
    let expected = PlacementError::NoSuchPartition { topic: name, partition: 2, partitions: 2 };
    // Before the topic is known the record is taken, and not delivered; afterwards it is not taken.
    let early = producer.send(&record).await.unwrap();
    assert_eq!(early.wait().await.unwrap_err(), DeliveryError::Unplaced(expected.clone()));
    assert_eq!(producer.send(&record).await.unwrap_err(), SendError::Unplaced(expected));
    assert_eq!(producer.flush().await.failed(), 1);
    let record = Record { partition: Some(1), ..Record::to(&topic) };
    assert_eq!(producer.send(&record).await.unwrap().wait().await.unwrap().offset, Some(0));
}

pub(crate) async fn a_closed_producer_takes_nothing_and_can_be_closed_again(broker: Broker) {
    let topic = broker.topic(1).await;
    let producer = broker.producer(&[("linger.ms", "1000")]).await;
    let record = Record { value: Some(b"v"), ..Record::to(&topic) };
    let delivery = producer.send(&record).await.unwrap();
    assert_eq!(producer.pending().values().sum::<u64>(), 1);
    let report = producer.close(Duration::from_secs(10)).await;
    assert_eq!(report.delivered(), 1);
    assert!(delivery.poll().unwrap().is_ok());
    assert!(matches!(producer.send(&record).await, Err(SendError::Closed(_))));
    assert!(producer.close(Duration::from_secs(10)).await.partitions.is_empty());
    assert!(producer.pending().is_empty());
}

pub(crate) async fn a_batch_that_is_too_large_is_split(broker: Broker) {
    let topic = broker.topic(1).await;
    let wide = [("batch.size", "3000000"), ("max.request.size", "9000000"), ("linger.ms", "500")];
    let producer = broker.producer(&wide).await;
    let value = "v".repeat(1000);
    let mut deliveries = Vec::new();
    for number in 0..2500 {
        let value = format!("{number:04}{value}");
        let record = Record { value: Some(value.as_bytes()), ..Record::to(&topic) };
        deliveries.push(producer.send(&record).await.unwrap());
    }
    let report = producer.flush().await;
    assert!(report.is_ok(), "{report}");
    for (offset, delivery) in deliveries.iter().enumerate() {
        assert_eq!(delivery.poll().unwrap().unwrap().offset, Some(offset as i64));
    }
    let consumer = broker.consumer(&[]).await;
    consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
    for (number, (_, record)) in read(&consumer, 2500).await.iter().enumerate() {
        assert!(record.value.as_ref().unwrap().starts_with(format!("{number:04}").as_bytes()));
    }
}
