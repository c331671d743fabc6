//! From "the start", "the end" or a time to an offset, for partitions that have no position.

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, TopicPartition};
use wire::list_offsets::ListOffsetsResponse;

use super::{Consumer, ConsumerEvent};
use crate::config::OffsetReset;
use crate::connection::SendTerms;
use crate::consumer::assignment::Position;
use crate::consumer::lookup::{self, EARLIEST_TIMESTAMP, Found, LATEST_TIMESTAMP};
use crate::consumer::{ConsumeError, StartAt};
use crate::node::Lane;
use crate::request::RequestError;

impl Consumer {
    pub(super) fn look_up(
        &mut self,
        node: NodeId,
        partitions: &[TopicPartition],
        now: Instant,
        unix_ms: i64,
    ) {
        if let Err(later) = self.cluster.make_ready(node, Lane::Main, now) {
            self.wake.at(later);
            return;
        }
        let reset = self.config.auto_offset_reset;
        let mut wanted = Vec::new();
        for partition in partitions {
            let assignment = self.assigned.get_mut(partition).expect("it was just listed");
            let Position::Lookup(start) = assignment.position else { continue };
            if let Some(timestamp) = timestamp(start, reset, unix_ms) {
                wanted.push((partition, timestamp));
            } else {
                assignment.error = Some(ConsumeError::NoPosition(partition.clone()));
                self.events.push_back(ConsumerEvent::Ready);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let timeout = self.config.connection.request_timeout;
        let request = lookup::request_offsets(
            wanted.iter().copied(),
            self.config.isolation_level,
            self.cluster.metadata(),
            i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        );
        let asked: Vec<_> = wanted
            .iter()
            .map(|(partition, _)| ((*partition).clone(), self.assigned[*partition].generation))
            .collect();
        let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match self.cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) => {
                for (partition, _) in &asked {
                    self.set_in_flight(partition);
                }
                self.lookups.insert(id, asked);
            }
            Err(error) => self.handle_lookups(asked, &Err(error), now),
        }
    }

    pub(super) fn handle_lookups(
        &mut self,
        asked: Vec<(TopicPartition, u64)>,
        response: &Result<ListOffsetsResponse, RequestError>,
        now: Instant,
    ) {
        for (partition, generation) in asked {
            let found = match response {
                Ok(response) => lookup::read_offset(response, &partition),
                Err(error) if error.is_retriable() => Err(ErrorCode::NetworkException),
                Err(_) => Err(ErrorCode::UnsupportedVersion),
            };
            let Some(assignment) = self.current(&partition, generation) else { continue };
            assignment.in_flight = false;
            match found {
                Ok(Found { offset: Some(offset), .. }) => {
                    let lost_at = assignment.doubts.out_of_range.take();
                    if lost_at.is_some_and(|lost_at| offset < lost_at) {
                        // Not the start of the log has moved beyond the position, but its end
                        // before it.
                        self.lose_end(&partition);
                        continue;
                    }
                    // The epoch found is that of the record at the offset, not of the one before
                    // it.
                    assignment.position = Position::At { offset, epoch: LeaderEpoch::NONE };
                    assignment.failures = 0;
                }
                Ok(Found { offset: None, .. }) => {
                    assignment.position = Position::Lookup(StartAt::Latest);
                }
                Err(code) => self.stumble(&partition, code, now),
            }
        }
    }
}

/// The timestamp to look up; `None` if there is to be no looking up.
fn timestamp(start: StartAt, reset: OffsetReset, unix_ms: i64) -> Option<i64> {
    match start {
        StartAt::Earliest => Some(EARLIEST_TIMESTAMP),
        StartAt::Latest => Some(LATEST_TIMESTAMP),
        StartAt::Timestamp(timestamp) => Some(timestamp.max(0)),
        StartAt::Offset(_) | StartAt::Committed => None,
        StartAt::Reset => match reset {
            OffsetReset::Earliest => Some(EARLIEST_TIMESTAMP),
            OffsetReset::Latest => Some(LATEST_TIMESTAMP),
            OffsetReset::None => None,
            OffsetReset::ByDuration(duration) => {
                let back_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                Some(unix_ms.saturating_sub(back_ms).max(0))
            }
        },
    }
}
