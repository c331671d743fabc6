//! Records that have no partition yet, because their topic's metadata has not come: they are kept
//! in their order until it has, or their time is over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, Instant};
use records::Header;
use thiserror::Error;

use super::accumulator::NewRecord;

/// Why a record has no partition to go to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlacementError {
    /// The topic's metadata did not come in time.
    #[error("topic `{topic}` is not known after {} ms{}", waited.as_millis(), because(*.code))]
    UnknownTopic {
        /// The topic.
        topic: Arc<str>,
        /// How long it was waited for.
        waited: Duration,
        /// What the broker said of it last, if anything.
        code: Option<ErrorCode>,
    },
    /// The topic cannot be written to.
    #[error("topic `{topic}` is refused: {}", code.name())]
    TopicRefused {
        /// The topic.
        topic: Arc<str>,
        /// Kafka's word for the reason.
        code: ErrorCode,
    },
    /// The topic has no such partition.
    #[error("topic `{topic}` has no partition {partition}: it has {partitions}")]
    NoSuchPartition {
        /// The topic.
        topic: Arc<str>,
        /// The partition that was asked for.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
}

impl PlacementError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::UnknownTopic { code, .. } => *code,
            Self::TopicRefused { code, .. } => Some(*code),
            Self::NoSuchPartition { .. } => Some(ErrorCode::UnknownTopicOrPartition),
        }
    }

    /// Whether the same record may be placed later.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::UnknownTopic { .. })
    }
}

fn because(code: Option<ErrorCode>) -> String {
    match code {
        Some(code @ ErrorCode::UnknownTopicOrPartition) => {
            format!(": {}: create it, or check its name", code.name())
        }
        Some(code) => format!(": {}", code.name()),
        None => String::new(),
    }
}

/// A header's key and value.
type OwnedHeader = (Box<[u8]>, Option<Box<[u8]>>);

/// A record with its own copy of its parts. `T` is whatever its owner wants back with it.
#[derive(Clone, Debug)]
pub struct UnplacedRecord<T> {
    /// The partition it is meant for; by its key if `None`.
    pub partition: Option<i32>,
    /// No batch that holds only this record is larger.
    pub batch_bytes_max: usize,
    /// When it was sent.
    pub sent_at: Instant,
    /// What its owner wants back.
    pub payload: T,
    number: u64,
    timestamp_ms: i64,
    key: Option<Box<[u8]>>,
    value: Option<Box<[u8]>>,
    headers: Vec<OwnedHeader>,
}

impl<T> UnplacedRecord<T> {
    /// A copy of `record`.
    pub fn new(
        record: &NewRecord<'_>,
        partition: Option<i32>,
        sent_at: Instant,
        payload: T,
    ) -> Self {
        let header = |header: &Header<'_>| (header.key.into(), header.value.map(Box::from));
        Self {
            partition,
            batch_bytes_max: record.batch_bytes_max(),
            sent_at,
            payload,
            number: 0,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(Box::from),
            value: record.value.map(Box::from),
            headers: record.headers.iter().map(header).collect(),
        }
    }

    /// Its headers, as [`Self::record`] takes them.
    pub fn headers<'a>(&'a self) -> Vec<Header<'a>> {
        let header = |(key, value): &'a OwnedHeader| Header { key, value: value.as_deref() };
        self.headers.iter().map(header).collect()
    }

    /// The record, to be written into a batch.
    pub fn record<'a>(&'a self, headers: &'a [Header<'a>]) -> NewRecord<'a> {
        NewRecord {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
            timestamp_ms: self.timestamp_ms,
        }
    }
}

/// The records that wait, by topic, each topic's in the order in which they were sent.
#[derive(Debug)]
pub struct Unplaced<T> {
    by_topic: BTreeMap<Arc<str>, VecDeque<UnplacedRecord<T>>>,
    bytes: usize,
    bytes_max: usize,
    next_number: u64,
}

impl<T> Unplaced<T> {
    /// Holds records of up to `bytes_max` in all.
    pub fn new(bytes_max: usize) -> Self {
        Self { by_topic: BTreeMap::new(), bytes: 0, bytes_max, next_number: 0 }
    }

    /// Whether a record of this size may be added.
    pub fn has_room(&self, batch_bytes_max: usize) -> bool {
        self.bytes.checked_add(batch_bytes_max).is_some_and(|bytes| bytes <= self.bytes_max)
    }

    /// Adds a record, behind those of its topic.
    pub fn push(&mut self, topic: Arc<str>, mut record: UnplacedRecord<T>) {
        record.number = self.next_number;
        self.next_number += 1;
        self.bytes += record.batch_bytes_max;
        self.by_topic.entry(topic).or_default().push_back(record);
    }

