//! Transactions: what a reader of committed records sees, and what a producer is told.

use std::collections::BTreeMap;

use base::{LeaderEpoch, TopicPartition};
use client::{
    BoundedRead, ConsumerConfig, DeliveryError, EndAt, GroupMetadata, OffsetAndMetadata, Producer,
    Record, SendError, StartAt, TransactionError,
};

use super::fixture::{Broker, eventually, fresh_name, read, unpack};

/// The values of a topic's records, as who reads with this isolation sees them now.
async fn values(broker: &Broker, topic: &str, isolation: &str) -> Vec<String> {
    let config = broker.consumer_config(&[("isolation.level", isolation)]);
    let (start, end) = (StartAt::Earliest, EndAt::Latest);
    let read = BoundedRead::start(config, &[topic], start, end, broker.handle()).await.unwrap();
    let mut values = Vec::new();
    while let Some(fetched) = read.next(1000).await.unwrap() {
        for (_, record) in fetched.iter().flat_map(unpack) {
            values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        }
    }
    values.sort();
    values
}

async fn transactional(broker: &Broker, id: &str, more: &[(&str, &str)]) -> Producer {
    let mut pairs = vec![("transactional.id", id)];
    pairs.extend_from_slice(more);
    broker.producer(&pairs).await
}

async fn send(producer: &Producer, topic: &str, value: &str) -> client::Delivery {
    let record = Record { value: Some(value.as_bytes()), ..Record::to(topic) };
    producer.send(&record).await.unwrap()
}

pub(crate) async fn a_committed_transaction_is_seen_whole_and_an_aborted_one_not_at_all(
    broker: Broker,
) {
    let (topic, id) = (broker.topic(3).await, fresh_name());
    let producer = transactional(&broker, &id, &[("linger.ms", "0")]).await;
    producer.init_transactions().await.unwrap();
    for (prefix, commit) in [("a", true), ("b", false), ("c", true)] {
        producer.begin_transaction().await.unwrap();
        for number in 0..50 {
            send(&producer, &topic, &format!("{prefix}{number:02}")).await;
        }
        assert!(producer.flush().await.is_ok());
        let open = values(&broker, &topic, "read_committed").await;
        assert!(!open.iter().any(|value| value.starts_with(prefix)), "{prefix} is still open");
        if commit {
            producer.commit_transaction().await.unwrap();
        } else {
            producer.abort_transaction().await.unwrap();
        }
    }
    let committed = values(&broker, &topic, "read_committed").await;
    let expected: Vec<_> =
        ["a", "c"].iter().flat_map(|p| (0..50).map(move |n| format!("{p}{n:02}"))).collect();
    assert_eq!(committed, expected);
    assert_eq!(values(&broker, &topic, "read_uncommitted").await.len(), 150);
    producer.close(std::time::Duration::from_secs(10)).await;
}

pub(crate) async fn what_is_sent_before_its_topic_is_known_belongs_to_the_transaction(
    broker: Broker,
) {
    let (topic, id) = (broker.topic(1).await, fresh_name());
    let producer = transactional(&broker, &id, &[("linger.ms", "1000")]).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    let delivery = send(&producer, &topic, "early").await;
    producer.commit_transaction().await.unwrap();
    assert_eq!(delivery.poll().unwrap().unwrap().offset, Some(0));
    assert_eq!(values(&broker, &topic, "read_committed").await, ["early"]);
    let outside = Record { value: Some(b"v"), ..Record::to(&topic) };
    let refused = producer.send(&outside).await.unwrap_err();
    assert!(matches!(refused, SendError::Transaction(TransactionError::Misuse(_))), "{refused}");
}

