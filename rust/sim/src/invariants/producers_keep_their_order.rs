//! Within a partition a producer's records lie in the order in which it sent them, retries and up
//! to five requests in flight included (KIP-98; Kafka's documentation of
//! `max.in.flight.requests.per.connection`).

use std::collections::BTreeMap;

use crate::history::History;

pub(crate) fn check(history: &History) -> Result<(), String> {
    let mut last = BTreeMap::new();
    for record in history.final_records() {
        let Some(name) = record.name else { continue };
        let before = last.insert((record.partition, name.producer), name.number);
        if before.is_some_and(|before| before > name.number) {
            let before = before.unwrap_or_default();
            return Err(format!("{record:?} comes behind number {before} of its producer"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples;

    #[test]
    fn two_records_in_the_wrong_order_are_noticed() {
        let mut history = examples::history();
        examples::log(&mut history).records.swap(1, 2);
        assert!(check(&history).unwrap_err().contains("behind number 2"));
    }
}
