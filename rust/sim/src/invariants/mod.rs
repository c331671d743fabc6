//! What must be true of every run, whatever went wrong in it: one file each.

mod acknowledged_records_are_present;
mod consumed_records_stay;
mod every_record_is_acknowledged;
mod high_watermark_never_goes_back;
mod leader_epochs_never_go_back;
mod no_record_is_repeated;
mod nothing_is_invented;
mod offsets_are_dense;
mod only_committed_records_are_consumed;
mod producers_keep_their_order;

use crate::history::History;

type Invariant = fn(&History) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 10] = [
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

    use crate::history::{Event, FinalLog, History, RecordName, SeenRecord};

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
        History { events, logs }
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
