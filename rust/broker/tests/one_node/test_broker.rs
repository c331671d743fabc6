//! A broker on a disk in memory, reached over TCP, that can be stopped, crashed and started again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Clock, SplitMix64, SystemClock};
use broker::config::{BrokerConfig, Properties};
use broker::{Blocking, BrokerServer, Environment, StartError};
use net::{TcpOptions, TcpTransport};
use storage::disk::Survivors;
use storage::{Disk, FaultyDisk};

use crate::test_client::TestClient;

/// What a broker is started with, besides its address and its directory.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// Each broker draws other identities, also the next one on the same disk.
static SEED: AtomicU64 = AtomicU64::new(1);

/// A running broker and the disk below it.
pub(crate) struct TestBroker {
    pub(crate) server: BrokerServer,
    pub(crate) disk: FaultyDisk,
}

impl TestBroker {
    /// A broker on an empty disk.
    pub(crate) async fn start(settings: Settings<'_>) -> Self {
        Self::start_on(FaultyDisk::new(), settings).await
    }

    /// A broker on what an earlier one has left.
    pub(crate) async fn start_on(disk: FaultyDisk, settings: Settings<'_>) -> Self {
        let server = start(Arc::new(disk.clone()), settings).await.unwrap();
        Self { server, disk }
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        let endpoint = &self.server.listeners()[0].endpoint;
        SocketAddr::new(endpoint.host.parse().unwrap(), endpoint.port)
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> TestClient {
        TestClient::connect(self.address()).await
    }

    /// Stops it in order.
    pub(crate) async fn stop(self) -> FaultyDisk {
        self.server.shutdown().await;
        self.disk
    }

    /// Cuts the power, and gives the disk as it is found afterwards: with all that was written, as
    /// after `kill -9`.
    pub(crate) async fn kill(self) -> FaultyDisk {
        self.crash(|_| Survivors::all()).await
    }

    /// As [`Self::kill`], but only what was synced is found, as after a power cut.
    pub(crate) async fn cut_power(self) -> FaultyDisk {
        self.crash(Survivors::synced).await
    }

    async fn crash(self, survivors: impl Fn(&FaultyDisk) -> Survivors) -> FaultyDisk {
        self.disk.crash();
        let after = self.disk.after_crash(&survivors(&self.disk));
        // Nothing reaches the disk any more; this only ends the threads.
        self.server.shutdown().await;
        after
    }
}

/// Starts a broker over `disk`, on any free port of the loopback unless `settings` say otherwise.
pub(crate) async fn start(
    disk: Arc<dyn Disk>,
    settings: Settings<'_>,
) -> Result<BrokerServer, StartError> {
    start_at(Arc::new(SystemClock), disk, settings).await
}

/// The same, with a clock of its own.
pub(crate) async fn start_at(
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    settings: Settings<'_>,
) -> Result<BrokerServer, StartError> {
    let mut properties = Properties::default();
    properties.set("log.dirs", "/data");
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    for (key, value) in settings {
        properties.set(*key, *value);
    }
    let config = BrokerConfig::load(&properties).unwrap().config;
    let environment = Environment {
        transport: TcpTransport { options: TcpOptions::default() },
        disk,
        clock,
        rng: Box::new(SplitMix64::new(SEED.fetch_add(1, Ordering::Relaxed))),
        blocking: Blocking::OnThreads,
    };
    BrokerServer::start(config, environment).await
}
