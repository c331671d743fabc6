//! Liveness: when things stop going wrong, every record that was sent gets into the log and its
//! producer hears of it, since all faults together are shorter than `delivery.timeout.ms`
//! (KIP-91).

use std::collections::BTreeSet;

use crate::history::{Event, History};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let mut waiting = BTreeSet::new();
    for event in &history.events {
        match event {
            Event::Sent { name, .. } => {
                waiting.insert(name);
            }
            Event::Acknowledged { name, .. } if !waiting.remove(name) => {
                return Err(format!("{name} has a result, and was waiting for none"));
            }
            Event::Failed { name, partition, error } => {
                return Err(format!("{name} to partition {partition} failed: {error}"));
            }
            _ => {}
        }
    }
    match waiting.first() {
        Some(name) => Err(format!("{name} and {} more have no result", waiting.len() - 1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples::{self, PARTITION, name};

    #[test]
    fn a_record_without_a_result_is_noticed() {
        let mut history = examples::history();
        history.events.push(Event::Sent { name: name(9), partition: PARTITION });
        assert_eq!(check(&history), Err("0/9 and 0 more have no result".to_owned()));
    }

    #[test]
    fn a_record_with_two_results_is_noticed_and_so_is_one_that_failed() {
        let mut history = examples::history();
        let (name, partition) = (name(1), PARTITION);
        history.events.push(Event::Acknowledged { name, partition, offset: Some(1) });
        assert!(check(&history).is_err());
        let mut history = examples::history();
        let error = "too late".to_owned();
        history.events.push(Event::Failed { name, partition, error });
        assert!(check(&history).unwrap_err().contains("too late"));
    }
}
