//! Cluster metadata replicated by Raft: the only crate that knows openraft.
//!
//! The rest of the house sees a [`MetadataQuorum`] (propose records, read the image) and, on top of it, a [`Controller`]
//! that runs decisions one after the other without waiting for the disk between two of them.

mod controller;
mod metadata_quorum;

pub use controller::{ChangeError, Controller};
pub use metadata_quorum::{
    BoxFuture, Committed, MetadataQuorum, Proposal, ProposeError, ShutdownError,
};