pub(crate) async fn offsets_are_committed_with_the_transaction_or_not_at_all(broker: Broker) {
    let (topic, id, group_id) = (broker.topic(2).await, fresh_name(), fresh_name());
    let producer = transactional(&broker, &id, &[]).await;
    producer.init_transactions().await.unwrap();
    let (config, _) = ConsumerConfig::from_pairs(
        broker.pairs(&[("group.id", group_id.as_str()), ("isolation.level", "read_committed")]),
    )
    .unwrap();
    let reader = client::Consumer::connect(config, broker.handle()).await.unwrap();
    let partition = TopicPartition::new(topic.as_str(), 1);
    let group =
        GroupMetadata { group_id, member_id: String::new(), generation: -1, instance_id: None };
    let mut expected = None;
    for (offset, commit) in [(3, true), (5, false), (8, true)] {
        producer.begin_transaction().await.unwrap();
        send(&producer, &topic, "v").await;
        let offsets: BTreeMap<_, _> =
            [(partition.clone(), OffsetAndMetadata::of(offset))].into_iter().collect();
        producer.send_offsets(group.clone(), offsets).await.unwrap();
        if commit {
            producer.commit_transaction().await.unwrap();
            expected = Some(offset);
        } else {
            producer.abort_transaction().await.unwrap();
        }
        let committed = reader.committed([partition.clone()].into()).await.unwrap();
        let found = committed[&partition].as_ref().map(|committed| committed.offset);
        assert_eq!(found, expected);
    }
}

pub(crate) async fn an_offset_is_committed_with_the_epoch_of_the_record_before_it(broker: Broker) {
    let (topic, id, group_id) = (broker.topic(1).await, fresh_name(), fresh_name());
    let producer = transactional(&broker, &id, &[]).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "v").await;
    producer.commit_transaction().await.unwrap();
    let reader = broker.consumer(&[("group.id", &group_id), ("enable.auto.commit", "false")]).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    reader.assign([(partition.clone(), StartAt::Earliest)]);
    assert_eq!(reader.leader_epoch_before(&partition, 1), LeaderEpoch::NONE, "nothing was read");
    read(&reader, 1).await;
    let leader_epoch = reader.leader_epoch_before(&partition, 1);
    assert!(leader_epoch > LeaderEpoch::NONE, "{leader_epoch:?}");
    let offset = OffsetAndMetadata { leader_epoch, ..OffsetAndMetadata::of(1) };
    let group = reader.group_metadata().unwrap_or(GroupMetadata {
        group_id,
        member_id: String::new(),
        generation: -1,
        instance_id: None,
    });
    producer.begin_transaction().await.unwrap();
    let offsets = BTreeMap::from([(partition.clone(), offset.clone())]);
    producer.send_offsets(group, offsets).await.unwrap();
    producer.commit_transaction().await.unwrap();
    let committed = reader.committed([partition.clone()].into()).await.unwrap();
    assert_eq!(committed[&partition], Some(offset));
}

pub(crate) async fn a_member_of_another_generation_commits_nothing(broker: Broker) {
    let (topic, id, group_id) = (broker.topic(1).await, fresh_name(), fresh_name());
    let producer = transactional(&broker, &id, &[]).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "v").await;
    let offsets: BTreeMap<_, _> =
        [(TopicPartition::new(topic.as_str(), 0), OffsetAndMetadata::of(1))].into_iter().collect();
    let group = GroupMetadata {
        group_id,
        member_id: "somebody".to_owned(),
        generation: 7,
        instance_id: None,
    };
    let refused = producer.send_offsets(group, offsets).await.unwrap_err();
    assert!(refused.is_abortable(), "{refused}");
    let refused = producer.commit_transaction().await.unwrap_err();
    assert!(refused.is_abortable(), "{refused}");
    producer.abort_transaction().await.unwrap();
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "w").await;
    producer.commit_transaction().await.unwrap();
    assert_eq!(values(&broker, &topic, "read_committed").await, ["w"]);
}

pub(crate) async fn a_second_producer_fences_the_first_off(broker: Broker) {
    let (topic, id) = (broker.topic(1).await, fresh_name());
    let first = transactional(&broker, &id, &[("linger.ms", "0")]).await;
    first.init_transactions().await.unwrap();
    first.begin_transaction().await.unwrap();
    send(&first, &topic, "lost").await.wait().await.unwrap();
    let second = transactional(&broker, &id, &[]).await;
    second.init_transactions().await.unwrap();
    let fenced = first.commit_transaction().await.unwrap_err();
    assert_eq!(fenced, TransactionError::Fenced { transactional_id: id });
    let refused = first.send(&Record::to(&topic)).await.unwrap_err();
    assert!(matches!(refused, SendError::Transaction(TransactionError::Fenced { .. })));
    second.begin_transaction().await.unwrap();
    send(&second, &topic, "kept").await;
    second.commit_transaction().await.unwrap();
    assert_eq!(values(&broker, &topic, "read_committed").await, ["kept"]);
}

