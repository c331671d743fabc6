//! Transactions that take too long, and transactional ids that nobody uses: looked for once in a
//! while, and no more at a time than a batch of the log takes.

use super::config::TransactionConfig;
use super::decision::{TransactionDecision, TransactionTimer};
use super::metadata::TransactionMetadata;
use super::record::TransactionRecord;
use super::shard::TransactionShard;
use super::state::TransactionState;
use crate::now::Now;
use crate::record::BATCH_HEADER_BYTES;

/// The time-out of a transaction that an outside coordinator ends, however long it takes (KIP-939).
const NO_TIMEOUT: i32 = i32::MAX;
/// By how much a record may grow while its transaction ends: ids and versions in tagged fields.
const GROWTH_BYTES_MAX: usize = 64;

/// What is left of the batch of a decision.
#[derive(Debug)]
pub(super) struct Room {
    bytes_left: usize,
}

impl Room {
    pub(super) fn new(config: &TransactionConfig) -> Self {
        Self { bytes_left: config.append_bytes_max.saturating_sub(BATCH_HEADER_BYTES) }
    }

    /// Whether there was room for a record, and for what its transaction's end adds to it; then
    /// there is less.
    pub(super) fn takes(&mut self, record: &TransactionRecord) -> bool {
        let left = self.bytes_left.checked_sub(record.bytes_max().saturating_add(GROWTH_BYTES_MAX));
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }

    /// Whether there is room for so many records of the size of this one.
    fn has(&self, count: usize, record: &TransactionRecord) -> bool {
        let bytes = record.bytes_max().saturating_add(GROWTH_BYTES_MAX).saturating_mul(count);
        bytes <= self.bytes_left
    }
}

impl TransactionShard {
    /// Aborts what takes longer than its producer has said, whom that fences.
    pub(super) fn abort_timed_out(&mut self, now: Now, to: &mut TransactionDecision) {
        let late = self.transactions.iter().filter(|(_, metadata)| is_late(metadata, now));
        let late: Vec<String> = late.map(|(id, _)| id.clone()).collect();
        let mut room = Room::new(&self.config);
        let mut next = now.instant + self.config.abort_interval();
        for id in late {
            let Some(draft) = self.draft(&id) else { continue };
            // It ends, and it may be complete at once.
            if !to.records.is_empty() && !room.has(2, &self.record(&draft)) {
                next = now.instant;
                break;
            }
            // It fails if a new producer id is needed and there is none: then the next time.
            let _is_aborted = self.fence_and_abort(now, draft, &mut room, to).is_ok();
        }
        to.schedule(TransactionTimer::AbortTimedOut, next);
    }

    /// Forgets ids that nobody has used for long.
    pub(super) fn expire_ids(&mut self, now: Now, to: &mut TransactionDecision) {
        let until = now.unix_ms.saturating_sub(self.config.transactional_id_expiration_ms.into());
        let is_old = |metadata: &TransactionMetadata| {
            metadata.state.is_idle() && metadata.last_update_ms <= until
        };
        let mut room = Room::new(&self.config);
        let mut next = now.instant + self.config.expiry_interval();
        for (id, _) in self.transactions.iter().filter(|(_, metadata)| is_old(metadata)) {
            let tombstone = TransactionRecord { transactional_id: id.clone(), metadata: None };
            if !room.takes(&tombstone) && !to.records.is_empty() {
                next = now.instant;
                break;
            }
            to.records.push(tombstone);
        }
        to.schedule(TransactionTimer::ExpireIds, next);
    }
}

fn is_late(metadata: &TransactionMetadata, now: Now) -> bool {
    let timeout_ms = metadata.timeout_ms;
    metadata.state == TransactionState::Ongoing
        && timeout_ms != NO_TIMEOUT
        && metadata.start_ms.saturating_add(timeout_ms.into()) < now.unix_ms
}
