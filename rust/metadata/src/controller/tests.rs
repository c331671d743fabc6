//! Requests against a cluster of three brokers, answered as Kafka answers them; every decision's
//! records are then replayed.

use std::collections::BTreeMap;

use base::{
    BrokerEpoch, DirectoryId, ErrorCode, NodeId, PartitionIndex, ProducerId, SplitMix64, TopicId,
    Uuid,
};

use super::*;
use crate::image::{ConfigEntity, Configs, MetadataImage};
use crate::record::{BrokerEndPoint, BrokerFeature};

/// Knows `retention.ms` (a number) and `cleanup.policy` (a list, `delete` by default), and settles
/// what is `wished`.
struct Rules;

impl ConfigRules for Rules {
    fn accept(
        &self,
        _: &MetadataImage,
        _: &ConfigEntity,
        mut configs: Configs,
    ) -> Result<Configs, Rejection> {
        for (key, value) in &configs {
            let fine = match key.as_str() {
                "retention.ms" => value.parse::<i64>().is_ok(),
                "cleanup.policy" | "wished" | "settled" => true,
                _ => false,
            };
            if !fine {
                let message = format!("Invalid value {value} for configuration {key}");
                return Err(Rejection::new(ErrorCode::InvalidConfig, message));
            }
        }
        if let Some(wish) = configs.remove("wished") {
            configs.insert("settled".to_owned(), wish);
        }
        Ok(configs)
    }

    fn list_default(&self, _: &ConfigEntity, key: &str) -> Option<String> {
        (key == "cleanup.policy").then(|| "delete".to_owned())
    }
}

fn rng() -> SplitMix64 {
    SplitMix64::new(1)
}

fn commit<R>(image: &mut MetadataImage, decision: Decision<R>) -> R {
    image.replay_all(&decision.records).expect("a decision contradicts nothing");
    decision.reply
}

fn registration(broker: i32) -> RegisterBroker {
    RegisterBroker {
        cluster_id: "cluster".to_owned(),
        broker_id: NodeId(broker),
        incarnation_id: Uuid([broker as u8; 16]),
        end_points: vec![BrokerEndPoint { name: "PLAINTEXT".to_owned(), ..Default::default() }],
        features: vec![BrokerFeature {
            name: "metadata.version".to_owned(),
            min_supported_version: 7,
            max_supported_version: 30,
        }],
        rack: None,
        directories: vec![DirectoryId(Uuid([100 + broker as u8; 16]))],
        fenced: false,
    }
}

fn empty_cluster() -> MetadataImage {
    let mut image = MetadataImage::default();
    let bootstrap = Bootstrap {
        cluster_id: "cluster".to_owned(),
        features: BTreeMap::from([("metadata.version".to_owned(), 30)]),
    };
    let decision = bootstrap.decide(&image).unwrap();
    commit(&mut image, decision);
    image
}

fn cluster(brokers: i32) -> MetadataImage {
    let mut image = empty_cluster();
    for broker in 1..=brokers {
        let decision = registration(broker).decide(&image).unwrap();
        commit(&mut image, decision);
    }
    image
}

fn new_topic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic { partitions, replication_factor, ..NewTopic::with_defaults(name) }
}

fn create_topics(topics: Vec<NewTopic>) -> CreateTopics {
    CreateTopics {
        topics,
        validate_only: false,
        default_partitions: 2,
        default_replication_factor: 1,
    }
}

/// Creates one topic and says how it is answered.
fn create(image: &mut MetadataImage, topic: NewTopic) -> Result<CreatedTopic, Rejection> {
    let name = topic.name.clone();
    // A seed for each topic: one seed would draw one id.
    let mut rng = SplitMix64::new(image.topic_count() as u64);
    let decision = create_topics(vec![topic]).decide(image, &Rules, &mut rng)?;
    commit(image, decision).remove(&name).expect("one answer for each name")
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Rejection>) -> (ErrorCode, String) {
    let rejection = answer.expect_err("a refusal");
    (rejection.code, rejection.message)
}

fn text(message: &str) -> String {
    message.to_owned()
}

#[test]
fn a_cluster_is_named_once() {
    let image = empty_cluster();
    assert_eq!((image.cluster_id(), image.features()["metadata.version"]), (Some("cluster"), 30));
    let again = |id: &str| Bootstrap { cluster_id: id.to_owned(), features: BTreeMap::new() };
    assert_eq!(again("cluster").decide(&image).unwrap().records, []);
    assert_eq!(
        refusal(again("other").decide(&image)),
        (
            ErrorCode::InconsistentClusterId,
            text("Expected cluster ID cluster, but got cluster ID other")
        )
    );
}

