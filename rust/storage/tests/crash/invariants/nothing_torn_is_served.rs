//! A batch that is served was sent, whole, and got its offset; what an acknowledged truncation cut
//! off never comes back.

use crate::invariants::ObservedLog;
use crate::model::LogModel;

pub(crate) fn check(log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    for batch in &served.batches {
        let was_sent = log.batches.iter().any(|sent| {
            let same = batch.is_empty && log.settings.compact || Some(sent.id) == batch.id;
            !sent.is_void && same && (sent.base, sent.end) == (batch.base, batch.end)
        });
        let may_be = batch.id.is_some_and(|id| log.unanswered.contains_key(&id));
        if !was_sent && !may_be {
            return Err(format!("{batch:?} is served but was never appended there"));
        }
    }
    Ok(())
}
