//! Compacted logs against a list of everything that was ever appended.

use std::collections::BTreeMap;

use base::{ProducerEpoch, ProducerId};
use proptest::prelude::*;
use records::{
    BatchBuilder, Compression, CompressionType, ProduceBatch, ProduceRules, ProducerStamp,
    validate_produce,
};

use super::super::*;
use super::fixture::*;
use crate::cleaner::{CleanerConfig, Dirt, Round, RoundError};
use crate::disk::Open;
use crate::segment::file_name;

const RETENTION_MS: i64 = 1000;

fn compacted() -> Fixture {
    Fixture::new().small().with(|config| {
        config.compact = true;
        config.delete = false;
        config.min_cleanable_dirty_ratio = 0.0;
        config.delete_retention_ms = RETENTION_MS;
        config.file_delete_delay_ms = 0;
    })
}

/// A batch of records with these keys, each with a value or without.
fn keyed(records: &[(u8, bool)], value_bytes: usize) -> ProduceBatch {
    keyed_by(records, value_bytes, &ProducerStamp::NONE)
}

fn keyed_by(records: &[(u8, bool)], value_bytes: usize, stamp: &ProducerStamp) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    let value = vec![7; value_bytes];
    for &(key, has_value) in records {
        let value = has_value.then_some(value.as_slice());
        builder.try_append(1_000, Some(&[key]), value, &[]).unwrap();
    }
    let bytes = builder.finish(stamp, Compression::from(CompressionType::None)).unwrap();
    let rules = ProduceRules { now_ms: 1_000, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).unwrap()
}

fn begin(log: &Arc<Log>, cleaned: Option<Offset>, now_ms: i64) -> Option<Round> {
    let dirt = log.dirt(cleaned, now_ms).unwrap().filter(Dirt::is_worth_cleaning)?;
    log.sync().unwrap();
    Some(Round::new(log.clone(), dirt, &small_buffers(), [3; 16], now_ms).unwrap())
}

/// Cleans what is worth it, and returns up to where the log is clean then.
fn clean(log: &Arc<Log>, cleaned: Option<Offset>, now_ms: i64) -> Option<Offset> {
    let mut round = begin(log, cleaned, now_ms)?;
    loop {
        if let Some(cleaned) = round.step().unwrap() {
            return Some(cleaned);
        }
    }
}

/// Room for a few keys only: a long log is cleaned in several rounds.
fn small_buffers() -> CleanerConfig {
    CleanerConfig { dedupe_buffer_bytes: 24 * 12, io_buffer_bytes: 1, ..CleanerConfig::default() }
}

/// All records that can be read, one read for each offset from `from` on.
fn records(log: &Log, from: i64) -> Vec<(i64, u8, bool)> {
    let mut records = Vec::new();
    let mut next = from;
    while next < log.offsets().log_end.0 {
        let batches = log.read_batches(next, i64::MAX, 400);
        assert!(!batches.is_empty(), "nothing can be read at {next}");
        for batch in batches {
            assert!(batch.header().next_offset().0 > next, "a read goes on behind {next}");
            next = batch.header().next_offset().0;
            for record in &batch.records().unwrap() {
                let record = record.unwrap();
                records.push((record.offset.0, record.key.unwrap()[0], record.value.is_some()));
            }
        }
    }
    records.retain(|record| record.0 >= from);
    records
}

#[test]
fn the_last_record_of_each_key_is_left_and_the_active_segment_as_it_was() {
    let fixture = compacted();
    let log = Arc::new(fixture.open());
    for n in 0..30 {
        log.put(&keyed(&[(n % 3, true)], 200));
    }
    log.release();
    assert!(log.segment_count() > 5);
    let active = log.segments.read().last_key_value().unwrap().0.0;
    let cleaned = clean(&log, None, 0).unwrap();
    assert_eq!(cleaned, Offset(active));
    let left: Vec<i64> = records(&log, 0).iter().map(|record| record.0).collect();
    let expected: Vec<i64> = (active - 3..30).collect();
    assert_eq!(left, expected);
    assert_eq!(log.offsets().log_start, Offset(0));
    assert_eq!(clean(&log, Some(cleaned), 0), None, "nothing is dirty");
    let segments = log.segment_count();
    log.put_many(4, &keyed(&[(9, true)], 300));
    log.release();
    clean(&log, Some(cleaned), 0).unwrap();
    let together = log.segment_count();
    assert!(together < segments, "what is small now becomes one segment: {together}");
}

