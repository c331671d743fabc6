//! Our clients against our own broker, in this process: one on a fresh directory for each test.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod suite;

use broker::config::{BrokerConfig, Properties};
use broker::{BrokerServer, Environment};
use tokio::runtime::Runtime;

/// A broker that lives as long as this.
struct OwnBroker {
    bootstrap: String,
    server: Option<BrokerServer>,
    runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl OwnBroker {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut properties = Properties::default();
        properties.set("log.dirs", directory.path().display().to_string());
        properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
        let config = BrokerConfig::load(&properties).unwrap().config;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let environment = Environment::of_this_machine(&config).unwrap();
        let server = runtime.block_on(BrokerServer::start(config, environment)).unwrap();
        let bootstrap = server.listeners()[0].endpoint.to_string();
        Self { bootstrap, server: Some(server), runtime, _directory: directory }
    }
}

impl std::ops::Deref for OwnBroker {
    type Target = str;

    fn deref(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

suite::on_a_broker!(OwnBroker::start());
