//! What recovery has once served is still there after the next crash, and is the same: recovery is
//! idempotent.

use crate::invariants::{Observed, ObservedLog};

pub(crate) fn check(first: &Observed, second: &Observed) -> Result<(), String> {
    for (topic_id, log) in &first.logs {
        let empty = ObservedLog::default();
        let again = second.logs.get(topic_id).unwrap_or(&empty);
        if log != again {
            return Err(format!("recovery served {log:?}, and after the next crash {again:?}"));
        }
    }
    Ok(())
}
