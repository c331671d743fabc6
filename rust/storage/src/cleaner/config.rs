//! What bounds the cleaner: its memory, its speed, and how long it rests.

use std::time::Duration;

/// The keys of the cleaner. Defaults are Kafka's.
#[derive(Clone, Debug, PartialEq)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`
    pub enable: bool,
    /// `log.cleaner.threads`: read when the directory is opened.
    pub threads: usize,
    /// `log.cleaner.dedupe.buffer.size`: the most that the maps of keys of all threads take
    /// together. A map takes no more than the records need that it is made for.
    pub dedupe_buffer_bytes: u64,
    /// `log.cleaner.io.buffer.load.factor`: how full a map gets.
    pub dedupe_buffer_load_factor: f64,
    /// `log.cleaner.io.buffer.size`: for reading and writing, of all threads together.
    pub io_buffer_bytes: usize,
    /// `log.cleaner.io.max.bytes.per.second`: of all threads, read and written.
    pub io_bytes_per_second_max: f64,
    /// `log.cleaner.backoff.ms`: how long a thread rests when there is nothing to clean.
    pub backoff: Duration,
}

impl Default for CleanerConfig {
    fn default() -> Self {
        Self {
            enable: true,
            threads: 1,
            dedupe_buffer_bytes: 128 * 1024 * 1024,
            dedupe_buffer_load_factor: 0.9,
            io_buffer_bytes: 512 * 1024,
            io_bytes_per_second_max: f64::MAX,
            backoff: Duration::from_secs(15),
        }
    }
}

/// A thread's buffer for reading is never smaller than this.
const IO_BUFFER_BYTES_MIN: usize = 4 * 1024;

impl CleanerConfig {
    /// How many cleaners there are.
    pub(crate) fn cleaners(&self) -> usize {
        if self.enable { self.threads } else { 0 }
    }

    /// One thread's share of the memory for keys.
    pub(crate) fn map_bytes(&self) -> u64 {
        self.dedupe_buffer_bytes / self.threads.max(1) as u64
    }

    /// One thread's buffer for reading; that for writing is as large.
    pub(crate) fn buffer_bytes(&self) -> usize {
        (self.io_buffer_bytes / self.threads.max(1) / 2).max(IO_BUFFER_BYTES_MIN)
    }

    /// One thread's share of the speed.
    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.io_bytes_per_second_max / self.threads.max(1) as f64
    }
}
