//! A cleaner: cleans the filthiest of the compacted logs, then the next, and rests when none is
//! worth it. It holds memory only while it cleans.
//!
//! ```text
//! begin:  1 the filthiest log is chosen    2 it is synced, and its recovery point written down
//! round:  3 its segments are mapped, copied, swapped (see the `cleaner` module)
//! end:    4 how far it is clean is written down
//! ```
//!
//! After the second nothing of what is cleaned lies behind the recovery point: recovery never has
//! to make sense of a compacted segment, nor does the journal fill its holes. A crash before the
//! fourth leaves a log that is cleaned once more.

use std::io;
use std::sync::Arc;

use base::{Instant, Offset};

use super::command::LogKey;
use super::progress::Progress;
use super::shared::Shared;
use crate::cleaner::{Cleaning, Dirt, Look, Round, RoundError, Throttle, filthiest};
use crate::log::{Durability, Log};

/// Compacts logs in the background.
#[derive(Debug)]
pub struct Cleaner {
    shared: Arc<Shared>,
    /// By which it is told from the other cleaners of the directory.
    number: usize,
    round: Option<Round>,
    begun: Instant,
    throttle: Throttle,
    due: Instant,
    is_stopped: bool,
}

impl Cleaner {
    pub(super) fn new(shared: Arc<Shared>, number: usize) -> Self {
        let begun = shared.clock.now();
        let due = begun + shared.cleaner_config.read().backoff;
        let throttle = Throttle::default();
        Self { shared, number, round: None, begun, throttle, due, is_stopped: false }
    }

    /// Does one piece of what is due.
    pub fn step(&mut self) -> Progress {
        if self.is_stopped {
            return Progress::Stopped;
        }
        let is_closing = self.shared.stop.lock().broker_epoch.is_some();
        let worked =
            if is_closing || self.shared.failure().is_some() { self.stop() } else { self.work() };
        worked.unwrap_or_else(|cause| {
            self.shared.fail(&cause);
            Progress::Busy
        })
    }

    fn work(&mut self) -> Result<Progress, String> {
        let now = self.shared.clock.now();
        if let Some(rest) = self.throttle.rest(now) {
            return Ok(Progress::Until(rest));
        }
        if let Some(round) = self.round.take() {
            return self.go_on(round, now);
        }
        if now < self.due {
            return Ok(Progress::Until(self.due));
        }
        self.begin(now)
    }

    /// What is half done is left undone.
    fn stop(&mut self) -> Result<Progress, String> {
        self.is_stopped = true;
        let round = self.round.take();
        let abandoned = round.map_or(Ok(()), |round| self.abandon(round));
        self.shared.stop.lock().cleaners -= 1;
        self.shared.wakes.syncer.wake();
        match abandoned {
            Err(error) if self.shared.failure().is_none() => {
                Err(format!("cannot remove what the cleaner has left: {error}"))
            }
            _ => Ok(Progress::Stopped),
        }
    }

    fn rest(&mut self, now: Instant) -> Progress {
        self.due = now + self.shared.cleaner_config.read().backoff;
        Progress::Until(self.due)
    }

    fn begin(&mut self, now: Instant) -> Result<Progress, String> {
        let Some((log, dirt)) = self.choose(now)? else { return Ok(self.rest(now)) };
        let key = LogKey::of(&log);
        if !self.shared.cleaning.lock().begin(key) {
            // Another cleaner was faster.
            return Ok(Progress::Busy);
        }
        if !self.make_durable(&log, dirt.first_uncleanable)? {
            self.shared.cleaning.lock().end(key, None);
            return Ok(self.rest(now));
        }
        let config = self.shared.cleaner_config.read().clone();
        let hash_key = self.shared.id.0.0;
        let now_ms = self.shared.clock.unix_ms();
        let partition = log.topic_partition().clone();
        let round = Round::new(log, dirt, &config, hash_key, now_ms)
            .map_err(|error| format!("cannot begin to clean {partition}: {error}"))?;
        self.shared.cleaner_notes.lock().began(self.number, round.map_bytes());
        self.begun = now;
        self.round = Some(round);
        Ok(Progress::Busy)
    }