#[test]
fn a_compacted_log_that_is_to_stay_short_seals_what_outgrows_its_clean_part() {
    let short = |config: &mut LogConfig| {
        config.segment_bytes = 1 << 30;
        config.compacted_segment_bytes_min = Some(1_000);
    };
    let log = Arc::new(compacted().with(short).open());
    let mut cleaned = None;
    for n in 0..200 {
        log.put(&keyed(&[(n % 10, true)], 200));
        log.release();
        cleaned = clean(&log, cleaned, 0).or(cleaned);
        let sizes = sizes(&log);
        assert!(*sizes.last().unwrap() <= sizes[0].max(1_000), "{sizes:?}");
    }
    // Ten keys, and an active segment that is no larger.
    let bytes: u64 = sizes(&log).iter().sum();
    assert!(bytes < 2 * 10 * 300, "{bytes}");

    let log = compacted().with(short).open();
    log.put_many(200, &keyed(&[(1, true)], 200));
    let sizes_before = sizes(&log);
    assert!(sizes_before.len() > 30, "a cleaner that is late finds small ones: {sizes_before:?}");
    assert!(sizes_before.iter().all(|&bytes| bytes <= 1_000), "{sizes_before:?}");

    let log = compacted().with(short).with(|config| config.compact = false).open();
    log.put_many(200, &keyed(&[(1, true)], 200));
    assert_eq!(log.segment_count(), 1, "nothing is gained where nothing is cleaned");
    let log = compacted().with(short).with(|config| config.segment_bytes = 600).open();
    log.put_many(10, &keyed(&[(1, true)], 200));
    assert!(sizes(&log).iter().all(|&bytes| bytes <= 600), "segment.bytes holds all the same");
}

/// The sizes of a log's segments, the active one last.
fn sizes(log: &Log) -> Vec<u64> {
    log.segments.read().values().map(|segment| u64::from(segment.size())).collect()
}

#[test]
fn nothing_above_the_last_stable_offset_is_cleaned() {
    let log = Arc::new(compacted().open());
    log.put_many(30, &keyed(&[(1, true)], 200));
    assert_eq!(clean(&log, None, 0), None);
    log.set_high_watermark(Offset(11));
    assert!(clean(&log, None, 0).unwrap() <= Offset(11));
    assert!(records(&log, 0).len() >= 19);
}

#[test]
fn a_tombstone_is_seen_for_a_while_and_what_it_deletes_is_not() {
    let log = Arc::new(compacted().open());
    log.put(&keyed(&[(1, true), (2, true)], 10));
    log.put(&keyed(&[(1, false)], 10));
    log.put_many(10, &keyed(&[(9, true)], 300));
    log.release();
    let cleaned = clean(&log, None, 5_000);
    let tombstones = |log: &Log| records(log, 0).iter().filter(|record| !record.2).count();
    assert_eq!(tombstones(&log), 1);
    assert!(!records(&log, 0).iter().any(|record| record.0 == 0), "its value is gone");
    log.put_many(10, &keyed(&[(9, true)], 300));
    log.release();
    let cleaned = clean(&log, cleaned, 5_000 + RETENTION_MS - 1);
    assert_eq!(tombstones(&log), 1);
    log.put_many(10, &keyed(&[(9, true)], 300));
    log.release();
    clean(&log, cleaned, 5_000 + RETENTION_MS).unwrap();
    assert_eq!(tombstones(&log), 0);
    assert_eq!(records(&log, 0)[0].1, 2);
}

