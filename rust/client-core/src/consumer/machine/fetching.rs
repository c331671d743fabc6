//! What is fetched from whom, within the prefetch budget, and what becomes of what comes.

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use wire::ApiKey;
use wire::fetch::FetchResponse;

use super::{CROWDED_WAIT, Consumer, ConsumerEvent, FETCH_PATIENCE, Fetch};
use crate::config::OffsetReset;
use crate::connection::SendTerms;
use crate::consumer::assignment::Position;
use crate::consumer::fetch::{self, Helping, Wanted};
use crate::consumer::{ConsumeError, StartAt};
use crate::node::Lane;
use crate::request::{RequestError, RequestId};

impl Consumer {
    pub(super) fn fetch(&mut self, node: NodeId, partitions: &[TopicPartition], now: Instant) {
        let buffered = self.buffered_bytes();
        let reserved: u64 = self.fetches.values().map(|fetch| fetch.reserved_bytes).sum();
        let free = self.config.prefetch_bytes_max.saturating_sub(buffered + reserved);
        let share = (self.config.prefetch_bytes_max / self.assigned.len().max(1) as u64)
            .max(u64::from(self.config.partition_fetch_bytes_max.unsigned_abs()));
        let wanted: Vec<_> = partitions
            .iter()
            .filter(|partition| self.assigned[*partition].buffered_bytes() < share)
            .filter_map(|partition| self.wanted(partition))
            .collect();
        if wanted.is_empty() || (free == 0 && buffered > 0) {
            return; // handing something out makes room
        }
        let urgent = wanted.iter().any(|wanted| self.assigned[&wanted.topic_partition].is_urgent);
        if !self.is_free_to_fetch(node, urgent, now) {
            return;
        }
        if let Err(later) = self.ready_to_fetch(node, now) {
            self.wake.at(later);
            return;
        }
        let crowded = wanted.len() < partitions.len();
        let partition_bytes = u64::from(self.config.partition_fetch_bytes_max.unsigned_abs());
        let reserved_bytes = (partition_bytes * wanted.len() as u64)
            .min(u64::from(self.config.fetch_bytes_max.unsigned_abs()))
            .min(free.max(1));
        let wait = self.config.fetch_wait_max;
        let wait = if crowded { wait.min(CROWDED_WAIT) } else { wait };
        let helping = Helping {
            bytes_max: i32::try_from(reserved_bytes).unwrap_or(i32::MAX),
            wait_max_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
        };
        let version = self.cluster.highest_version(node, Lane::Fetch, ApiKey::Fetch);
        let (request, version_max) = fetch::request(
            &wanted,
            helping,
            &self.config,
            self.cluster.metadata(),
            version.unwrap_or(i16::MAX),
        );
        let timeout = self.config.connection.request_timeout + wait;
        let terms = SendTerms { version_max, answered: true, timeout };
        match self.cluster.send(node, Lane::Fetch, &request, &terms, now) {
            Ok(id) => {
                for partition in &wanted {
                    self.set_in_flight(&partition.topic_partition);
                    self.assigned
                        .get_mut(&partition.topic_partition)
                        .expect("it is assigned")
                        .is_urgent = false;
                }
                self.fetching.insert(node);
                self.fetches.insert(id, Fetch { node, wanted, reserved_bytes, sent: now });
            }
            Err(error) => {
                self.handle_fetch(
                    Fetch { node, wanted, reserved_bytes: 0, sent: now },
                    Err(error),
                    now,
                );
            }
        }
    }

    /// Whether no fetch is under way to the broker. One that may be waiting there for records to
    /// come is given up for a partition that was just assigned, sought or resumed: its turn could
    /// be half a second away. That happens once for each such wish, or a slow network would never
    /// let a fetch through.
    fn is_free_to_fetch(&mut self, node: NodeId, urgent: bool, now: Instant) -> bool {
        if !self.fetching.contains(&node) {
            return true;
        }
        let of_node = |(id, fetch): (&RequestId, &Fetch)| (fetch.node == node).then_some(*id);
        let Some(id) = self.fetches.iter().find_map(of_node).filter(|_| urgent) else {
            return false;
        };
        let patient_until = self.fetches[&id].sent + FETCH_PATIENCE;
        if patient_until > now {
            self.wake.at(patient_until);
            return false;
        }
        self.cluster.abandon(node, Lane::Fetch);
        self.fetching.remove(&node);
        let given_up = self.fetches.remove(&id).map(|fetch| fetch.wanted).unwrap_or_default();
        for wanted in given_up {
            if let Some(assignment) = self.current(&wanted.topic_partition, wanted.generation) {
                assignment.in_flight = false;
            }
        }
        true
    }

    /// The fetch lane takes its versions from the main lane, so that one goes first.
    fn ready_to_fetch(&mut self, node: NodeId, now: Instant) -> Result<(), Instant> {
        self.cluster.make_ready(node, Lane::Main, now)?;
        self.cluster.make_ready(node, Lane::Fetch, now)
    }

