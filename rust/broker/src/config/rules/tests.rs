//! The controller's questions, answered for topics, for one broker and for all.

use base::{ErrorCode, NodeId};

use super::super::properties::Properties;
use super::*;

fn rules() -> TableRules {
    TableRules::new(Arc::new(BrokerConfig::load(&Properties::default()).unwrap().config))
}

fn validate(entity: &ConfigEntity, key: &str, value: &str) -> Result<(), ErrorCode> {
    let configs = Configs::from([(key.to_owned(), value.to_owned())]);
    let accepted = rules().accept(&MetadataImage::default(), entity, configs.clone());
    accepted.map(|accepted| assert_eq!(accepted, configs)).map_err(|rejection| {
        assert!(rejection.message.contains(key), "{}", rejection.message);
        rejection.code
    })
}

fn topic() -> ConfigEntity {
    ConfigEntity::Topic("orders".to_owned())
}

#[test]
fn topics_are_held_to_the_topic_table() {
    assert_eq!(validate(&topic(), "retention.ms", "5"), Ok(()));
    assert_eq!(validate(&topic(), "retention.ms", "x"), Err(ErrorCode::InvalidConfig));
    assert_eq!(validate(&topic(), "cleanup.policy", "compact"), Ok(()));
    assert_eq!(validate(&topic(), "log.retention.ms", "5"), Err(ErrorCode::InvalidConfig));
}

#[test]
fn running_brokers_take_topic_defaults_and_refuse_what_is_read_at_the_start() {
    for entity in [ConfigEntity::BrokerDefault, ConfigEntity::Broker(NodeId(1))] {
        assert_eq!(validate(&entity, "log.retention.ms", "5"), Ok(()));
        assert_eq!(validate(&entity, "ottla.durability", "os"), Ok(()));
        assert_eq!(validate(&entity, "ottla.durability", "tape"), Err(ErrorCode::InvalidConfig));
        assert_eq!(validate(&entity, "node.id", "5"), Err(ErrorCode::InvalidRequest));
        assert_eq!(validate(&entity, "log.retention.hours", "5"), Err(ErrorCode::InvalidRequest));
        assert_eq!(validate(&entity, "log.cleanup.policy", "compact"), Ok(()));
        assert_eq!(validate(&entity, "log.cleaner.threads", "2"), Ok(()));
        assert_eq!(
            validate(&entity, "log.cleaner.dedupe.buffer.size", "5"),
            Err(ErrorCode::InvalidConfig)
        );
        assert_eq!(validate(&entity, "retention.ms", "5"), Err(ErrorCode::InvalidConfig));
    }
}

#[test]
fn defaults_that_contradict_each_other_are_refused() {
    let configs = Configs::from([
        ("log.cleaner.min.compaction.lag.ms".to_owned(), "10".to_owned()),
        ("log.cleaner.max.compaction.lag.ms".to_owned(), "5".to_owned()),
    ]);
    let rejection = rules()
        .accept(&MetadataImage::default(), &ConfigEntity::BrokerDefault, configs)
        .unwrap_err();
    assert_eq!(rejection.code, ErrorCode::InvalidConfig);
}

#[test]
fn only_lists_have_a_default_to_append_to() {
    let rules = rules();
    assert_eq!(rules.list_default(&topic(), "cleanup.policy").as_deref(), Some("delete"));
    assert_eq!(rules.list_default(&topic(), "retention.ms"), None);
    assert_eq!(rules.list_default(&topic(), "unknown"), None);
    let broker = ConfigEntity::BrokerDefault;
    assert_eq!(rules.list_default(&broker, "log.cleanup.policy").as_deref(), Some("delete"));
    assert_eq!(rules.list_default(&broker, "log.dirs").as_deref(), Some(""));
}
