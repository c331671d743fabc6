//! A history told line by line.

use base::TopicPartition;

use crate::anomaly::{Anomaly, AnomalyKind};
use crate::history::History;
use crate::operation::IsolationLevel::{ReadCommitted, ReadUncommitted};
use crate::operation::{
    Answer, IsolationLevel, Operation, OperationId, PartitionOffset, PartitionPosition,
    PolledRecord, Process,
};
use crate::{check, check_serializable};

pub(super) const GROUP: &str = "g";

#[derive(Default)]
pub(super) struct Tale {
    history: History,
    now: u64,
}

pub(super) fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

impl Tale {
    /// Records sent and acknowledged at the offsets 0, 1 and so on of partition 0.
    pub(super) fn with_sent(values: &[&str]) -> Self {
        let mut tale = Self::default();
        for (offset, value) in (0..).zip(values) {
            tale.send(1, 0, value, offset);
        }
        tale
    }

    pub(super) fn invoke(&mut self, process: u32, operation: Operation) -> OperationId {
        self.now += 1;
        self.history.invoke(self.now, Process(process), operation)
    }

    pub(super) fn ok(&mut self, id: OperationId, answer: Answer) {
        self.now += 1;
        self.history.ok(self.now, id, answer);
    }

    pub(super) fn done(&mut self, process: u32, operation: Operation) -> OperationId {
        let id = self.invoke(process, operation);
        self.ok(id, Answer::Done);
        id
    }

    fn failed(&mut self, process: u32, operation: Operation) {
        let id = self.invoke(process, operation);
        self.history.failed(self.now, id, "refused");
    }

    fn unknown(&mut self, process: u32, operation: Operation) {
        let id = self.invoke(process, operation);
        self.history.unknown(self.now, id, "timed out");
    }

    pub(super) fn send(&mut self, process: u32, partition: i32, value: &str, offset: i64) {
        self.send_told(process, partition, value, Some(offset));
    }

    pub(super) fn send_told(
        &mut self,
        process: u32,
        partition: i32,
        value: &str,
        offset: Option<i64>,
    ) {
        let id = self.invoke(process, sending(partition, value));
        self.ok(id, Answer::Sent { offset });
    }

    pub(super) fn send_failed(&mut self, process: u32, partition: i32, value: &str) {
        self.failed(process, sending(partition, value));
    }

    pub(super) fn send_unknown(&mut self, process: u32, partition: i32, value: &str) {
        self.unknown(process, sending(partition, value));
    }

    pub(super) fn begin(&mut self, process: u32) -> OperationId {
        self.done(process, Operation::Begin)
    }

    pub(super) fn commit(&mut self, process: u32) {
        self.done(process, Operation::Commit);
    }

    pub(super) fn commit_failed(&mut self, process: u32) {
        self.failed(process, Operation::Commit);
    }

    pub(super) fn commit_unknown(&mut self, process: u32) {
        self.unknown(process, Operation::Commit);
    }

    pub(super) fn abort(&mut self, process: u32) {
        self.done(process, Operation::Abort);
    }

    /// A transaction that sends one record to each of the partitions, and then ends by `end`.
    pub(super) fn transaction(
        &mut self,
        process: u32,
        records: &[(i32, &str, i64)],
        end: fn(&mut Self, u32),
    ) -> OperationId {
        let id = self.begin(process);
        for (partition, value, offset) in records {
            self.send(process, *partition, value, *offset);
        }
        end(self, process);
        id
    }

    /// A poll that gives records of one partition.
    pub(super) fn poll(&mut self, process: u32, partition: i32, records: &[(i64, &str)]) {
        self.poll_as(ReadCommitted, process, partition, records, None);
    }

    pub(super) fn poll_uncommitted(
        &mut self,
        process: u32,
        partition: i32,
        records: &[(i64, &str)],
    ) {
        self.poll_as(ReadUncommitted, process, partition, records, None);
    }

    pub(super) fn poll_to(
        &mut self,
        process: u32,
        partition: i32,
        records: &[(i64, &str)],
        to: i64,
    ) {
        self.poll_as(ReadCommitted, process, partition, records, Some(to));
    }

    pub(super) fn poll_as(
        &mut self,
        isolation: IsolationLevel,
        process: u32,
        partition: i32,
        records: &[(i64, &str)],
        to: Option<i64>,
    ) {
        let id = self.invoke(process, Operation::Poll { isolation });
        let partition = orders(partition);
        let record = |&(offset, value): &(i64, &str)| PolledRecord {
            partition: partition.clone(),
            offset,
            value: value.into(),
        };
        let records = records.iter().map(record).collect();
        let positions = to.iter().map(|to| PartitionOffset::new(&partition, *to)).collect();
        self.ok(id, Answer::Polled { records, positions });
    }

    pub(super) fn position(&mut self, process: u32, partition: i32, offset: Option<i64>) {
        let positions = vec![PartitionPosition::new(&orders(partition), offset)];
        self.history.position(self.now, Process(process), positions);
    }

    pub(super) fn ends(&mut self, ends: &[(i32, i64)]) {
        let id = self.invoke(99, Operation::EndOffsets);
        let ends =
            ends.iter().map(|(partition, end)| PartitionOffset::new(&orders(*partition), *end));
        self.ok(id, Answer::Ends { ends: ends.collect() });
    }

    pub(super) fn commit_offset(&mut self, process: u32, offset: i64) {
        self.done(process, committing(offset));
    }

    pub(super) fn commit_offset_unknown(&mut self, process: u32, offset: i64) {
        self.unknown(process, committing(offset));
    }

    pub(super) fn commit_offset_failed(&mut self, process: u32, offset: i64) {
        self.failed(process, committing(offset));
    }

    pub(super) fn send_offset(&mut self, process: u32, offset: i64) {
        let offsets = vec![PartitionOffset::new(&orders(0), offset)];
        self.done(process, Operation::SendOffsets { group: GROUP.to_owned(), offsets });
    }

    pub(super) fn fetch_offset(&mut self, process: u32, found: Option<i64>) {
        let id = self.invoke(process, Operation::FetchOffsets { group: GROUP.to_owned() });
        let offsets = vec![PartitionPosition::new(&orders(0), found)];
        self.ok(id, Answer::Fetched { offsets });
    }

    pub(super) fn anomalies(&self) -> Vec<Anomaly> {
        check(&self.history).unwrap().anomalies().to_vec()
    }

    /// The one anomaly that there is.
    pub(super) fn anomaly(&self) -> Anomaly {
        let [anomaly] = self.anomalies().try_into().expect("one anomaly");
        anomaly
    }

    /// That one, if it is of this kind and nothing else is wrong.
    pub(super) fn expect(&self, kind: AnomalyKind) -> Anomaly {
        let anomaly = self.anomaly();
        assert_eq!(anomaly.kind(), kind, "{anomaly}");
        anomaly
    }

    pub(super) fn expect_clean(&self) {
        let report = check(&self.history).unwrap();
        assert!(report.is_clean(), "{report}");
    }

    pub(super) fn serializable_anomalies(&self) -> Vec<Anomaly> {
        check_serializable(&self.history).unwrap().anomalies().to_vec()
    }
}

fn sending(partition: i32, value: &str) -> Operation {
    Operation::Send { partition: orders(partition), value: value.into() }
}

fn committing(offset: i64) -> Operation {
    let offsets = vec![PartitionOffset::new(&orders(0), offset)];
    Operation::CommitOffsets { group: GROUP.to_owned(), offsets }
}
