//! What a broker is started with, typed: its properties file and what overrides it, checked against
//! the table of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use base::NodeId;
use coordinator::CoordinatorConfig;
use coordinator::transaction::TransactionConfig;
use metadata::image::Configs;

use super::broker_keys::{broker_key, nearest_broker_key};
use super::cleaner_config::resolve_cleaner;
use super::error::{ConfigError, ConfigWarning, InvalidConfiguration};
use super::key::{ConfigKey, Standing};
use super::layers::Layers;
use super::listener::{Listener, check_protocol, parse_listeners, parse_protocols};
use super::properties::Properties;
use super::topic_config::TopicConfig;
use super::value::Value;

mod groups;
mod transactions;

pub use groups::OffsetsTopicConfig;
pub use transactions::{AddPartitionsRetryConfig, TransactionsTopicConfig};

/// The keys that are acted on, except for topics' defaults: those are resolved with each topic
/// ([`TopicConfig`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Every known key that was set, as it was written.
    set: BTreeMap<String, String>,
    /// `node.id`
    pub node_id: NodeId,
    /// `broker.rack`
    pub broker_rack: Option<String>,
    /// `listeners`, without the controller's.
    pub listeners: Vec<Listener>,
    /// `advertised.listeners`, without the controller's; empty to tell each client the address that
    /// it reached.
    pub advertised_listeners: Vec<Listener>,
    /// `log.dirs`, or else `log.dir`
    pub log_dir: PathBuf,
    /// `auto.create.topics.enable`
    pub auto_create_topics_enable: bool,
    /// `delete.topic.enable`
    pub delete_topic_enable: bool,
    /// `num.partitions`
    pub num_partitions: i32,
    /// `default.replication.factor`
    pub default_replication_factor: i16,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: usize,
    /// `max.request.partition.size.limit`
    pub max_request_partition_size_limit: usize,
    /// `request.timeout.ms`
    pub request_timeout_ms: i64,
    /// `log.retention.check.interval.ms`
    pub log_retention_check_interval_ms: i64,
    /// `connections.max.idle.ms`; none for never.
    pub connections_max_idle_ms: Option<u64>,
    /// `max.connections`
    pub max_connections: usize,
    /// `max.connections.per.ip`
    pub max_connections_per_ip: usize,
    /// `socket.request.max.bytes`
    pub socket_request_max_bytes: usize,
    /// `queued.max.request.bytes`
    pub queued_max_request_bytes: usize,
    /// `ottla.max.in.flight.requests.per.connection`
    pub max_in_flight_requests_per_connection: usize,
    /// `ottla.response.chunk.max.bytes`
    pub response_chunk_max_bytes: usize,
    /// The group coordinator's keys.
    pub group_coordinator: CoordinatorConfig,
    /// Whether `group.coordinator.rebalance.protocols` has `consumer`.
    pub consumer_protocol_enable: bool,
    /// The keys of the topic that it keeps its records in.
    pub offsets_topic: OffsetsTopicConfig,
    /// The transaction coordinator's keys.
    pub transaction_coordinator: TransactionConfig,
    /// The keys of the topic that it keeps its records in.
    pub transactions_topic: TransactionsTopicConfig,
    /// How long a write waits for the transaction before it.
    pub add_partitions_retry: AddPartitionsRetryConfig,
    /// `socket.listen.backlog.size`
    pub socket_listen_backlog_size: u32,
    /// `socket.send.buffer.bytes`; none to leave it to the system.
    pub socket_send_buffer_bytes: Option<u32>,
    /// `socket.receive.buffer.bytes`; none to leave it to the system.
    pub socket_receive_buffer_bytes: Option<u32>,
}

/// A configuration that can be used, and what the operator should know about it.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The configuration.
    pub config: BrokerConfig,
    /// For the log.
    pub warnings: Vec<ConfigWarning>,
}

/// The node's number when none is set.
const NODE_ID_DEFAULT: i32 = 1;

/// What `queued.max.request.bytes=-1` stands for: Kafka has no limit there.
const QUEUED_MAX_REQUEST_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

