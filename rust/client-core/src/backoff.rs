//! Exponential back-off with jitter, as Kafka's clients wait between attempts (KIP-580).

use std::time::Duration;

use base::Rng;

/// Each wait is this many times the one before it.
const MULTIPLIER: u32 = 2;
/// A wait is longer or shorter than its plan by up to this share of it, so that clients do not come
/// back together.
const JITTER_PERCENT: u32 = 20;
/// Beyond this many doublings every configurable wait has reached its maximum.
const DOUBLINGS_MAX: u32 = 32;

/// How long to wait before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub initial: Duration,
    /// Where waits stop growing.
    pub max: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row; none before the first.
    pub fn wait(&self, failures: u32, rng: &mut dyn Rng) -> Duration {
        if failures == 0 {
            return Duration::ZERO;
        }
        let factor = u64::from(MULTIPLIER).pow((failures - 1).min(DOUBLINGS_MAX));
        let plan_us = u64::try_from(self.initial.as_micros()).unwrap_or(u64::MAX);
        let max_us = u64::try_from(self.max.max(self.initial).as_micros()).unwrap_or(u64::MAX);
        let plan_us = plan_us.saturating_mul(factor).min(max_us);
        let percent = 100 - JITTER_PERCENT + rng.below(2 * JITTER_PERCENT + 1);
        Duration::from_micros((plan_us / 100).saturating_mul(u64::from(percent)))
    }
}

#[cfg(test)]
mod tests {
    use base::SplitMix64;

    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_scatter_around_their_plan() {
        let backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(1) };
        let mut rng = SplitMix64::new(1);
        assert_eq!(backoff.wait(0, &mut rng), Duration::ZERO);
        for (failures, plan_ms) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (99, 1000)] {
            for _ in 0..100 {
                let wait_ms = backoff.wait(failures, &mut rng).as_millis();
                assert!((plan_ms * 80 / 100..=plan_ms * 120 / 100).contains(&wait_ms));
            }
        }
    }

    #[test]
    fn a_wait_without_bounds_does_not_overflow() {
        let backoff = Backoff { initial: Duration::MAX, max: Duration::MAX };
        assert!(backoff.wait(u32::MAX, &mut SplitMix64::new(1)) > Duration::from_secs(1));
    }
}
