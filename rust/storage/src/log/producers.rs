//! The producers' state in the directory: snapshots are written at each roll and with the recovery
//! point, and read back when the log is opened or cut.

use std::io;

use base::Offset;

use super::{Log, Writer};
use crate::disk::Open;
use crate::producer_state::{self, ProducerState};
use crate::segment::{file_name, ignore_missing};

/// No snapshot is larger: five million producers.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

impl Log {
    /// Forgets the producers that have been silent for `producer.id.expiration.ms`.
    pub fn expire_producers(&self, now_ms: i64) {
        let expiration_ms = self.config.read().producer_id_expiration_ms;
        self.writer.lock().producers.expire(now_ms, expiration_ms);
    }

    /// Writes the state as the snapshot at `offset`, without a sync: one that a crash spoils is
    /// refused by its checksum.
    pub(super) fn write_snapshot(&self, writer: &mut Writer, offset: Offset) -> io::Result<()> {
        let bytes = producer_state::encode(&writer.producers);
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

    /// The state at the log's end `log_end`: the latest snapshot not after `trusted`, and the
    /// batches since. Snapshots after it are removed: they may tell of records that are gone.
    pub(super) fn load_producers(
        &self,
        writer: &mut Writer,
        trusted: Offset,
        log_end: Offset,
        now_ms: i64,
    ) -> io::Result<()> {
        self.remove_snapshots(writer, |offset| offset > trusted)?;
        let (from, mut state) = self.latest_snapshot(writer)?;
        if from < log_end {
            for segment in self.segments_from(from) {
                segment.visit_headers(from.max(segment.base_offset()), &mut |header| {
                    if header.base_offset >= from {
                        state.update(header, now_ms);
                    }
                })?;
            }
        }
        state.expire(now_ms, self.config.read().producer_id_expiration_ms);
        writer.producers = state;
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
