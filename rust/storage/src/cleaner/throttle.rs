//! Keeps the cleaner's reads and writes below `log.cleaner.io.max.bytes.per.second`.

use std::time::Duration;

use base::Instant;

/// The longest rest at once: the limit may be raised meanwhile.
const REST_MAX: Duration = Duration::from_secs(5);

/// From when on something may be read or written again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Throttle {
    free: Instant,
}

impl Throttle {
    /// Notes that so many bytes were moved.
    pub(crate) fn moved(&mut self, bytes: u64, bytes_per_second: f64, now: Instant) {
        let seconds = bytes as f64 / bytes_per_second.max(1.0);
        let rest = Duration::try_from_secs_f64(seconds).unwrap_or(REST_MAX).min(REST_MAX);
        self.free = self.free.max(now) + rest;
    }

    /// Until when to rest, if at all.
    pub(crate) fn rest(self, now: Instant) -> Option<Instant> {
        (self.free > now).then_some(self.free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_time_that_the_limit_gives_them() {
        let second = |n: u64| Instant(n * 1_000_000_000);
        let mut throttle = Throttle::default();
        assert_eq!(throttle.rest(second(1)), None);
        throttle.moved(500, 1000.0, second(10));
        throttle.moved(500, 1000.0, second(10));
        assert_eq!(throttle.rest(second(10)), Some(second(11)));
        assert_eq!(throttle.rest(second(11)), None);
        throttle.moved(1 << 40, f64::MAX, second(20));
        assert_eq!(throttle.rest(second(20)), None);
        throttle.moved(1 << 40, 0.0, second(20));
        assert_eq!(throttle.rest(second(20)), Some(second(25)));
    }
}