#[test]
fn a_producer_is_remembered_though_all_its_records_are_gone_and_every_snapshot_too() {
    let mut fixture = compacted();
    let log = Arc::new(fixture.open());
    let stamp = |base_sequence| ProducerStamp {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(1),
        base_sequence,
        ..ProducerStamp::NONE
    };
    let first = log.put(&keyed_by(&[(1, true), (1, true)], 50, &stamp(0)));
    let last = log.put(&keyed_by(&[(1, true), (1, true)], 50, &stamp(2)));
    log.put_many(20, &keyed(&[(1, true)], 200));
    log.release();
    clean(&log, None, 0).unwrap();
    assert!(records(&log, 0).first().unwrap().0 > 4);
    log.sync().unwrap();
    log.close().unwrap();
    for name in fixture.names() {
        if name.ends_with(".snapshot") {
            fixture.disk.remove(&fixture.path.join(name)).unwrap();
        }
    }
    let log = fixture.reopen(&log);
    let again = log.append(&keyed_by(&[(1, true), (1, true)], 50, &stamp(2)), EPOCH, 0).unwrap();
    assert!(again.duplicate && again.base_offset == last.base_offset);
    let before = log.append(&keyed_by(&[(1, true), (1, true)], 50, &stamp(0)), EPOCH, 0);
    assert!(before.is_err(), "{first:?} was not the last one");
}

#[test]
fn a_timestamp_is_found_across_batches_that_are_empty() {
    let log = Arc::new(compacted().open());
    log.put_many(20, &keyed(&[(1, true)], 200));
    log.put_many(4, &keyed(&[(2, true)], 300));
    log.release();
    clean(&log, None, 0).unwrap();
    let first = records(&log, 0)[0].0;
    assert_eq!(log.find_by_timestamp(1_000).unwrap().unwrap().offset, Offset(first));
    assert_eq!(log.max_timestamp().unwrap().unwrap().offset, Offset(first));
}

#[test]
fn what_is_taken_away_while_it_is_cleaned_is_not_put_back() {
    let take_away: [fn(&Log); 3] = [
        |log| assert_eq!(log.truncate_to(Offset(29), 0).unwrap(), Offset(29)),
        |log| {
            log.delete_records(Offset(12)).unwrap();
            log.delete_segments(Offset(12), 0).unwrap();
        },
        Log::retire,
    ];
    for take_away in take_away {
        for steps in 1..8 {
            let fixture = compacted();
            let log = Arc::new(fixture.open());
            for n in 0..30 {
                log.put(&keyed(&[(n, true)], 200));
            }
            log.release();
            let mut round = begin(&log, None, 0).unwrap();
            for _ in 0..steps {
                assert_eq!(round.step().unwrap(), None);
            }
            take_away(&log);
            let names = fixture.names();
            let end = (0..1000).find_map(|_| round.step().transpose()).unwrap();
            assert!(matches!(end, Err(RoundError::Changed)), "{end:?}");
            round.abandon().unwrap();
            let is_left = |name: &String| name.contains(".cleaned") || name.contains(".swap");
            if log.is_retired() {
                assert_eq!(fixture.names(), names, "the path may be another log's");
            } else {
                assert!(!fixture.names().iter().any(is_left));
                let start = log.offsets().log_start.0;
                let end = log.offsets().log_end.0;
                let left: Vec<i64> = records(&log, start).iter().map(|record| record.0).collect();
                assert_eq!(left, (start..end).collect::<Vec<i64>>());
            }
        }
    }
}

#[test]
fn a_damaged_batch_is_left_as_it_is() {
    let fixture = compacted();
    let log = Arc::new(fixture.open());
    log.put_many(30, &keyed(&[(1, true)], 200));
    log.release();
    let file = fixture
        .disk
        .open(&fixture.path.join(file_name::path(Path::new(""), Offset(0), "log")), Open::Existing);
    file.unwrap().write_at(150, &[b"?"]).unwrap();
    let before = log.read_bytes(0, 30, 1 << 20, true);
    let mut round = begin(&log, None, 0).unwrap();
    let end = (0..1000).find_map(|_| round.step().transpose()).unwrap();
    assert!(matches!(end, Err(RoundError::Damaged { position: 0, .. })), "{end:?}");
    round.abandon().unwrap();
    assert_eq!(log.read_bytes(0, 30, 1 << 20, true), before);
}

