//! The table against Kafka's own definitions, and what each kind of key does.

use std::time::Duration;

use super::*;
use records::{Compression, CompressionType};

const BOOTSTRAP: (&str, &str) = ("bootstrap.servers", "localhost:9092");

fn producer(pairs: &[(&str, &str)]) -> Result<(ProducerConfig, Vec<Warning>), ConfigError> {
    ProducerConfig::from_pairs([BOOTSTRAP].iter().chain(pairs).copied())
}

fn consumer(pairs: &[(&str, &str)]) -> Result<(ConsumerConfig, Vec<Warning>), ConfigError> {
    ConsumerConfig::from_pairs([BOOTSTRAP].iter().chain(pairs).copied())
}

/// The rows of the contract for our three clients: owner, key, default.
fn contract() -> Vec<(Owners, &'static str, &'static str)> {
    let table = include_str!("../../../../contract/configs.tsv");
    let row = |line: &'static str| {
        let mut fields = line.split('\t');
        let owner = match fields.next()? {
            "producer" => Owners::PRODUCER,
            "consumer" => Owners::CONSUMER,
            "admin" => Owners::ADMIN,
            _ => return None,
        };
        let (name, _kind, default) = (fields.next()?, fields.next()?, fields.next()?);
        Some((owner, name, default))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn every_key_of_kafka_is_in_the_table_once_with_its_default_and_no_other_is() {
    let contract = contract();
    assert!(contract.len() > 300);
    for (owner, name, default) in &contract {
        let rows: Vec<_> =
            KEYS.iter().filter(|key| key.name == *name && key.owners.contains(*owner)).collect();
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(rows[0].default, *default, "{name}");
    }
    for key in KEYS.iter().filter(|key| !key.name.starts_with("ottla.")) {
        for owner in [Owners::PRODUCER, Owners::CONSUMER, Owners::ADMIN] {
            let known = contract.iter().any(|(of, name, _)| *of == owner && *name == key.name);
            assert!(known || !key.owners.contains(owner), "{}", key.name);
        }
    }
}

#[test]
fn the_defaults_are_kafkas() {
    let (config, warnings) = producer(&[]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.acks, Acks::All);
    assert!(config.idempotence);
    assert_eq!((config.batch_bytes, config.buffer_memory_bytes), (16_384, 33_554_432));
    assert_eq!((config.linger, config.in_flight_max), (Duration::from_millis(5), 5));
    assert_eq!(config.delivery_timeout, Duration::from_mins(2));
    assert_eq!(config.compression, Compression { codec: CompressionType::None, level: None });
    assert_eq!(config.connection.request_timeout, Duration::from_secs(30));
    let (config, _) = consumer(&[]).unwrap();
    assert_eq!(config.auto_offset_reset, OffsetReset::Latest);
    assert_eq!(config.isolation_level, IsolationLevel::ReadUncommitted);
    assert_eq!((config.fetch_bytes_max, config.partition_fetch_bytes_max), (52_428_800, 1_048_576));
    assert!(config.check_crcs);
    let (config, _) = AdminConfig::from_pairs([BOOTSTRAP]).unwrap();
    assert_eq!(config.default_api_timeout, Duration::from_mins(1));
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    for (given, nearest) in [
        ("bootstrap.server", "bootstrap.servers"),
        ("linger_ms", "linger.ms"),
        ("Compression.Type", "compression.type"),
        ("enable.idempotent", "enable.idempotence"),
        ("ack", "acks"),
    ] {
        let error = producer(&[(given, "1")]).unwrap_err();
        assert!(error.to_string().contains(&format!("did you mean `{nearest}`?")), "{error}");
    }
    // What resembles nothing is given no neighbour.
    for given in ["partitions", "message.send.max.retries", "colour", ""] {
        let error = producer(&[(given, "1")]).unwrap_err();
        assert!(matches!(error, ConfigError::Unknown { nearest: None, .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("knows no key `{given}`")), "{error}");
    }
    // A consumer's key is not a producer's.
    let error = producer(&[("fetch.min.bytes", "1")]).unwrap_err();
    assert!(matches!(error, ConfigError::Unknown { client: "producer", .. }));
    let endless = "x".repeat(1 << 20);
    assert!(matches!(producer(&[(&endless, "1")]), Err(ConfigError::Unknown { .. })));
}

#[test]
fn a_key_that_only_tunes_is_accepted_with_a_warning_and_its_default_without() {
    let (_, warnings) = producer(&[("metrics.num.samples", "5")]).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].key, "metrics.num.samples");
    assert_eq!(producer(&[("metrics.num.samples", "2")]).unwrap().1, []);
}

