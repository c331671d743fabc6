//! A whole broker over a disk in memory for tests that look inside, and what it says in the log.

use std::sync::Arc;

use base::{SplitMix64, SystemClock};
use net::{TcpOptions, TcpTransport};
use parking_lot::Mutex;
use storage::Disk;
use tracing::subscriber::DefaultGuard;

use crate::config::{BrokerConfig, Properties};
use crate::{Blocking, BrokerServer, Environment};

/// Starts a broker over `disk`, on any free port of the loopback.
pub(crate) async fn start(disk: impl Disk + 'static) -> BrokerServer {
    let mut properties = Properties::default();
    properties.set("log.dirs", "/data");
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    let config = BrokerConfig::load(&properties).expect("a good configuration").config;
    let environment = Environment {
        transport: TcpTransport { options: TcpOptions::default() },
        disk: Arc::new(disk),
        clock: Arc::new(SystemClock),
        rng: Box::new(SplitMix64::new(1)),
        blocking: Blocking::OnThreads,
    };
    BrokerServer::start(config, environment).await.expect("it starts")
}

/// What this thread's log says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// From now on, until what is given back is dropped. Tasks of a runtime of one thread run on
    /// it.
    pub(crate) fn capture(&self) -> DefaultGuard {
        let writer = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock()).lines().map(str::to_owned).collect()
    }
}

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
