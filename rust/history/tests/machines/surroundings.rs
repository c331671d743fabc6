//! What every client has around it: the network, the history that it writes, and chance.

use base::{Instant, SplitMix64, TopicPartition};
use history::{Answer, History, Operation, OperationId, PartitionPosition, Process};

use crate::network::Network;

#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) network: Network,
    pub(crate) history: History,
    pub(crate) rng: SplitMix64,
    processes: u32,
}

impl Surroundings {
    pub(crate) fn new(network: Network, seed: u64) -> Self {
        let (history, rng) = (History::new(), SplitMix64::new(seed));
        Self { network, history, rng, processes: 0 }
    }

    pub(crate) fn now(&self) -> Instant {
        self.network.now
    }

    /// A client that nobody was before.
    pub(crate) fn process(&mut self) -> Process {
        self.processes += 1;
        Process(self.processes)
    }

    pub(crate) fn invoke(&mut self, process: Process, operation: Operation) -> OperationId {
        self.history.invoke(self.at_us(), process, operation)
    }

    pub(crate) fn ok(&mut self, operation: OperationId, answer: Answer) {
        self.history.ok(self.at_us(), operation, answer);
    }

    pub(crate) fn failed(&mut self, operation: OperationId, reason: String) {
        self.history.failed(self.at_us(), operation, reason);
    }

    pub(crate) fn unknown(&mut self, operation: OperationId, reason: String) {
        self.history.unknown(self.at_us(), operation, reason);
    }

    pub(crate) fn position(
        &mut self,
        process: Process,
        partitions: &[TopicPartition],
        offset: Option<i64>,
    ) {
        let positions = partitions.iter().map(|name| PartitionPosition::new(name, offset));
        self.history.position(self.at_us(), process, positions.collect());
    }

    fn at_us(&self) -> u64 {
        self.network.now.0 / 1_000
    }
}
