//! Which transactions were aborted, and which are open, is told as the markers say that are served:
//! none is missing, and none is told of too much.

use std::collections::BTreeMap;

use base::{Offset, ProducerId};

use crate::invariants::{ObservedLog, Part};
use crate::model::LogModel;

pub(crate) fn check(_log: &LogModel, served: &ObservedLog) -> Result<(), String> {
    let mut open: BTreeMap<ProducerId, Offset> = BTreeMap::new();
    for batch in &served.batches {
        let told = |producer_id| {
            let of_marker = |it: &&_| is_of(it, producer_id, batch.base);
            served.aborted.iter().find(of_marker)
        };
        match batch.part {
            Part::Nothing => {}
            Part::Records(producer_id) => {
                open.entry(producer_id).or_insert(batch.base);
            }
            Part::Commit(producer_id) => {
                open.remove(&producer_id);
                if told(producer_id).is_some() {
                    return Err(format!("{batch:?} is told as an abort in {served:?}"));
                }
            }
            Part::Abort(producer_id) => {
                let first = open.remove(&producer_id);
                let is_told = told(producer_id).is_some_and(|it| Some(it.first_offset) <= first);
                if first.is_some() && !is_told {
                    return Err(format!("{batch:?} is not told of in {served:?}"));
                }
            }
        }
    }
    for told in &served.aborted {
        let marker = Part::Abort(told.producer_id);
        let mut batches = served.batches.iter();
        if !batches.any(|batch| batch.part == marker && batch.base == told.last_offset) {
            return Err(format!("{told:?} has no marker in {served:?}"));
        }
    }
    // Where one began may lie below the log's start.
    let known = served.open.iter().filter(|(_, first)| **first >= served.log_start);
    let all_known = open.keys().all(|producer_id| served.open.contains_key(producer_id));
    if !all_known
        || !known.into_iter().all(|(producer_id, first)| open.get(producer_id) == Some(first))
    {
        return Err(format!("{open:?} are open in {served:?}"));
    }
    Ok(())
}

fn is_of(
    aborted: &storage::AbortedTransaction,
    producer_id: ProducerId,
    last_offset: Offset,
) -> bool {
    (aborted.producer_id, aborted.last_offset) == (producer_id, last_offset)
}
