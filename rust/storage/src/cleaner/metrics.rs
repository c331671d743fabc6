//! What the cleaners of a directory have done and found, in numbers: those of Kafka's
//! `kafka.log:type=LogCleaner` and `LogCleanerManager` under their names, and totals beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;

use super::round::Moved;

/// A snapshot. Totals count from the start of the broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CleanerMetrics {
    /// Cleanings of a log that have come to their end.
    pub cleanings: u64,
    /// Cleanings that were given up: the log had changed or was damaged, the disk was full, or the
    /// directory was being closed.
    pub abandoned_cleanings: u64,
    /// How long cleanings took together, with the rests that
    /// `log.cleaner.io.max.bytes.per.second` asks for.
    pub clean_time: Duration,
    /// What was read: a dirty part twice, once for its keys, and what is clean once.
    pub bytes_read: u64,
    /// What was written: what has stayed.
    pub bytes_written: u64,
    /// What the maps of keys take at the moment; nothing while no log is cleaned.
    pub map_bytes: u64,
    /// The most that the maps of keys have ever taken together.
    pub map_bytes_max: u64,
    /// `max-clean-time-secs`: how long the last cleaning took, of the cleaner whose took longest.
    pub max_clean_time: Duration,
    /// `cleaner-recopy-percent`: what was written of what was read, in the last cleanings of all.
    pub recopy_percent: f64,
    /// `max-buffer-utilization-percent`: how much of its share of `log.cleaner.dedupe.buffer.size`
    /// a cleaner's last cleaning has filled, at the most. A map is full at
    /// `log.cleaner.io.buffer.load.factor`; then a log is cleaned in several goes.
    pub max_buffer_utilization_percent: f64,
    /// `max-dirty-percent`: how dirty the filthiest log was when a cleaner last looked.
    pub max_dirty_percent: f64,
    /// `max-compaction-delay-secs`: how long a log was overdue by `max.compaction.lag.ms` then.
    pub max_compaction_delay: Duration,
    /// `uncleanable-partitions-count`: logs with a damaged batch, which are not cleaned any more.
    pub uncleanable_partitions: usize,
    /// `time-since-last-run-ms`: how long ago a cleaner last looked for a log to clean.
    pub time_since_last_run: Option<Duration>,
}

/// What the cleaners note down, each under its number.
#[derive(Debug, Default)]
pub(crate) struct CleanerNotes {
    totals: Totals,
    cleaners: BTreeMap<usize, Notes>,
    looked: Option<Look>,
}

/// What a look at all logs has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) max_dirty_ratio: f64,
    pub(crate) max_delay: Duration,
}

/// A cleaning that has come to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cleaning {
    pub(crate) took: Duration,
    pub(crate) moved: Moved,
    /// How much of the memory for keys was filled.
    pub(crate) map_utilization: f64,
}

#[derive(Debug, Default)]
struct Totals {
    cleanings: u64,
    abandoned: u64,
    time: Duration,
    moved: Moved,
    map_bytes_max: u64,
}

/// One cleaner's.
#[derive(Debug, Default)]
struct Notes {
    last: Cleaning,
    map_bytes: u64,
}

impl CleanerNotes {
    /// Somebody has looked for a log to clean.
    pub(crate) fn looked(&mut self, look: Look) {
        self.looked = Some(look);
    }

    /// A cleaner has begun, with a map of so many bytes.
    pub(crate) fn began(&mut self, cleaner: usize, map_bytes: u64) {
        self.cleaners.entry(cleaner).or_default().map_bytes = map_bytes;
        self.totals.map_bytes_max = self.totals.map_bytes_max.max(self.map_bytes());
    }

    /// It has come to the end.
    pub(crate) fn ended(&mut self, cleaner: usize, cleaning: Cleaning) {
        self.totals.cleanings += 1;
        self.note(cleaning.took, cleaning.moved);
        self.cleaners.insert(cleaner, Notes { last: cleaning, map_bytes: 0 });
    }

    /// It has given up.
    pub(crate) fn abandoned(&mut self, cleaner: usize, took: Duration, moved: Moved) {
        self.totals.abandoned += 1;
        self.note(took, moved);
        self.cleaners.entry(cleaner).or_default().map_bytes = 0;
    }