    pub(super) fn handle_fetch(
        &mut self,
        fetch: Fetch,
        response: Result<FetchResponse, RequestError>,
        now: Instant,
    ) {
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let code = if error.is_retriable() {
                    ErrorCode::NetworkException
                } else {
                    ErrorCode::UnsupportedVersion
                };
                return self.stumble_all(&fetch.wanted, code, now);
            }
        };
        self.counts.note_fetch(now.since(fetch.sent));
        self.cluster.throttle(fetch.node, response.throttle_time_ms, now);
        let code =
            ErrorCode::from_code(response.error_code).unwrap_or(ErrorCode::UnknownServerError);
        if code != ErrorCode::None {
            return self.stumble_all(&fetch.wanted, code, now);
        }
        for wanted in fetch.wanted {
            self.handle_row(&wanted, &response, now);
        }
    }

    fn handle_row(&mut self, wanted: &Wanted, response: &FetchResponse, now: Instant) {
        let partition = &wanted.topic_partition;
        let row = fetch::find(response, partition, self.cluster.metadata());
        let isolation_level = self.config.isolation_level;
        let Some(assignment) = self.current(partition, wanted.generation) else { return };
        assignment.in_flight = false;
        let Some(row) = row else { return };
        match fetch::code(row) {
            ErrorCode::None if row.diverging_epoch.end_offset >= 0 => {
                self.handle_truncation(partition, row.diverging_epoch.end_offset);
            }
            ErrorCode::None => {
                let brought = fetch::read(row, wanted, assignment.stop_at, isolation_level);
                assignment.failures = 0;
                assignment.high_watermark = Some(row.high_watermark);
                let offset = brought.run.end;
                assignment.position = Position::At { offset, epoch: brought.epoch };
                if let Some((offset, reason)) = brought.corrupt {
                    let topic_partition = partition.clone();
                    let error = ConsumeError::Corrupt { topic_partition, offset, reason };
                    assignment.error = Some(error);
                    self.events.push_back(ConsumerEvent::Ready);
                }
                if !brought.run.is_empty() {
                    let assignment = self.assigned.get_mut(partition).expect("it is assigned");
                    assignment.runs.push_back(brought.run);
                    self.events.push_back(ConsumerEvent::Ready);
                }
            }
            ErrorCode::OffsetOutOfRange => self.handle_out_of_range(wanted),
            code => {
                if let Some((leader, epoch)) = fetch::named_leader(row) {
                    self.cluster.update_leader(partition, leader, epoch);
                }
                self.stumble(partition, code, now);
            }
        }
    }

    /// The position is not in the log: it was deleted meanwhile, or never was.
    pub(super) fn handle_out_of_range(&mut self, wanted: &Wanted) {
        let topic_partition = wanted.topic_partition.clone();
        let reset = self.config.auto_offset_reset;
        let assignment = self.assigned.get_mut(&topic_partition).expect("it is assigned");
        if reset == OffsetReset::None {
            let offset = wanted.offset;
            assignment.error = Some(ConsumeError::OutOfRange { topic_partition, offset });
            self.events.push_back(ConsumerEvent::Ready);
        } else {
            // A bounded read wants what is left, wherever new records are to be read from.
            let bounded = assignment.stop_at.is_some();
            let start = if bounded { StartAt::Earliest } else { StartAt::Reset };
            assignment.position = Position::Lookup(start);
            let from = wanted.offset;
            self.counts.resets += 1;
            assignment.doubts.out_of_range = bounded.then_some(from);
            self.events.push_back(ConsumerEvent::Reset { topic_partition, from });
        }
    }

    /// The log was cut below the position: what was fetched from there on is not in it any more
    /// (KIP-320).
    pub(super) fn handle_truncation(&mut self, partition: &TopicPartition, end_offset: i64) {
        let reset = self.config.auto_offset_reset;
        let assignment = self.assigned.get_mut(partition).expect("it is assigned");
        let from = assignment.next_offset().unwrap_or(end_offset);
        let topic_partition = partition.clone();
        if reset == OffsetReset::None {
            assignment.error = Some(ConsumeError::Truncated { topic_partition, end_offset });
            self.events.push_back(ConsumerEvent::Ready);
        } else {
            self.counts.resets += 1;
            assignment.seek(StartAt::Offset(end_offset));
            self.events.push_back(ConsumerEvent::Reset { topic_partition, from });
        }
    }

    pub(super) fn stumble_all(&mut self, wanted: &[Wanted], code: ErrorCode, now: Instant) {
        for wanted in wanted {
            if let Some(assignment) = self.current(&wanted.topic_partition, wanted.generation) {
                assignment.in_flight = false;
                self.stumble(&wanted.topic_partition, code, now);
            }
        }
    }

    pub(super) fn wanted(&self, partition: &TopicPartition) -> Option<Wanted> {
        let assignment = &self.assigned[partition];
        let Position::At { offset, epoch } = assignment.position else { return None };
        let topic_partition = partition.clone();
        Some(Wanted { topic_partition, offset, epoch, generation: assignment.generation })
    }
}
