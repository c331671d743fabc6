//! A consumer: the real machine, and what the history is told of its polls and positions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Instant, TopicPartition};
use client_core::consumer::{
    Assign, ConsumeError, Consumer, ConsumerEvent, GroupMetadata, OffsetAndMetadata, Rebalance,
    StartAt, Subscription,
};
use client_core::{ConsumerConfig, TransportEvent};
use history::{
    Answer, IsolationLevel, Operation, OperationId, PartitionOffset, PartitionPosition,
    PolledRecord, Process, RecordValue,
};

use crate::network::Endpoint;
use crate::surroundings::Surroundings;

const ASK_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct ConsumerClient {
    pub(crate) endpoint: Endpoint,
    process: Process,
    isolation: IsolationLevel,
    machine: Consumer,
    /// Where the history knows it to stand.
    told: BTreeMap<TopicPartition, i64>,
    /// A question for the group's offsets.
    asked: Option<OperationId>,
}

impl ConsumerClient {
    fn new(
        process: Process,
        isolation: IsolationLevel,
        more: &[(&str, &str)],
        around: &mut Surroundings,
    ) -> Self {
        let level = match isolation {
            IsolationLevel::ReadCommitted => "read_committed",
            IsolationLevel::ReadUncommitted => "read_uncommitted",
        };
        let mut pairs = vec![
            ("bootstrap.servers", "node0:9092"),
            ("request.timeout.ms", "1000"),
            ("socket.connection.setup.timeout.ms", "500"),
            ("auto.offset.reset", "earliest"),
            ("fetch.max.wait.ms", "300"),
            ("max.partition.fetch.bytes", "1500"),
            ("isolation.level", level),
        ];
        pairs.extend_from_slice(more);
        let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
        let endpoint = around.network.endpoint();
        let machine = Consumer::new(config, u64::from(process.0) << 8);
        Self { endpoint, process, isolation, machine, told: BTreeMap::new(), asked: None }
    }

    /// One that reads these partitions from their beginnings; it may ask for a group's offsets.
    pub(crate) fn reading(
        process: Process,
        isolation: IsolationLevel,
        partitions: &[TopicPartition],
        group: &str,
        around: &mut Surroundings,
    ) -> Self {
        let more = [("group.id", group), ("enable.auto.commit", "false")];
        let mut client = Self::new(process, isolation, &more, around);
        let assign = |partition: &TopicPartition| Assign {
            topic_partition: partition.clone(),
            start: StartAt::Offset(0),
            stop_at: None,
        };
        client.machine.assign(partitions.iter().map(assign).collect());
        around.position(process, partitions, Some(0));
        client
    }

