//! Of every key the last record is there, as far as it was acknowledged as durable, or a later one;
//! and where it was a tombstone that has gone since, so have all values before it.

use std::collections::BTreeMap;

use crate::invariants::{ObservedLog, ServedBatch};
use crate::model::{AppendedBatch, LogModel};

pub(crate) fn check(log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    if !log.settings.compact {
        return Ok(());
    }
    let alive = log.batches.iter().filter(|batch| !batch.is_void && batch.end > served.log_start);
    let mut last: BTreeMap<u8, &AppendedBatch> = BTreeMap::new();
    for batch in alive.filter(|batch| batch.end <= log.durable) {
        last.extend(batch.key.map(|keyed| (keyed.key, batch)));
    }
    for (key, last) in last {
        let of_key: Vec<&ServedBatch> =
            served.batches.iter().filter(|batch| has_key(log, batch, key)).collect();
        let is_there = of_key.iter().any(|batch| batch.base >= last.base);
        let is_tombstone = last.key.is_some_and(|keyed| keyed.is_tombstone);
        let is_deleted = is_tombstone && of_key.is_empty();
        if !is_there && !is_deleted {
            return Err(format!("{last:?} has gone, {of_key:?} are left of its key"));
        }
    }
    Ok(())
}

fn has_key(log: &LogModel, served: &ServedBatch, key: u8) -> bool {
    let sent = |batch: &&AppendedBatch| Some(batch.id) == served.id && batch.base == served.base;
    let keyed = log.batches.iter().find(sent).and_then(|batch| batch.key);
    let unanswered = served.id.and_then(|id| log.unanswered.get(&id).copied().flatten());
    keyed.or(unanswered).is_some_and(|keyed| keyed.key == key)
}
