//! List append: each partition is a list, each transaction appends to some and reads others. All
//! who read a list have read a beginning of the same one (Elle's strongest inference: from the
//! lists alone follows who wrote before whom).

use std::collections::BTreeMap;
use std::fmt;

use base::{Rng, SplitMix64, TopicPartition};

use crate::evidence::Evidence;
use crate::history::History;
use crate::ledger::{Ledger, MalformedHistory};
use crate::operation::{IsolationLevel, OperationId, RecordValue};

/// How many things a transaction does at most.
const STEPS_MAX: u32 = 5;

/// Generates transactions, and compares the lists afterwards.
#[derive(Clone, Debug)]
pub struct ListAppend {
    lists: Vec<TopicPartition>,
    seed: u64,
    rng: SplitMix64,
    next_value: u64,
}

/// Something that a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListStep {
    /// A record is sent.
    Append(TopicPartition, RecordValue),
    /// The partition is polled.
    Read(TopicPartition),
}

/// Two consumers have read a list in two orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivergentLists {
    /// The list.
    pub list: TopicPartition,
    /// Up to which element they agree.
    pub index: usize,
    /// Who reads what there.
    pub one: (OperationId, RecordValue),
    /// And who something else.
    pub other: (OperationId, RecordValue),
}

impl ListAppend {
    /// Transactions over these lists. Generators of other seeds may append to the same ones.
    pub fn new(lists: Vec<TopicPartition>, seed: u64) -> Self {
        assert!(!lists.is_empty(), "there is nothing to append to");
        Self { lists, seed, rng: SplitMix64::new(seed), next_value: 0 }
    }

    /// What the next transaction does, in this order. One that is tried again is another one.
    pub fn transaction(&mut self) -> Vec<ListStep> {
        let steps = 1 + self.rng.below(STEPS_MAX);
        (0..steps).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> ListStep {
        let list = self.lists[self.rng.below(self.lists.len() as u32) as usize].clone();
        if self.rng.below(2) == 0 {
            return ListStep::Read(list);
        }
        let value = format!("{}/{}", self.seed, self.next_value);
        self.next_value += 1;
        ListStep::Append(list, value.into())
    }

    /// Lists that were read in more than one order, by `read_committed` consumers that have read
    /// them from their first offset.
    pub fn check(&self, history: &History) -> Result<Vec<DivergentLists>, MalformedHistory> {
        let evidence = Evidence::gather(Ledger::read(history)?);
        let mut readings: BTreeMap<usize, Vec<Vec<Element>>> = BTreeMap::new();
        for stretch in &evidence.stretches {
            let list = &evidence.ledger.partitions[stretch.partition];
            let is_committed = stretch.isolation == IsolationLevel::ReadCommitted;
            if is_committed && stretch.from == 0 && self.lists.contains(list) {
                let elements = stretch.sightings.iter();
                let elements = elements.map(|at| Element { record: at.record, poll: at.poll });
                readings.entry(stretch.partition).or_default().push(elements.collect());
            }
        }
        let divergent = readings.values().flat_map(|readings| divergent(&evidence, readings));
        Ok(divergent.collect())
    }
}

/// An element of a list, and who has read it there.
#[derive(Clone, Copy)]
struct Element {
    record: usize,
    poll: usize,
}

/// Each reading of a list that is no beginning of the longest one.
fn divergent(evidence: &Evidence, readings: &[Vec<Element>]) -> Vec<DivergentLists> {
    let ledger = &evidence.ledger;
    let Some(longest) = readings.iter().max_by_key(|reading| reading.len()) else {
        return Vec::new();
    };
    let told = |element: Element| {
        (ledger.polls[element.poll].id, ledger.records[element.record].value.clone())
    };
    let divergent = readings.iter().filter_map(|reading| {
        let mut pairs = reading.iter().zip(longest).enumerate();
        let (index, (one, other)) = pairs.find(|(_, (one, other))| one.record != other.record)?;
        let list = ledger.partitions[ledger.records[one.record].partition].clone();
        Some(DivergentLists { list, index, one: told(*one), other: told(*other) })
    });
    divergent.collect()
}

impl fmt::Display for DivergentLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, index, one, other } = self;
        write!(
            f,
            "element {index} of list {list} is {} for {}, but {} for {}",
            one.1, one.0, other.1, other.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Answer, Operation, PartitionPosition, PolledRecord, Process};

    fn list() -> TopicPartition {
        TopicPartition::new("list", 0)
    }

    /// A history in which each of the lists was read by somebody else.
    fn readings(lists: &[&[&str]]) -> History {
        let mut history = History::new();
        for (process, values) in (0..).map(Process).zip(lists) {
            history.position(0, process, vec![PartitionPosition::new(&list(), Some(0))]);
            let isolation = IsolationLevel::ReadCommitted;
            let poll = history.invoke(0, process, Operation::Poll { isolation });
            let records = (0..).zip(*values).map(|(offset, value)| PolledRecord {
                partition: list(),
                offset,
                value: (*value).into(),
            });
            history.ok(0, poll, Answer::Polled { records: records.collect(), positions: vec![] });
        }
        history
    }

    #[test]
    fn the_same_seed_makes_the_same_transactions_and_no_value_twice() {
        let steps = |seed| {
            let mut lists = ListAppend::new(vec![list(), TopicPartition::new("list", 1)], seed);
            (0..100).flat_map(|_| lists.transaction()).collect::<Vec<_>>()
        };
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
        let appended = |step| match step {
            ListStep::Append(_, value) => Some(value),
            ListStep::Read(_) => None,
        };
        let mut values: Vec<_> = steps(7).into_iter().filter_map(appended).collect();
        let count = values.len();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), count);
        assert!(count > 50, "{count}");
    }

    #[test]
    fn beginnings_of_one_list_agree() {
        let lists = ListAppend::new(vec![list()], 1);
        let history = readings(&[&["a", "b"], &[], &["a"], &["a", "b", "c"]]);
        assert_eq!(lists.check(&history), Ok(vec![]));
    }

    #[test]
    fn lists_in_two_orders_are_noticed() {
        let lists = ListAppend::new(vec![list()], 1);
        let history = readings(&[&["a", "c"], &["a", "b", "c"]]);
        let [divergent] = lists.check(&history).unwrap().try_into().unwrap();
        assert_eq!(
            divergent.to_string(),
            "element 1 of list list-0 is \"c\" for 0/0, but \"b\" for 1/0"
        );
    }
}
