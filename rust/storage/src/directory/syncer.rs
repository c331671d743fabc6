//! The syncer: what is durable in the journal, or only in the page cache, it makes durable in the
//! segments, behind the appends' back; it also applies retention, closes files that nobody uses,
//! and removes the files of deleted logs.
//!
//! ```text
//! release the journal:   1 note the last group and the logs in it   2 sync their records
//!                        3 write log starts                          4 the ring may overwrite it
//! bound the recovery:    1 sync logs with many unchecked bytes       2 write recovery points
//! ```
//!
//! A crash in the middle of the first replays the journal from where it was released last, over
//! segments that have its records; in the middle of the second, recovery checks more than it would
//! have to.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use base::{BrokerEpoch, Instant};

use super::aside;
use super::clean_shutdown;
use super::command::LogKey;
use super::progress::Progress;
use super::shared::{Deletion, Shared};
use crate::log::Log;

/// Makes segments durable in the background.
#[derive(Debug)]
pub struct Syncer {
    pub(super) shared: Arc<Shared>,
    sweep_due: Instant,
    retention_due: Instant,
    is_stopped: bool,
}

impl Syncer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let now = shared.clock.now();
        let (sweep, retention) = (shared.config.sweep_interval, shared.config.retention_interval);
        Self { shared, sweep_due: now + sweep, retention_due: now + retention, is_stopped: false }
    }

    /// Does one thing that is due.
    pub fn step(&mut self) -> Progress {
        if self.is_stopped {
            return Progress::Stopped;
        }
        if self.shared.failure().is_some() {
            return self.step_failed();
        }
        match self.work() {
            Ok(progress) => progress,
            Err(cause) => {
                self.shared.fail(&cause);
                Progress::Busy
            }
        }
    }

    fn step_failed(&mut self) -> Progress {
        self.is_stopped = self.shared.stop.lock().writer_stopped;
        if self.is_stopped { Progress::Stopped } else { Progress::Idle }
    }

    fn work(&mut self) -> Result<Progress, String> {
        let now = self.shared.clock.now();
        if self.shared.journal.wants_spare() {
            self.shared.journal.make_spare().map_err(|error| error.to_string())?;
        } else if self.journal_wants_release() {
            self.release_journal()?;
        } else if let Some(logs) = self.logs_to_sync() {
            self.sync(&logs)?;
        } else if self.stop_wanted() {
            self.stop()?;
        } else if now >= self.retention_due {
            self.retention_due = now + self.shared.config.retention_interval;
            self.apply_retention()?;
        } else if now >= self.sweep_due {
            self.sweep_due = now + self.shared.config.sweep_interval;
            self.sweep()?;
        } else {
            return self.delete_due(now);
        }
        Ok(Progress::Busy)
    }

    fn journal_wants_release(&self) -> bool {
        let needed = self.shared.journal.usage().needed_bytes;
        self.shared.journalled.lock().is_full || needed >= self.release_bytes()
    }

    /// A small ring is released by the half.
    fn release_bytes(&self) -> usize {
        let config = &self.shared.config;
        config.journal_release_bytes.min(config.journal.bytes_max / 2)
    }

    fn release_journal(&self) -> Result<(), String> {
        let (logs, sequence) = {
            let mut journalled = self.shared.journalled.lock();
            journalled.is_full = false;
            (std::mem::take(&mut journalled.logs), journalled.sequence)
        };
        for log in self.still_there(&logs) {
            log.sync_records().map_err(|error| sync_failed(log, &error))?;
        }
        self.shared
            .checkpoint_log_starts()
            .map_err(|error| format!("cannot write the log starts: {error}"))?;
        self.shared.journal.release(sequence);
        self.shared.wakes.journal_writer.wake();
        Ok(())
    }

    /// The logs of which recovery would have to check too much: those that have reached the limit
    /// of one log, and all once they have reached that of the directory together.
    fn logs_to_sync(&self) -> Option<BTreeMap<LogKey, Arc<Log>>> {
        let mut logs = std::mem::take(&mut *self.shared.sync_wanted.lock());
        let unchecked: Vec<_> = self.shared.logs_on_disk();
        let unchecked_bytes: u64 = unchecked.iter().map(|log| log.unchecked_bytes()).sum();
        if unchecked_bytes >= self.shared.config.unchecked_bytes_total_max {
            let logs_with_some = unchecked.into_iter().filter(|log| log.unchecked_bytes() > 0);
            logs.extend(logs_with_some.map(|log| (LogKey::of(&log), log)));
        }
        (!logs.is_empty()).then_some(logs)
    }

    /// Syncs the logs with all that recovery needs, and writes down how far.
    fn sync(&self, logs: &BTreeMap<LogKey, Arc<Log>>) -> Result<(), String> {
        for log in self.still_there(logs) {
            log.sync().map_err(|error| sync_failed(log, &error))?;
        }
        self.checkpoint()
    }

    /// Those that were not deleted meanwhile: a deleted log's files are on their way out.
    fn still_there<'a>(
        &'a self,
        logs: &'a BTreeMap<LogKey, Arc<Log>>,
    ) -> impl Iterator<Item = &'a Arc<Log>> {
        let is_there = |key, log| {
            self.shared.logs.read().get(key).is_some_and(|known| Arc::ptr_eq(known, log))
        };
        logs.iter().filter(move |(key, log)| is_there(*key, *log)).map(|(_, log)| log)
    }

    fn checkpoint(&self) -> Result<(), String> {
        self.shared
            .checkpoint_recovery_points()
            .map_err(|error| format!("cannot write the recovery points: {error}"))
    }

    /// Syncs what `flush.ms` asks for, and closes the files of logs that nobody has used since the
    /// last sweep.
    fn sweep(&self) -> Result<(), String> {
        let now_ms = self.shared.clock.unix_ms();
        let mut synced = false;
        for log in self.shared.logs_on_disk() {
            let before = log.recovery_point();
            if log.flush_due(now_ms) {
                log.sync().map_err(|error| sync_failed(&log, &error))?;
            }
            log.close_idle().map_err(|error| {
                format!("cannot close the files of {}: {error}", log.topic_partition())
            })?;
            synced |= log.recovery_point() != before;
        }
        if synced { self.checkpoint() } else { Ok(()) }
    }

    /// Moves log starts, writes them down, and only then removes what lies below them. Producers
    /// that have long been silent are forgotten with them.
    fn apply_retention(&self) -> Result<(), String> {
        let now_ms = self.shared.clock.unix_ms();
        let failed = |log: &Log, error: &dyn std::fmt::Display| {
            format!("cannot apply retention to {}: {error}", log.topic_partition())
        };
        for log in self.shared.all_logs() {
            log.expire_producers(now_ms);
            if let Some(start) = log.retention_candidate(now_ms).map_err(|e| failed(&log, &e))? {
                log.delete_records(start).map_err(|e| failed(&log, &e))?;
            }
        }
        self.shared
            .checkpoint_log_starts()
            .map_err(|error| format!("cannot write the log starts: {error}"))?;
        for log in self.shared.all_logs() {
            let start = log.offsets().log_start;
            log.delete_segments(start, now_ms).map_err(|e| failed(&log, &e))?;
        }
        Ok(())
    }

    /// Removes directories whose time has come, and says when the next thing is due.
    fn delete_due(&mut self, now: Instant) -> Result<Progress, String> {
        let due = {
            let mut deletions = self.shared.deletions.lock();
            let due = deletions.iter().position(|deletion| deletion.due <= now);
            due.map(|index| deletions.swap_remove(index))
        };
        if let Some(Deletion { path, .. }) = due {
            aside::remove(&*self.shared.disk, &path)
                .map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
            return Ok(Progress::Busy);
        }
        let next_deletion = self.shared.deletions.lock().iter().map(|deletion| deletion.due).min();
        let next = self.sweep_due.min(self.retention_due);
        Ok(Progress::Until(next_deletion.map_or(next, |due| due.min(next))))
    }

    fn stop_wanted(&self) -> bool {
        let stop = self.shared.stop.lock();
        stop.writer_stopped && stop.cleaners == 0
    }

    /// Syncs everything, and leaves the marker as the last thing.
    fn stop(&mut self) -> Result<(), String> {
        for log in self.shared.logs_on_disk() {
            log.close()
                .map_err(|error| format!("cannot close {}: {error}", log.topic_partition()))?;
        }
        self.checkpoint()?;
        self.shared
            .checkpoint_log_starts()
            .map_err(|error| format!("cannot write the log starts: {error}"))?;
        // The journal writer has stopped: nobody else writes groups.
        self.shared.journal.release(self.shared.journal.next_sequence());
        self.shared.journal.checkpoint().map_err(|error| error.to_string())?;
        let broker_epoch = self.shared.stop.lock().broker_epoch.unwrap_or(BrokerEpoch(-1));
        clean_shutdown::write(&*self.shared.disk, &self.shared.path, broker_epoch)
            .map_err(|error| format!("cannot write the clean-shutdown marker: {error}"))?;
        self.is_stopped = true;
        Ok(())
    }
}

fn sync_failed(log: &Log, error: &io::Error) -> String {
    format!("cannot sync {}: {error}", log.topic_partition())
}
