//! Random histories against a plain list of records.

use proptest::prelude::*;
use records::ProducerStamp;

use super::super::*;
use super::fixture::*;

#[derive(Clone, Debug)]
enum Step {
    Append { records: usize, value_bytes: usize, new_epoch: bool },
    Release,
    Sync,
    Truncate { back: i64 },
    DeleteRecords { ahead: i64 },
    Retain,
    Sweep,
    Restart { clean: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1..6_usize, 0..300_usize, prop::bool::weighted(0.1)).prop_map(
            |(records, value_bytes, new_epoch)| Step::Append { records, value_bytes, new_epoch }
        ),
        2 => Just(Step::Release),
        2 => Just(Step::Sync),
        1 => (0..20_i64).prop_map(|back| Step::Truncate { back }),
        1 => (0..30_i64).prop_map(|ahead| Step::DeleteRecords { ahead }),
        1 => Just(Step::Retain),
        1 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

/// What the log should hold.
#[derive(Debug, Default)]
struct Model {
    start: i64,
    /// Epoch, timestamp, value and the offset of the batch's end, of every record since offset 0.
    records: Vec<(i32, i64, Vec<u8>, i64)>,
    epoch: i32,
    clock: i64,
}

impl Model {
    fn end(&self) -> i64 {
        self.records.len() as i64
    }

    fn append(&mut self, log: &Log, records: usize, value_bytes: usize) {
        let base = self.end();
        let value = vec![self.records.len() as u8; value_bytes];
        // Now and then time stands still or goes back.
        let timestamps: Vec<i64> =
            (0..records as i64).map(|n| 1000 + self.clock + (n * 7) % 5).collect();
        self.clock += (base % 4) - 1;
        let batch = batch_of(&timestamps, &value, &ProducerStamp::NONE);
        let appended = log.append(&batch, LeaderEpoch(self.epoch), self.clock).unwrap();
        assert_eq!(appended.base_offset, Offset(base));
        let end = base + records as i64;
        for timestamp in timestamps {
            self.records.push((self.epoch, timestamp, value.clone(), end));
        }
    }

    fn truncate(&mut self, log: &Log, back: i64) {
        let offset = (self.end() - back).max(self.start);
        // A batch goes as a whole.
        let mut end = offset;
        while end > 0 && end < self.end() && self.records[end as usize - 1].3 > offset {
            end -= 1;
        }
        let end = end.max(0);
        if end < self.start {
            // The batch that log start lies in is cut off: the log may start there again.
            self.start = end;
        }
        assert_eq!(log.truncate_to(Offset(offset), 0).unwrap(), Offset(end));
        self.records.truncate(end as usize);
    }

    fn check(&self, log: &Log) {
        let offsets = log.offsets();
        assert_eq!((offsets.log_start.0, offsets.log_end.0), (self.start, self.end()));
        let found = log.records_from(self.start);
        let expected: Vec<(i64, i64, Vec<u8>)> = (self.start..self.end())
            .map(|offset| {
                let (_, timestamp, value, _) = &self.records[offset as usize];
                (offset, *timestamp, value.clone())
            })
            .collect();
        assert_eq!(found, expected);
        for offset in self.start..self.end() {
            let epoch = LeaderEpoch(self.records[offset as usize].0);
            assert_eq!(log.epoch_of(Offset(offset)), Some(epoch), "{offset}");
        }
        let alive = &self.records[self.start as usize..];
        for timestamp in [0, 1000, 1000 + self.clock, i64::MAX] {
            let first = alive.iter().position(|record| record.1 >= timestamp);
            let expected = first.map(|index| self.start + index as i64);
            let found = log.find_by_timestamp(timestamp).unwrap();
            assert_eq!(found.map(|found| found.offset.0), expected, "{timestamp}");
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut fixture = Fixture::new().small().with(|config| {
        config.retention_bytes = Some(3000);
        config.retention_ms = None;
        config.file_delete_delay_ms = 0;
    });
    let mut model = Model::default();
    let mut log = fixture.open();
    for step in steps {
        match step {
            Step::Append { records, value_bytes, new_epoch } => {
                model.epoch += i32::from(new_epoch);
                model.append(&log, records, value_bytes);
            }
            Step::Release => log.release(),
            Step::Sync => {
                let recovery_point = log.sync().unwrap();
                log.recovery_point_persisted(recovery_point).unwrap();
            }
            Step::Truncate { back } => model.truncate(&log, back),
            Step::DeleteRecords { ahead } => {
                let before = (model.start + ahead).min(log.offsets().high_watermark.0);
                model.start = log.delete_records(Offset(before)).unwrap().0;
                log.delete_segments(Offset(model.start), 0).unwrap();
            }
            Step::Retain => {
                if let Some(start) = log.retention_candidate(0).unwrap() {
                    model.start = log.delete_records(start).unwrap().0;
                    log.delete_segments(start, 0).unwrap();
                }
            }
            Step::Sweep => drop(log.close_idle().unwrap()),
            Step::Restart { clean } => {
                if clean {
                    log.close().unwrap();
                }
                fixture.clean = clean;
                log = fixture.reopen(&log);
            }
        }
        model.check(&log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_log_holds_what_a_list_would(steps in prop::collection::vec(step(), 1..50)) {
        run(steps);
    }
}

#[test]
fn a_segment_that_is_the_last_again_remembers_its_highest_timestamp() {
    let append = |records, value_bytes| Step::Append { records, value_bytes, new_epoch: false };
    run(vec![
        append(1, 0),
        append(3, 900),
        append(2, 900),
        Step::Restart { clean: true },
        Step::Truncate { back: 1 },
        append(1, 0),
    ]);
}
