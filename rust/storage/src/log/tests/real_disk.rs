//! The log on the machine's own files.

use base::Wait;

use super::super::*;
use super::fixture::*;
use crate::disk::RealDisk;

/// Fills a log with idempotent and other batches over several segments and epochs.
fn fill(log: &Log) {
    for n in 0..400 {
        let epoch = LeaderEpoch(n / 150);
        log.append(&sequenced(i64::from(n % 3), 0, n / 3 * 10, 10), epoch, 0).unwrap();
        log.append(&at(5_000 + i64::from(n), &[7; 100]), epoch, 0).unwrap();
    }
}

#[test]
fn a_log_on_real_files_is_written_read_cut_and_opened_again() {
    let root = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::below(Arc::new(RealDisk), root.path());
    fixture.config.segment_bytes = 40_000;
    let log = fixture.open();
    fill(&log);
    assert!(log.segment_count() > 3);
    assert_eq!(log.all_offsets(), (0..4400).collect::<Vec<_>>());
    let range = ReadRange { from: Offset(5), up_to: Offset(4400), max_bytes: 100, min_one: true };
    log.read(&range, Wait::Never).unwrap();
    assert_eq!(log.truncate_to(Offset(4000), 0).unwrap(), Offset(3993));
    let recovery_point = log.sync().unwrap();
    log.recovery_point_persisted(recovery_point).unwrap();
    log.release();
    log.delete_records(Offset(2000)).unwrap();
    log.delete_segments(Offset(2000), 0).unwrap();
    for clean in [false, true] {
        if clean {
            log.close().unwrap();
        }
        fixture.clean = clean;
        let log = fixture.reopen(&log);
        assert_eq!(log.all_offsets(), (2000..3993).collect::<Vec<_>>());
    }
}

#[test]
fn blocks_behind_the_end_are_given_back_on_a_clean_shutdown() {
    let root = tempfile::tempdir().unwrap();
    let fixture = Fixture::below(Arc::new(RealDisk), root.path());
    let log = fixture.open();
    for n in 0..30 {
        log.put(&at(n, &vec![7; 100_000]));
    }
    let path = fixture.path.join("00000000000000000000.log");
    let allocated = || std::os::unix::fs::MetadataExt::blocks(&path.metadata().unwrap()) * 512;
    let size = log.size_bytes();
    log.close().unwrap();
    assert_eq!(path.metadata().unwrap().len(), size);
    assert!(allocated() < size + 1_000_000, "{} for {size}", allocated());
}
