//! Messages under way, in both directions. Without order any message may overtake any other, which
//! is worse than what a network does; with it, those of one member come as they were sent, as on a
//! connection. (A heartbeat of KIP-848 tells what a member holds, so that order is part of its
//! meaning.)

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
    keeps_order: bool,
    /// When the last message of each member, in each direction, arrives.
    last: BTreeMap<(usize, bool), Duration>,
}

impl Network {
    pub(crate) fn new(keeps_order: bool) -> Self {
        Self { keeps_order, ..Self::default() }
    }

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
            let mut due = now + delay(rng, faults);
            if self.keeps_order {
                let is_request = matches!(message, Message::Request(..));
                let last = self.last.entry((ticket.member, is_request)).or_default();
                due = due.max(*last);
                *last = due;
            }
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
