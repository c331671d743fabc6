//! Messages under way, in both directions. There are no connections: any message may overtake any
//! other, which is worse than what a network does.

use std::collections::BTreeMap;
use std::time::Duration;

use base::SplitMix64;
use coordinator::{Client, Request, Response};

use crate::faults::{Faults, delay, happens};

/// Which request of which life of which member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) member: usize,
    pub(crate) life: u32,
    pub(crate) sequence: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Request(Client, Request),
    Response(Response),
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    under_way: BTreeMap<(Duration, u64), (Ticket, Message)>,
    count: u64,
}

impl Network {
    pub(crate) fn send(
        &mut self,
        now: Duration,
        rng: &mut SplitMix64,
        faults: &Faults,
        ticket: Ticket,
        message: &Message,
    ) {
        if happens(rng, faults.lost) {
            return;
        }
        let copies = 1 + usize::from(happens(rng, faults.repeated));
        for _ in 0..copies {
            self.count += 1;
            let due = now + delay(rng, faults);
            self.under_way.insert((due, self.count), (ticket, message.clone()));
        }
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        self.under_way.first_key_value().map(|((due, _), _)| *due)
    }

    pub(crate) fn arrive(&mut self, now: Duration) -> Option<(Ticket, Message)> {
        if self.due()? > now {
            return None;
        }
        self.under_way.pop_first().map(|(_, arrived)| arrived)
    }
}
