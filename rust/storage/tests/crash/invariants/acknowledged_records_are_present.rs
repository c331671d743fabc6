//! A record that was acknowledged as durable is there after any crash, at its offset.

use crate::invariants::ObservedLog;
use crate::model::LogModel;

pub(crate) fn check(log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    let acknowledged = log
        .batches
        .iter()
        .filter(|batch| !batch.is_void && batch.end <= log.durable && batch.end > served.log_start);
    // Of a compacted log the last ones are there, which is looked at elsewhere.
    for batch in acknowledged.filter(|_| !log.settings.compact) {
        let is_there = served.batches.iter().any(|served| {
            (served.base, served.end, served.id) == (batch.base, batch.end, Some(batch.id))
        });
        if !is_there {
            return Err(format!("acknowledged {batch:?} is not in {served:?}"));
        }
    }
    if served.log_end < log.durable {
        return Err(format!("the log ends at {}, below {}", served.log_end, log.durable));
    }
    Ok(())
}
