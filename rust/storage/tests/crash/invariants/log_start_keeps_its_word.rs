//! Deleted records stay deleted, and nothing else is.

use crate::invariants::ObservedLog;
use crate::model::LogModel;

pub(crate) fn check(log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    let (acknowledged, furthest) = log.log_start;
    if served.log_start < acknowledged || served.log_start > furthest {
        return Err(format!(
            "the log starts at {}, not between {acknowledged} and {furthest}",
            served.log_start
        ));
    }
    Ok(())
}
