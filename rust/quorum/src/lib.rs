//! Cluster metadata replicated by Raft: the only crate that knows openraft.
//!
//! The rest of the house sees a [`MetadataQuorum`] (propose records, read the image) and, on top of
//! it, a [`Controller`] that runs decisions one after the other without waiting for the disk
//! between two of them.

mod controller;
mod entry_batch;
mod log_files;
mod log_store;
mod log_writer;
mod metadata_quorum;
mod network;
mod node;
mod quorum_state;
mod raft_types;
mod snapshot_file;
mod state_machine;

pub use controller::{ChangeError, Controller};
pub use log_files::OpenError;
pub use log_writer::WriterPlace;
pub use metadata_quorum::{
    BoxFuture, Committed, MetadataQuorum, Proposal, ProposeError, ShutdownError,
};
pub use node::{METADATA_DIRECTORY, Node, NodeOptions, StartError};

#[cfg(test)]
mod tests;
