//! Consuming by assignment.

use std::collections::BTreeSet;
use std::time::Duration;

use base::TopicPartition;
use client::{BoundedRead, ConsumeError, EndAt, Record, StartAt};

use super::fixture::{Broker, read, unpack};

const BEGIN_MS: i64 = 1_700_000_000_000;

/// Writes `count` records to each of the partitions, their timestamps a second apart.
async fn write(broker: &Broker, topic: &str, partitions: i32, count: i64) {
    let producer = broker.producer(&[("batch.size", "500")]).await;
    for index in 0..count {
        for partition in 0..partitions {
            let value = index.to_be_bytes();
            let record = Record {
                partition: Some(partition),
                value: Some(&value),
                timestamp_ms: Some(BEGIN_MS + 1000 * index),
                ..Record::to(topic)
            };
            producer.send(&record).await.unwrap();
        }
    }
    let report = producer.close(Duration::from_secs(10)).await;
    assert!(report.is_ok(), "{report}");
}

pub(crate) async fn seeking_by_offset_and_by_time_finds_the_record(broker: Broker) {
    let topic = broker.lasting_topic(1).await;
    write(&broker, &topic, 1, 200).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let consumer = broker.consumer(&[]).await;
    consumer.assign([(partition.clone(), StartAt::Offset(150))]);
    assert_eq!(read(&consumer, 1).await[0].1.offset.0, 150);
    consumer.seek(&partition, StartAt::Timestamp(BEGIN_MS + 77_500)).unwrap();
    assert_eq!(read(&consumer, 1).await[0].1.offset.0, 78);
    consumer.seek(&partition, StartAt::Earliest).unwrap();
    assert_eq!(read(&consumer, 1).await[0].1.offset.0, 0);
    let first = consumer.position(&partition).unwrap();
    assert!(first > 0);
    consumer.seek(&partition, StartAt::Latest).unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(300), consumer.poll(10)).await;
    assert!(nothing.is_err());
    assert_eq!(consumer.position(&partition), Some(200));
    let other = TopicPartition::new(topic.as_str(), 7);
    let error = consumer.seek(&other, StartAt::Latest).unwrap_err();
    assert_eq!(error, ConsumeError::NotAssigned(other));
}

pub(crate) async fn offsets_are_told_for_both_ends_and_for_times(broker: Broker) {
    let topic = broker.lasting_topic(2).await;
    write(&broker, &topic, 1, 100).await;
    let consumer = broker.consumer(&[]).await;
    let partitions = consumer.partitions(&topic).await.unwrap();
    let begin = consumer.beginning_offsets(&partitions).await.unwrap();
    assert_eq!(begin.into_values().collect::<Vec<_>>(), [0, 0]);
    let end = consumer.end_offsets(&partitions).await.unwrap();
    assert_eq!(end.into_values().collect::<Vec<_>>(), [100, 0]);
    let times: Vec<_> = partitions.iter().map(|name| (name.clone(), BEGIN_MS + 98_001)).collect();
    let found = consumer.offsets_for_times(&times).await.unwrap();
    let first = found[&partitions[0]].unwrap();
    assert_eq!((first.offset, first.timestamp_ms), (99, Some(BEGIN_MS + 99_000)));
    assert_eq!(found[&partitions[1]], None);
    let missing = consumer.partitions("no-such-topic").await.unwrap_err();
    assert!(missing.to_string().contains("UNKNOWN_TOPIC_OR_PARTITION"), "{missing}");
    assert!(missing.to_string().contains("create it, or check its name"), "{missing}");
}

pub(crate) async fn a_bounded_read_ends_at_the_offsets_seen_at_its_start(broker: Broker) {
    let topic = broker.lasting_topic(3).await;
    write(&broker, &topic, 2, 300).await; // the third partition is empty
    let config = broker.consumer_config(&[]);
    let topics = [topic.as_str()];
    let read =
        |start, end| BoundedRead::start(config.clone(), &topics, start, end, broker.handle());
    let all = read(StartAt::Earliest, EndAt::Latest).await.unwrap();
    assert_eq!(all.remaining(), 600);
    write(&broker, &topic, 3, 10).await; // not to be seen
    let mut seen = BTreeSet::new();
    while let Some(fetched) = all.next(70).await.unwrap() {
        assert!(fetched.iter().map(client::Fetched::rows_max).sum::<usize>() <= 70);
        for (partition, record) in fetched.iter().flat_map(unpack) {
            assert!(seen.insert((partition, record.offset.0)), "a record came twice");
        }
    }
    assert_eq!((seen.len(), all.remaining()), (600, 0));
    let part = read(StartAt::Timestamp(BEGIN_MS + 100_000), EndAt::Timestamp(BEGIN_MS + 200_000));
    let part = part.await.unwrap();
    let mut count = 0;
    while let Some(fetched) = part.next(1000).await.unwrap() {
        for (_, record) in fetched.iter().flat_map(unpack) {
            assert!((100..200).contains(&((record.timestamp - BEGIN_MS) / 1000)));
            count += 1;
        }
    }
    assert_eq!(count, 200);
}

