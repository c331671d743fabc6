//! The log over disks in memory: what is appended is read, whatever happens in between.

mod append;
mod cleaning;
mod crash;
mod fixture;
mod idempotence;
mod model;
mod read;
mod reader;
mod real_disk;
mod recovery;
mod retention;
mod sync;
mod sync_race;
mod transaction_model;
mod transactions;
mod truncate;
