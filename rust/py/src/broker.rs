//! A broker in the Python process.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use ::broker::config::{BrokerConfig, ConfigWarning, Properties};
use ::broker::{BrokerServer, Environment};
use pyo3::types::PyDict;
use pyo3::{Bound, Python, pyclass, pymethods};
use tokio::sync::oneshot;

use crate::broker_metrics::BrokerMetrics;
use crate::error::Error;
use crate::fork::{self, ProcessBound};
use crate::runtime;

/// How many names for a temporary directory are tried.
const TEMPORARY_NAMES_MAX: u32 = 1000;

/// A broker that answers until it is closed.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Broker {
    /// Taken when the broker is closed.
    running: ProcessBound<Mutex<Option<Running>>>,
    #[pyo3(get)]
    host: String,
    #[pyo3(get)]
    port: u16,
    #[pyo3(get)]
    data_dir: OsString,
    #[pyo3(get)]
    is_temporary: bool,
    #[pyo3(get)]
    cluster_id: String,
    #[pyo3(get)]
    node_id: i32,
    #[pyo3(get)]
    warnings: Vec<String>,
}

/// What has to be put back in order.
#[derive(Debug)]
struct Running {
    server: BrokerServer,
    directory: PathBuf,
    temporary: Option<PathBuf>,
}

#[pymethods]
impl Broker {
    /// Starts a broker with these keys and values; without `log.dirs` its data lives as long as it
    /// runs.
    #[new]
    fn start(py: Python<'_>, pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut properties: Properties = pairs.into_iter().collect();
        let temporary = match properties.get("log.dirs").or(properties.get("log.dir")) {
            Some(_) => None,
            None => Some(temporary_directory()?),
        };
        if let Some(directory) = &temporary {
            properties.set("log.dirs", directory.display().to_string());
        }
        let started = start(py, &properties, temporary.clone());
        if let (Err(_), Some(directory)) = (&started, &temporary) {
            remove_directory(directory);
        }
        started
    }

    /// Stops the broker: what it accepted is answered, and everything is made durable. A second
    /// call does nothing.
    fn close(&self, py: Python<'_>) -> Result<(), Error> {
        let Some(running) = self.take()? else { return Ok(()) };
        // Ctrl-C ends the waiting, not the stopping: the interpreter's end waits for that again.
        let (stopped, waiting) = oneshot::channel();
        runtime::finish_later(async move {
            running.shutdown().await;
            let _ = stopped.send(()); // whoever waited may have been interrupted
        })?;
        runtime::wait(py, None, waiting).map(|_| ())
    }

    /// What there is to say about a group, as text.
    fn explain(&self, py: Python<'_>, group: &str) -> Result<String, Error> {
        let explaining = {
            let running = self.running.get()?.lock().map_err(|_| Error::Closed("broker"))?;
            running.as_ref().ok_or(Error::Closed("broker"))?.server.explain_group(group)
        };
        match runtime::wait_for_task(py, explaining)? {
            Ok(explanation) => Ok(explanation.to_string()),
            Err(code) => Err(Error::Explain { group: group.to_owned(), code }),
        }
    }

    /// What it has done so far, in numbers.
    fn metrics<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let metrics = {
            let running = self.running.get()?.lock().map_err(|_| Error::Closed("broker"))?;
            BrokerMetrics::of(&running.as_ref().ok_or(Error::Closed("broker"))?.server)
        };
        Ok(metrics.into_dict(py)?)
    }

    /// Whether it was closed.
    #[getter]
    fn is_closed(&self) -> Result<bool, Error> {
        Ok(self.running.get()?.lock().map_or(true, |running| running.is_none()))
    }
}

impl Broker {
    fn take(&self) -> Result<Option<Running>, Error> {
        let mut running = self.running.get()?.lock().map_err(|_| Error::Closed("broker"))?;
        Ok(running.take())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // In a forked child there is nothing to stop. Without a runtime there is nobody to stop it.
        if let Ok(Some(running)) = self.take() {
            let _ = runtime::finish_later(running.shutdown());
        }
    }
}

impl Running {
    async fn shutdown(self) {
        self.server.shutdown().await;
        fork::disown(&self.directory);
        if let Some(directory) = self.temporary {
            remove_directory(&directory);
        }
    }
}

fn start(
    py: Python<'_>,
    properties: &Properties,
    temporary: Option<PathBuf>,
) -> Result<Broker, Error> {
    let loaded =
        BrokerConfig::load(properties).map_err(|error| Error::Config(error.to_string()))?;
    let mut warnings = Vec::new();
    for warning in loaded.warnings {
        match warning {
            // Kafka ignores such a key in a file. In a program it is a mistake.
            ConfigWarning::Unknown { key, nearest } => {
                return Err(Error::UnknownKey { who: "broker", key, nearest });
            }
            warning => warnings.push(warning.to_string()),
        }
    }
    let config = loaded.config;
    let data_dir = std::path::absolute(&config.log_dir).map_err(start_error)?;
    fork::own(&data_dir);
    let started = Environment::of_this_machine(&config).map_err(start_error);
    let started = started.and_then(|environment| {
        let started = runtime::wait_for_task(py, BrokerServer::start(config, environment))?;
        started.map_err(start_error)
    });
    let server = started.inspect_err(|_| fork::disown(&data_dir))?;
    let endpoint = server.listeners().first().map(|listener| listener.endpoint.clone());
    let (host, port) =
        endpoint.map_or((String::new(), 0), |endpoint| (endpoint.host, endpoint.port));
    Ok(Broker {
        host: reachable(host),
        port,
        is_temporary: temporary.is_some(),
        cluster_id: server.cluster_id(),
        node_id: server.node_id().0,
        warnings,
        data_dir: data_dir.clone().into_os_string(),
        running: ProcessBound::new(Mutex::new(Some(Running {
            server,
            directory: data_dir,
            temporary,
        }))),
    })
}

/// A broker that listens on every address is reached from here on this one.
fn reachable(host: String) -> String {
    match host.as_str() {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        _ => host,
    }
}

fn start_error(error: impl std::error::Error) -> Error {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let reason = error.to_string();
        if !message.contains(&reason) {
            message = format!("{message}: {reason}");
        }
        source = error.source();
    }
    Error::Start(message)
}

/// A new directory that only this user can look into.
fn temporary_directory() -> Result<PathBuf, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..TEMPORARY_NAMES_MAX {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ottla-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(no_directory(&directory, &error)),
        }
    }
    Err(no_directory(&std::env::temp_dir(), &last))
}

fn no_directory(place: &Path, error: &io::Error) -> Error {
    Error::Start(format!(
        "cannot make a temporary directory, {}: {error}; name a data_dir, or another place in \
         TMPDIR",
        place.display()
    ))
}

fn remove_directory(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!(%error, directory = %directory.display(), "a temporary directory stays");
    }
}