impl BrokerConfig {
    /// Reads and checks all of `properties`.
    pub fn load(properties: &Properties) -> Result<LoadedConfig, InvalidConfiguration> {
        let mut loading = Loading::default();
        for (name, text) in properties.iter() {
            loading.take(name, text);
        }
        let config = loading.build();
        if let Some(config) = &config {
            loading.check_topic_defaults(config);
        }
        match config {
            Some(config) if loading.errors.is_empty() => {
                Ok(LoadedConfig { config, warnings: loading.warnings })
            }
            _ => Err(InvalidConfiguration { errors: loading.errors }),
        }
    }

    /// What was set for a key, as it was written.
    pub fn set(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(String::as_str)
    }

    /// The limits of the broker's connections.
    pub fn server_limits(&self) -> net::ServerLimits {
        net::ServerLimits {
            request_bytes_max: self.socket_request_max_bytes,
            queued_request_bytes_max: self.queued_max_request_bytes,
            requests_in_flight_max: self.max_in_flight_requests_per_connection,
            connections_max: self.max_connections,
            connections_per_ip_max: self.max_connections_per_ip,
            connections_idle_max: self
                .connections_max_idle_ms
                .map_or(Duration::MAX, Duration::from_millis),
            response_chunk_bytes_max: self.response_chunk_max_bytes,
        }
    }

    /// `request.timeout.ms` as a duration.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.request_timeout_ms).unwrap_or_default())
    }

    /// What is set on the broker's sockets.
    pub fn tcp_options(&self) -> net::TcpOptions {
        net::TcpOptions {
            backlog: self.socket_listen_backlog_size,
            send_buffer_bytes: self.socket_send_buffer_bytes,
            receive_buffer_bytes: self.socket_receive_buffer_bytes,
        }
    }
}

/// Keys that were set, with all that is wrong or worth a warning.
#[derive(Default)]
struct Loading {
    set: BTreeMap<String, String>,
    values: BTreeMap<&'static str, Value>,
    errors: Vec<ConfigError>,
    warnings: Vec<ConfigWarning>,
}

