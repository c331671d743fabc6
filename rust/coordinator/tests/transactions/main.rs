//! What a shard promises to producers and to partitions, one sentence a test, under virtual time.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod bounds;
mod described;
mod ends;
mod epochs;
mod expiry;
#[path = "../shard/host.rs"]
#[expect(dead_code, reason = "only the metadata of topics is of use here")]
mod group_host;
#[expect(dead_code, reason = "the histories of ring 1 use more of it")]
mod host;
mod markers;
mod partitions;
mod producers;
mod reload;
mod requests;
