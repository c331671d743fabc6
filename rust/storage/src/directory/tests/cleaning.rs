//! The cleaner beside the other machines: when it cleans, what it writes down, and how it stops.

use base::{Clock as _, Offset, Wait};
use records::{
    BatchBuilder, Compression, ProduceBatch, ProduceRules, ProducerStamp, RecordBatch, batches,
    validate_produce,
};

use super::super::*;
use super::fixture::{DATA, Fixture, PARTITION, answer, answers, config, topic_id};
use crate::checkpoint_file::{CLEANER_FILE, read_offsets};
use crate::disk::{Disk as _, Open, Survivors};
use crate::log::{Durability, ReadRange};

/// Longer than a cleaner rests.
const REST_MS: i64 = 20_000;

fn compacted(fixture: &mut Fixture, number: u8, name: &str, durability: Durability) -> Arc<Log> {
    let mut known = fixture.known(name, durability);
    known.config.compact = true;
    known.config.delete = false;
    known.config.segment_bytes = 1_000;
    known.config.min_cleanable_dirty_ratio = 0.0;
    fixture.topics.0.insert(topic_id(number), known.clone());
    fixture.directory.log_or_create(topic_id(number), PARTITION, known).unwrap()
}

fn keyed(key: u8, value_bytes: usize, now_ms: i64) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    builder.try_append(now_ms, Some(&[key]), Some(&vec![7; value_bytes]), &[]).unwrap();
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    let rules = ProduceRules { now_ms, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).unwrap()
}

/// Writes one key again and again, and releases it to consumers.
fn fill(fixture: &mut Fixture, log: &Arc<Log>, key: u8, records: usize) {
    for _ in 0..records {
        let batch = keyed(key, 200, fixture.clock.unix_ms());
        fixture.try_submit_batch(log, batch).unwrap();
    }
    fixture.settle();
    log.advance_flushed(log.offsets().log_end);
    log.set_high_watermark(log.offsets().log_end);
}

fn rested(fixture: &mut Fixture) {
    fixture.advance(REST_MS);
    fixture.settle();
}

fn records(log: &Log) -> i32 {
    let (mut from, mut records) = (log.offsets().log_start, 0);
    while from < log.offsets().log_end {
        let range = ReadRange { from, up_to: Offset(i64::MAX), max_bytes: 500, min_one: true };
        let bytes = log.read(&range, Wait::Allowed).unwrap().read_all().unwrap();
        for batch in batches(bytes.into()) {
            let batch: RecordBatch = batch.unwrap();
            records += batch.header().record_count;
            from = batch.header().next_offset();
        }
    }
    records
}

fn noted(fixture: &Fixture) -> Vec<(String, i64)> {
    let noted = read_offsets(&fixture.disk, &Path::new(DATA).join(CLEANER_FILE)).unwrap();
    noted.into_iter().map(|(partition, offset)| (partition.to_string(), offset.0)).collect()
}

#[test]
fn logs_are_cleaned_after_a_rest_and_that_is_written_down() {
    let mut fixture = Fixture::new();
    let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
    let plain = fixture.create(2, "events", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    fill(&mut fixture, &plain, 1, 20);
    assert_eq!((records(&log), noted(&fixture).len()), (20, 0));
    rested(&mut fixture);
    assert!(records(&log) < 5);
    assert_eq!(records(&plain), 20);
    let cleaned = noted(&fixture);
    assert_eq!((cleaned.len(), cleaned[0].0.as_str()), (1, "orders-0"));
    assert!(cleaned[0].1 > 15 && log.recovery_point() >= Offset(cleaned[0].1));
    let operations = fixture.disk.operations();
    rested(&mut fixture);
    assert_eq!(fixture.disk.operations(), operations, "nothing is dirty");
}

#[test]
fn what_the_cleaners_do_and_find_is_counted() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.directory.cleaner_metrics(), CleanerMetrics::default());
    let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    fixture.advance(REST_MS);
    while fixture.directory.cleaner_metrics().map_bytes == 0 {
        assert_ne!(fixture.machines.cleaners[0].step(), Progress::Stopped);
    }
    let found = fixture.directory.cleaner_metrics();
    assert_eq!((found.max_dirty_percent, found.cleanings), (100.0, 0));
    fixture.settle();
    let cleaned = fixture.directory.cleaner_metrics();
    assert_eq!((cleaned.cleanings, cleaned.abandoned_cleanings), (1, 0));
    assert!(cleaned.bytes_read > 2 * cleaned.bytes_written, "{cleaned:?}");
    let recopied = 100.0 * cleaned.bytes_written as f64 / cleaned.bytes_read as f64;
    assert!((cleaned.recopy_percent - recopied).abs() < 1e-9);
    assert!((0.0..1.0).contains(&cleaned.max_buffer_utilization_percent));
    assert!(cleaned.max_buffer_utilization_percent > 0.0);
    assert_eq!((cleaned.map_bytes, cleaned.map_bytes_max), (0, found.map_bytes));
    rested(&mut fixture);
    let rested = fixture.directory.cleaner_metrics();
    assert_eq!((rested.max_dirty_percent, rested.uncleanable_partitions), (0.0, 0));
    fixture.advance(1_000);
    let later = fixture.directory.cleaner_metrics().time_since_last_run.unwrap();
    assert_eq!(later, rested.time_since_last_run.unwrap() + std::time::Duration::from_secs(1));
}

