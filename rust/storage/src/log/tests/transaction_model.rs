//! Random histories of transactions, with restarts, cuts and compaction: who reads committed
//! records gets those and no others.

use std::collections::BTreeMap;

use proptest::prelude::*;
use records::ProducerStamp;

use super::super::*;
use super::fixture::*;
use super::reader::*;
use crate::cleaner::{CleanerConfig, Dirt, Round};

#[derive(Clone, Debug)]
enum Step {
    Plain { records: usize },
    Transact { producer: usize, records: usize },
    End { producer: usize, is_commit: bool },
    Release,
    ReleasePart,
    Sync,
    Clean,
    Advance(i64),
    TruncateUnreleased,
    DeleteRecords(i64),
    Sweep,
    Restart { clean: bool },
}

const PRODUCERS: usize = 3;
const RETENTION_MS: i64 = 1_000;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4_usize).prop_map(|records| Step::Plain { records }),
        12 => (0..PRODUCERS, 1..4_usize)
            .prop_map(|(producer, records)| Step::Transact { producer, records }),
        8 => (0..PRODUCERS, any::<bool>())
            .prop_map(|(producer, is_commit)| Step::End { producer, is_commit }),
        4 => Just(Step::Release),
        2 => Just(Step::ReleasePart),
        2 => Just(Step::Sync),
        4 => Just(Step::Clean),
        2 => (0..800_i64).prop_map(Step::Advance),
        1 => Just(Step::TruncateUnreleased),
        1 => (0..20_i64).prop_map(Step::DeleteRecords),
        1 => Just(Step::Sweep),
        2 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

/// A batch that was appended and not cut off.
#[derive(Clone, Copy, Debug)]
struct Entry {
    base: i64,
    end: i64,
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Nobody,
    Producer(usize),
    Marker { producer: usize, is_commit: bool },
}

/// Where a producer stands, by the entries.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    epoch: i16,
    sequence: i32,
    first: Option<i64>,
}

#[derive(Debug, Default)]
struct Model {
    entries: Vec<Entry>,
    start: i64,
    next_key: u64,
    now_ms: i64,
    cleaned: Option<Offset>,
}

impl Model {
    fn end(&self) -> i64 {
        self.entries.last().map_or(0, |entry| entry.end)
    }

    fn state(&self, producer: usize) -> State {
        let mut state = State::default();
        for entry in &self.entries {
            match entry.of {
                Of::Producer(of) if of == producer => {
                    state.sequence += (entry.end - entry.base) as i32;
                    state.first.get_or_insert(entry.base);
                }
                Of::Marker { producer: of, .. } if of == producer => {
                    state = State { epoch: state.epoch + 1, ..State::default() };
                }
                _ => {}
            }
        }
        state
    }

    fn keys(&mut self, count: usize) -> Vec<u64> {
        let first = self.next_key;
        self.next_key += count as u64;
        (first..self.next_key).collect()
    }

    fn add(&mut self, appended: &Appended, of: Of) {
        let (base, end) = (appended.base_offset.0, appended.last_offset.next().0);
        assert_eq!(base, self.end());
        self.entries.push(Entry { base, end, of });
    }

    /// How each transaction ended that has, by where it began.
    fn transactions(&self) -> Vec<(i64, Option<(i64, bool)>)> {
        let mut open: BTreeMap<usize, i64> = BTreeMap::new();
        let mut all = Vec::new();
        for entry in &self.entries {
            match entry.of {
                Of::Producer(producer) => drop(open.entry(producer).or_insert(entry.base)),
                Of::Marker { producer, is_commit } => {
                    let first = open.remove(&producer);
                    all.extend(first.map(|first| (first, Some((entry.base, is_commit)))));
                }
                Of::Nobody => {}
            }
        }
        all.extend(open.into_values().map(|first| (first, None)));
        all
    }

    /// The offsets of committed records.
    fn committed(&self) -> Vec<i64> {
        let holds = |index: usize| match self.entries[index].of {
            Of::Nobody => true,
            Of::Marker { .. } => false,
            Of::Producer(producer) => self.next_marker(index, producer) == Some(true),
        };
        let held = (0..self.entries.len()).filter(|&index| holds(index));
        held.flat_map(|index| self.entries[index].base..self.entries[index].end).collect()
    }

    /// Whether the producer's next marker commits.
    fn next_marker(&self, after: usize, producer: usize) -> Option<bool> {
        self.entries[after..].iter().find_map(|entry| match entry.of {
            Of::Marker { producer: of, is_commit } if of == producer => Some(is_commit),
            _ => None,
        })
    }

