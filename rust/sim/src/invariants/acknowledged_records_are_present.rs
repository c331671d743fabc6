//! A record that a producer was told is in the log is there, at the offset that it was told, with
//! acks=all and durability `disk`. (Kafka's documentation, "Message Delivery Semantics": a
//! committed message is not lost as long as one in-sync replica lives; here it must outlive a power
//! cut.)

use std::collections::BTreeMap;

use crate::history::{Event, History};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let found: BTreeMap<_, _> = history
        .final_records()
        .filter_map(|record| Some((record.name?, (record.partition, record.offset))))
        .collect();
    for event in &history.events {
        let Event::Acknowledged { name, partition, offset } = event else { continue };
        let is_there = found
            .get(name)
            .is_some_and(|(p, at)| p == partition && offset.is_none_or(|offset| offset == *at));
        if !is_there {
            let found = found.get(name);
            return Err(format!(
                "{name} was acknowledged in partition {partition} at {offset:?}; found: {found:?}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples;

    #[test]
    fn a_lost_record_is_noticed_and_so_is_one_that_moved() {
        let mut history = examples::history();
        examples::log(&mut history).records.pop();
        assert!(check(&history).unwrap_err().contains("0/2 was acknowledged"));
        let mut history = examples::history();
        examples::log(&mut history).records[1].offset = 5;
        assert!(check(&history).unwrap_err().contains("0/1 was acknowledged"));
    }
}