    /// A member of a group.
    pub(crate) fn member(
        process: Process,
        group: &str,
        topic: &str,
        is_new_protocol: bool,
        around: &mut Surroundings,
    ) -> Self {
        let mut more = vec![
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("max.poll.interval.ms", "5000"),
        ];
        more.extend(if is_new_protocol {
            vec![("group.protocol", "consumer")]
        } else {
            vec![("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "500")]
        });
        let mut client = Self::new(process, IsolationLevel::ReadCommitted, &more, around);
        client.machine.subscribe(Subscription::topics([topic])).unwrap();
        client
    }

    /// The program comes back, is told what it is to be told, and is given what there is. `Err` if
    /// it can go on only as somebody else.
    pub(crate) fn poll(
        &mut self,
        rows: usize,
        around: &mut Surroundings,
    ) -> Result<Vec<PolledRecord>, ConsumeError> {
        let now = around.now();
        if self.machine.is_subscribed() {
            self.machine.begin_poll(&[], now)?;
            while let Some(rebalance) = self.machine.rebalance(now) {
                let (Rebalance::Assigned(partitions)
                | Rebalance::Revoked(partitions)
                | Rebalance::Lost(partitions)) = rebalance;
                around.position(self.process, &partitions, None);
                self.told.retain(|partition, _| !partitions.contains(partition));
                self.machine.rebalanced(now)?;
            }
        }
        let taken = self.machine.take(rows)?;
        let mut records = Vec::new();
        for fetched in taken {
            for record in fetched.records() {
                let record = record.unwrap();
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                let partition = fetched.topic_partition.clone();
                let value = RecordValue::from(value);
                records.push(PolledRecord { partition, offset: record.offset.0, value });
            }
        }
        self.machine.end_poll(now);
        self.tell(&records, around);
        Ok(records)
    }

    /// Tells the history what was given, and where the consumer stands.
    fn tell(&mut self, records: &[PolledRecord], around: &mut Surroundings) {
        let standing: Vec<_> = self.machine.assignment().cloned().collect();
        let mut positions = Vec::new();
        for partition in standing {
            let Some(offset) = self.machine.position(&partition) else { continue };
            if self.told.insert(partition.clone(), offset) != Some(offset) {
                positions.push(PartitionOffset::new(&partition, offset));
            }
        }
        if records.is_empty() && positions.is_empty() {
            return;
        }
        let poll = around.invoke(self.process, Operation::Poll { isolation: self.isolation });
        around.ok(poll, Answer::Polled { records: records.to_vec(), positions });
    }

    /// Only these are read on, until [`Self::resume`].
    pub(crate) fn pause_but(&mut self, partition: &TopicPartition) {
        let others = self.machine.assignment().filter(|other| *other != partition);
        let others: Vec<_> = others.cloned().collect();
        self.machine.set_paused(&others, true).unwrap();
    }

    pub(crate) fn resume(&mut self) {
        let paused: Vec<_> = self.machine.paused().cloned().collect();
        self.machine.set_paused(&paused, false).unwrap();
    }

    /// Reads on from `offset`, if the partition is still the same tenant's.
    pub(crate) fn rewind(
        &mut self,
        partition: &TopicPartition,
        tenure: Option<u64>,
        offset: i64,
        around: &mut Surroundings,
    ) {
        if tenure.is_some() && self.machine.tenure(partition) == tenure {
            self.machine.seek(partition, StartAt::Offset(offset)).unwrap();
            self.told.insert(partition.clone(), offset);
            around.position(self.process, std::slice::from_ref(partition), Some(offset));
        }
    }

    pub(crate) fn tenure(&self, partition: &TopicPartition) -> Option<u64> {
        self.machine.tenure(partition)
    }

    pub(crate) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.machine.position(partition)
    }

    pub(crate) fn group_metadata(&self) -> Option<GroupMetadata> {
        self.machine.group_metadata()
    }

    /// Asks how far the group has come; the history is told.
    pub(crate) fn fetch_offsets(
        &mut self,
        group: &str,
        partitions: BTreeSet<TopicPartition>,
        around: &mut Surroundings,
    ) {
        let fetch = Operation::FetchOffsets { group: group.to_owned() };
        self.asked = Some(around.invoke(self.process, fetch));
        self.machine.ask_committed(partitions, ASK_TIMEOUT, around.now()).unwrap();
    }

    /// Whether it waits for the answer to that.
    pub(crate) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    pub(crate) fn hear(&mut self, event: TransportEvent, now: Instant) {
        self.machine.handle_transport(event, now);
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.machine.poll_timeout(now)
    }

    /// Lets the machine decide, and does what it says.
    pub(crate) fn drive(&mut self, around: &mut Surroundings) {
        self.machine.drive(around.now(), 0);
        while let Some(transmit) = self.machine.poll_transmit() {
            around.network.transmit(self.endpoint, transmit);
        }
        while let Some(event) = self.machine.poll_event() {
            match event {
                ConsumerEvent::CommittedOffsets { result, .. } => {
                    let Some(asked) = self.asked.take() else { continue };
                    let position = |(partition, offset): (_, Option<OffsetAndMetadata>)| {
                        PartitionPosition::new(&partition, offset.map(|it| it.offset))
                    };
                    match result {
                        Ok(offsets) => {
                            let offsets = offsets.into_iter().map(position).collect();
                            around.ok(asked, Answer::Fetched { offsets });
                        }
                        Err(error) => around.unknown(asked, error.to_string()),
                    }
                }
                ConsumerEvent::Reset { topic_partition, .. } => {
                    self.told.remove(&topic_partition);
                    around.position(self.process, &[topic_partition], None);
                }
                _ => {}
            }
        }
    }
}
