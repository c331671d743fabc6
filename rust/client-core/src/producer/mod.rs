//! The producer: records become batches, batches become requests, and every record has exactly one
//! result.
//!
//! ```text
//!   caller                          machine
//!   ------                          -------
//!   Accumulator::try_append  --->   Opened: the batch lingers
//!      full?                 --->   Sealed: it joins its partition's queue
//!      Accumulator::seal     <---   Seal: its time has come and its broker has room
//!                                   Lineage: sequence numbers, retries in order, epochs
//!                                   one request a broker, at most one batch a partition in it
//!   a result a batch         <---   Completed
//! ```

mod accumulator;
mod batch;
mod identity;
mod lineage;
mod machine;
mod outcome;
mod partitioner;
mod placement;
mod produce;
mod splits;
mod transaction;

pub use accumulator::{Accumulator, NewRecord, SealedBatch};
pub use machine::{Producer, ProducerInput, ProducerOutput};
pub use outcome::{BatchOutcome, DeliveryError, RecordRefusal};
pub use partitioner::StickyPartitioner;
pub use placement::{PlacementError, Unplaced, UnplacedRecord};
pub use transaction::{Operation, OperationId, TransactionError};

/// Names one flush of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlushId(pub u64);