#[test]
fn the_end_may_be_cut_inside_a_hole() {
    let mut fixture = compacted();
    let log = Arc::new(fixture.open());
    for n in 0..20 {
        log.put(&keyed(&[(n % 2, true)], 200));
    }
    log.put(&keyed(&[(2, true)], 10));
    log.release();
    clean(&log, None, 0).unwrap();
    let first = records(&log, 0)[0].0;
    let cut = log.truncate_to(Offset(first - 1), 0).unwrap();
    assert!(cut <= Offset(first - 1));
    log.put_many(3, &keyed(&[(3, true)], 10));
    let expected: Vec<(i64, u8, bool)> = (cut.0..cut.0 + 3).map(|at| (at, 3, true)).collect();
    assert_eq!(records(&log, 0), expected);
    log.sync().unwrap();
    let log = fixture.reopen(&log);
    assert_eq!(records(&log, 0), expected);
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<(u8, bool)>, usize),
    Release,
    Clean,
    Advance(i64),
    DeleteRecords(i64),
    TruncateUnreleased,
    Sweep,
    Restart { clean: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..6_u8, prop::bool::weighted(0.8));
    prop_oneof![
        16 => (prop::collection::vec(record, 1..6), 0..200_usize)
            .prop_map(|(records, bytes)| Step::Put(records, bytes)),
        4 => Just(Step::Release),
        6 => Just(Step::Clean),
        2 => (0..800_i64).prop_map(Step::Advance),
        1 => (0..20_i64).prop_map(Step::DeleteRecords),
        1 => Just(Step::TruncateUnreleased),
        1 => Just(Step::Sweep),
        2 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

/// Everything that was ever appended and not cut off, and how far the log is clean.
#[derive(Debug, Default)]
struct Model {
    records: Vec<(u8, bool)>,
    start: i64,
    released: i64,
    cleaned: Option<Offset>,
    now_ms: i64,
    /// When each tombstone that was cleaned may go, at the soonest.
    horizons: BTreeMap<i64, i64>,
}

impl Model {
    fn last(&self, key: u8, below: i64) -> Option<i64> {
        (0..below).rev().find(|&offset| self.records[offset as usize].0 == key)
    }

    fn check(&self, log: &Log) {
        let offsets = log.offsets();
        let end = self.records.len() as i64;
        assert_eq!((offsets.log_start.0, offsets.log_end.0), (self.start, end));
        let left = records(log, self.start);
        let cleaned = self.cleaned.map_or(0, |cleaned| cleaned.0);
        for &(offset, key, has_value) in &left {
            assert_eq!((key, has_value), self.records[offset as usize], "at {offset}");
            if offset < cleaned {
                assert_eq!(self.last(key, cleaned), Some(offset), "{key} is there twice");
            }
        }
        for offset in self.start..end {
            let (key, has_value) = self.records[offset as usize];
            let is_needed = offset >= cleaned || self.last(key, cleaned) == Some(offset);
            let is_left = left.iter().any(|record| record.0 == offset);
            let is_over = self.horizons.get(&offset).is_some_and(|&at| at <= self.now_ms);
            assert!(is_left || !is_needed || !has_value && is_over, "{offset} is gone");
        }
        for from in self.start..end {
            let expected = left.iter().find(|record| record.0 >= from);
            assert_eq!(records(log, from).first(), expected, "from {from}");
        }
    }

    fn clean(&mut self, log: &Arc<Log>) {
        let Some(cleaned) = clean(log, self.cleaned, self.now_ms) else { return };
        assert!(Some(cleaned) > self.cleaned, "a round gets somewhere");
        for (offset, _, has_value) in records(log, self.start) {
            if !has_value {
                self.horizons.entry(offset).or_insert(self.now_ms + RETENTION_MS);
            }
        }
        self.cleaned = Some(cleaned);
    }
}

fn run(steps: Vec<Step>) {
    let mut fixture = compacted();
    let mut log = Arc::new(fixture.open());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put(records, bytes) => {
                log.put(&keyed(&records, bytes));
                model.records.extend(records);
            }
            Step::Release => {
                log.release();
                model.released = log.offsets().log_end.0;
            }
            Step::Clean => model.clean(&log),
            Step::Advance(ms) => model.now_ms += ms,
            Step::DeleteRecords(ahead) => {
                let before = (model.start + ahead).min(model.released);
                model.start = log.delete_records(Offset(before)).unwrap().0;
                log.delete_segments(Offset(model.start), model.now_ms).unwrap();
            }
            Step::TruncateUnreleased => {
                let end = log.truncate_to(Offset(model.released), 0).unwrap();
                model.records.truncate(end.0 as usize);
                model.horizons.retain(|&offset, _| offset < end.0);
            }
            Step::Sweep => {
                log.close_idle().unwrap();
            }
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
    fn a_compacted_log_has_the_last_value_of_every_key(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(steps);
    }
}
