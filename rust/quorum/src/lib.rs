//! Cluster metadata replicated by Raft: the only crate that knows openraft.
