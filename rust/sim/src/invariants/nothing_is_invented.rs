//! Every record in the log was sent to that partition, and came whole: its batch's checksum and its
//! own value say so.

use crate::history::History;

pub(crate) fn check(history: &History) -> Result<(), String> {
    let sent = history.sent();
    for record in history.final_records() {
        let was_sent = record.name.and_then(|name| sent.get(&name)) == Some(&record.partition);
        if !was_sent {
            return Err(format!("{record:?} was never sent there"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::examples;

    #[test]
    fn a_record_that_nobody_sent_is_noticed_and_so_is_one_in_the_wrong_place() {
        let mut history = examples::history();
        examples::log(&mut history).records[0].name = None;
        assert!(check(&history).is_err());
        let mut history = examples::history();
        examples::log(&mut history).records[2].partition = 1;
        assert!(check(&history).unwrap_err().contains("never sent there"));
    }
}