#[test]
fn a_log_in_memory_is_cleaned_as_well() {
    let mut fixture = Fixture::new();
    let log = compacted(&mut fixture, 1, "orders", Durability::Memory);
    fill(&mut fixture, &log, 1, 20);
    let operations = fixture.disk.operations();
    rested(&mut fixture);
    assert!(records(&log) < 5);
    assert!(fixture.disk.operations() <= operations + 10, "nothing but checkpoints");
}

#[test]
fn what_was_cleaned_is_known_after_a_restart_and_after_a_crash() {
    for crashes in [false, true] {
        let mut fixture = Fixture::new();
        let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
        fill(&mut fixture, &log, 1, 20);
        rested(&mut fixture);
        let (left, cleaned) = (records(&log), noted(&fixture));
        drop(log);
        let disk = if crashes {
            fixture.disk.after_crash(&Survivors::synced(&fixture.disk))
        } else {
            fixture.stop();
            fixture.disk.after_crash(&Survivors::all())
        };
        let mut fixture = fixture.reopened(&disk);
        let log = fixture.directory.log(topic_id(1), PARTITION).unwrap();
        assert_eq!((records(&log), log.offsets().log_end), (left, Offset(20)));
        let operations = fixture.disk.operations();
        rested(&mut fixture);
        assert_eq!(noted(&fixture), cleaned);
        assert!(fixture.disk.operations() <= operations + 5, "nothing is dirty");
    }
}

#[test]
fn a_new_log_of_a_deleted_topics_name_is_dirty() {
    let mut fixture = Fixture::new();
    let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    rested(&mut fixture);
    assert_eq!(noted(&fixture).len(), 1);
    fixture.topics.0.clear();
    let (deleted, completion) = answers();
    fixture.directory.delete_log(topic_id(1), PARTITION, completion);
    assert_eq!(noted(&fixture), []);
    fixture.settle();
    answer(&deleted);
    let log = compacted(&mut fixture, 2, "orders", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    rested(&mut fixture);
    assert!(records(&log) < 5);
}

#[test]
fn what_is_cut_off_is_not_noted_as_clean_any_more() {
    let mut fixture = Fixture::new();
    let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    rested(&mut fixture);
    let before = noted(&fixture)[0].1;
    let (truncated, completion) = answers();
    fixture.directory.truncate(log.clone(), Offset(before - 1), completion);
    fixture.settle();
    assert!(answer(&truncated) < Offset(before));
    assert_eq!(noted(&fixture)[0].1, answer(&truncated).0);
}

#[test]
fn a_closing_directory_does_not_wait_for_a_round_and_leaves_nothing_of_it() {
    for steps in 0..12 {
        let mut fixture = Fixture::new();
        let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
        fill(&mut fixture, &log, 1, 20);
        fixture.advance(REST_MS);
        for _ in 0..steps {
            assert_ne!(fixture.machines.cleaners[0].step(), Progress::Stopped);
        }
        drop(log);
        fixture.stop();
        let entries = fixture.disk.list(&Path::new(DATA).join("orders-0")).unwrap();
        let left = entries
            .iter()
            .filter(|entry| entry.name.contains(".cleaned") || entry.name.contains(".swap"));
        assert_eq!(left.count(), 0, "after {steps} steps");
        let disk = fixture.disk.after_crash(&Survivors::all());
        let fixture = fixture.reopened(&disk);
        let log = fixture.directory.log(topic_id(1), PARTITION).unwrap();
        assert_eq!(log.offsets().log_end, Offset(20));
    }
}

#[test]
fn a_damaged_log_is_given_up_and_the_others_are_cleaned() {
    let mut fixture = Fixture::new();
    let damaged = compacted(&mut fixture, 1, "damaged", Durability::Disk);
    let sound = compacted(&mut fixture, 2, "sound", Durability::Disk);
    for log in [&damaged, &sound] {
        fill(&mut fixture, log, 1, 20);
    }
    let path = Path::new(DATA).join("damaged-0/00000000000000000000.log");
    fixture.disk.open(&path, Open::Existing).unwrap().write_at(150, &[b"?"]).unwrap();
    for _ in 0..3 {
        rested(&mut fixture);
    }
    assert!(fixture.directory.failure().is_none());
    assert_eq!(noted(&fixture).len(), 1);
    assert!(records(&sound) < 5);
    let metrics = fixture.directory.cleaner_metrics();
    assert_eq!((metrics.uncleanable_partitions, metrics.map_bytes), (1, 0));
    assert_eq!((metrics.cleanings, metrics.abandoned_cleanings), (1, 1));
}

#[test]
fn the_cleaner_rests_as_its_limit_of_speed_asks_and_can_be_turned_off() {
    let mut slow = config();
    slow.cleaner.io_bytes_per_second_max = 1_000.0;
    let mut fixture = Fixture::with(slow.clone());
    let log = compacted(&mut fixture, 1, "orders", Durability::Disk);
    fill(&mut fixture, &log, 1, 20);
    rested(&mut fixture);
    assert_eq!(records(&log), 20, "it has read one buffer, and rests");
    let faster = CleanerConfig { io_bytes_per_second_max: f64::MAX, ..slow.cleaner.clone() };
    fixture.directory.configure_cleaner(faster);
    rested(&mut fixture);
    rested(&mut fixture);
    assert!(records(&log) < 5);

    slow.cleaner.enable = false;
    let mut fixture = Fixture::with(slow);
    assert!(fixture.machines.cleaners.is_empty());
    fixture.stop();
}
