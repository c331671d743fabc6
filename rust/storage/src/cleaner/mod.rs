//! Log compaction: keeps the last record of every key, as Kafka's cleaner does.
//!
//! ```text
//! dirt        which log is the filthiest, and what of it may be cleaned
//! offset_map  the last offset of every key in the dirty part           -.
//! groups      neighbouring segments that become one                     | decisions
//! filter      what stays of each batch                                  |
//! throttle    how fast                                                 -'
//! metrics     what has been done and found, in numbers
//! round       one cleaning of one log, step by step: `mapping` first, then `copying`
//! ```
//!
//! The directory's `Cleaner` machine runs the rounds; the log swaps its segments.

mod batch_reader;
mod config;
mod copying;
mod dirt;
mod filter;
mod groups;
mod mapping;
mod metrics;
mod offset_map;
mod round;
mod throttle;
mod transactions;

pub use config::CleanerConfig;
pub(crate) use dirt::{Dirt, LogFacts, SegmentFacts, filthiest};
pub(crate) use filter::LastOfProducer;
pub(crate) use groups::SegmentSize;
pub use metrics::CleanerMetrics;
pub(crate) use metrics::{CleanerNotes, Cleaning, Look};
pub(crate) use round::{Round, RoundError};
pub(crate) use throttle::Throttle;
