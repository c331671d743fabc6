//! Says now and then what happens often: whether it is time for a line in the log, and how many
//! times it has happened since the last one.

use std::time::Duration;

use base::Instant;

/// What has happened since it was last said.
#[derive(Debug, Default)]
pub(crate) struct Occasional {
    said: Option<Instant>,
    times: u64,
}

impl Occasional {
    /// Counts one more time. If nothing was said for `interval`, it is time to say how many there
    /// were.
    pub(crate) fn happened(&mut self, now: Instant, interval: Duration) -> Option<u64> {
        self.times += 1;
        if self.said.is_some_and(|said| now.since(said) < interval) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_said_at_once_and_the_rest_once_an_interval() {
        let interval = Duration::from_secs(10);
        let mut occasional = Occasional::default();
        let mut at = |seconds: u64| {
            occasional.happened(Instant(Duration::from_secs(seconds).as_nanos() as u64), interval)
        };
        assert_eq!(at(5), Some(1));
        assert_eq!((at(5), at(9), at(14)), (None, None, None));
        assert_eq!(at(15), Some(4));
        assert_eq!(at(100), Some(1));
    }
}
