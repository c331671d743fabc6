//! The transaction coordinator as a pure machine (KIP-98, KIP-360, KIP-588, KIP-890).
//!
//! A [`TransactionShard`] is one partition of `__transaction_state`. Its host keeps the four
//! promises that it keeps to a [`Shard`](crate::Shard) of groups (load; decide, append, replay;
//! reply; time), and three more:
//!
//! 5. *Markers* leave as replies do: once everything that had been appended by then, the decision's
//!    own records included, is below the high watermark. They are written to the partitions that
//!    they name, and what became of each is given to [`TransactionShard::on_markers`], sooner or
//!    later, in one piece or in several, if only that it is not known and that nobody tries any
//!    more: a marker that is still under way after its transaction is complete could end the next
//!    one. The shard asks again for what has failed. What became of the markers of a shard that has
//!    been dropped is dropped too: tokens count from 0 in each.
//! 6. *Producer ids*: a shard has one id at hand that no producer has had. The host supplies it
//!    whenever [`TransactionShard::lacks_producer_id`] says so and it can have one, before it asks
//!    for a decision.
//! 7. *Epochs*: the coordinator epoch of [`TransactionShard::on_loaded`] is the leader epoch of the
//!    shard's partition. Partitions refuse the markers of an earlier one. A shard that is loaded
//!    again in the same epoch is loaded once no markers of the one before are under way.
//!
//! AddPartitionsToTxn of version 4 and above, and DescribeTransactions, may be about several
//! transactional ids; the host splits them, so that a shard is asked for its own only.
//! ListTransactions is asked of every shard. Authorization is the host's.
//!
//! What is persisted (a record a transactional id) is changed by replay alone. Soft state are the
//! markers that are still owed, and the last epoch of each producer, which Kafka does not persist
//! either.

mod add_partitions;
mod config;
mod decision;
mod describe;
mod draft;
mod end_txn;
mod expiry;
mod init_producer_id;
mod markers;
mod metadata;
mod partitions;
mod record;
mod request;
mod retraction;
mod shard;
mod state;
mod version;

pub use config::TransactionConfig;
pub use decision::{TransactionDecision, TransactionTimer};
pub use markers::{Markers, MarkersOutcome, MarkersToken};
pub use metadata::TransactionMetadata;
pub use record::{TransactionRecord, TransactionRecordDecodeError};
pub use request::{TransactionRequest, TransactionResponse};
pub use shard::{TransactionPersistedState, TransactionShard};
