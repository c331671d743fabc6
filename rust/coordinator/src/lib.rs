//! The group coordinator as a pure machine: committed offsets, classic groups, consumer groups
//! (KIP-848) and the assignors. [`transaction`] is the coordinator of transactions, which has a
//! host of the same kind.
//!
//! A [`Shard`] is one partition of `__consumer_offsets`. Its host owns the log, the time and the
//! connections, and keeps five promises:
//!
//! 1. *Load*: make a shard with [`Shard::new`], give it every record of the partition with
//!    [`Shard::replay`], in order, and then call [`Shard::on_loaded`].
//! 2. *Decide, append, replay*: each [`Decision`] of [`Shard::decide`], [`Shard::on_timer`],
//!    [`Shard::on_metadata`] and [`Shard::on_loaded`] is one batch, or part of one. Its records are
//!    appended in one piece, soon, and replayed at once, before the next call; its timers are set.
//!    If its records can be in no batch, nothing of it is used, whoever it would have answered is
//!    refused, and [`Shard::retract`] takes it back, whose answer is a decision like any other. If
//!    the append fails, the shard is dropped with its timers, everybody who waits for a reply is
//!    told `NOT_COORDINATOR`, and a new shard is loaded.
//! 3. *Reply*: a reply leaves once everything that had been appended by then, the decision's own
//!    records included, is below the high watermark. So an answer never shows, and a member never
//!    acts on, what a crash could still take back. A decision without records waits for the
//!    records before it all the same.
//! 4. *Time*: a timer is named by its [`TimerKey`]; to schedule a key again moves it. When it is
//!    due it is taken out and given to [`Shard::on_timer`].
//! 5. *Transactions*: a decision with a `producer` is appended as a batch of that producer's
//!    transaction, and replayed with [`Shard::replay_transactional`]. The log may refuse it, as it
//!    does if the producer is fenced: then nothing of the decision is used, there is nothing to
//!    take back, and only its asker is refused. The marker that ends a transaction is told to
//!    [`Shard::replay_marker`] at its place in the log, be it while that is loaded or as soon as it
//!    is appended.
//!
//! A [`ReplyToken`] is answered exactly once, though perhaps by a later decision: joining and
//! syncing members wait for each other.
//!
//! Requests about several groups (OffsetFetch, DescribeGroups, DeleteGroups,
//! ConsumerGroupDescribe) are split by the host, so that a shard is asked for its own groups only;
//! ListGroups is asked of every shard. Authorization is the host's.
//!
//! What is persisted is changed by replay alone. The classic protocol's joining phase (who waits,
//! for what, until when) is soft state, as in Kafka, and lives outside of it.

mod assignor;
mod classic;
mod config;
mod consumer;
mod decision;
mod explanation;
mod expression;
mod groups;
mod history;
mod now;
mod offsets;
mod pending;
mod rebalance;
mod record;
mod request;
mod retraction;
mod shard;
pub mod transaction;

pub use assignor::{Assignor, Reader};
pub use config::{CoordinatorConfig, GroupConfig, MigrationPolicy};
pub use consumer::Assignment;
pub use decision::{Decision, TimerChange, TimerKey, TransactionalProducer};
pub use explanation::{GroupExplanation, GroupStanding, MemberStanding, RebalanceUnderWay};
pub use now::Now;
pub use rebalance::{Cause, Rebalance};
pub use record::{CoordinatorRecord, RecordDecodeError};
pub use request::{Client, ReplyToken, Request, Response};
pub use shard::{PersistedState, Shard};
