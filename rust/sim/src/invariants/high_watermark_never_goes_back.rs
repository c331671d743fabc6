//! The high watermark never goes back, not even over a crash: an end that is asked for later is
//! never below one that was told earlier, nor below a record that was acknowledged or consumed
//! earlier. (KIP-101 and KIP-207 are about Kafka's ways to break this.)

use std::collections::BTreeMap;

use crate::history::{Event, History};

/// For each partition.
type Floors = BTreeMap<i32, i64>;

pub(crate) fn check(history: &History) -> Result<(), String> {
    let mut floors = Floors::new();
    let mut floors_when_asked = BTreeMap::new();
    let mut fetched = Floors::new();
    for (index, event) in history.events.iter().enumerate() {
        match event {
            Event::Acknowledged { partition, offset: Some(offset), .. } => {
                raise(&mut floors, *partition, offset + 1);
            }
            Event::Consumed { record, high_watermark } => {
                // A fetch may have been answered long before its records are handed out: it is held
                // against the fetches before it.
                not_below(&fetched, record.partition, *high_watermark, "a fetch")?;
                raise(&mut fetched, record.partition, *high_watermark);
                raise(&mut floors, record.partition, *high_watermark);
            }
            Event::EndsAsked => {
                floors_when_asked.insert(index, floors.clone());
            }
            Event::EndsTold { asked, ends } => {
                let known = floors_when_asked.remove(asked).ok_or("an answer to no question")?;
                for (partition, end) in ends {
                    not_below(&known, *partition, *end, "a question for the end")?;
                    raise(&mut floors, *partition, *end);
                }
            }
            _ => {}
        }
    }
    for (partition, log) in &history.logs {
        not_below(&floors, *partition, log.end, "the last look")?;
    }
    Ok(())
}

fn raise(floors: &mut Floors, partition: i32, to: i64) {
    let floor = floors.entry(partition).or_default();
    *floor = to.max(*floor);
}

fn not_below(floors: &Floors, partition: i32, end: i64, told: &str) -> Result<(), String> {
    match floors.get(&partition) {
        Some(floor) if end < *floor => Err(format!(
            "partition {partition} had a high watermark of at least {floor}, and {told} tells {end}"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples::{self, PARTITION, record};

    #[test]
    fn an_end_below_an_acknowledged_record_is_noticed() {
        let mut history = examples::history();
        history.events.push(Event::EndsAsked);
        let asked = history.events.len() - 1;
        let ends = BTreeMap::from([(PARTITION, 2)]);
        history.events.push(Event::EndsTold { asked, ends });
        assert!(check(&history).unwrap_err().contains("at least 3, and a question"));
    }

    #[test]
    fn an_end_that_was_asked_for_before_the_acknowledgement_may_lie_below() {
        let mut history = examples::history();
        history.events.insert(0, Event::EndsAsked);
        history.events.truncate(10);
        let ends = BTreeMap::from([(PARTITION, 0)]);
        history.events.push(Event::EndsTold { asked: 0, ends });
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn a_fetch_with_a_lower_high_watermark_is_noticed_and_so_is_a_shorter_log() {
        let mut history = examples::history();
        history.events.push(Event::Consumed { record: record(2), high_watermark: 2 });
        assert!(check(&history).unwrap_err().contains("a fetch tells 2"));
        let mut history = examples::history();
        examples::log(&mut history).end = 2;
        assert!(check(&history).unwrap_err().contains("the last look tells 2"));
    }
}
