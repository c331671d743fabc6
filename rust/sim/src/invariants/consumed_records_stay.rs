//! What a consumer has been given is in the log for good: nothing that a crash could take back is
//! ever shown. (Kafka's documentation, "Replication": only committed messages are given out to the
//! consumer, so that it need not worry about seeing a message that could be lost.)

use std::collections::BTreeMap;

use crate::history::{Event, History};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let left: BTreeMap<_, _> =
        history.final_records().map(|record| ((record.partition, record.offset), record)).collect();
    for event in &history.events {
        let Event::Consumed { record, .. } = event else { continue };
        let now = left.get(&(record.partition, record.offset));
        if now != Some(&record) {
            return Err(format!("{record:?} was consumed, and in the end there is {now:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples;

    #[test]
    fn a_record_that_was_shown_and_taken_back_or_changed_is_noticed() {
        let mut history = examples::history();
        examples::log(&mut history).records.pop();
        assert!(check(&history).is_err());
        let mut history = examples::history();
        examples::log(&mut history).records[1].leader_epoch = 1;
        assert!(check(&history).unwrap_err().contains("offset: 1"));
    }
}
