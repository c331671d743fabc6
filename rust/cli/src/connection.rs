//! How a command reaches its cluster: the options that all clients share.

use std::path::PathBuf;

use broker::config::Properties;
use clap::Args;
use client::{Admin, AdminConfig, KEYS, Owners, Warning};
use tokio::runtime::Handle;

use crate::failure::Failure;

/// Where a line that names no broker finds one.
const DEFAULT_SERVER: &str = "localhost:9092";
const SERVER_VARIABLE: &str = "OTTLA_BOOTSTRAP_SERVER";
const SERVERS: &str = "bootstrap.servers";

/// Options of every command that talks to a cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionOptions {
    /// Brokers to ask first; otherwise `bootstrap.servers` of the file, otherwise
    /// `OTTLA_BOOTSTRAP_SERVER` of the environment, otherwise localhost:9092.
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT...]")]
    bootstrap_server: Option<String>,
    /// A properties file with Kafka's keys for clients; those of other clients are left out.
    #[arg(
        long,
        value_name = "FILE",
        aliases = ["consumer.config", "producer.config", "consumer-config", "producer-config"]
    )]
    command_config: Option<PathBuf>,
    /// One more key of the client, before the file's; may be given several times.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_parser = key_value,
        aliases = ["consumer-property", "producer-property"]
    )]
    command_property: Vec<(String, String)>,
}

impl ConnectionOptions {
    /// Kafka's keys and values for the client `owner`, the later of two for the same key counting.
    pub(crate) fn pairs(&self, owner: Owners) -> Result<Vec<(String, String)>, Failure> {
        self.pairs_in(owner, std::env::var(SERVER_VARIABLE).ok())
    }

    /// An admin client.
    pub(crate) async fn admin(&self) -> Result<Admin, Failure> {
        self.admin_with(None).await
    }

    /// The same, with one more key, which goes before all others.
    pub(crate) async fn admin_with(&self, more: Option<(&str, String)>) -> Result<Admin, Failure> {
        let mut pairs = self.pairs(Owners::ADMIN)?;
        pairs.extend(more.map(|(key, value)| (key.to_owned(), value)));
        let read = AdminConfig::from_pairs(pairs);
        let (config, warnings) = read.map_err(Failure::new)?;
        warn(&warnings);
        Admin::connect(config, &Handle::current()).await.map_err(unreachable)
    }

    fn pairs_in(
        &self,
        owner: Owners,
        variable: Option<String>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let server = variable.filter(|servers| !servers.trim().is_empty());
        let server = server.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let mut pairs =
            vec![(SERVERS.to_owned(), server), ("client.id".to_owned(), "ottla".to_owned())];
        if let Some(file) = &self.command_config {
            let refuse = |error: String| {
                Failure::new(format_args!("cannot read {}: {error}", file.display()))
            };
            let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
            let properties = Properties::parse(&text).map_err(|error| refuse(error.to_string()))?;
            let meant = properties.iter().filter(|(key, _)| concerns(owner, key));
            pairs.extend(meant.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        pairs.extend(self.command_property.iter().cloned());
        if let Some(servers) = &self.bootstrap_server {
            pairs.push((SERVERS.to_owned(), servers.clone()));
        }
        Ok(pairs)
    }
}

/// The failure to reach any broker; every client has the same.
pub(crate) fn unreachable(error: client::ConnectError) -> Failure {
    Failure::new(error).hint("does it run there? name another with --bootstrap-server")
}

/// Tells of keys that were taken and change nothing.
pub(crate) fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{}: {}", warning.key, warning.reason);
    }
}

/// `KEY=VALUE`; the value may hold more of them, or be empty.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// One file serves all commands: a key that only other clients have is none of this one's business.
/// One that nobody knows is, and is refused with the nearest name.
fn concerns(owner: Owners, name: &str) -> bool {
    let mut owners = KEYS.iter().filter(|key| key.name == name).map(|key| key.owners).peekable();
    owners.peek().is_none() || owners.any(|owners| owners.contains(owner))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        connection: ConnectionOptions,
    }

    fn pairs(arguments: &[&str], variable: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
        let line = Line::try_parse_from(["x"].iter().chain(arguments)).unwrap();
        line.connection.pairs_in(Owners::ADMIN, variable.map(str::to_owned))
    }

    fn last(pairs: &[(String, String)], key: &str) -> Option<String> {
        pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    #[test]
    fn the_option_goes_before_the_file_and_that_before_the_variable() {
        let file =
            std::env::temp_dir().join(format!("ottla-cli-{}.properties", std::process::id()));
        std::fs::write(&file, "bootstrap.servers=file:1\nlinger.ms=5\nretries=3\n").unwrap();
        let config = file.to_str().unwrap();
        let server = |arguments: &[&str], variable| {
            last(&pairs(arguments, variable).unwrap(), "bootstrap.servers").unwrap()
        };
        let all = ["--command-config", config, "--bootstrap-server", "option:1"];
        assert_eq!(server(&all, Some("variable:1")), "option:1");
        assert_eq!(server(&all[..2], Some("variable:1")), "file:1");
        assert_eq!(server(&[], Some("variable:1")), "variable:1");
        assert_eq!(server(&[], Some("")), "localhost:9092");
        assert_eq!(server(&[], None), "localhost:9092");

        let read = pairs(&all[..2], None).unwrap();
        assert_eq!(last(&read, "retries").as_deref(), Some("3"));
        assert_eq!(last(&read, "linger.ms"), None, "the producer's is left out");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_key_of_the_line_is_never_left_out() {
        let read = pairs(&["--command-property", "linger.ms=5"], None).unwrap();
        let refused = AdminConfig::from_pairs(read).unwrap_err().to_string();
        assert!(refused.contains("linger.ms"), "{refused}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let failure = pairs(&["--command-config", "/nowhere/at.all"], None).unwrap_err();
        assert!(failure.lines()[0].starts_with("cannot read /nowhere/at.all: "), "{failure:?}");
    }

    #[test]
    fn a_pair_has_a_key_and_any_value() {
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(key_value("a="), Ok(("a".into(), String::new())));
        assert!(key_value("a").is_err() && key_value("=b").is_err());
    }
}
