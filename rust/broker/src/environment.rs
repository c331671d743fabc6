//! What a broker stands on: network, disk, time and chance, of this machine or of a simulation.

use std::io;
use std::sync::Arc;

use base::{Clock, Rng, SplitMix64, SystemClock};
use net::TcpTransport;
use storage::{Disk, RealDisk};

use crate::blocking::Blocking;
use crate::config::BrokerConfig;

/// Everything that a simulation replaces.
#[derive(Debug)]
pub struct Environment<T> {
    /// The network.
    pub transport: T,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance: identities are drawn from it.
    pub rng: Box<dyn Rng>,
    /// Where work runs that may wait for the disk.
    pub blocking: Blocking,
}

impl Environment<TcpTransport> {
    /// TCP, files, the system's clocks, and chance seeded by the system.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn of_this_machine(config: &BrokerConfig) -> io::Result<Self> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            transport: TcpTransport { options: config.tcp_options() },
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            rng: Box::new(SplitMix64::new(u64::from_ne_bytes(seed))),
            blocking: Blocking::OnThreads,
        })
    }
}
