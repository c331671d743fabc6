//! What transactional clients did and saw, a log that keeps its promises could have shown: a
//! transaction's records and offsets count all together or not at all, also over crashes of its
//! producer and of the broker, and the money that was paid into the bank is what everybody finds
//! who reads what is committed (KIP-98, KIP-447, KIP-890). `rust/history` judges.

use history::workload::bank::Bank;

use crate::history::History;
use crate::hosts::{ACCOUNTS, partitions_of};

pub(crate) fn check(history: &History) -> Result<(), String> {
    let transactions = &history.transactions;
    let report = history::check(transactions).map_err(|malformed| malformed.to_string())?;
    if !report.is_clean() {
        return Err(report.to_string());
    }
    let bank = Bank::new(partitions_of(ACCOUNTS), 0);
    let anomalies = bank.check(transactions).map_err(|malformed| malformed.to_string())?;
    match anomalies.first() {
        Some(anomaly) => Err(anomaly.to_string()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use history::{Answer, IsolationLevel, Operation, PolledRecord};

    use super::*;
    use crate::invariants::examples;

    #[test]
    fn a_record_of_an_aborted_transfer_that_is_read_is_noticed() {
        let mut history = examples::history();
        let (process, account) = (history::Process(9), partitions_of(ACCOUNTS).remove(0));
        let transactions = &mut history.transactions;
        let mut done = |operation, answer| {
            let id = transactions.invoke(90, process, operation);
            transactions.ok(91, id, answer);
        };
        done(Operation::Begin, Answer::Done);
        let send = Operation::Send { partition: account.clone(), value: "9/0 -5".into() };
        done(send, Answer::Sent { offset: Some(1) });
        done(Operation::Abort, Answer::Done);
        let record = PolledRecord { partition: account, offset: 1, value: "9/0 -5".into() };
        let answer = Answer::Polled { records: vec![record], positions: Vec::new() };
        done(Operation::Poll { isolation: IsolationLevel::ReadCommitted }, answer);
        assert!(check(&history).unwrap_err().contains("aborted read"));
    }

    #[test]
    fn money_that_is_missing_is_noticed() {
        let mut history = examples::history();
        history.transactions = examples::bank_that_has(&[1_000, 1_000, 900]);
        assert!(check(&history).unwrap_err().contains("finds 2900 in all accounts"));
    }
}
