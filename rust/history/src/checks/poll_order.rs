//! A consumer that nobody moves is given what follows, and leaves nothing out.

use crate::anomaly::Anomaly;
use crate::evidence::Evidence;
use crate::ledger::Outcome;
use crate::operation::IsolationLevel;
use crate::partition_log::LogEntry;
use crate::stretch::{PolledAt, Stretch};

/// Consumers that went back by themselves.
pub(crate) fn turns(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let turns = evidence.turns.iter().map(|turn| Anomaly::NonMonotonicPoll {
        first: turn.last_poll.map(|poll| ledger.polls[poll].id),
        stood_at: turn.stood_at,
        second: ledger.polls[turn.at.poll].id,
        record: ledger.named(turn.at.record),
        offset: turn.at.offset,
    });
    turns.collect()
}

/// Consumers that were not given what others were: those know that it lies there. What nobody has
/// seen is not skipped, but lost or unseen.
pub(crate) fn skips(evidence: &Evidence) -> Vec<Anomaly> {
    let visible = Visible::of(evidence);
    let mut anomalies = Vec::new();
    for stretch in &evidence.stretches {
        let mut stood_at = stretch.from;
        for sighting in &stretch.sightings {
            let gap = visible.gap(evidence, stretch, stood_at, sighting.offset, Some(sighting));
            anomalies.extend(gap);
            stood_at = sighting.offset + 1;
        }
        anomalies.extend(visible.gap(evidence, stretch, stood_at, stretch.to, None));
    }
    anomalies
}

/// What lies in each partition for everybody to see, by offset.
struct Visible {
    uncommitted: Vec<Vec<LogEntry>>,
    committed: Vec<Vec<LogEntry>>,
}

impl Visible {
    fn of(evidence: &Evidence) -> Self {
        let failed = |entry: &LogEntry| {
            let send = evidence.ledger.records[entry.record].send.as_ref();
            send.is_none_or(|send| send.outcome == Outcome::Failed)
        };
        let entries = |is_visible: &dyn Fn(&LogEntry) -> bool| -> Vec<Vec<LogEntry>> {
            let logs = evidence.logs.iter();
            logs.map(|log| log.entries.iter().filter(|it| is_visible(it)).copied().collect())
                .collect()
        };
        Self {
            uncommitted: entries(&|entry| entry.seen.is_some() && !failed(entry)),
            committed: entries(&|entry| {
                entry.seen_committed.is_some() && !evidence.is_undone(entry.record)
            }),
        }
    }

    /// What was left out between two offsets.
    fn gap(
        &self,
        evidence: &Evidence,
        stretch: &Stretch,
        stood_at: i64,
        to: i64,
        given: Option<&PolledAt>,
    ) -> Option<Anomaly> {
        if to <= stood_at {
            return None;
        }
        let (entries, seen_by): (_, fn(&LogEntry) -> Option<usize>) = match stretch.isolation {
            IsolationLevel::ReadUncommitted => (&self.uncommitted, |entry| entry.seen),
            IsolationLevel::ReadCommitted => (&self.committed, |entry| entry.seen_committed),
        };
        let entries = &entries[stretch.partition];
        let first = entries.partition_point(|entry| entry.offset < stood_at);
        let behind = entries.partition_point(|entry| entry.offset < to);
        let skipped = entries[first..behind].first()?;
        let ledger = &evidence.ledger;
        Some(Anomaly::PollSkip {
            poll: ledger.polls[given.map_or(stretch.last_poll, |given| given.poll)].id,
            from: stood_at,
            to: given.map(|given| given.offset),
            skipped: ledger.named(skipped.record),
            offset: skipped.offset,
            seen_by: ledger.polls[seen_by(skipped)?].id,
            count: behind - first,
        })
    }
}
