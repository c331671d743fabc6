//! An idempotent producer's record is in the log once, however often it was sent: by its value, and
//! by its sequence numbers, which follow on one another (KIP-98).

use std::collections::{BTreeMap, BTreeSet};

use crate::history::History;

pub(crate) fn check(history: &History) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for record in history.final_records() {
        if record.name.is_some_and(|name| !names.insert(name)) {
            return Err(format!("{record:?} is in the log for the second time"));
        }
    }
    let mut last = BTreeMap::new();
    for record in history.final_records().filter(|record| record.producer_id >= 0) {
        let producer = (record.partition, record.producer_id, record.producer_epoch);
        let expected = last.insert(producer, record.sequence).map_or(0, |last| last + 1);
        if record.sequence != expected {
            return Err(format!("{record:?} has not the sequence number {expected}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples::{self, record};

    #[test]
    fn a_record_that_is_there_twice_is_noticed() {
        let mut history = examples::history();
        examples::log(&mut history).records.push(record(1));
        assert!(check(&history).unwrap_err().contains("second time"));
    }

    #[test]
    fn a_gap_in_the_sequence_is_noticed() {
        let mut history = examples::history();
        examples::log(&mut history).records.remove(1);
        assert!(check(&history).unwrap_err().contains("sequence number 1"));
    }
}
