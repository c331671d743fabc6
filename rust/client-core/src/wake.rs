//! The earliest of several moments at which a machine has something to do.

use base::Instant;

/// When to wake, if at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wake(Option<Instant>);

impl Wake {
    /// Wakes at `moment`, or earlier.
    pub(crate) fn at(&mut self, moment: Instant) {
        self.0 = Some(self.0.map_or(moment, |known| known.min(moment)));
    }

    /// Wakes at the earlier of this and `other`, if there is any.
    pub(crate) fn or(self, other: Option<Instant>) -> Option<Instant> {
        [self.0, other].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_moment_counts() {
        let mut wake = Wake::default();
        assert_eq!(wake.or(None), None);
        wake.at(Instant(5));
        wake.at(Instant(7));
        assert_eq!(wake.or(None), Some(Instant(5)));
        assert_eq!(wake.or(Some(Instant(3))), Some(Instant(3)));
    }
}