    fn choose(&self, now: Instant) -> Result<Option<(Arc<Log>, Dirt)>, String> {
        let now_ms = self.shared.clock.unix_ms();
        let mut logs = Vec::new();
        for log in self.shared.all_logs() {
            if !log.config().compact {
                continue;
            }
            let (is_free, cleaned) = {
                let (cleaning, key) = (self.shared.cleaning.lock(), LogKey::of(&log));
                (cleaning.is_free(key), cleaning.cleaned(key))
            };
            if is_free {
                let dirt = log.dirt(cleaned, now_ms).map_err(|error| {
                    format!("cannot see how dirty {} is: {error}", log.topic_partition())
                })?;
                logs.extend(dirt.map(|dirt| (log, dirt)));
            }
        }
        let dirts = || logs.iter().map(|(_, dirt)| dirt);
        self.shared.cleaner_notes.lock().looked(Look {
            at: now,
            max_dirty_ratio: dirts().map(Dirt::ratio).fold(0.0, f64::max),
            max_delay: dirts().map(Dirt::overdue).max().unwrap_or_default(),
        });
        Ok(filthiest(logs))
    }

    /// Whether the records below `end` are durable, and recovery would begin behind them.
    fn make_durable(&self, log: &Log, end: Offset) -> Result<bool, String> {
        if log.durability() == Durability::Memory {
            return Ok(true);
        }
        log.sync().map_err(|error| format!("cannot sync {}: {error}", log.topic_partition()))?;
        self.shared
            .checkpoint_recovery_points()
            .map_err(|error| format!("cannot write the recovery points: {error}"))?;
        // It may have been cut off meanwhile.
        Ok(log.recovery_point() >= end)
    }

    fn go_on(&mut self, mut round: Round, now: Instant) -> Result<Progress, String> {
        let before = round.moved().bytes();
        let stepped = round.step();
        let speed = self.shared.cleaner_config.read().bytes_per_second();
        self.throttle.moved(round.moved().bytes() - before, speed, now);
        let failure = match stepped {
            Ok(None) => {
                self.round = Some(round);
                return Ok(Progress::Busy);
            }
            Ok(Some(cleaned)) => return self.end(&round, cleaned, now),
            Err(failure) => failure,
        };
        let partition = round.log().topic_partition().clone();
        let key = LogKey::of(round.log());
        self.abandon(round).map_err(|error| format!("cannot abandon {partition}: {error}"))?;
        match failure {
            RoundError::Io(error) => return Err(format!("cannot clean {partition}: {error}")),
            RoundError::Damaged { .. } => {
                tracing::error!(%partition, %failure, "the log is not compacted any more");
                self.shared.cleaning.lock().give_up(key);
            }
            RoundError::Changed => self.shared.cleaning.lock().end(key, None),
            RoundError::StorageFull(_) => {
                tracing::warn!(%partition, %failure, "the log is compacted later");
                self.shared.cleaning.lock().end(key, None);
            }
        }
        Ok(self.rest(now))
    }

    fn abandon(&self, mut round: Round) -> io::Result<()> {
        let took = self.shared.clock.now().since(self.begun);
        self.shared.cleaner_notes.lock().abandoned(self.number, took, round.moved());
        round.abandon()
    }

    fn end(&self, round: &Round, cleaned: Offset, now: Instant) -> Result<Progress, String> {
        let log = round.log();
        let moved = round.moved();
        let took = now.since(self.begun);
        let map_utilization = round.map_utilization();
        let cleaning = Cleaning { took, moved, map_utilization };
        self.shared.cleaner_notes.lock().ended(self.number, cleaning);
        tracing::info!(
            partition = %log.topic_partition(),
            %cleaned,
            bytes_read = moved.read,
            bytes_written = moved.written,
            took_ms = took.as_millis(),
            "log compacted"
        );
        {
            let mut cleaning = self.shared.cleaning.lock();
            // Whoever cuts a log off lowers the mark afterwards, or has done so before.
            cleaning.end(LogKey::of(log), round.still_holds().then_some(cleaned));
        }
        self.shared
            .checkpoint_cleaned()
            .map_err(|error| format!("cannot write how far logs are clean: {error}"))?;
        Ok(Progress::Busy)
    }
}