impl Loading {
    fn take(&mut self, name: &str, text: &str) {
        let Some(key) = broker_key(name) else { return self.take_unknown(name) };
        let checked = key.parse(text).and_then(|value| {
            key.check_supported(&value)?;
            Ok(value)
        });
        match checked {
            Ok(value) => {
                if key.standing == Standing::Tunes && value != key.preset_value() {
                    let (key, value) = (name.to_owned(), text.to_owned());
                    self.warnings.push(ConfigWarning::NoEffect { key, value });
                }
                self.set.insert(name.to_owned(), text.to_owned());
                self.values.insert(key.name, value);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn take_unknown(&mut self, name: &str) {
        let key = name.to_owned();
        if name.starts_with("listener.name.") {
            let reason = "settings of one listener are not built yet".to_owned();
            self.errors.push(ConfigError::Refused { key, value: "[hidden]".to_owned(), reason });
        } else if name.starts_with("ottla.") {
            // A misspelt key of ours is nobody else's: to ignore it could cost durability.
            let nearest = nearest_broker_key(name);
            self.errors.push(ConfigError::Unknown { scope: "broker", key, nearest });
        } else {
            self.warnings.push(ConfigWarning::Unknown { key, nearest: nearest_broker_key(name) });
        }
    }

    /// The typed configuration, unless something it needs is wrong; what that is stands in
    /// `errors`.
    fn build(&mut self) -> Option<BrokerConfig> {
        let (listeners, advertised_listeners) = self.listeners();
        let node_id = self.node_id();
        self.check_process_roles();
        self.check_voters(node_id);
        let log_dir = self.log_dir();
        if !self.errors.is_empty() {
            return None;
        }
        Some(BrokerConfig {
            node_id: NodeId(node_id),
            broker_rack: self.value("broker.rack").text(),
            listeners,
            advertised_listeners,
            log_dir,
            auto_create_topics_enable: self.boolean("auto.create.topics.enable"),
            delete_topic_enable: self.boolean("delete.topic.enable"),
            num_partitions: self.integer("num.partitions") as i32,
            default_replication_factor: self.replication_factor(),
            fetch_max_bytes: self.size("fetch.max.bytes"),
            max_request_partition_size_limit: self.size("max.request.partition.size.limit"),
            request_timeout_ms: self.integer("request.timeout.ms"),
            log_retention_check_interval_ms: self.integer("log.retention.check.interval.ms"),
            connections_max_idle_ms: u64::try_from(self.integer("connections.max.idle.ms")).ok(),
            max_connections: self.size("max.connections"),
            max_connections_per_ip: self.size("max.connections.per.ip"),
            socket_request_max_bytes: self.size("socket.request.max.bytes"),
            queued_max_request_bytes: match self.integer("queued.max.request.bytes") {
                bytes if bytes > 0 => bytes as usize,
                _ => QUEUED_MAX_REQUEST_BYTES_DEFAULT,
            },
            max_in_flight_requests_per_connection: self
                .size("ottla.max.in.flight.requests.per.connection"),
            response_chunk_max_bytes: self.size("ottla.response.chunk.max.bytes"),
            group_coordinator: self.group_coordinator(),
            consumer_protocol_enable: self.consumer_protocol_enable(),
            offsets_topic: self.offsets_topic(),
            transaction_coordinator: self.transaction_coordinator(),
            transactions_topic: self.transactions_topic(),
            add_partitions_retry: self.add_partitions_retry(),
            socket_listen_backlog_size: self.size("socket.listen.backlog.size") as u32,
            socket_send_buffer_bytes: self.socket_buffer("socket.send.buffer.bytes"),
            socket_receive_buffer_bytes: self.socket_buffer("socket.receive.buffer.bytes"),
            set: self.set.clone(),
        })
        .filter(|_| self.errors.is_empty())
    }

    /// What is listened on and what clients are told, without the controller's listeners.
    fn listeners(&mut self) -> (Vec<Listener>, Vec<Listener>) {
        let controllers: BTreeSet<String> =
            self.list("controller.listener.names").iter().map(|n| n.to_ascii_uppercase()).collect();
        let protocols = parse_protocols(
            key("listener.security.protocol.map"),
            &self.value("listener.security.protocol.map").to_string(),
        );
        let protocols = self.or_note(protocols);
        let opened = self.parsed_listeners("listeners", &controllers);
        for listener in &opened {
            let checked = check_protocol(key("listeners"), &protocols, listener);
            self.or_note(checked);
        }
        if opened.is_empty() && self.errors.is_empty() {
            let text = self.value("listeners").to_string();
            let reason = "at least one listener that is not the controller's is needed";
            self.errors.push(key("listeners").invalid(&text, reason));
        }
        let advertised = self.parsed_listeners("advertised.listeners", &controllers);
        for listener in &advertised {
            self.check_advertised(listener, &opened);
        }
        (opened, advertised)
    }

    fn parsed_listeners(&mut self, name: &str, controllers: &BTreeSet<String>) -> Vec<Listener> {
        let listeners = parse_listeners(key(name), &self.list(name));
        let (controllers, others): (Vec<_>, Vec<_>) = self
            .or_note(listeners)
            .into_iter()
            .partition(|listener| controllers.contains(&listener.name));
        for listener in controllers.into_iter().filter(|_| name == "listeners") {
            self.warnings.push(ConfigWarning::Note {
                key: name.to_owned(),
                value: format!("{}://{}", listener.name, listener.endpoint),
                note: "is not opened: the controller lives in this process".to_owned(),
            });
        }
        others
    }

    fn check_advertised(&mut self, listener: &Listener, opened: &[Listener]) {
        let name = &listener.name;
        let host = listener.endpoint.host.as_str();
        let reason = if !opened.iter().any(|other| other.name == *name) {
            format!("{name} is not among the listeners")
        } else if ["", "0.0.0.0", "::"].contains(&host) {
            "clients cannot connect to every interface; name one, or unset it and each client is \
             told the address that it reached"
                .to_owned()
        } else {
            return;
        };
        let text = format!("{name}://{}", listener.endpoint);
        self.errors.push(key("advertised.listeners").invalid(&text, reason));
    }

    fn node_id(&mut self) -> i32 {
        let broker_id = Some(self.integer("broker.id")).filter(|id| *id >= 0);
        let node_id = match self.value("node.id") {
            Value::Integer(id) => Some(id),
            _ => None,
        };
        if let (Some(node_id), Some(broker_id)) = (node_id, broker_id)
            && node_id != broker_id
        {
            let reason = format!("it is the old name of node.id, which is {node_id}");
            self.errors.push(key("broker.id").invalid(&broker_id.to_string(), reason));
        }
        node_id.or(broker_id).map_or(NODE_ID_DEFAULT, |id| id as i32)
    }

    fn check_process_roles(&mut self) {
        let roles = self.list("process.roles");
        if !roles.is_empty() && roles.len() < 2 {
            let reason = "a node that is only one of broker and controller is not built yet; \
                          use broker,controller";
            self.errors.push(key("process.roles").refused(&roles.join(","), reason));
        }
    }

    fn check_voters(&mut self, node_id: i32) {
        let voters = self.list("controller.quorum.voters");
        let this_node =
            |voter: &String| voter.split_once('@').is_some_and(|(id, _)| id == node_id.to_string());
        let only_this_node = voters.len() == 1 && voters.iter().all(this_node);
        if !voters.is_empty() && !only_this_node {
            let reason =
                format!("only one voter is, and it must be this node, {node_id}@host:port");
            self.errors.push(key("controller.quorum.voters").refused(&voters.join(","), reason));
        }
    }

    fn log_dir(&mut self) -> PathBuf {
        let name = if self.list("log.dirs").is_empty() { "log.dir" } else { "log.dirs" };
        let directories = self.list(name);
        match directories.as_slice() {
            [directory] if !directory.is_empty() => return PathBuf::from(directory),
            [] | [_] => self.errors.push(key(name).invalid("", "it must name a directory")),
            several => {
                let error = key(name).refused(&several.join(","), "only one directory is");
                self.errors.push(error);
            }
        }
        PathBuf::new()
    }

    fn replication_factor(&mut self) -> i16 {
        let factor = self.integer("default.replication.factor");
        i16::try_from(factor).ok().filter(|factor| *factor > 0).unwrap_or_else(|| {
            let reason = "it must be a positive 16-bit integer";
            let error = key("default.replication.factor").invalid(&factor.to_string(), reason);
            self.errors.push(error);
            1
        })
    }

    /// Topics are created with these defaults, and the cleaner runs with some: what is wrong with
    /// them is found now.
    fn check_topic_defaults(&mut self, config: &BrokerConfig) {
        for name in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
            if self.value(name) == Value::Integer(0) {
                self.errors
                    .push(key(name).invalid("0", "it must be positive, or negative for ever"));
            }
        }
        let none = Configs::new();
        let layers = Layers { broker: &none, all_brokers: &none, started_with: config };
        if let Err(error) = TopicConfig::without_overrides(&layers) {
            self.errors.push(error);
        }
        if let Err(error) = resolve_cleaner(&layers) {
            self.errors.push(error);
        }
    }

    /// The result, or the error noted and an empty one.
    fn or_note<T: Default>(&mut self, result: Result<T, ConfigError>) -> T {
        result.unwrap_or_else(|error| {
            self.errors.push(error);
            T::default()
        })
    }

    fn value(&self, name: &str) -> Value {
        self.values.get(name).cloned().unwrap_or_else(|| key(name).preset_value())
    }

    fn boolean(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Boolean(value) => value,
            value => unreachable!("{name} is a truth value by the table, and not {value:?}"),
        }
    }

    fn integer(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Integer(number) => number,
            value => unreachable!("{name} is a number by the table, and not {value:?}"),
        }
    }

    /// A number that the table's condition, or the sense of the key, keeps from being negative.
    fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).unwrap_or_default()
    }

    /// A socket buffer that differs from Kafka's default, which is smaller than what systems adapt
    /// to by themselves.
    fn socket_buffer(&self, name: &str) -> Option<u32> {
        let changed = self.value(name) != key(name).preset_value();
        u32::try_from(self.integer(name)).ok().filter(|_| changed)
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(items) => items,
            _ => Vec::new(),
        }
    }
}

fn key(name: &str) -> &'static ConfigKey {
    broker_key(name).expect("the name is a row of the table")
}

#[cfg(test)]
mod tests;