#[test]
fn a_key_that_changes_meaning_is_refused_by_name_unless_it_is_the_default() {
    for (key, value) in [
        ("transaction.two.phase.commit.enable", "true"),
        ("security.protocol", "SSL"),
        ("ssl.truststore.location", "/x"),
        ("sasl.mechanism", "PLAIN"),
        ("partitioner.class", "Mine"),
    ] {
        let error = producer(&[(key, value)]).unwrap_err();
        assert!(matches!(error, ConfigError::NotBuilt { .. }), "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }
    assert!(producer(&[("security.protocol", "plaintext"), ("sasl.mechanism", "GSSAPI")]).is_ok());
}

#[test]
fn a_transactional_id_is_a_name_and_needs_idempotence() {
    let (config, _) = producer(&[("transactional.id", "t")]).unwrap();
    assert_eq!(config.transactional_id.as_deref(), Some("t"));
    assert_eq!(config.transaction_timeout, Duration::from_mins(1));
    assert_eq!(producer(&[("transactional.id", "null")]).unwrap().0.transactional_id, None);
    let empty = producer(&[("transactional.id", "")]).unwrap_err();
    assert!(matches!(empty, ConfigError::Value { key: "transactional.id", .. }), "{empty}");
    for (without, needed) in [
        (("enable.idempotence", "false"), "`enable.idempotence=true`"),
        (("acks", "1"), "`acks=all`"),
        (("acks", "0"), "`acks=all`"),
        (("retries", "0"), "`retries` above 0"),
    ] {
        let error = producer(&[("transactional.id", "t"), without]).unwrap_err();
        let expected = format!("`transactional.id` needs {needed}");
        assert_eq!(error, ConfigError::Contradiction(expected), "{without:?}");
    }
}

#[test]
fn each_protocol_of_groups_refuses_what_only_the_other_one_knows() {
    let group = |pairs: &[(&str, &str)]| {
        let given = pairs.iter().copied().chain([("group.id", "g")]).collect::<Vec<_>>();
        consumer(&given).map(|(config, _)| config.group.unwrap())
    };
    let new = group(&[("group.protocol", "CONSUMER"), ("group.remote.assignor", "range")]).unwrap();
    assert_eq!(new.protocol, GroupProtocol::Consumer);
    assert_eq!(new.remote_assignor.as_deref(), Some("range"));
    for key in ["heartbeat.interval.ms", "session.timeout.ms"] {
        let error = group(&[("group.protocol", "consumer"), (key, "1000")]).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
    let strategy = ("partition.assignment.strategy", "range");
    assert!(group(&[("group.protocol", "consumer"), strategy]).is_err());
    assert!(group(&[("group.remote.assignor", "range")]).is_err());
    assert!(group(&[("group.protocol", "share")]).is_err());
}

#[test]
fn every_key_that_is_not_acted_on_says_why() {
    for key in KEYS {
        match key.support {
            Support::Acted => {}
            Support::Tunes(reason) | Support::Refused(reason) => assert!(reason.len() > 10),
        }
    }
}

#[test]
fn every_key_that_is_acted_on_refuses_nonsense() {
    // A key that is acted on is read, and what is read is checked: except where any text will do.
    for key in KEYS.iter().filter(|key| key.support == Support::Acted && key.name != "client.id") {
        let nonsense = [(key.name, "\u{1}nonsense")];
        let refused = [
            (Owners::PRODUCER, producer(&nonsense).err()),
            (Owners::CONSUMER, consumer(&nonsense).err()),
            (Owners::ADMIN, AdminConfig::from_pairs([BOOTSTRAP, nonsense[0]]).err()),
        ];
        for (owner, error) in refused.into_iter().filter(|(owner, _)| key.owners.contains(*owner)) {
            let noun = owner.noun();
            assert!(matches!(error, Some(ConfigError::Value { .. })), "{noun}: {}", key.name);
        }
    }
}

#[test]
fn bootstrap_servers_are_a_list_of_hosts_and_ports() {
    let read = |text: &str| {
        let (config, _) = AdminConfig::from_pairs([("bootstrap.servers", text)])?;
        Ok(config.connection.bootstrap_servers.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(read("a:1, b:2,"), Ok(vec!["a:1".to_owned(), "b:2".to_owned()]));
    assert_eq!(read("PLAINTEXT://[::1]:9092"), Ok(vec!["[::1]:9092".to_owned()]));
    for wrong in ["a", "a:0", "a:70000", ":9092", "a b:1"] {
        assert!(matches!(read(wrong), Err(ConfigError::Value { .. })), "{wrong}");
    }
    assert_eq!(read(""), Err(ConfigError::Missing("bootstrap.servers")));
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(
        AdminConfig::from_pairs(nothing).unwrap_err(),
        ConfigError::Missing("bootstrap.servers")
    );
}

#[test]
fn idempotence_gives_way_to_what_was_asked_for_and_insists_when_it_was_asked_for_itself() {
    for conflict in [("acks", "1"), ("acks", "0"), ("retries", "0")] {
        assert!(!producer(&[conflict]).unwrap().0.idempotence, "{conflict:?}");
        let error = producer(&[conflict, ("enable.idempotence", "true")]).unwrap_err();
        assert!(error.to_string().contains(conflict.0), "{error}");
        assert!(producer(&[conflict, ("enable.idempotence", "false")]).is_ok());
    }
}

#[test]
fn idempotence_allows_five_requests_in_flight_and_more_only_without_it() {
    let in_flight = |count| ("max.in.flight.requests.per.connection", count);
    assert!(producer(&[in_flight("5")]).unwrap().0.idempotence);
    // As Kafka does, whatever else would have switched it off.
    for beside in [&[][..], &[("enable.idempotence", "true")], &[("acks", "1")]] {
        let error = producer(&[&[in_flight("6")], beside].concat()).unwrap_err().to_string();
        assert!(error.contains("at most 5, not 6"), "{error}");
        assert!(error.contains("`enable.idempotence=false`"), "{error}");
    }
    let (config, _) = producer(&[in_flight("6"), ("enable.idempotence", "false")]).unwrap();
    assert_eq!((config.idempotence, config.in_flight_max), (false, 6));
}

#[test]
fn a_delivery_has_the_time_to_linger_and_to_be_answered_once() {
    let (config, _) = producer(&[("request.timeout.ms", "200000")]).unwrap();
    assert_eq!(config.delivery_timeout, Duration::from_millis(200_005));
    let error = producer(&[("delivery.timeout.ms", "1000")]).unwrap_err();
    assert!(error.to_string().contains("30005"), "{error}");
}

#[test]
fn levels_belong_to_their_codec() {
    let codec = |pairs: &[(&str, &str)]| producer(pairs).map(|(config, _)| config.compression);
    let zstd = ("compression.type", "zstd");
    let gzip = ("compression.type", "gzip");
    assert_eq!(codec(&[zstd]).unwrap().level, Some(3));
    assert_eq!(codec(&[zstd, ("compression.zstd.level", "-5")]).unwrap().level, Some(-5));
    assert_eq!(codec(&[gzip]).unwrap().level, None);
    assert_eq!(codec(&[gzip, ("compression.gzip.level", "9")]).unwrap().level, Some(9));
    assert!(codec(&[gzip, ("compression.gzip.level", "0")]).is_err());
    assert!(codec(&[("compression.type", "zip")]).is_err());
}

#[test]
fn a_reset_by_duration_is_read_as_java_reads_it() {
    let reset = |text: &str| {
        consumer(&[("auto.offset.reset", text)]).map(|(config, _)| config.auto_offset_reset)
    };
    let by = |seconds| Ok(OffsetReset::ByDuration(Duration::from_secs_f64(seconds)));
    assert_eq!(reset("by_duration:PT10M"), by(600.0));
    assert_eq!(reset("by_duration:P1DT2H3M4.5S"), by(93_784.5));
    assert_eq!(reset("earliest"), Ok(OffsetReset::Earliest));
    for wrong in ["by_duration:", "by_duration:P", "by_duration:PT-1S", "by_duration:1h", "soon"] {
        assert!(reset(wrong).is_err(), "{wrong}");
    }
}
