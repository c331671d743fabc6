//! Somebody who reads everything, again and again.

use base::{Instant, Rng};
use client_core::TransportEvent;
use history::IsolationLevel;

use super::ConsumerClient;
use super::alarm::Alarm;
use crate::broker::topics::written;
use crate::network::Endpoint;
use crate::surroundings::Surroundings;
use crate::weather::up_to_ms;

/// The group whose offsets are of interest.
pub(crate) const GROUP: &str = "g";
const PAUSE_MS_MAX: u32 = 300;

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) client: ConsumerClient,
    next_at: Instant,
    alarm: Alarm,
}

impl Reader {
    pub(crate) fn new(isolation: IsolationLevel, around: &mut Surroundings) -> Self {
        let process = around.process();
        let client = ConsumerClient::reading(process, isolation, &written(), GROUP, around);
        Self { client, next_at: around.now(), alarm: Alarm::ringing() }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.client.endpoint
    }

    pub(crate) fn hear(&mut self, event: TransportEvent, now: Instant) {
        self.alarm.call();
        self.client.hear(event, now);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.alarm.due()
    }

    pub(crate) fn step(&mut self, around: &mut Surroundings) {
        let now = around.now();
        if !self.alarm.rings(now) {
            return;
        }
        if self.next_at <= now {
            self.next_at = now + up_to_ms(&mut around.rng, PAUSE_MS_MAX);
            let rows = 1 + around.rng.below(30) as usize;
            self.client.poll(rows, around).expect("everything is there to be read");
        }
        self.client.drive(around);
        self.alarm.set(self.client.due(now).into_iter().chain([self.next_at]).min());
    }
}
