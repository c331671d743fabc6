//! The log on disk: segments, indexes, recovery, retention and the journal, synchronous, over a disk trait.

pub mod disk;
pub mod journal;

pub use disk::{Disk, DiskFile, DiskSpace, FaultyDisk, MemoryDisk, RealDisk};
