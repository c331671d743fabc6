//! The log on disk: segments, indexes, recovery, retention and the journal, synchronous, over a
//! disk trait.

pub mod checkpoint_file;
mod cleaner;
pub mod directory;
pub mod disk;
pub mod epoch_cache;
pub mod journal;
pub mod log;
pub mod producer_state;
mod segment;

pub use cleaner::{CleanerConfig, CleanerMetrics};
pub use directory::{
    AppendRequest, DirectoryConfig, DirectoryError, DirectoryMachines, DirectoryThreads, Identity,
    KnownPartition, KnownTopics, LastShutdown, LockDirectoryError, LockedDirectory, LogDirectory,
    OpenDirectoryError, Progress, RecoveryReport, RefusedReason,
};
pub use disk::{Disk, DiskFile, DiskSpace, FaultyDisk, MemoryDisk, RealDisk};
pub use epoch_cache::{EpochEndOffset, LeaderEpochCache};
pub use log::{
    AppendError, AppendTerms, Appended, CommittedRead, ConfigureError, DeleteRecordsError,
    Durability, FoundRecord, Log, LogCheckpoints, LogConfig, LogListener, LogOffsets, LogOpenError,
    LogOpening, LogRecovery, LogSlice, NoListener, ReadError, ReadRange, Unavailable,
};
pub use producer_state::{
    AbortedTransaction, ProducerEntry, ProducerError, VerificationGuard, VerificationStart,
};
