//! Offsets have no gap and no overlap, from the log's start to its end, but for the holes that
//! compaction leaves.

use crate::invariants::ObservedLog;
use crate::model::LogModel;

pub(crate) fn check(log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    let mut next = None;
    for batch in &served.batches {
        let starts_there = match next {
            // The first batch may begin below the log's start, which may lie inside it.
            None if log.settings.compact => served.log_start < batch.end,
            None => batch.base <= served.log_start && served.log_start < batch.end,
            Some(next) if log.settings.compact => batch.base >= next,
            Some(next) => batch.base == next,
        };
        if !starts_there {
            return Err(format!("{batch:?} does not begin where it should in {served:?}"));
        }
        next = Some(batch.end);
    }
    if next.unwrap_or(served.log_start) != served.log_end {
        return Err(format!("the last batch does not end at the log's end in {served:?}"));
    }
    Ok(())
}
