//! Finds connections that hold memory which others wait for, and do not move.
//!
//! A peer that sends most of a frame and pauses, or asks for much and does not read it, holds what
//! the budget has charged for it. Nobody minds as long as there is enough for all. When there is
//! not, whoever holds some has to move a number of bytes in each window of time. A trickle of them
//! is not enough, and neither is an excuse: who waits for memory with memory in hand could hold up
//! everybody else for good.

use tokio::time::Instant;

use crate::limits::{STALL_BYTES_MIN, STALL_WINDOW};

/// One direction of one connection.
#[derive(Debug, Default)]
pub(crate) struct StallWatch {
    /// When the window began, and how many bytes had been moved then.
    window: Option<(Instant, u64)>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Nothing: no memory is held.
    Idle,
    /// Look again at this time.
    Until(Instant),
    /// End the connection.
    Stalled,
}

impl Watched {
    /// What is to be done about two directions.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stalled, _) | (_, Self::Stalled) => Self::Stalled,
            (Self::Until(at), Self::Until(other)) => Self::Until(at.min(other)),
            (Self::Until(at), Self::Idle) | (Self::Idle, Self::Until(at)) => Self::Until(at),
            (Self::Idle, Self::Idle) => Self::Idle,
        }
    }
}

impl StallWatch {
    /// Looks at a direction that has moved so many bytes since the connection began.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        holds_memory: bool,
        bytes_moved: u64,
        is_contended: bool,
    ) -> Watched {
        if !holds_memory {
            self.window = None;
            return Watched::Idle;
        }
        let (since, moved_before) = *self.window.get_or_insert((now, bytes_moved));
        if now < since + STALL_WINDOW {
            return Watched::Until(since + STALL_WINDOW);
        }
        if is_contended && bytes_moved - moved_before < STALL_BYTES_MIN {
            return Watched::Stalled;
        }
        self.window = Some((now, bytes_moved));
        Watched::Until(now + STALL_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Looks at the end of each window at a direction that has moved so much by then.
    fn looks(is_contended: bool, moved: &[u64]) -> Vec<bool> {
        let (mut watch, start) = (StallWatch::default(), Instant::now());
        watch.look(start, true, 0, is_contended);
        let mut looks = Vec::new();
        for (windows, moved) in (1..).zip(moved) {
            let looked = watch.look(start + STALL_WINDOW * windows, true, *moved, is_contended);
            looks.push(looked == Watched::Stalled);
        }
        looks
    }

    #[test]
    fn a_trickle_is_a_stall_when_others_wait_and_a_flow_is_not() {
        assert_eq!(looks(true, &[STALL_BYTES_MIN, 2 * STALL_BYTES_MIN]), [false, false]);
        assert_eq!(looks(true, &[STALL_BYTES_MIN - 1]), [true]);
        assert_eq!(looks(true, &[STALL_BYTES_MIN, 2 * STALL_BYTES_MIN - 1]), [false, true]);
    }

    #[test]
    fn a_stall_that_is_in_nobodys_way_goes_on() {
        assert_eq!(looks(false, &[0, 0, 1]), [false; 3]);
    }

    #[test]
    fn the_window_begins_when_memory_is_held() {
        let (mut watch, start) = (StallWatch::default(), Instant::now());
        assert_eq!(watch.look(start, false, 0, true), Watched::Idle);
        let later = start + Duration::from_hours(1);
        let end = later + STALL_WINDOW;
        assert_eq!(watch.look(later, true, 5, true), Watched::Until(end));
        assert_eq!(watch.look(later + Duration::from_secs(1), true, 5, true), Watched::Until(end));
        assert_eq!(watch.look(end, false, 5, true), Watched::Idle);
        let again = end + STALL_WINDOW;
        assert_eq!(watch.look(end, true, 5, true), Watched::Until(again));
    }
}
