//! Histograms that hold nothing, in place of openraft's, which nobody could read here.
//!
//! openraft counts the sizes of its batches. Only `Raft::runtime_stats` tells them, which exists
//! under its feature `runtime-stats`, which is off. Yet the first histogram that the published
//! crate makes fills tables for all of its 16 scales, of which openraft uses one: 25 MiB, and 17 of
//! the 46 ms that a broker took to start.
//!
//! Nobody can rely on these by mistake: with the feature on, openraft asks for more than there is
//! here and does not compile. When a release makes its tables one by one, this crate can go.

use std::fmt;
use std::marker::PhantomData;

/// Holds nothing. `T` is what the published crate keeps with a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram<T = ()>(PhantomData<T>);

/// What an empty histogram tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many values were counted.
    pub samples: u64,
    /// Half of the values are no larger.
    pub p50: u64,
    /// So are 90 of 100,
    pub p90: u64,
    /// 99 of 100,
    pub p99: u64,
    /// and 999 of 1,000.
    pub p99_9: u64,
}

/// A drawing of no histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsciiChart;

impl<T> Histogram<T> {
    /// An empty histogram, which it stays.
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// Forgets a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Forgets a value that occurred so many times.
    pub fn record_n(&mut self, _value: u64, _count: u64) {}

    /// No samples.
    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats::default()
    }
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not counted")
    }
}

impl AsciiChart {
    /// An empty drawing, which it stays.
    pub fn new() -> Self {
        Self
    }

    /// The drawing without the histogram, too.
    #[must_use]
    pub fn add(self, _name: &str, _histogram: Histogram) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_takes_no_memory_and_says_that_it_counts_nothing() {
        let mut histogram: Histogram = Histogram::new();
        histogram.record(1);
        assert_eq!(size_of_val(&histogram), 0);
        assert_eq!(histogram.percentile_stats().samples, 0);
        assert_eq!(histogram.percentile_stats().to_string(), "not counted");
    }
}
