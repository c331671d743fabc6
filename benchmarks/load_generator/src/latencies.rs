//! How long each acknowledgement took, all of them, for exact percentiles.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Microseconds hold more than an hour in half of a `Duration`'s space.
    micros: Vec<u32>,
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The least latency that `percent` of all do not exceed (nearest rank); zero without any.
    pub(crate) fn percentile(&mut self, percent: usize) -> Duration {
        let rank = (self.micros.len() * percent).div_ceil(100);
        let Some(index) = rank.checked_sub(1) else { return Duration::ZERO };
        let (_, &mut micros, _) = self.micros.select_nth_unstable(index);
        Duration::from_micros(u64::from(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let mut latencies = Latencies::default();
        (1..=200).rev().for_each(|micros| latencies.record(Duration::from_micros(micros)));
        assert_eq!(latencies.percentile(50), Duration::from_micros(100));
        assert_eq!(latencies.percentile(99), Duration::from_micros(198));
        assert_eq!(latencies.percentile(100), Duration::from_micros(200));
    }

    #[test]
    fn without_a_latency_every_percentile_is_zero() {
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
    }
}
