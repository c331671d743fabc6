//! What the leader knows of one follower: how far it has fetched and flushed, and when it was last
//! level with the leader.

use base::{Instant, Offset};

/// Where a follower says it stands when it fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerPosition {
    /// The offset it asks for, which is the end of its log.
    pub log_end: Offset,
    /// What it has flushed. A follower that keeps a topic in the page cache reports its log end.
    pub flushed: Offset,
}

/// A follower as the leader sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowerProgress {
    position: Option<FollowerPosition>,
    caught_up_at: Option<Instant>,
    previous_fetch: Option<PreviousFetch>,
}

/// The leader's end at the follower's last fetch: what that fetch asked for reached this far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PreviousFetch {
    at: Instant,
    leader_log_end: Offset,
}

impl FollowerProgress {
    /// Takes in a fetch. A position behind the last one is believed too: the follower may have lost
    /// its disk.
    pub fn handle_fetch(
        &mut self,
        now: Instant,
        position: FollowerPosition,
        leader_log_end: Offset,
    ) {
        // A follower that now asks for what was the leader's end when it asked before was level at
        // that earlier time, even if the leader has moved on since: this is what keeps it in sync
        // under steady load.
        if position.log_end >= leader_log_end {
            self.caught_up_at = Some(now);
        } else if let Some(previous) = self.previous_fetch
            && position.log_end >= previous.leader_log_end
        {
            self.caught_up_at = Some(previous.at);
        }
        self.previous_fetch = Some(PreviousFetch { at: now, leader_log_end });
        self.position = Some(position);
    }

    /// Where it stands, once it has fetched under the current epoch.
    pub fn position(&self) -> Option<FollowerPosition> {
        self.position
    }

    /// When it was last level with the leader; `replica.lag.time.max.ms` counts from here.
    pub fn caught_up_at(&self) -> Option<Instant> {
        self.caught_up_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(log_end: i64) -> FollowerPosition {
        FollowerPosition { log_end: Offset(log_end), flushed: Offset(log_end) }
    }

    #[test]
    fn a_follower_that_asks_for_the_leaders_end_is_level_now() {
        let mut follower = FollowerProgress::default();
        assert_eq!((follower.position(), follower.caught_up_at()), (None, None));
        follower.handle_fetch(Instant(7), at(10), Offset(10));
        assert_eq!(follower.position(), Some(at(10)));
        assert_eq!(follower.caught_up_at(), Some(Instant(7)));
    }

    #[test]
    fn a_follower_that_trails_one_fetch_behind_a_growing_leader_was_level_at_that_fetch() {
        let mut follower = FollowerProgress::default();
        follower.handle_fetch(Instant(1), at(0), Offset(10));
        assert_eq!(follower.caught_up_at(), None);
        follower.handle_fetch(Instant(2), at(10), Offset(20));
        assert_eq!(follower.caught_up_at(), Some(Instant(1)));
        follower.handle_fetch(Instant(3), at(15), Offset(30));
        assert_eq!(follower.caught_up_at(), Some(Instant(1)), "15 is short of the 20 of time 2");
    }
}
