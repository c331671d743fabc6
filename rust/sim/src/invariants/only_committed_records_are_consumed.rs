//! A consumer is given records below the high watermark of that moment only, each once and in order
//! (Kafka's documentation, "Replication"; KIP-98 for the two isolation levels, which are the same
//! without transactions).

use std::collections::BTreeMap;

use crate::history::{Event, History};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let mut next = BTreeMap::new();
    for event in &history.events {
        let Event::Consumed { record, high_watermark } = event else { continue };
        if record.offset >= *high_watermark {
            return Err(format!("{record:?} is not below the high watermark {high_watermark}"));
        }
        let expected = next.insert(record.partition, record.offset + 1).unwrap_or(0);
        if record.offset != expected {
            return Err(format!("{record:?} was given where offset {expected} was due"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples::{self, record};

    #[test]
    fn a_record_above_the_high_watermark_is_noticed() {
        let mut history = examples::history();
        history.events.push(Event::Consumed { record: record(3), high_watermark: 3 });
        assert!(check(&history).unwrap_err().contains("not below the high watermark 3"));
    }

    #[test]
    fn a_record_that_is_given_twice_or_left_out_is_noticed() {
        for offset in [2, 4] {
            let mut history = examples::history();
            let record = record(offset);
            history.events.push(Event::Consumed { record, high_watermark: 9 });
            assert!(check(&history).unwrap_err().contains("offset 3 was due"));
        }
    }
}
