//! The pipeline is exact: of each committed record of an account there is one committed statement,
//! however often a forwarder was killed, lost its partitions, or aborted (KIP-129, KIP-447).

use std::collections::BTreeMap;

use crate::history::History;
use crate::hosts::{ACCOUNTS, STATEMENTS};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let of_topic = |topic: &'static str| {
        history.committed.iter().filter(move |record| &*record.partition.topic == topic)
    };
    let mut statements: BTreeMap<&str, usize> = BTreeMap::new();
    for record in of_topic(STATEMENTS) {
        let place = record.value.as_str().split(' ').next().unwrap_or_default();
        *statements.entry(place).or_default() += 1;
    }
    for record in of_topic(ACCOUNTS) {
        let place = format!("{}@{}", record.partition, record.offset);
        let count = statements.remove(&*place).unwrap_or(0);
        if count != 1 {
            return Err(format!("there are {count} statements of {place}: {:?}", record.value));
        }
    }
    match statements.first_key_value() {
        Some((place, _)) => Err(format!("there is a statement of {place}, which is not committed")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::partitions_of;
    use crate::invariants::examples;

    #[test]
    fn a_statement_that_is_missing_is_noticed_and_so_is_one_too_many() {
        let mut history = examples::history();
        history.committed.retain(|record| &*record.partition.topic == ACCOUNTS);
        assert!(check(&history).unwrap_err().starts_with("there are 0 statements of accounts-0@0"));
        let mut history = examples::history();
        history.committed.push(examples::statement(&partitions_of(ACCOUNTS)[0], 0, "5/0"));
        assert!(check(&history).unwrap_err().starts_with("there are 2 statements of accounts-0@0"));
    }

    #[test]
    fn a_statement_of_nothing_is_noticed() {
        let mut history = examples::history();
        history.committed.push(examples::statement(&partitions_of(ACCOUNTS)[0], 7, "4/9"));
        assert!(check(&history).unwrap_err().contains("a statement of accounts-0@7"));
    }
}
