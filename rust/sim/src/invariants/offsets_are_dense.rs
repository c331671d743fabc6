//! Offsets have no gap and no overlap, from the log's start to its end: nothing here compacts,
//! deletes, or writes markers. (Kafka's protocol guide, "Record Batch": offsets are assigned one by
//! one.)

use crate::history::History;

pub(crate) fn check(history: &History) -> Result<(), String> {
    for (partition, log) in &history.logs {
        let offsets = log.records.iter().map(|record| record.offset);
        if log.start != 0 || !offsets.eq(0..log.end) {
            let found: Vec<_> = log.records.iter().map(|record| record.offset).collect();
            let (start, end) = (log.start, log.end);
            return Err(format!("partition {partition}, from {start} to {end}, has {found:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples::{self, record};

    #[test]
    fn a_gap_is_noticed_and_so_are_an_overlap_and_a_wrong_end() {
        let mut history = examples::history();
        examples::log(&mut history).records.remove(1);
        assert!(check(&history).is_err());
        let mut history = examples::history();
        examples::log(&mut history).records.insert(1, record(0));
        assert!(check(&history).is_err());
        let mut history = examples::history();
        examples::log(&mut history).end = 4;
        assert!(check(&history).is_err());
    }
}