    fn check(&self, log: &Log) {
        let offsets = log.offsets();
        assert_eq!((offsets.log_start.0, offsets.log_end.0), (self.start, self.end()));
        let transactions = self.transactions();
        let hw = offsets.high_watermark.0;
        let bound = |is_unstable: &dyn Fn(i64, Option<(i64, bool)>) -> bool| {
            let unstable = transactions.iter().filter(|(first, ended)| is_unstable(*first, *ended));
            unstable.map(|(first, _)| *first).chain([hw]).min().unwrap_or(hw).max(self.start)
        };
        let lowest = bound(&|_, ended| ended.is_none_or(|(marker, _)| marker >= hw));
        // A marker that a restart has found is as good as replicated, and a transaction may be
        // forgotten with its records.
        let highest = bound(&|first, ended| ended.is_none() && first >= self.start);
        let last_stable = offsets.last_stable.0;
        assert!((lowest..=highest).contains(&last_stable), "{last_stable}: {lowest}..{highest}");
        let committed = self.committed();
        for from in [self.start, i64::midpoint(self.start, last_stable), last_stable] {
            let expected: Vec<i64> =
                committed.iter().copied().filter(|at| (from..last_stable).contains(at)).collect();
            assert_eq!(log.committed_from(from), expected, "from {from}");
        }
        for (producer, entry) in log.producers() {
            let first = self.state(producer.0 as usize).first;
            if first.is_none_or(|first| first >= self.start) {
                assert_eq!(entry.transaction_first_offset, first.map(Offset), "{producer}");
            }
        }
    }

    fn clean(&mut self, log: &Arc<Log>) {
        let dirt = log.dirt(self.cleaned, self.now_ms).unwrap();
        let Some(dirt) = dirt.filter(Dirt::is_worth_cleaning) else { return };
        log.sync().unwrap();
        let config = CleanerConfig {
            dedupe_buffer_bytes: 24 * 12,
            io_buffer_bytes: 1,
            ..CleanerConfig::default()
        };
        let mut round = Round::new(log.clone(), dirt, &config, [3; 16], self.now_ms).unwrap();
        self.cleaned = Some((0..10_000).find_map(|_| round.step().unwrap()).unwrap());
    }
}

fn run(steps: Vec<Step>, compact: bool) {
    let mut fixture = Fixture::new().small().with(|config| {
        config.compact = compact;
        config.delete = false;
        config.min_cleanable_dirty_ratio = 0.0;
        config.delete_retention_ms = RETENTION_MS;
        config.file_delete_delay_ms = 0;
    });
    let mut model = Model::default();
    let mut log = Arc::new(fixture.open());
    for step in steps {
        match step {
            Step::Plain { records } => {
                let keys = model.keys(records);
                model.add(&log.put(&keyed(&keys, &ProducerStamp::NONE)), Of::Nobody);
            }
            Step::Transact { producer, records } => {
                let State { epoch, sequence, .. } = model.state(producer);
                let keys = model.keys(records);
                let appended = log.put_in_transaction((producer as i64, epoch), sequence, &keys);
                assert!(!appended.duplicate);
                model.add(&appended, Of::Producer(producer));
            }
            Step::End { producer, is_commit } => {
                // A marker of version 2 has the next epoch, whether there is anything to end or
                // not.
                let epoch = model.state(producer).epoch + 1;
                let appended = log.end_transaction((producer as i64, epoch), is_commit);
                model.add(&appended, Of::Marker { producer, is_commit });
            }
            Step::Release => log.release(),
            Step::ReleasePart => {
                let offsets = log.offsets();
                log.advance_flushed(offsets.log_end);
                let half = i64::midpoint(offsets.high_watermark.0, offsets.log_end.0);
                // A high watermark lies between two batches.
                let ends = model.entries.iter().map(|entry| entry.end);
                let end = ends.take_while(|&end| end <= half).last().unwrap_or_default();
                log.set_high_watermark(Offset(end));
            }
            Step::Sync => {
                let recovery_point = log.sync().unwrap();
                log.recovery_point_persisted(recovery_point).unwrap();
            }
            Step::Clean if compact => model.clean(&log),
            Step::Clean => {}
            Step::Advance(ms) => model.now_ms += ms,
            Step::TruncateUnreleased => {
                let high_watermark = log.offsets().high_watermark;
                let end = log.truncate_to(high_watermark, 0).unwrap().0;
                model.entries.retain(|entry| entry.end <= end);
                model.start = model.start.min(end);
            }
            Step::DeleteRecords(ahead) => {
                let before = (model.start + ahead).min(log.offsets().high_watermark.0);
                model.start = log.delete_records(Offset(before)).unwrap().0;
                log.delete_segments(Offset(model.start), model.now_ms).unwrap();
            }
            Step::Sweep => drop(log.close_idle().unwrap()),
            Step::Restart { clean } => {
                if clean {
                    log.close().unwrap();
                }
                fixture.clean = clean;
                log = Arc::new(fixture.reopen(&log));
            }
        }
        model.check(&log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn committed_records_are_read_and_no_others(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, false);
    }

    #[test]
    fn compaction_changes_nothing_for_who_reads_committed_records(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        run(steps, true);
    }
}
