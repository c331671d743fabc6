//! One partition's leader: in-sync replicas, high watermark, epochs and waiters, as a machine
//! without I/O or clock.
//!
//! The shell tells a [`Leader`] what happened (`handle_*`), then drains [`Leader::poll_output`] and
//! does what it says, in order. On one node the in-sync replicas are the leader alone, and the same
//! machine runs: the high watermark is then what the leader has flushed.

pub mod epoch_check;
pub mod follower;
pub mod isr;
pub mod leader;
pub mod required_acks;
mod waiters;

pub use epoch_check::{EpochError, check_leader_epoch};
pub use follower::{FollowerPosition, FollowerProgress};
pub use isr::InSyncReplicas;
pub use leader::{Leader, LeaderStart, Output};
pub use required_acks::RequiredAcks;
pub use waiters::{Until, WaiterId};
