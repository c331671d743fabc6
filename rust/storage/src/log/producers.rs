//! The producers and their transactions: what is asked of them, and their state in the directory.
//! Snapshots are written at each roll and with the recovery point, and read back when the log is
//! opened or cut; the batches behind them tell the rest.

use std::io;
use std::sync::Arc;

use base::{Offset, ProducerId, Wait};

use super::{Log, ReadError, Writer};
use crate::disk::Open;
use crate::producer_state::{
    self, AbortedTransaction, ProducerEntry, ProducerError, ProducerState, TransactionChange,
    UnstableTransactions, VerificationGuard, VerificationStart,
};
use crate::segment::{Segment, file_name, ignore_missing};

/// No snapshot is larger: five million producers.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

impl Log {
    /// Forgets the producers that have been silent for `producer.id.expiration.ms`.
    pub fn expire_producers(&self, now_ms: i64) {
        let expiration_ms = self.config.read().producer_id_expiration_ms;
        self.producers.lock().expire(now_ms, expiration_ms);
    }

    /// Begins to verify a producer's transaction: when its coordinator has said that it knows of
    /// this partition, the first batch is appended with the guard. [`VerificationGuard::NONE`] if
    /// the transaction is open here already: then nobody need be asked.
    pub fn begin_verification(
        &self,
        start: &VerificationStart,
        now_ms: i64,
    ) -> Result<VerificationGuard, ProducerError> {
        self.producers.lock().begin_verification(start, now_ms)
    }

    /// The producers that are remembered, ordered by id.
    pub fn producers(&self) -> Vec<(ProducerId, ProducerEntry)> {
        let producers = self.producers.lock();
        producers.entries().map(|(producer_id, entry)| (producer_id, entry.clone())).collect()
    }

    /// When the producer whose transaction is open for longest has written last, if one is open.
    pub fn oldest_transaction_seen_ms(&self) -> Option<i64> {
        let (_, producer_id) = self.positions.lock().unstable().first_open()?;
        self.producers.lock().entry(producer_id).map(|entry| entry.last_seen_ms)
    }

    /// The aborted transactions that have records from `from` on and below `up_to`: who reads
    /// committed records leaves theirs out. There may be some that have none.
    pub fn aborted_transactions(
        &self,
        from: Offset,
        up_to: Offset,
        wait: Wait,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        let mut found = Vec::new();
        for segment in self.segments_with_aborted(from) {
            if segment.collect_aborted(from, up_to, wait, &mut found)? {
                break;
            }
        }
        Ok(found)
    }

    /// The segments, from the one that holds `from` on, with markers that abort transactions.
    pub(super) fn segments_with_aborted(&self, from: Offset) -> Vec<Arc<Segment>> {
        let segments = self.segments.read();
        let first = segments.range(..=from).next_back().map_or(from, |(&base, _)| base);
        let with_aborted = segments.range(first..).filter(|(_, segment)| segment.has_aborted());
        with_aborted.map(|(_, segment)| Arc::clone(segment)).collect()
    }

    /// Writes the state as the snapshot at `offset`, without a sync: one that a crash spoils is
    /// refused by its checksum.
    pub(super) fn write_snapshot(&self, writer: &mut Writer, offset: Offset) -> io::Result<()> {
        let bytes = producer_state::encode(&self.producers.lock());
        let path = file_name::path(&self.path, offset, file_name::SNAPSHOT);
        self.disk.open(&path, Open::Truncate)?.write_at(0, &[&bytes])?;
        writer.snapshots.insert(offset);
        Ok(())
    }

    /// Removes the snapshots for which `unwanted` holds.
    pub(super) fn remove_snapshots(
        &self,
        writer: &mut Writer,
        unwanted: impl Fn(Offset) -> bool,
    ) -> io::Result<()> {
        let gone: Vec<Offset> =
            writer.snapshots.iter().copied().filter(|&offset| unwanted(offset)).collect();
        for offset in gone {
            let path = file_name::path(&self.path, offset, file_name::SNAPSHOT);
            ignore_missing(self.disk.remove(&path))?;
            writer.snapshots.remove(&offset);
        }
        Ok(())
    }

    /// Brings the producers and their transactions to what they are at the log's end `log_end`: the
    /// latest snapshot not after `trusted`, and the batches since. Snapshots after it are removed:
    /// they may tell of records that are gone. So may the transaction indexes: from there on they
    /// are made anew.
    pub(super) fn load_producers(
        &self,
        writer: &mut Writer,
        trusted: Offset,
        log_end: Offset,
        high_watermark: Offset,
        now_ms: i64,
    ) -> io::Result<()> {
        self.remove_snapshots(writer, |offset| offset > trusted)?;
        for segment in self.segments_from(trusted) {
            segment.keep_aborted_before(trusted)?;
        }
        let (from, mut state) = self.latest_snapshot(writer)?;
        let mut unstable = UnstableTransactions::of_open(state.open_transactions());
        if from < log_end {
            for segment in self.segments_from(from) {
                segment.visit_batches(
                    from.max(segment.base_offset()),
                    &mut |header, control| {
                        if header.base_offset < from {
                            return;
                        }
                        let Some(change) = state.update(header, control, now_ms) else { return };
                        if let TransactionChange::Ended(ended) = &change
                            && ended.last_offset >= trusted
                            && let Some(aborted) = unstable.aborted(ended)
                        {
                            segment.push_aborted(aborted);
                        }
                        unstable.apply(&change);
                        unstable.replicated(high_watermark);
                    },
                )?;
            }
        }
        state.expire(now_ms, self.config.read().producer_id_expiration_ms);
        self.producers.lock().replace_producers(state);
        self.positions.lock().load(unstable, log_end);
        Ok(())
    }

    /// The latest snapshot that is whole, or nothing known at the start of time.
    fn latest_snapshot(&self, writer: &mut Writer) -> io::Result<(Offset, ProducerState)> {
        while let Some(&offset) = writer.snapshots.last() {
            let path = file_name::path(&self.path, offset, file_name::SNAPSHOT);
            let bytes = self.disk.open(&path, Open::Existing)?.read_all(SNAPSHOT_BYTES_MAX)?;
            match producer_state::decode(&bytes) {
                Ok(state) => return Ok((offset, state)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "producer snapshot ignored");
                    self.remove_snapshots(writer, |other| other == offset)?;
                }
            }
        }
        Ok((Offset::ZERO, ProducerState::default()))
    }
}
