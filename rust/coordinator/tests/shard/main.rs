//! What a shard promises to the members of its groups, one sentence a test, under virtual time.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod bounds;
mod classic_joining;
mod classic_member;
mod classic_sessions;
mod classic_static;
mod consumer_groups;
mod consumer_member;
mod explanations;
mod fencing;
mod groups;
mod heartbeat_epochs;
mod heartbeats;
#[expect(dead_code, reason = "the histories of ring 1 use more of it")]
mod host;
mod large_groups;
mod migration;
mod offset_expiry;
mod offsets;
mod transactional_commits;
