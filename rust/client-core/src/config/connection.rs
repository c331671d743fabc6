//! What every client needs to know to reach a cluster and to keep knowing it.

use std::fmt;
use std::time::Duration;

use super::{ConfigError, Settings};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// A name, or an address in text; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Everything about connections and metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// `bootstrap.servers`: where to start.
    pub bootstrap_servers: Vec<Address>,
    /// `client.id`: how the broker's logs call this client.
    pub client_id: String,
    /// `connections.max.idle.ms`: an idle connection is closed after this; none if negative.
    pub connections_idle_max: Option<Duration>,
    /// `socket.connection.setup.timeout.ms`: how long one connect may take, at first.
    pub connection_setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms`: and at most, after repeated time-outs.
    pub connection_setup_timeout_max: Duration,
    /// `reconnect.backoff.ms`: the wait before a second connect to the same node.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms`: where that wait stops doubling.
    pub reconnect_backoff_max: Duration,
    /// `retry.backoff.ms`: the wait before a request is sent again.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`: where that wait stops doubling.
    pub retry_backoff_max: Duration,
    /// `request.timeout.ms`: a connection that owes an answer for longer is closed.
    pub request_timeout: Duration,
    /// `metadata.max.age.ms`: metadata is asked for again after this.
    pub metadata_age_max: Duration,
    /// `metadata.recovery.strategy`: whether to go back to the bootstrap servers (KIP-899,
    /// KIP-1102)...
    pub rebootstrap: bool,
    /// `metadata.recovery.rebootstrap.trigger.ms`: ...after this long without metadata.
    pub rebootstrap_after: Duration,
    /// `receive.buffer.bytes`: `SO_RCVBUF`; the system's own choice if `None`.
    pub receive_buffer_bytes: Option<u32>,
    /// `send.buffer.bytes`: `SO_SNDBUF`; the system's own choice if `None`.
    pub send_buffer_bytes: Option<u32>,
}

impl ConnectionConfig {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let idle_ms: i64 = settings.number("connections.max.idle.ms", ..)?;
        Ok(Self {
            bootstrap_servers: addresses(settings)?,
            client_id: settings.text("client.id").to_owned(),
            connections_idle_max: u64::try_from(idle_ms).ok().map(Duration::from_millis),
            connection_setup_timeout: millis(settings, "socket.connection.setup.timeout.ms")?,
            connection_setup_timeout_max: millis(
                settings,
                "socket.connection.setup.timeout.max.ms",
            )?,
            reconnect_backoff: millis(settings, "reconnect.backoff.ms")?,
            reconnect_backoff_max: millis(settings, "reconnect.backoff.max.ms")?,
            retry_backoff: millis(settings, "retry.backoff.ms")?,
            retry_backoff_max: millis(settings, "retry.backoff.max.ms")?,
            request_timeout: int_millis(settings, "request.timeout.ms")?,
            metadata_age_max: millis(settings, "metadata.max.age.ms")?,
            rebootstrap: rebootstrap(settings)?,
            rebootstrap_after: millis(settings, "metadata.recovery.rebootstrap.trigger.ms")?,
            receive_buffer_bytes: buffer_bytes(settings, "receive.buffer.bytes")?,
            send_buffer_bytes: buffer_bytes(settings, "send.buffer.bytes")?,
        })
    }
}

/// A `long` key that is a duration in milliseconds.
pub(super) fn millis(settings: &Settings, name: &'static str) -> Result<Duration, ConfigError> {
    Ok(Duration::from_millis(settings.number::<i64>(name, 0..)?.unsigned_abs()))
}

/// An `int` key that is a duration in milliseconds.
pub(super) fn int_millis(settings: &Settings, name: &'static str) -> Result<Duration, ConfigError> {
    Ok(Duration::from_millis(u64::from(settings.number::<i32>(name, 0..)?.unsigned_abs())))
}

fn buffer_bytes(settings: &Settings, name: &'static str) -> Result<Option<u32>, ConfigError> {
    if !settings.is_given(name) {
        return Ok(None); // the system tunes its buffers better than a fixed size can
    }
    Ok(u32::try_from(settings.number::<i32>(name, -1..)?).ok())
}

fn rebootstrap(settings: &Settings) -> Result<bool, ConfigError> {
    const NAME: &str = "metadata.recovery.strategy";
    match settings.text(NAME).to_ascii_lowercase().as_str() {
        "rebootstrap" => Ok(true),
        "none" => Ok(false),
        _ => Err(settings.refuse(NAME, "expected rebootstrap or none")),
    }
}

fn addresses(settings: &Settings) -> Result<Vec<Address>, ConfigError> {
    const NAME: &str = "bootstrap.servers";
    if !settings.is_given(NAME) {
        return Err(ConfigError::Missing(NAME));
    }
    let mut addresses = Vec::new();
    for text in settings.text(NAME).split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let address = parse_address(text).ok_or_else(|| {
            settings.refuse(NAME, format_args!("`{text}` is not host:port, as in localhost:9092"))
        })?;
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(ConfigError::Missing(NAME));
    }
    Ok(addresses)
}

/// `host:port`, `[v6]:port`, either with a `PROTOCOL://` in front, which is dropped as Kafka drops
/// it.
fn parse_address(text: &str) -> Option<Address> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port: u16 = port.parse().ok()?;
    (!host.is_empty() && port > 0 && !host.contains(['[', ']', '/', ' ']))
        .then(|| Address { host: host.to_owned(), port })
}