    /// The topics that are waited for.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.by_topic.keys().cloned().collect()
    }

    /// Takes all of a topic's records, in their order.
    pub fn take(&mut self, topic: &str) -> VecDeque<UnplacedRecord<T>> {
        let records = self.by_topic.remove(topic).unwrap_or_default();
        self.bytes -= records.iter().map(|record| record.batch_bytes_max).sum::<usize>();
        records
    }

    /// Takes the records that have waited for `wait_max` or longer.
    pub fn expire(
        &mut self,
        wait_max: Duration,
        now: Instant,
    ) -> Vec<(Arc<str>, UnplacedRecord<T>)> {
        let mut expired = Vec::new();
        self.by_topic.retain(|topic, records| {
            let is_over = |record: &mut UnplacedRecord<T>| record.sent_at + wait_max <= now;
            while let Some(record) = records.pop_front_if(is_over) {
                self.bytes -= record.batch_bytes_max;
                expired.push((topic.clone(), record));
            }
            !records.is_empty()
        });
        expired
    }

    /// When [`Self::expire`] has something to take.
    pub fn expiry(&self, wait_max: Duration) -> Option<Instant> {
        self.fronts().map(|record| record.sent_at + wait_max).min()
    }

    /// The number that the next record will have.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Whether a record waits that was added before the one of this number.
    pub fn has_before(&self, number: u64) -> bool {
        self.fronts().any(|record| record.number < number)
    }

    fn fronts(&self) -> impl Iterator<Item = &UnplacedRecord<T>> {
        self.by_topic.values().filter_map(VecDeque::front)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT_MAX: Duration = Duration::from_mins(1);

    fn record(value: &[u8], sent_at: Instant) -> UnplacedRecord<u32> {
        let record = NewRecord { value: Some(value), ..NewRecord::default() };
        UnplacedRecord::new(&record, None, sent_at, 0)
    }

    fn values(records: impl IntoIterator<Item = UnplacedRecord<u32>>) -> Vec<Vec<u8>> {
        records.into_iter().map(|record| record.value.unwrap().into()).collect()
    }

    #[test]
    fn a_copy_is_the_record() {
        let headers = [Header::new("h", Some(b"1")), Header::new("h", None)];
        let (key, value) = (Some(b"k".as_slice()), None);
        let record = NewRecord { key, value, headers: &headers, timestamp_ms: 7 };
        let copy = UnplacedRecord::new(&record, Some(3), Instant(1), ());
        let headers = copy.headers();
        assert_eq!(format!("{:?}", copy.record(&headers)), format!("{record:?}"));
        assert_eq!((copy.partition, copy.batch_bytes_max), (Some(3), record.batch_bytes_max()));
    }

    #[test]
    fn a_topic_gives_its_records_back_in_their_order_and_leaves_the_others() {
        let mut unplaced = Unplaced::new(usize::MAX);
        for (topic, value) in [("a", b"1"), ("b", b"2"), ("a", b"3")] {
            unplaced.push(topic.into(), record(value, Instant(0)));
        }
        assert_eq!(unplaced.topics(), ["a".into(), "b".into()]);
        assert_eq!(values(unplaced.take("a")), [b"1", b"3"]);
        assert!(unplaced.take("a").is_empty());
        assert_eq!(unplaced.topics(), ["b".into()]);
    }

    #[test]
    fn records_leave_when_their_own_time_is_over() {
        let mut unplaced = Unplaced::new(usize::MAX);
        let second = Instant(0) + Duration::from_secs(1);
        unplaced.push("a".into(), record(b"1", Instant(0)));
        unplaced.push("a".into(), record(b"2", second));
        unplaced.push("b".into(), record(b"3", second));
        assert_eq!(unplaced.expiry(WAIT_MAX), Some(Instant(0) + WAIT_MAX));
        let expired = unplaced.expire(WAIT_MAX, Instant(0) + WAIT_MAX);
        assert_eq!(values(expired.into_iter().map(|(_, record)| record)), [b"1"]);
        assert_eq!(unplaced.expiry(WAIT_MAX), Some(second + WAIT_MAX));
        assert_eq!(unplaced.expire(WAIT_MAX, second + WAIT_MAX).len(), 2);
        assert_eq!(unplaced.expiry(WAIT_MAX), None);
    }

    #[test]
    fn room_is_taken_by_what_waits_and_comes_back_however_it_leaves() {
        let one = record(b"1", Instant(0)).batch_bytes_max;
        let mut unplaced = Unplaced::new(2 * one);
        for topic in ["a", "b"] {
            assert!(unplaced.has_room(one));
            unplaced.push(topic.into(), record(b"1", Instant(0)));
        }
        assert!(!unplaced.has_room(1) && !unplaced.has_room(usize::MAX));
        unplaced.take("a");
        assert!(unplaced.has_room(one) && !unplaced.has_room(one + 1));
        unplaced.expire(WAIT_MAX, Instant(0) + WAIT_MAX);
        assert!(unplaced.has_room(2 * one));
    }

    #[test]
    fn whoever_waits_for_what_was_sent_before_does_not_wait_for_what_comes_after() {
        let mut unplaced = Unplaced::new(usize::MAX);
        unplaced.push("a".into(), record(b"1", Instant(0)));
        let mark = unplaced.next_number();
        unplaced.push("b".into(), record(b"2", Instant(0)));
        assert!(unplaced.has_before(mark));
        unplaced.take("a");
        assert!(!unplaced.has_before(mark));
    }

    #[test]
    fn a_refusal_names_the_topic_and_what_to_do() {
        let unknown = PlacementError::UnknownTopic {
            topic: "t".into(),
            waited: Duration::from_millis(500),
            code: Some(ErrorCode::UnknownTopicOrPartition),
        };
        assert_eq!(
            unknown.to_string(),
            "topic `t` is not known after 500 ms: UNKNOWN_TOPIC_OR_PARTITION: create it, or check \
             its name"
        );
        assert!(unknown.is_retriable());
        let refused = PlacementError::TopicRefused {
            topic: "t".into(),
            code: ErrorCode::InvalidTopicException,
        };
        assert_eq!(refused.to_string(), "topic `t` is refused: INVALID_TOPIC_EXCEPTION");
        assert_eq!(refused.code(), Some(ErrorCode::InvalidTopicException));
        assert!(!refused.is_retriable());
    }
}
