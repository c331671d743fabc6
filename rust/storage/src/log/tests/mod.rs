//! The log over disks in memory: what is appended is read, whatever happens in between.

mod append;
mod fixture;
mod idempotence;
mod model;
mod read;
mod recovery;
mod retention;
mod sync;
mod truncate;
