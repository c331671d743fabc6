//! What clients did and saw, and whether a log that keeps its promises could have shown it.
//!
//! Clients of any kind record into a [`History`]: what they sent, what was acknowledged, what they
//! polled and committed, how their transactions ended, with unknown outcomes kept as unknown.
//! [`check`] holds it against what Kafka promises and answers with a [`Report`] of anomalies. The
//! model is that of Jepsen's Kafka workload and of Elle (Kingsbury, Alvaro: "Elle: Inferring
//! Isolation Anomalies from Experimental Observations", VLDB 2020).
//!
//! Pure: no clock, no chance, no I/O. `docs/design/history.md` says what is seen and what cannot
//! be.

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
