//! What must be true of every run, whatever went wrong in it: one file each.

mod acknowledged_records_are_present;
mod consumed_records_stay;
mod every_record_is_acknowledged;
mod every_transfer_is_forwarded_once;
mod high_watermark_never_goes_back;
mod leader_epochs_never_go_back;
mod no_record_is_repeated;
mod nothing_is_invented;
mod offsets_are_dense;
mod only_committed_records_are_consumed;
mod producers_keep_their_order;
mod transactions_are_atomic;

use crate::history::History;

type Invariant = fn(&History) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 12] = [
    ("acknowledged records are present", acknowledged_records_are_present::check),
    ("consumed records stay", consumed_records_stay::check),
    ("every record is acknowledged", every_record_is_acknowledged::check),
    ("the high watermark never goes back", high_watermark_never_goes_back::check),
    ("leader epochs never go back", leader_epochs_never_go_back::check),
    ("no record is repeated", no_record_is_repeated::check),
    ("nothing is invented", nothing_is_invented::check),
    ("offsets are dense", offsets_are_dense::check),
    ("only committed records are consumed", only_committed_records_are_consumed::check),
    ("producers keep their order", producers_keep_their_order::check),
    ("transactions are atomic", transactions_are_atomic::check),
    ("every transfer is forwarded once", every_transfer_is_forwarded_once::check),
];

/// Holds every invariant; tells of the first that is broken.
pub(crate) fn check(history: &History) -> Result<(), String> {
    for (name, check) in INVARIANTS {
        check(history).map_err(|violation| format!("broken: {name}: {violation}"))?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod examples {
    //! A run in which all is well, to be spoilt by each invariant's test.

    use std::collections::BTreeMap;

    use base::TopicPartition;
    use history::{
        Answer, IsolationLevel, Operation, PartitionOffset, PartitionPosition, PolledRecord,
        Process,
    };

    use crate::history::{Event, FinalLog, History, RecordName, SeenRecord};
    use crate::hosts::{ACCOUNTS, STATEMENTS, partitions_of};

    pub(crate) const PARTITION: i32 = 0;

    pub(crate) fn name(number: u32) -> RecordName {
        RecordName { producer: 0, number }
    }

    pub(crate) fn record(offset: i64) -> SeenRecord {
        SeenRecord {
            partition: PARTITION,
            offset,
            name: Some(name(offset as u32)),
            leader_epoch: 0,
            producer_id: 7,
            producer_epoch: 0,
            sequence: offset as i32,
        }
    }

    /// Three records, sent, acknowledged, consumed and read in the end.
    pub(crate) fn history() -> History {
        let mut events = Vec::new();
        for number in 0..3 {
            let (name, offset) = (name(number), Some(i64::from(number)));
            events.push(Event::Sent { name, partition: PARTITION });
            events.push(Event::Acknowledged { name, partition: PARTITION, offset });
        }
        for offset in 0..3 {
            events.push(Event::Consumed { record: record(offset), high_watermark: 3 });
        }
        events.push(Event::EndsAsked);
        let asked = events.len() - 1;
        events.push(Event::EndsTold { asked, ends: BTreeMap::from([(PARTITION, 3)]) });
        let records = (0..3).map(record).collect();
        let logs = BTreeMap::from([(PARTITION, FinalLog { start: 0, end: 3, records })]);
        let transactions = bank_that_has(&[1_000; 3]);
        let mut committed = opening(&[1_000; 3]);
        for account in partitions_of(ACCOUNTS) {
            committed.push(statement(&account, 0, "4/0"));
        }
        History { events, logs, transactions, committed }
    }

    /// A bank into which this was paid, and somebody who reads it all.
    pub(crate) fn bank_that_has(money: &[i64; 3]) -> history::History {
        let mut bank = history::History::new();
        let (teller, reader) = (Process(0), Process(1));
        for PolledRecord { partition, offset, value } in opening(money) {
            let send = bank.invoke(0, teller, Operation::Send { partition, value });
            bank.ok(1, send, Answer::Sent { offset: Some(offset) });
        }
        let accounts = partitions_of(ACCOUNTS);
        let ends: Vec<_> = accounts.iter().map(|name| PartitionOffset::new(name, 1)).collect();
        let asked = bank.invoke(2, reader, Operation::EndOffsets);
        bank.ok(3, asked, Answer::Ends { ends: ends.clone() });
        let starts = accounts.iter().map(|name| PartitionPosition::new(name, Some(0)));
        bank.position(4, reader, starts.collect());
        let isolation = IsolationLevel::ReadCommitted;
        let poll = bank.invoke(5, reader, Operation::Poll { isolation });
        bank.ok(6, poll, Answer::Polled { records: opening(money), positions: ends });
        bank
    }

    fn opening(money: &[i64; 3]) -> Vec<PolledRecord> {
        let paid_in = |(partition, money): (TopicPartition, &i64)| PolledRecord {
            partition,
            offset: 0,
            value: format!("opening {money:+}").into(),
        };
        partitions_of(ACCOUNTS).into_iter().zip(money).map(paid_in).collect()
    }

    /// What a forwarder makes of a record.
    pub(crate) fn statement(account: &TopicPartition, offset: i64, by: &str) -> PolledRecord {
        PolledRecord {
            partition: TopicPartition::new(STATEMENTS, account.partition.0),
            offset: 0,
            value: format!("{account}@{offset} by {by}").into(),
        }
    }

    /// The log of the one partition.
    pub(crate) fn log(history: &mut History) -> &mut FinalLog {
        history.logs.get_mut(&PARTITION).expect("the example has it")
    }

    #[test]
    fn a_run_in_which_all_is_well_breaks_nothing() {
        assert_eq!(super::check(&history()), Ok(()));
    }
}
