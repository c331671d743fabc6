//! The log on disk: segments, indexes, recovery, retention and the journal, synchronous, over a disk trait.

pub mod disk;

pub use disk::{Disk, DiskFile, FaultyDisk, MemoryDisk, RealDisk};
