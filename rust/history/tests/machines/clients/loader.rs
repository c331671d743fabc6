//! A producer without transactions, which is idempotent all the same: it brings what pipelines
//! take over.

use base::{Instant, Rng};
use client_core::TransportEvent;
use history::RecordValue;

use super::alarm::Alarm;
use super::producer::ProducerClient;
use crate::broker::topics::{INPUT, partitions_of};
use crate::network::Endpoint;
use crate::surroundings::Surroundings;
use crate::weather::up_to_ms;

const PAUSE_MS_MAX: u32 = 300;

#[derive(Debug)]
pub(crate) struct Loader {
    client: ProducerClient,
    next_at: Instant,
    alarm: Alarm,
    count: u32,
    /// It sends no more.
    pub(crate) rests: bool,
}

impl Loader {
    pub(crate) fn new(around: &mut Surroundings) -> Self {
        let client = ProducerClient::new(None, around);
        Self { client, next_at: around.now(), alarm: Alarm::ringing(), count: 0, rests: false }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.client.endpoint
    }

    /// Whether it has to be begun anew.
    pub(crate) fn is_lost(&self) -> bool {
        self.client.has_failed
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rests && self.client.is_settled()
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
        if self.next_at <= now && !self.rests {
            self.next_at = now + up_to_ms(&mut around.rng, PAUSE_MS_MAX);
            let partitions = partitions_of(INPUT);
            let partition = &partitions[around.rng.below(partitions.len() as u32) as usize];
            self.count += 1;
            let value = format!("{}/{}", self.client.process.0, self.count);
            self.client.send(partition, &RecordValue::from(value), around);
        }
        self.client.drive(around);
        let next = (!self.rests).then_some(self.next_at);
        self.alarm.set(self.client.due(now).into_iter().chain(next).min());
    }
}