#[test]
fn each_incarnation_of_a_broker_gets_a_higher_epoch_and_the_same_one_keeps_its_own() {
    let mut image = cluster(2);
    let epoch = |image: &MetadataImage, id| image.broker(NodeId(id)).unwrap().epoch;
    assert_eq!((epoch(&image, 1), epoch(&image, 2)), (BrokerEpoch(0), BrokerEpoch(1)));
    let amended = registration(1).decide(&image).unwrap();
    assert_eq!(commit(&mut image, amended), BrokerEpoch(0));
    let restarted = RegisterBroker { incarnation_id: Uuid([77; 16]), ..registration(1) };
    let restarted = restarted.decide(&image).unwrap();
    assert_eq!(commit(&mut image, restarted), BrokerEpoch(2));
    assert_eq!(epoch(&image, 1), BrokerEpoch(2));
}

#[test]
fn a_broker_that_does_not_fit_the_cluster_is_refused() {
    let image = cluster(2);
    let code = |registration: RegisterBroker| refusal(registration.decide(&image)).0;
    let other = RegisterBroker { cluster_id: text("other"), ..registration(1) };
    assert_eq!(code(other), ErrorCode::InconsistentClusterId);
    let directory =
        |directories: Vec<DirectoryId>| RegisterBroker { directories, ..registration(1) };
    let own = DirectoryId(Uuid([101; 16]));
    for directories in [vec![], vec![own, own], vec![DirectoryId::default()]] {
        assert_eq!(code(directory(directories)), ErrorCode::InvalidRegistration);
    }
    let taken = directory(vec![DirectoryId(Uuid([102; 16]))]);
    assert!(refusal(taken.decide(&image)).1.starts_with("Broker 2 is already registered"));
    let old = RegisterBroker { features: vec![], ..registration(1) };
    assert_eq!(
        refusal(old.decide(&image)),
        (
            ErrorCode::UnsupportedVersion,
            text(
                "Unable to register because the broker does not support finalized version 30 of \
                metadata.version. The \
                 broker wants a version between 0 and 0, inclusive."
            )
        )
    );
}

#[test]
fn a_topic_is_created_with_its_configs_and_with_leaders_spread_over_the_brokers() {
    let mut image = cluster(3);
    let topic = NewTopic {
        configs: vec![(text("retention.ms"), Some(text("5")))],
        ..new_topic("orders", 6, 2)
    };
    let created = create(&mut image, topic).unwrap();
    assert_eq!((created.partitions, created.replication_factor), (6, 2));
    let topic = image.topic_by_name("orders").unwrap();
    assert_eq!(topic.id, created.id);
    let mut led = BTreeMap::new();
    for (_, partition) in topic.partitions() {
        assert_eq!(partition.leader, Some(partition.replicas[0]));
        assert_eq!(partition.isr, partition.replicas);
        assert_ne!(partition.replicas[0], partition.replicas[1]);
        assert!(partition.directories.iter().all(|d| *d != DirectoryId::default()));
        *led.entry(partition.leader).or_insert(0) += 1;
    }
    assert!(led.values().all(|count| *count == 2), "{led:?}");
    assert_eq!(image.configs(&ConfigEntity::Topic(text("orders")))["retention.ms"], "5");
}

#[test]
fn an_entity_gets_the_configs_that_the_rules_settle_for_it() {
    let mut image = cluster(1);
    let configs = vec![(text("wished"), Some(text("1")))];
    let created = create(&mut image, NewTopic { configs, ..new_topic("orders", 1, 1) }).unwrap();
    let orders = ConfigEntity::Topic(text("orders"));
    let settled = Configs::from([(text("settled"), text("1"))]);
    assert_eq!((created.configs, image.configs(&orders)), (settled.clone(), &settled));
    alter(&mut image, &orders, &[("wished", ConfigOperation::Set, Some("2"))]).unwrap();
    assert_eq!(image.configs(&orders), &Configs::from([(text("settled"), text("2"))]));
}

#[test]
fn partitions_with_the_same_leader_do_not_all_have_the_same_followers() {
    let mut image = cluster(3);
    create(&mut image, new_topic("t", 6, 2)).unwrap();
    let pairs: std::collections::BTreeSet<_> =
        image.topic_by_name("t").unwrap().partitions().map(|(_, p)| p.replicas.clone()).collect();
    assert_eq!(pairs.len(), 6);
}