pub(crate) async fn a_record_that_is_refused_costs_its_transaction_alone(broker: Broker) {
    let (topic, id) = (broker.topic(1).await, fresh_name());
    let large = [("max.request.size", "4000000"), ("linger.ms", "0")];
    let producer = transactional(&broker, &id, &large).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "small").await;
    let too_large = "x".repeat(2_000_000);
    let delivery = send(&producer, &topic, &too_large).await;
    let refused = producer.commit_transaction().await.unwrap_err();
    assert!(refused.is_abortable() && refused.code().is_some(), "{refused}");
    assert!(matches!(delivery.wait().await, Err(DeliveryError::Refused { .. })));
    let refused = producer.send(&Record::to(&topic)).await.unwrap_err();
    assert!(matches!(refused, SendError::Transaction(TransactionError::Abortable { .. })));
    producer.abort_transaction().await.unwrap();
    assert!(producer.flush().await.is_ok(), "what was aborted is of no interest any more");
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "next").await;
    producer.commit_transaction().await.unwrap();
    assert_eq!(values(&broker, &topic, "read_committed").await, ["next"]);
}

pub(crate) async fn a_producer_that_is_closed_aborts_what_it_has_begun(broker: Broker) {
    let (topic, id) = (broker.topic(1).await, fresh_name());
    let producer = transactional(&broker, &id, &[("linger.ms", "0")]).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    send(&producer, &topic, "v").await.wait().await.unwrap();
    let report = producer.close(std::time::Duration::from_secs(10)).await;
    assert!(report.is_ok(), "{report}");
    // The last stable offset is behind it: it was aborted, and nobody waits for it.
    let plain = broker.producer(&[("linger.ms", "0")]).await;
    send(&plain, &topic, "after").await.wait().await.unwrap();
    assert_eq!(values(&broker, &topic, "read_committed").await, ["after"]);
    assert_eq!(producer.begin_transaction().await, Err(TransactionError::Closed));
    let refused = plain.begin_transaction().await.unwrap_err();
    assert!(matches!(refused, TransactionError::Misuse(_)), "{refused}");
    assert!(plain.commit_transaction().await.is_err());
    send(&plain, &topic, "still").await.wait().await.unwrap();
}

pub(crate) async fn who_stops_waiting_for_the_end_of_a_transaction_hears_of_it_later(
    broker: Broker,
) {
    let (topic, id) = (broker.topic(1).await, fresh_name());
    let producer = transactional(&broker, &id, &[("linger.ms", "0")]).await;
    let plain = broker.producer(&[("linger.ms", "0")]).await;
    producer.init_transactions().await.unwrap();
    for is_commit in [true, false, true] {
        let end = async || {
            if is_commit {
                producer.commit_transaction().await
            } else {
                producer.abort_transaction().await
            }
        };
        producer.begin_transaction().await.unwrap();
        send(&producer, &topic, "v").await.wait().await.unwrap();
        // It is asked for, and that is all: no timer, which might come too late.
        let ended = tokio::select! {
            biased;
            ended = end() => Some(ended),
            () = std::future::ready(()) => None,
        };
        assert_eq!(ended, None);
        // Nobody who reads committed records sees it before the transaction is over.
        let after = fresh_name();
        send(&plain, &topic, &after).await.wait().await.unwrap();
        eventually(async || values(&broker, &topic, "read_committed").await.contains(&after)).await;
        end().await.unwrap();
        let nothing_left = end().await.unwrap_err();
        assert!(matches!(nothing_left, TransactionError::Misuse(_)), "{nothing_left}");
    }
    let committed = values(&broker, &topic, "read_committed").await;
    assert_eq!(committed.iter().filter(|value| *value == "v").count(), 2);
}
