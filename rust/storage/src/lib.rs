//! The log on disk: segments, indexes, recovery, retention and the journal, synchronous, over a disk trait.
