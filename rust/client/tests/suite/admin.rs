//! Administration, and what happens when nobody is there.

use std::time::{Duration, Instant};

use base::{ErrorCode, TopicPartition};
use client::{
    Admin, AdminConfig, AdminError, ConfigChange, ConfigOperation, ConfigResource, ConfigSource,
    ConnectError, Consumer, ConsumerConfig, NewTopic, Producer, ProducerConfig, Record, StartAt,
};

use super::fixture::{Broker, eventually, fresh_name, read};

fn only<K, V>(results: Vec<(K, V)>) -> V {
    assert_eq!(results.len(), 1);
    results.into_iter().next().unwrap().1
}

pub(crate) async fn topics_are_created_described_enlarged_and_deleted(broker: Broker) {
    let admin = broker.admin().await;
    let name = fresh_name();
    let new = NewTopic {
        name: name.clone(),
        partitions: Some(2),
        configs: [("retention.ms".to_owned(), Some("1000000".to_owned()))].into(),
        ..NewTopic::default()
    };
    only(admin.create_topics(std::slice::from_ref(&new), true).await.unwrap()).unwrap();
    let created = only(admin.create_topics(std::slice::from_ref(&new), false).await.unwrap());
    let created = created.unwrap();
    assert_eq!(created.partitions, Some(2));
    let again = only(admin.create_topics(&[new], false).await.unwrap()).unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists));
    let described = only(admin.describe_topics(&[&name]).await.unwrap()).unwrap();
    assert_eq!((described.id, described.partitions.len()), (created.id, 2));
    assert!(described.partitions.iter().all(|row| row.leader.is_some()));
    only(admin.create_partitions(&[(&name, 5)], false).await.unwrap()).unwrap();
    // What the controller has decided reaches the brokers a little later, by Kafka's own rules.
    eventually(async || {
        let listed = admin.list_topics().await.unwrap();
        let listed = listed.into_iter().find(|topic| topic.name == name).unwrap();
        assert_eq!(listed.id, created.id);
        listed.partitions == 5
    })
    .await;
    let fewer = only(admin.create_partitions(&[(&name, 1)], false).await.unwrap()).unwrap_err();
    assert_eq!(fewer.code(), Some(ErrorCode::InvalidPartitions));
    only(admin.delete_topics(&[&name]).await.unwrap()).unwrap();
    eventually(async || {
        let described = only(admin.describe_topics(&[&name]).await.unwrap());
        described.is_err_and(|gone| gone.code() == Some(ErrorCode::UnknownTopicOrPartition))
    })
    .await;
    let gone = only(admin.delete_topics(&[&name]).await.unwrap()).unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

pub(crate) async fn configs_are_described_and_changed_key_by_key(broker: Broker) {
    let admin = broker.admin().await;
    let topic = ConfigResource::topic(broker.topic(1).await);
    let change = |operation, value: Option<&str>| {
        let value = value.map(str::to_owned);
        let change = ConfigChange { name: "retention.ms".into(), operation, value };
        [(topic.clone(), vec![change])]
    };
    let retention = async || {
        let entries = only(admin.describe_configs(std::slice::from_ref(&topic)).await.unwrap());
        let entry = entries.unwrap().into_iter().find(|entry| entry.name == "retention.ms");
        let entry = entry.unwrap();
        (entry.value.unwrap(), entry.source)
    };
    let (default, source) = retention().await;
    assert_eq!(source, ConfigSource::Default);
    let set = change(ConfigOperation::Set, Some("123456"));
    only(admin.alter_configs(&set, false).await.unwrap()).unwrap();
    let set = ("123456".to_owned(), ConfigSource::Topic);
    eventually(async || retention().await == set).await;
    let nonsense = change(ConfigOperation::Set, Some("soon"));
    let refused = only(admin.alter_configs(&nonsense, false).await.unwrap()).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::InvalidConfig));
    let delete = change(ConfigOperation::Delete, None);
    only(admin.alter_configs(&delete, false).await.unwrap()).unwrap();
    let unset = (default, ConfigSource::Default);
    eventually(async || retention().await == unset).await;
    let node = admin.describe_cluster().await.unwrap().brokers[0].node;
    let entries = only(admin.describe_configs(&[ConfigResource::broker(node)]).await.unwrap());
    assert!(entries.unwrap().iter().any(|entry| entry.name == "num.partitions"));
}