#[test]
fn defaults_stand_in_for_minus_one() {
    let mut image = cluster(1);
    let created = create(&mut image, NewTopic::with_defaults("auto")).unwrap();
    assert_eq!((created.partitions, created.replication_factor), (2, 1));
}

#[test]
fn what_is_only_validated_is_answered_and_not_done() {
    let image = cluster(1);
    let request = CreateTopics {
        validate_only: true,
        ..create_topics(vec![new_topic("t", 1, 1), new_topic("u", 0, 1)])
    };
    let decision = request.decide(&image, &Rules, &mut rng()).unwrap();
    assert_eq!(decision.records, []);
    assert!(decision.reply["t"].is_ok());
    assert_eq!(refusal(decision.reply["u"].clone()).0, ErrorCode::InvalidPartitions);
}

#[test]
fn a_topic_that_cannot_be_is_refused_as_kafka_refuses_it() {
    let mut image = cluster(2);
    create(&mut image, new_topic("a.b", 1, 1)).unwrap();
    let null = NewTopic { configs: vec![(text("retention.ms"), None)], ..new_topic("n", 1, 1) };
    let wrong =
        NewTopic { configs: vec![(text("no.such"), Some(text("1")))], ..new_topic("n", 1, 1) };
    for (topic, code, message) in [
        (new_topic("a b", 1, 1), ErrorCode::InvalidTopicException, "'a b' contains"),
        (new_topic("a.b", 1, 1), ErrorCode::TopicAlreadyExists, "Topic 'a.b' already exists."),
        (
            new_topic("a_b", 1, 1),
            ErrorCode::InvalidTopicException,
            "Topic 'a_b' collides with existing topic: a.b",
        ),
        (
            new_topic("__cluster_metadata", 1, 1),
            ErrorCode::InvalidRequest,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (
            new_topic("t", 0, 1),
            ErrorCode::InvalidPartitions,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            new_topic("t", 1, 0),
            ErrorCode::InvalidReplicationFactor,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            new_topic("t", 1, 3),
            ErrorCode::InvalidReplicationFactor,
            "Unable to replicate the partition 3 time(s): The target replication factor of 3 \
            cannot be reached because \
             only 2 broker(s) are registered.",
        ),
        (
            null,
            ErrorCode::InvalidConfig,
            "Null value not supported for topic configs: retention.ms",
        ),
        (wrong, ErrorCode::InvalidConfig, "Invalid value 1 for configuration no.such"),
    ] {
        let (found, said) = refusal(create(&mut image, topic));
        assert_eq!(found, code, "{said}");
        assert!(said.contains(message), "{said}");
    }
    assert_eq!(image.topic_count(), 1);
}

#[test]
fn a_name_that_occurs_twice_is_refused_once_and_the_other_topics_are_created() {
    let mut image = cluster(1);
    let request =
        create_topics(vec![new_topic("t", 1, 1), new_topic("u", 1, 1), new_topic("t", 2, 1)]);
    let decision = request.decide(&image, &Rules, &mut rng()).unwrap();
    let reply = commit(&mut image, decision);
    assert_eq!(
        refusal(reply["t"].clone()),
        (ErrorCode::InvalidRequest, text("Duplicate topic name."))
    );
    assert!(reply["u"].is_ok());
    assert_eq!(image.topic_count(), 1);
}

#[test]
fn a_request_for_more_records_than_fit_is_refused_whole_before_anything_is_built() {
    let image = cluster(1);
    for topics in
        [vec![new_topic("t", i32::MAX, 1)], vec![new_topic("t", 1, 1), new_topic("u", 9_999, 1)]]
    {
        let refused = create_topics(topics).decide(&image, &Rules, &mut rng());
        assert_eq!(
            refusal(refused),
            (
                ErrorCode::PolicyViolation,
                text("Unable to perform excessively large batch operation.")
            )
        );
    }
}

#[test]
fn brokers_named_by_the_request_are_checked_partition_by_partition() {
    let mut image = cluster(3);
    let assigned = |assignments: &[(i32, &[i32])]| NewTopic {
        assignments: assignments
            .iter()
            .map(|(index, nodes)| {
                (PartitionIndex(*index), nodes.iter().copied().map(NodeId).collect())
            })
            .collect(),
        ..NewTopic::with_defaults("t")
    };
    for (assignments, message) in [
        (
            &[(0, &[1][..]), (0, &[2])][..],
            "Found multiple manual partition assignments for partition 0",
        ),
        (&[(0, &[])], "includes an empty replica list."),
        (&[(0, &[9])], "includes broker 9, but no such broker is registered."),
        (&[(0, &[1, 1])], "includes the broker 1 more than once."),
        (&[(0, &[1]), (1, &[1, 2])], "which have 1 replica(s)."),
        (&[(0, &[1]), (2, &[1])], "partitions should be a consecutive 0-based integer sequence"),
    ] {
        let (code, said) = refusal(create(&mut image, assigned(assignments)));
        assert_eq!(code, ErrorCode::InvalidReplicaAssignment);
        assert!(said.contains(message), "{said}");
    }
    let counted = NewTopic { partitions: 1, ..assigned(&[(0, &[1])]) };
    assert_eq!(refusal(create(&mut image, counted)).0, ErrorCode::InvalidRequest);
    let created = create(&mut image, assigned(&[(1, &[3, 1]), (0, &[2, 3])])).unwrap();
    assert_eq!((created.partitions, created.replication_factor), (2, 2));
    let second = image.partition(created.id, PartitionIndex(1)).unwrap();
    assert_eq!((second.leader, second.replicas[1]), (Some(NodeId(3)), NodeId(1)));
}

#[test]
fn a_fenced_broker_holds_replicas_only_when_no_other_is_left_and_never_leads() {
    let mut image = cluster(1);
    let fenced = RegisterBroker { fenced: true, ..registration(2) }.decide(&image).unwrap();
    commit(&mut image, fenced);
    let alone = create(&mut image, new_topic("alone", 4, 1)).unwrap();
    let both = create(&mut image, new_topic("both", 1, 2)).unwrap();
    let partitions: Vec<_> = image.topic(alone.id).unwrap().partitions().collect();
    assert!(partitions.iter().all(|(_, p)| p.replicas == [NodeId(1)]));
    let partition = image.partition(both.id, PartitionIndex(0)).unwrap();
    assert_eq!(partition.replicas, [NodeId(1), NodeId(2)]);
    assert_eq!(partition.isr, [NodeId(1)]);
}

#[test]
fn without_a_broker_that_may_lead_no_topic_can_be() {
    let mut image = empty_cluster();
    let fenced = RegisterBroker { fenced: true, ..registration(1) }.decide(&image).unwrap();
    commit(&mut image, fenced);
    let (code, message) = refusal(create(&mut image, new_topic("t", 1, 1)));
    assert_eq!(code, ErrorCode::InvalidReplicationFactor);
    assert!(message.contains("All brokers are currently fenced."), "{message}");
}

#[test]
fn topics_are_deleted_by_name_and_by_id_each_once() {
    let mut image = cluster(1);
    for name in ["a", "b", "c"] {
        create(&mut image, new_topic(name, 1, 1)).unwrap();
    }
    let name = |name: &str| TopicReference::Name(text(name));
    let id_of = |name: &str| image.topic_by_name(name).unwrap().id;
    let (b, c) = (id_of("b"), id_of("c"));
    let request = DeleteTopics {
        topics: vec![
            name("a"),
            name("a"),
            name("none"),
            TopicReference::Id(TopicId(Uuid([9; 16]))),
            name("b"),
            TopicReference::Id(b),
            TopicReference::Id(c),
        ],
    };
    let decision = request.decide(&image).unwrap();
    let reply = commit(&mut image, decision);
    let codes: Vec<_> = reply.iter().map(|r| r.as_ref().map_err(|r| r.code).err()).collect();
    assert_eq!(
        codes,
        [
            Some(ErrorCode::InvalidRequest),
            Some(ErrorCode::InvalidRequest),
            Some(ErrorCode::UnknownTopicOrPartition),
            Some(ErrorCode::UnknownTopicId),
            None,
            Some(ErrorCode::InvalidRequest),
            None,
        ]
    );
    let left: Vec<_> = image.topics().map(|topic| topic.name.to_string()).collect();
    assert_eq!(left, ["a"]);
}

#[test]
fn partitions_are_added_behind_those_that_exist() {
    let mut image = cluster(3);
    create(&mut image, new_topic("t", 2, 2)).unwrap();
    let mut ask = |name: &str, count, assignments: Option<Vec<Vec<i32>>>| {
        let assignments = assignments
            .map(|all| all.into_iter().map(|a| a.into_iter().map(NodeId).collect()).collect());
        let topics = vec![NewPartitions { name: text(name), count, assignments }];
        let request = CreatePartitions { topics, validate_only: false };
        let decision = request.decide(&image, &mut rng())?;
        let answer = commit(&mut image, decision).remove(name).expect("an answer");
        answer.map(|()| image.topic_by_name(name).unwrap().partition_count())
    };
    assert_eq!(ask("t", 4, None), Ok(4));
    assert_eq!(ask("t", 5, Some(vec![vec![3, 1]])), Ok(5));
    for (name, count, assignments, message) in [
        ("none", 1, None, "This server does not host this topic-partition."),
        ("t", 5, None, "Topic already has 5 partition(s)."),
        ("t", -1, None, "The topic t currently has 5 partition(s); -1 would not be an increase."),
        (
            "t",
            7,
            Some(vec![vec![1, 2]]),
            "Attempted to add 2 additional partition(s), but only 1 assignment(s)",
        ),
        ("t", 6, Some(vec![vec![1]]), "which have 2 replica(s)."),
        ("t", i32::MAX, None, "Unable to perform excessively large batch operation."),
    ] {
        let (_, said) = refusal(ask(name, count, assignments));
        assert!(said.contains(message), "{said}");
    }
    let last = image.topic_by_name("t").unwrap().partition(PartitionIndex(4)).unwrap();
    assert_eq!(last.replicas, [NodeId(3), NodeId(1)]);
}

fn alter(
    image: &mut MetadataImage,
    entity: &ConfigEntity,
    updates: &[(&str, ConfigOperation, Option<&str>)],
) -> Result<Configs, Rejection> {
    let update = |(key, operation, value): &(&str, ConfigOperation, Option<&str>)| ConfigUpdate {
        key: text(key),
        operation: *operation,
        value: value.map(text),
    };
    let updates = updates.iter().map(update).collect();
    let request = IncrementalAlterConfigs {
        resources: vec![(entity.clone(), updates)],
        validate_only: false,
    };
    let decision = request.decide(image, &Rules)?;
    commit(image, decision).remove(entity).expect("an answer")?;
    Ok(image.configs(entity).clone())
}

#[test]
fn configs_are_set_deleted_appended_to_and_subtracted_from() {
    use ConfigOperation::{Append, Delete, Set, Subtract};
    let mut image = cluster(1);
    create(&mut image, new_topic("t", 1, 1)).unwrap();
    let topic = ConfigEntity::Topic(text("t"));
    let mut step = |updates: &[_]| {
        let configs = alter(&mut image, &topic, updates).unwrap();
        configs.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(step(&[("retention.ms", Set, Some("1"))]), "retention.ms=1");
    assert_eq!(
        step(&[("cleanup.policy", Append, Some("compact,delete"))]),
        "cleanup.policy=delete,compact retention.ms=1",
        "appended to the default, nothing twice"
    );
    assert_eq!(
        step(&[("cleanup.policy", Subtract, Some("delete")), ("retention.ms", Delete, None)]),
        "cleanup.policy=compact"
    );
    assert_eq!(step(&[("retention.ms", Delete, None)]), "cleanup.policy=compact");
}

#[test]
fn a_change_of_configs_that_cannot_be_is_refused_as_kafka_refuses_it() {
    use ConfigOperation::{Append, Set};
    let mut image = cluster(1);
    create(&mut image, new_topic("t", 1, 1)).unwrap();
    let topic = || ConfigEntity::Topic(text("t"));
    let set = ("retention.ms", Set, Some("1"));
    for (entity, updates, code, message) in [
        (topic(), vec![set, set], ErrorCode::InvalidRequest, "Error due to duplicate config keys"),
        (
            topic(),
            vec![("retention.ms", Set, None)],
            ErrorCode::InvalidRequest,
            "Null value not supported for : retention.ms",
        ),
        (
            topic(),
            vec![("retention.ms", Append, Some("1"))],
            ErrorCode::InvalidConfig,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            topic(),
            vec![("retention.ms", Set, Some("x"))],
            ErrorCode::InvalidConfig,
            "Invalid value x for configuration retention.ms",
        ),
        (
            ConfigEntity::Topic(text("none")),
            vec![set],
            ErrorCode::UnknownTopicOrPartition,
            "The topic 'none' does not exist.",
        ),
        (
            ConfigEntity::Broker(NodeId(9)),
            vec![set],
            ErrorCode::BrokerIdNotRegistered,
            "No node with id 9 found.",
        ),
    ] {
        assert_eq!(refusal(alter(&mut image, &entity, &updates)), (code, text(message)));
    }
    assert_eq!(image.configured().len(), 0);
    alter(&mut image, &ConfigEntity::BrokerDefault, &[set]).unwrap();
    alter(&mut image, &ConfigEntity::Broker(NodeId(1)), &[set]).unwrap();
    assert_eq!(image.configured().len(), 2);
}

#[test]
fn the_older_way_replaces_everything_that_an_entity_has() {
    let mut image = cluster(1);
    create(&mut image, new_topic("t", 1, 1)).unwrap();
    let topic = ConfigEntity::Topic(text("t"));
    alter(&mut image, &topic, &[("retention.ms", ConfigOperation::Set, Some("1"))]).unwrap();
    let replace = |configs: RequestedConfigs, times| ReplaceConfigs {
        resources: vec![(topic.clone(), configs); times],
        validate_only: false,
    };
    let new = vec![(text("cleanup.policy"), Some(text("compact")))];
    let twice = replace(new.clone(), 2).decide(&image, &Rules).unwrap();
    assert_eq!(refusal(twice.reply[&topic].clone()).1, "Each resource must appear at most once.");
    let null = replace(vec![(text("k"), None)], 1).decide(&image, &Rules).unwrap();
    assert_eq!(refusal(null.reply[&topic].clone()).1, "Null value not supported for : k");
    let decision = replace(new, 1).decide(&image, &Rules).unwrap();
    commit(&mut image, decision)[&topic].clone().unwrap();
    assert_eq!(*image.configs(&topic), Configs::from([(text("cleanup.policy"), text("compact"))]));
}

#[test]
fn an_operation_has_kafkas_number() {
    use ConfigOperation::{Append, Delete, Set, Subtract};
    let known: Vec<_> = (-1..5).map(ConfigOperation::from_wire).collect();
    assert_eq!(known, [None, Some(Set), Some(Delete), Some(Append), Some(Subtract), None]);
}

#[test]
fn blocks_of_producer_ids_never_overlap() {
    let mut image = cluster(2);
    let mut next = |broker_id, broker_epoch| {
        let request = AllocateProducerIds {
            broker_id: NodeId(broker_id),
            broker_epoch: BrokerEpoch(broker_epoch),
        };
        let decision = request.decide(&image)?;
        Ok(commit(&mut image, decision))
    };
    let block = |first| ProducerIdBlock { first: ProducerId(first), length: 1000 };
    assert_eq!(next(1, 0), Ok(block(0)));
    assert_eq!(next(2, 1), Ok(block(1000)));
    assert_eq!(next(1, 0), Ok(block(2000)));
    assert_eq!(refusal(next(1, 7)).0, ErrorCode::StaleBrokerEpoch);
    assert_eq!(refusal(next(9, 0)).0, ErrorCode::BrokerIdNotRegistered);
}

#[test]
fn producer_ids_end_with_an_error_and_not_with_an_overflow() {
    let mut image = cluster(1);
    let last = crate::record::ProducerIdsRecord {
        broker_id: 1,
        broker_epoch: 0,
        next_producer_id: i64::MAX - 999,
    };
    image.replay(&last.into()).unwrap();
    let request = AllocateProducerIds { broker_id: NodeId(1), broker_epoch: BrokerEpoch(0) };
    assert!(refusal(request.decide(&image)).1.starts_with("Exhausted all producerIds"));
}

#[test]
fn an_unclean_start_is_one_record_however_many_partitions_the_broker_leads() {
    let mut image = cluster(2);
    let start = |broker_epoch| UncleanStart {
        broker_id: NodeId(1),
        broker_epoch: BrokerEpoch(broker_epoch),
    };
    assert_eq!(start(0).decide(&image).unwrap().records, [], "it leads nothing");
    create(&mut image, new_topic("t", 100, 2)).unwrap();
    let decision = start(0).decide(&image).unwrap();
    assert_eq!(decision.records.len(), 1);
    assert_eq!(commit(&mut image, decision), 50);
    for (_, partition) in image.topic_by_name("t").unwrap().partitions() {
        let expected = i32::from(partition.leader == Some(NodeId(1)));
        assert_eq!(partition.leader_epoch.0, expected);
    }
    assert_eq!(refusal(start(5).decide(&image)).0, ErrorCode::StaleBrokerEpoch);
}
