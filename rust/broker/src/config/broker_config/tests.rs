//! Whole configurations: Kafka's own file, what is wrong with others, and what the typed fields
//! hold.

use super::*;

/// The settings of the `server.properties` that Apache Kafka ships, for one node that is broker and
/// controller.
const STOCK: &str = include_str!("../../../../../tests/golden/config/server.properties");

fn load(text: &str) -> LoadedConfig {
    BrokerConfig::load(&Properties::parse(text).unwrap()).unwrap()
}

fn errors(text: &str) -> Vec<ConfigError> {
    BrokerConfig::load(&Properties::parse(text).unwrap()).unwrap_err().errors
}

/// The only error of a configuration.
fn error(text: &str) -> ConfigError {
    let errors = errors(text);
    assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn kafkas_own_file_starts_and_warns_of_what_has_no_effect() {
    let LoadedConfig { config, warnings } = load(STOCK);
    assert_eq!(config.node_id, NodeId(1));
    let plaintext = |host: &str| {
        vec![Listener { name: "PLAINTEXT".to_owned(), endpoint: net::Endpoint::new(host, 9092) }]
    };
    assert_eq!(config.listeners, plaintext(""));
    assert_eq!(config.advertised_listeners, plaintext("localhost"));
    assert_eq!(config.log_dir, PathBuf::from("/tmp/kraft-combined-logs"));
    let warned: Vec<&str> = warnings
        .iter()
        .map(|warning| match warning {
            ConfigWarning::NoEffect { key, .. }
            | ConfigWarning::Unknown { key, .. }
            | ConfigWarning::Note { key, .. } => key.as_str(),
        })
        .collect();
    assert_eq!(
        warned,
        [
            "controller.quorum.bootstrap.servers",
            "inter.broker.listener.name",
            "share.coordinator.state.topic.min.isr",
            "share.coordinator.state.topic.replication.factor",
            "listeners",
        ]
    );
}

#[test]
fn nothing_set_is_one_node_with_kafkas_defaults() {
    let LoadedConfig { config, warnings } = load("");
    assert_eq!(warnings, []);
    assert_eq!(config.node_id, NodeId(1));
    assert_eq!(config.listeners[0].endpoint, net::Endpoint::new("", 9092));
    assert!(config.advertised_listeners.is_empty() && config.auto_create_topics_enable);
    assert_eq!((config.num_partitions, config.default_replication_factor), (1, 1));
    assert_eq!(config.queued_max_request_bytes, 64 * 1024 * 1024);
    let limits = config.server_limits();
    assert_eq!(limits.request_bytes_max, 100 * 1024 * 1024);
    assert_eq!(limits.connections_idle_max, Duration::from_mins(10));
    let options = config.tcp_options();
    assert_eq!((options.backlog, options.send_buffer_bytes), (50, None));
}

#[test]
fn what_is_set_arrives_in_the_typed_fields() {
    let config = load(
        "broker.id=7\nbroker.rack=r1\nlog.dir=/data\nqueued.max.request.bytes=1000\n\
         connections.max.idle.ms=-1\nsocket.send.buffer.bytes=-1\n\
         socket.receive.buffer.bytes=4096\n\
         max.connections=5\nottla.max.in.flight.requests.per.connection=3",
    )
    .config;
    assert_eq!(config.node_id, NodeId(7));
    assert_eq!(config.broker_rack.as_deref(), Some("r1"));
    assert_eq!(config.log_dir, PathBuf::from("/data"));
    assert_eq!(config.queued_max_request_bytes, 1000);
    assert_eq!(config.connections_max_idle_ms, None);
    assert_eq!(config.server_limits().connections_idle_max, Duration::MAX);
    assert_eq!(config.socket_send_buffer_bytes, None);
    assert_eq!(config.socket_receive_buffer_bytes, Some(4096));
    assert_eq!(config.server_limits().connections_max, 5);
    assert_eq!(config.server_limits().requests_in_flight_max, 3);
    assert_eq!(config.set("max.connections"), Some("5"));
    assert_eq!(config.set("num.partitions"), None);
}

#[test]
fn a_key_that_would_change_the_meaning_is_refused_by_name_unless_it_has_its_default() {
    for text in [
        "authorizer.class.name=org.example.Authorizer",
        "ssl.keystore.location=/keys",
        "sasl.enabled.mechanisms=PLAIN",
        "security.inter.broker.protocol=SSL",
        "compression.type=zstd",
        "remote.log.storage.system.enable=true",
        "metadata.log.dir=/elsewhere",
        "process.roles=broker",
        "process.roles=controller",
        "controller.quorum.voters=1@a:1,2@b:1",
        "controller.quorum.voters=2@a:1",
        "log.dirs=/a,/b",
        "max.connections.per.ip.overrides=10.0.0.1:5",
        "listeners=SSL://:9092",
        "listener.name.internal.ssl.keystore.location=/keys",
    ] {
        let error = error(text);
        assert!(matches!(error, ConfigError::Refused { .. }), "{error}");
        assert_eq!(error.key(), text.split_once('=').unwrap().0);
        assert_eq!(error.error_code(), base::ErrorCode::InvalidConfig);
    }
    for text in [
        "sasl.enabled.mechanisms=GSSAPI",
        "compression.type=producer",
        "log.cleanup.policy=",
        "log.cleanup.policy=delete,compact",
        "process.roles=controller,broker",
        "node.id=2\ncontroller.quorum.voters=2@localhost:9093",
    ] {
        load(text);
    }
}

#[test]
fn a_secret_never_stands_in_a_message() {
    let message = error("ssl.key.password=hunter2").to_string();
    assert!(message.contains("ssl.key.password") && !message.contains("hunter2"), "{message}");
    let message = error("listener.name.a.ssl.key.password=hunter2").to_string();
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_value_that_cannot_be_is_refused_by_name() {
    for text in [
        "num.partitions=0",
        "num.partitions=many",
        "listeners=localhost:9092",
        "listeners=A://:1",
        "controller.listener.names=PLAINTEXT",
        "advertised.listeners=PLAINTEXT://0.0.0.0:9092",
        "advertised.listeners=EXTERNAL://host:9092",
        "log.retention.hours=0",
        "log.retention.ms=0",
        "default.replication.factor=0",
        "default.replication.factor=70000",
        "log.dir=",
        "ottla.durability=tape",
        "log.cleaner.dedupe.buffer.size=1000",
        "log.cleaner.min.compaction.lag.ms=2\nlog.cleaner.max.compaction.lag.ms=1",
        "listener.security.protocol.map=A",
    ] {
        let errors = errors(text);
        assert!(matches!(errors[0], ConfigError::Invalid { .. }), "{text}: {errors:?}");
    }
    let error = error("node.id=1\nbroker.id=2");
    assert_eq!((error.key(), error.to_string().contains("node.id")), ("broker.id", true));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let errors = errors("num.partitions=0\nssl.protocol=TLSv1.2\nlog.dirs=/a,/b");
    let keys: Vec<_> = errors.iter().map(ConfigError::key).collect();
    assert_eq!(keys, ["num.partitions", "ssl.protocol", "log.dirs"]);
}

#[test]
fn an_unknown_key_is_ignored_with_a_warning_that_names_its_neighbour() {
    for (name, neighbour) in [
        ("num.partition", Some("num.partitions")),
        ("retention.ms", Some("log.retention.ms")),
        ("zookeeper.connect", None),
    ] {
        let warnings = load(&format!("{name}=1")).warnings;
        let key = name.to_owned();
        assert_eq!(warnings, [ConfigWarning::Unknown { key, nearest: neighbour }]);
    }
}

#[test]
fn a_misspelt_key_of_ours_is_an_error() {
    let message = error("ottla.durabilty=disk").to_string();
    assert!(message.ends_with("did you mean ottla.durability?"), "{message}");
}