    /// All of it, at this time.
    pub(crate) fn read(&self, now: Instant, uncleanable_partitions: usize) -> CleanerMetrics {
        let last = || self.cleaners.values().map(|notes| notes.last);
        let (read, written) = last().fold((0, 0), |(read, written), last| {
            (read + last.moved.read, written + last.moved.written)
        });
        let look = self.looked.unwrap_or_default();
        CleanerMetrics {
            cleanings: self.totals.cleanings,
            abandoned_cleanings: self.totals.abandoned,
            clean_time: self.totals.time,
            bytes_read: self.totals.moved.read,
            bytes_written: self.totals.moved.written,
            map_bytes: self.map_bytes(),
            map_bytes_max: self.totals.map_bytes_max,
            max_clean_time: last().map(|last| last.took).max().unwrap_or_default(),
            recopy_percent: 100.0 * written as f64 / read.max(1) as f64,
            max_buffer_utilization_percent: last()
                .map(|last| 100.0 * last.map_utilization)
                .fold(0.0, f64::max),
            max_dirty_percent: 100.0 * look.max_dirty_ratio,
            max_compaction_delay: look.max_delay,
            uncleanable_partitions,
            time_since_last_run: self.looked.map(|look| now.since(look.at)),
        }
    }

    fn note(&mut self, took: Duration, moved: Moved) {
        self.totals.time += took;
        self.totals.moved.read += moved.read;
        self.totals.moved.written += moved.written;
    }

    fn map_bytes(&self) -> u64 {
        self.cleaners.values().map(|notes| notes.map_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cleaning(seconds: u32, read: u64, written: u64, map_utilization: f64) -> Cleaning {
        Cleaning { took: seconds * SECOND, moved: Moved { read, written }, map_utilization }
    }

    #[test]
    fn totals_add_up_and_what_is_last_is_of_each_cleaner() {
        let mut notes = CleanerNotes::default();
        notes.began(0, 100);
        notes.began(1, 50);
        assert_eq!(notes.read(Instant::default(), 0).map_bytes, 150);
        notes.ended(0, cleaning(9, 1000, 900, 0.9));
        notes.began(0, 20);
        notes.ended(0, cleaning(2, 300, 100, 0.2));
        notes.ended(1, cleaning(4, 100, 100, 0.4));
        let read = notes.read(Instant::default(), 3);
        assert_eq!((read.cleanings, read.clean_time), (3, 15 * SECOND));
        assert_eq!((read.bytes_read, read.bytes_written), (1400, 1100));
        assert_eq!((read.map_bytes, read.map_bytes_max), (0, 150));
        assert_eq!((read.max_clean_time, read.recopy_percent), (4 * SECOND, 50.0));
        assert_eq!((read.max_buffer_utilization_percent, read.uncleanable_partitions), (40.0, 3));
    }

    #[test]
    fn what_is_given_up_is_counted_and_is_no_last_cleaning() {
        let mut notes = CleanerNotes::default();
        notes.began(0, 10);
        notes.ended(0, cleaning(1, 100, 50, 0.5));
        notes.began(0, 10);
        notes.abandoned(0, 7 * SECOND, Moved { read: 10, written: 0 });
        let read = notes.read(Instant::default(), 0);
        assert_eq!((read.cleanings, read.abandoned_cleanings, read.map_bytes), (1, 1, 0));
        assert_eq!((read.clean_time, read.bytes_read), (8 * SECOND, 110));
        assert_eq!((read.max_clean_time, read.recopy_percent), (SECOND, 50.0));
    }

    #[test]
    fn the_last_look_says_how_dirty_logs_are_and_how_long_ago_it_was() {
        let mut notes = CleanerNotes::default();
        assert_eq!(notes.read(Instant::default(), 0), CleanerMetrics::default());
        let at = Instant::default() + SECOND;
        notes.looked(Look { at, max_dirty_ratio: 0.75, max_delay: 3 * SECOND });
        let read = notes.read(at + 5 * SECOND, 0);
        assert_eq!(read.time_since_last_run, Some(5 * SECOND));
        assert_eq!((read.max_dirty_percent, read.max_compaction_delay), (75.0, 3 * SECOND));
    }
}
