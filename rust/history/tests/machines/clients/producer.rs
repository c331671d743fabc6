//! A producer: the real machine, its open batches, and what the history is told of its records.

use std::collections::BTreeMap;

use base::{Instant, TopicPartition};
use client_core::producer::{
    Accumulator, BatchOutcome, NewRecord, Operation, OperationId, Producer, ProducerInput,
    ProducerOutput, TransactionError,
};
use client_core::{ProducerConfig, TransportEvent};
use history::{Answer, Process, RecordValue};

use crate::network::Endpoint;
use crate::surroundings::Surroundings;

const BATCH_BYTES: usize = 200;

#[derive(Debug)]
pub(crate) struct ProducerClient {
    pub(crate) endpoint: Endpoint,
    pub(crate) process: Process,
    machine: Producer<u64>,
    accumulators: BTreeMap<TopicPartition, Accumulator<u64>>,
    /// The records of each batch that has no result.
    batches: BTreeMap<u64, Vec<history::OperationId>>,
    batch_count: u64,
    operation_count: u64,
    /// What came of operations on transactions, and was not asked for yet.
    results: BTreeMap<OperationId, Result<(), TransactionError>>,
    pub(crate) has_failed: bool,
}

impl ProducerClient {
    pub(crate) fn new(transactional_id: Option<&str>, around: &mut Surroundings) -> Self {
        let mut pairs = vec![
            ("bootstrap.servers", "node0:9092"),
            ("request.timeout.ms", "1000"),
            ("delivery.timeout.ms", "3000"),
            ("socket.connection.setup.timeout.ms", "500"),
            ("linger.ms", "5"),
        ];
        if let Some(id) = transactional_id {
            pairs.extend([("transactional.id", id), ("transaction.timeout.ms", "3000")]);
        }
        let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
        let (endpoint, process) = (around.network.endpoint(), around.process());
        Self {
            endpoint,
            process,
            machine: Producer::new(config, u64::from(process.0)),
            accumulators: BTreeMap::new(),
            batches: BTreeMap::new(),
            batch_count: 0,
            operation_count: 0,
            results: BTreeMap::new(),
            has_failed: false,
        }
    }

    pub(crate) fn send(
        &mut self,
        partition: &TopicPartition,
        value: &RecordValue,
        around: &mut Surroundings,
    ) {
        let sending =
            history::Operation::Send { partition: partition.clone(), value: value.clone() };
        let send = around.invoke(self.process, sending);
        let now = around.now();
        let new = NewRecord { value: Some(value.as_str().as_bytes()), ..NewRecord::default() };
        let accumulator = self.accumulators.entry(partition.clone()).or_default();
        let appended = accumulator.try_append(&new).unwrap().map(|(_, batch)| *batch);
        let batch = appended.unwrap_or_else(|| {
            self.seal(partition, now);
            self.batch_count += 1;
            let accumulator = self.accumulators.entry(partition.clone()).or_default();
            accumulator.open(BATCH_BYTES, now, self.batch_count);
            accumulator.try_append(&new).unwrap().unwrap();
            let topic_partition = partition.clone();
            self.machine.handle(ProducerInput::Opened { topic_partition, created_at: now }, now);
            self.batch_count
        });
        self.batches.entry(batch).or_default().push(send);
    }

    /// Does something with the transaction.
    pub(crate) fn operate(&mut self, operation: Operation, now: Instant) -> OperationId {
        self.operation_count += 1;
        let id = OperationId(self.operation_count);
        self.machine.handle(ProducerInput::Transact(id, operation), now);
        id
    }

    /// What came of it, once that is known.
    pub(crate) fn take_result(&mut self, id: OperationId) -> Option<Result<(), TransactionError>> {
        self.results.remove(&id)
    }

    /// Whether every record has its result.
    pub(crate) fn is_settled(&self) -> bool {
        self.batches.is_empty()
    }

    pub(crate) fn hear(&mut self, event: TransportEvent, now: Instant) {
        self.machine.handle(ProducerInput::Transport(event), now);
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.machine.poll_timeout(now)
    }

    /// Lets the machine decide, and does what it says.
    pub(crate) fn drive(&mut self, around: &mut Surroundings) {
        loop {
            let now = around.now();
            self.machine.drive(now);
            let mut sealed = false;
            while let Some(output) = self.machine.poll_output() {
                match output {
                    ProducerOutput::Transmit(transmit) => {
                        around.network.transmit(self.endpoint, transmit);
                    }
                    ProducerOutput::Seal(partition) => {
                        self.seal(&partition, now);
                        sealed = true;
                    }
                    ProducerOutput::Completed { payload, outcome, .. } => {
                        self.complete(payload, &outcome, around);
                    }
                    ProducerOutput::Transacted(id, result) => {
                        self.results.insert(id, result);
                    }
                    ProducerOutput::Failed(_) => self.has_failed = true,
                    ProducerOutput::Flushed(_)
                    | ProducerOutput::MetadataChanged
                    | ProducerOutput::Down(_)
                    | ProducerOutput::TransactionFailed(_)
                    | ProducerOutput::Up => {}
                }
            }
            if !sealed {
                return;
            }
        }
    }

    fn seal(&mut self, partition: &TopicPartition, now: Instant) {
        let sealed = self.accumulators.get_mut(partition).and_then(Accumulator::seal);
        if let Some(batch) = sealed {
            let topic_partition = partition.clone();
            self.machine.handle(ProducerInput::Sealed { topic_partition, batch }, now);
        }
    }

    /// What was not acknowledged may be there all the same.
    fn complete(&mut self, batch: u64, outcome: &BatchOutcome, around: &mut Surroundings) {
        let sends = self.batches.remove(&batch).expect("a batch has one result");
        for (send, index) in sends.into_iter().zip(0..) {
            match outcome.for_record(index) {
                Ok(offset) => around.ok(send, Answer::Sent { offset }),
                Err(error) => around.unknown(send, error.to_string()),
            }
        }
    }
}
