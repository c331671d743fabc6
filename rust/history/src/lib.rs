//! What clients did and saw, and whether a log that keeps its promises could have shown it.
//!
//! Clients of any kind record into a [`History`]: what they sent, what was acknowledged, what they
//! polled and committed, how their transactions ended, with unknown outcomes kept as unknown.
//! [`check()`] holds it against what Kafka promises and answers with a [`Report`] of anomalies. The
//! model is that of Jepsen's Kafka workload and of Elle (Kingsbury, Alvaro: "Elle: Inferring
//! Isolation Anomalies from Experimental Observations", VLDB 2020).
//!
//! Pure: no clock, no chance, no I/O. `docs/design/history.md` says what is seen and what cannot
//! be.
//!
//! ```
//! use base::TopicPartition;
//! use history::{Answer, History, IsolationLevel, Operation, PolledRecord, Process, check};
//!
//! let (producer, consumer) = (Process(1), Process(2));
//! let partition = TopicPartition::new("orders", 0);
//! let mut history = History::new();
//! for (offset, value) in [(0, "a"), (1, "b"), (2, "c")] {
//!     let operation = Operation::Send { partition: partition.clone(), value: value.into() };
//!     let send = history.invoke(0, producer, operation);
//!     history.ok(1, send, Answer::Sent { offset: Some(offset) });
//! }
//! let poll = Operation::Poll { isolation: IsolationLevel::ReadCommitted };
//! let poll = history.invoke(2, consumer, poll);
//! let polled = [(0, "a"), (2, "c")].map(|(offset, value)| {
//!     PolledRecord { partition: partition.clone(), offset, value: value.into() }
//! });
//! history.ok(3, poll, Answer::Polled { records: polled.into(), positions: Vec::new() });
//! assert_eq!(
//!     check(&history)?.to_string(),
//!     "lost write: \"b\" in orders-0, sent by 1/1 and promised at offset 1, is gone: 2/0 went \
//!      past its place"
//! );
//! # Ok::<(), history::MalformedHistory>(())
//! ```

mod anomaly;
mod check;
mod checks;
mod evidence;
mod graph;
mod history;
mod ledger;
mod lines;
mod operation;
mod partition_log;
mod partition_name;
mod report;
mod sentence;
mod stretch;
pub mod workload;

pub use anomaly::{
    Absence, Anomaly, AnomalyKind, CommittedOffset, CyclePart, Dependency, NamedRecord, Part,
    Place, Undone,
};
pub use check::{check, check_serializable};
pub use history::{Entry, Event, History};
pub use ledger::MalformedHistory;
pub use lines::UnreadableLine;
pub use operation::{
    Answer, IsolationLevel, Operation, OperationId, PartitionOffset, PartitionPosition,
    PolledRecord, Process, RecordValue,
};
pub use report::Report;
