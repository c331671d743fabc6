//! What the clients did and saw, in the order in which it happened: what the invariants are held
//! against.

use std::collections::BTreeMap;
use std::fmt;

use history::PolledRecord;

use crate::trace;

/// The name of a record: its value begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordName {
    pub(crate) producer: usize,
    /// Counted by its producer.
    pub(crate) number: u32,
}

/// A record as a consumer was given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenRecord {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// None if its value is not one that was sent.
    pub(crate) name: Option<RecordName>,
    pub(crate) leader_epoch: i32,
    /// Of the idempotent producer; negative without one.
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) sequence: i32,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A producer was given a record.
    Sent { name: RecordName, partition: i32 },
    /// It was told that the record is in the log. A repeat of what the broker does not remember has
    /// no offset.
    Acknowledged { name: RecordName, partition: i32, offset: Option<i64> },
    /// It was told that the record is not, or may not be.
    Failed { name: RecordName, partition: i32, error: String },
    /// The live consumer was given a record, from a fetch that told this high watermark.
    Consumed { record: SeenRecord, high_watermark: i64 },
    /// Somebody began to ask where the logs end.
    EndsAsked,
    /// And was told; `asked` is the index of the event in which it began to.
    EndsTold { asked: usize, ends: BTreeMap<i32, i64> },
    /// Something was broken or mended.
    Fault(String),
}

/// A partition as it is read when everything is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FinalLog {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) records: Vec<SeenRecord>,
}

/// Everything that happened, and what was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    pub(crate) logs: BTreeMap<i32, FinalLog>,
    /// What the clients of transactions did and saw.
    pub(crate) transactions: history::History,
    /// Everything that is committed, as somebody has read it from the first record to the last.
    pub(crate) committed: Vec<PolledRecord>,
}

impl History {
    /// Notes what has just happened; returns its index.
    pub(crate) fn note(&mut self, event: Event) -> usize {
        trace::note(format_args!("{event:?}"));
        self.events.push(event);
        self.events.len() - 1
    }

    /// What is found in a partition at the end.
    pub(crate) fn note_log(&mut self, partition: i32, log: FinalLog) {
        trace::note(format_args!("partition {partition}: {log:?}"));
        self.logs.insert(partition, log);
    }

    /// Every record that was sent, with its partition.
    pub(crate) fn sent(&self) -> BTreeMap<RecordName, i32> {
        let sent = self.events.iter().filter_map(|event| match event {
            Event::Sent { name, partition } => Some((*name, *partition)),
            _ => None,
        });
        sent.collect()
    }

    /// The records of all partitions at the end.
    pub(crate) fn final_records(&self) -> impl Iterator<Item = &SeenRecord> {
        self.logs.values().flat_map(|log| &log.records)
    }
}

impl RecordName {
    /// A value of at least `bytes` bytes that begins with the name.
    pub(crate) fn value(self, bytes: usize) -> Vec<u8> {
        let mut value = format!("{self} ").into_bytes();
        let padding = (value.len()..bytes).map(|index| b'a' + (index % 26) as u8);
        value.extend(padding.collect::<Vec<_>>());
        value
    }

    /// The name that a value begins with; none if the value is not whole.
    pub(crate) fn of_value(value: &[u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let (name, _) = text.split_once(' ')?;
        let (producer, number) = name.split_once('/')?;
        let name = Self { producer: producer.parse().ok()?, number: number.parse().ok()? };
        (name.value(value.len()) == value).then_some(name)
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.producer, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_by_its_name_only_if_it_is_whole() {
        let name = RecordName { producer: 2, number: 17 };
        for bytes in [0, 5, 6, 100] {
            assert_eq!(RecordName::of_value(&name.value(bytes)), Some(name));
        }
        let mut value = name.value(100);
        value[50] ^= 1;
        assert_eq!(RecordName::of_value(&value), None);
        assert_eq!(RecordName::of_value(b""), None);
    }
}
