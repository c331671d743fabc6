//! `ottla broker`: one broker, standalone, until a signal stops it.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use broker::config::{BrokerConfig, Properties};
use broker::{BrokerServer, Environment};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use crate::logging;

/// Async workers: more than the cores of a small machine gain nothing, and a large one has the
/// storage threads besides.
const WORKERS_MAX: usize = 4;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the logs lie (`log.dirs`); made if it is missing.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What to listen on, HOST:PORT (`listeners`); port 0 takes any free one.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// A properties file with Kafka's keys; the options here go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One more setting, KEY=VALUE, before all others; may be given several times.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Least important events to log: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
}

/// Runs a broker, and says how the process should end.
pub(crate) fn run(options: &Options) -> ExitCode {
    logging::start(options.log_level);
    match try_run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(options: &Options) -> Result<(), Box<dyn Error>> {
    let properties = properties(options)?;
    let loaded = BrokerConfig::load(&properties)?;
    if let Some(warning) = fleeting(&properties, &loaded.config.log_dir) {
        tracing::warn!("{warning}");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(WORKERS_MAX))
        .enable_all()
        .build()?;
    runtime.block_on(serve(loaded.config))
}

fn properties(options: &Options) -> Result<Properties, Box<dyn Error>> {
    let mut properties = match &options.config {
        None => Properties::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            Properties::parse(&text)?
        }
    };
    if let Some(directory) = &options.data_dir {
        properties.set("log.dirs", directory.display().to_string());
    }
    if let Some(address) = &options.listen {
        properties.set("listeners", format!("PLAINTEXT://{address}"));
    }
    for pair in &options.overrides {
        let (key, value) = pair
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
            .ok_or_else(|| format!("--override {pair} is not of the form KEY=VALUE"))?;
        properties.set(key, value);
    }
    Ok(properties)
}

/// What to say when nobody has chosen where the data lies: Kafka's default is a directory that many
/// systems empty when they start.
fn fleeting(properties: &Properties, log_dir: &Path) -> Option<String> {
    let is_chosen = ["log.dirs", "log.dir"].iter().any(|key| properties.get(key).is_some());
    (!is_chosen && log_dir.starts_with("/tmp")).then(|| {
        let log_dir = log_dir.display();
        format!("data lies in {log_dir}, which a reboot may empty; name a place with --data-dir")
    })
}

async fn serve(config: BrokerConfig) -> Result<(), Box<dyn Error>> {
    // Before anything can be lost: a signal that arrives while the broker starts stops it in order
    // as well.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let data_directory = config.log_dir.display().to_string();
    let environment = Environment::of_this_machine(&config)?;
    let server = BrokerServer::start(config, environment).await?;
    announce(&server, &data_directory)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// One line on standard output when clients may come, for people and for scripts that wait for it.
fn announce(server: &BrokerServer, data_directory: &str) -> io::Result<()> {
    let addresses: Vec<_> = server.listeners().iter().map(|l| l.endpoint.to_string()).collect();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "ottla broker {} of cluster {} is ready on {}, data in {data_directory}",
        server.node_id(),
        server.cluster_id(),
        addresses.join(", "),
    )?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn read(arguments: &[&str]) -> Result<Properties, String> {
        let line = Line::try_parse_from(["broker"].iter().chain(arguments)).unwrap();
        properties(&line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn an_override_needs_a_key_and_a_value() {
        assert_eq!(read(&["--override", "node.id=3"]).unwrap().get("node.id"), Some("3"));
        for wrong in ["=foo", " =foo", "foo", ""] {
            let error = read(&["--override", wrong]).unwrap_err();
            assert!(error.ends_with("is not of the form KEY=VALUE"), "{error}");
        }
    }

    #[test]
    fn a_place_that_a_reboot_may_empty_is_told_of_unless_it_was_chosen() {
        let warning = |arguments: &[&str]| {
            let properties = read(arguments).unwrap();
            let loaded = BrokerConfig::load(&properties).unwrap();
            fleeting(&properties, &loaded.config.log_dir)
        };
        let warned = warning(&[]).unwrap();
        assert!(warned.contains("/tmp/kafka-logs") && warned.contains("--data-dir"), "{warned}");
        assert_eq!(warning(&["--data-dir", "/tmp/chosen"]), None);
        assert_eq!(warning(&["--override", "log.dir=/tmp/chosen"]), None);
    }
}