pub(crate) async fn deleted_records_move_the_log_start(broker: Broker) {
    let topic = broker.topic(1).await;
    let producer = broker.producer(&[]).await;
    for _ in 0..10 {
        producer.send(&Record { value: Some(b"v"), ..Record::to(&topic) }).await.unwrap();
    }
    assert!(producer.flush().await.is_ok());
    let admin = broker.admin().await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let deleted = only(admin.delete_records(&[(partition.clone(), 4)]).await.unwrap());
    assert_eq!(deleted, Ok(4));
    let consumer = broker.consumer(&[]).await;
    consumer.assign([(partition.clone(), StartAt::Earliest)]);
    assert_eq!(read(&consumer, 6).await[0].1.offset.0, 4);
    let beyond = only(admin.delete_records(&[(partition.clone(), 99)]).await.unwrap());
    assert_eq!(beyond.unwrap_err().code(), Some(ErrorCode::OffsetOutOfRange));
    let all = only(admin.delete_records(&[(partition, -1)]).await.unwrap());
    assert_eq!(all, Ok(10));
    let unknown = TopicPartition::new("no-such-topic", 0);
    let unknown: Result<i64, AdminError> =
        only(admin.delete_records(&[(unknown, 1)]).await.unwrap());
    assert_eq!(unknown.unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
}

pub(crate) async fn the_cluster_and_its_directories_are_described(broker: Broker) {
    let topic = broker.topic(1).await;
    let admin = broker.admin().await;
    let cluster = admin.describe_cluster().await.unwrap();
    assert!(!cluster.cluster_id.is_empty() && !cluster.brokers.is_empty());
    let brokers = admin.describe_log_dirs().await.unwrap();
    assert_eq!(brokers.len(), cluster.brokers.len());
    let partition = TopicPartition::new(topic.as_str(), 0);
    let directories = brokers.into_iter().flat_map(|(_, directories)| directories.unwrap());
    let replicas = directories.flat_map(|directory| directory.replicas);
    assert_eq!(replicas.filter(|row| row.topic_partition == partition).count(), 1);
}

pub(crate) async fn a_transactional_id_that_nobody_has_used_is_not_found(broker: Broker) {
    let (admin, id) = (broker.admin().await, fresh_name());
    let described = admin.describe_transactions(&[&id]).await;
    let [(name, Err(error))] = &described[..] else { panic!("{described:?}") };
    assert_eq!((name, error.code()), (&id, Some(ErrorCode::TransactionalIdNotFound)));
    assert!(!error.is_retriable());
    assert!(error.to_string().contains("no producer has used this transactional id"), "{error}");
}

pub(crate) async fn an_unreachable_broker_is_named_within_five_seconds(broker: Broker) {
    // Nothing listens on a port that was just given back; nothing answers behind one that accepts
    // and stays silent.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    for (address, limit) in [(closed, 1), (silent.1, 6)] {
        let address = address.to_string();
        let pairs = [("bootstrap.servers", address.as_str())];
        let begun = Instant::now();
        let (config, _) = AdminConfig::from_pairs(pairs).unwrap();
        let error = Admin::connect(config, broker.handle()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable(_)));
        assert!(error.to_string().contains(&address), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(limit), "{error}");
    }
    let address = closed.to_string();
    let pairs = [("bootstrap.servers", address.as_str())];
    let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
    assert!(Consumer::connect(config, broker.handle()).await.is_err());
    let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
    assert!(Producer::connect(config, broker.handle()).await.is_err());
}