pub(crate) async fn a_paused_partition_hands_out_nothing_until_it_is_resumed(broker: Broker) {
    let topic = broker.lasting_topic(2).await;
    write(&broker, &topic, 2, 50).await;
    let consumer = broker.consumer(&[]).await;
    let partitions = consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
    consumer.pause(&partitions[..1]).unwrap();
    assert_eq!(consumer.paused(), &partitions[..1]);
    let records = read(&consumer, 50).await;
    assert!(records.iter().all(|(partition, _)| *partition == partitions[1]));
    consumer.resume(&partitions).unwrap();
    let records = read(&consumer, 50).await;
    assert!(records.iter().all(|(partition, _)| *partition == partitions[0]));
}

pub(crate) async fn a_position_out_of_range_is_an_error_or_a_reset_as_configured(broker: Broker) {
    let topic = broker.lasting_topic(1).await;
    write(&broker, &topic, 1, 5).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let consumer = broker.consumer(&[("auto.offset.reset", "none")]).await;
    consumer.assign([(partition.clone(), StartAt::Offset(99))]);
    let error = consumer.poll(10).await.unwrap_err();
    let expected = ConsumeError::OutOfRange { topic_partition: partition.clone(), offset: 99 };
    assert_eq!(error, expected);
    consumer.seek(&partition, StartAt::Offset(4)).unwrap();
    assert_eq!(read(&consumer, 1).await[0].1.offset.0, 4);
    consumer.assign([(partition.clone(), StartAt::Reset)]);
    assert_eq!(consumer.poll(10).await.unwrap_err(), ConsumeError::NoPosition(partition.clone()));
    let consumer = broker.consumer(&[("auto.offset.reset", "earliest")]).await;
    consumer.assign([(partition, StartAt::Offset(99))]);
    assert_eq!(read(&consumer, 5).await[0].1.offset.0, 0);
}

pub(crate) async fn records_arrive_while_the_consumer_waits(broker: Broker) {
    let topic = broker.lasting_topic(1).await;
    let consumer = broker.consumer(&[]).await;
    consumer.assign_topics(&[&topic], StartAt::Latest).await.unwrap();
    let partition = TopicPartition::new(topic.as_str(), 0);
    while consumer.position(&partition).is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (records, ()) = tokio::join!(read(&consumer, 20), write(&broker, &topic, 1, 20));
    assert_eq!(records.len(), 20);
}

pub(crate) async fn a_seek_does_not_wait_for_the_fetch_that_waits(broker: Broker) {
    let topic = broker.lasting_topic(1).await;
    write(&broker, &topic, 1, 10).await;
    let consumer = broker.consumer(&[("fetch.max.wait.ms", "20000")]).await;
    let partitions = consumer.assign_topics(&[&topic], StartAt::Latest).await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(500), consumer.poll(10)).await;
    assert!(nothing.is_err());
    consumer.seek(&partitions[0], StartAt::Offset(3)).unwrap();
    let soon = tokio::time::timeout(Duration::from_secs(5), read(&consumer, 7)).await.unwrap();
    assert_eq!(soon[0].1.offset.0, 3);
}

pub(crate) async fn every_record_comes_once_through_a_prefetch_of_one_batch(broker: Broker) {
    let topic = broker.lasting_topic(3).await;
    write(&broker, &topic, 3, 300).await;
    let consumer = broker
        .consumer(&[
            ("ottla.prefetch.bytes", "1000"),
            ("max.partition.fetch.bytes", "100"),
            ("fetch.max.bytes", "100"),
        ])
        .await;
    consumer.assign_topics(&[&topic], StartAt::Earliest).await.unwrap();
    let mut next = [0; 3];
    for (partition, record) in read(&consumer, 900).await {
        let next = &mut next[partition.partition.0 as usize];
        assert_eq!(record.offset.0, *next);
        *next += 1;
    }
    assert_eq!(next, [300; 3]);
}
