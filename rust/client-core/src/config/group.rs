//! What a consumer is told of its group.

use std::time::Duration;

use super::connection::int_millis;
use super::{ConfigError, Settings};
use crate::consumer::{AssignmentStrategy, Assignor};

/// A consumer's group, and how it is a member of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.id`: which group.
    pub group_id: String,
    /// `group.instance.id`: the name of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// `group.protocol`: who assigns, and how members hear of it.
    pub protocol: GroupProtocol,
    /// `group.remote.assignor`: which of the coordinator's assignors is asked for (KIP-848).
    pub remote_assignor: Option<String>,
    /// `client.rack`: where the member is (KIP-881).
    pub rack: Option<String>,
    /// `session.timeout.ms`: a member that is not heard of for this long is out.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`: how often it is heard of.
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: a member whose program does not come back for this long leaves; and
    /// how long a rebalance waits for it.
    pub poll_interval_max: Duration,
    /// `partition.assignment.strategy`: the assignors that it knows, the preferred one first.
    pub assignors: Vec<AssignmentStrategy>,
    /// `enable.auto.commit`: whether what the program has come back for is committed...
    pub auto_commit: bool,
    /// `auto.commit.interval.ms`: ...this often.
    pub auto_commit_interval: Duration,
    /// `exclude.internal.topics`: whether a pattern leaves out Kafka's own topics.
    pub exclude_internal_topics: bool,
}

/// How the members of a group come to their partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// One of the members assigns.
    #[default]
    Classic,
    /// The coordinator assigns, and tells each member in its own time (KIP-848).
    Consumer,
}

/// What is the coordinator's to say in the new protocol, or of no use there.
const CLASSIC_ONLY: [&str; 3] =
    ["heartbeat.interval.ms", "partition.assignment.strategy", "session.timeout.ms"];

impl GroupConfig {
    /// Reads the keys of groups; `None` without a `group.id`.
    pub(super) fn read(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let config = Self {
            group_id: settings.text("group.id").to_owned(),
            instance_id: settings.name("group.instance.id")?,
            protocol: protocol(settings)?,
            remote_assignor: settings.name("group.remote.assignor")?,
            rack: rack(settings)?,
            session_timeout: int_millis(settings, "session.timeout.ms")?,
            heartbeat_interval: int_millis(settings, "heartbeat.interval.ms")?,
            poll_interval_max: positive(settings, "max.poll.interval.ms")?,
            assignors: assignors(settings)?,
            auto_commit: settings.boolean("enable.auto.commit")?,
            auto_commit_interval: int_millis(settings, "auto.commit.interval.ms")?,
            exclude_internal_topics: settings.boolean("exclude.internal.topics")?,
        };
        if config.heartbeat_interval >= config.session_timeout {
            let reason = "has to be below session.timeout.ms, which it keeps from running out";
            return Err(settings.refuse("heartbeat.interval.ms", reason));
        }
        Ok(settings.name("group.id")?.map(|group_id| Self { group_id, ..config }))
    }
}

/// Keys that belong to the other protocol are refused, as Kafka's client refuses them.
fn protocol(settings: &Settings) -> Result<GroupProtocol, ConfigError> {
    const NAME: &str = "group.protocol";
    match settings.text(NAME).to_ascii_lowercase().as_str() {
        "classic" => {
            if settings.name("group.remote.assignor")?.is_some() {
                let reason = "it is for group.protocol=consumer";
                return Err(settings.refuse("group.remote.assignor", reason));
            }
            Ok(GroupProtocol::Classic)
        }
        "consumer" => {
            if let Some(name) = CLASSIC_ONLY.into_iter().find(|name| settings.is_given(name)) {
                let reason = "with group.protocol=consumer that is the coordinator's to say: leave \
                              it out";
                return Err(settings.refuse(name, reason));
            }
            Ok(GroupProtocol::Consumer)
        }
        _ => Err(settings.refuse(NAME, "expected classic or consumer")),
    }
}

/// Kafka's default is empty, and means none.
fn rack(settings: &Settings) -> Result<Option<String>, ConfigError> {
    const NAME: &str = "client.rack";
    if settings.text(NAME).is_empty() { Ok(None) } else { settings.name(NAME) }
}

fn positive(settings: &Settings, name: &'static str) -> Result<Duration, ConfigError> {
    settings.number::<i32>(name, 1..)?;
    int_millis(settings, name)
}

/// Names or Kafka's classes, separated by commas, as Kafka prints its default: in brackets.
fn assignors(settings: &Settings) -> Result<Vec<AssignmentStrategy>, ConfigError> {
    const NAME: &str = "partition.assignment.strategy";
    let list = settings.text(NAME).trim_start_matches('[').trim_end_matches(']');
    let mut assignors = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let assignor = Assignor::by_name(name).ok_or_else(|| {
            let known: Vec<_> = Assignor::ALL.iter().map(|assignor| assignor.name()).collect();
            let known = known.join(", ");
            settings.refuse(NAME, format_args!("`{name}` is none of the assignors {known}"))
        })?;
        let assignor = AssignmentStrategy::Known(assignor);
        if assignors.contains(&assignor) {
            return Err(settings.refuse(NAME, format_args!("`{name}` is in it twice")));
        }
        assignors.push(assignor);
    }
    if assignors.is_empty() {
        return Err(settings.refuse(NAME, "expected at least one assignor"));
    }
    Ok(assignors)
}
