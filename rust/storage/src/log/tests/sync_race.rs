//! What happens to an append that comes while a sync is under way.

use std::fmt;
use std::path::Path;

use parking_lot::Mutex;

use super::super::*;
use super::fixture::*;
use crate::disk::{DiskHook, HookedDisk, MemoryDisk, Operation};

type Action = Box<dyn FnOnce() + Send>;

/// A disk in memory that does something once, in the middle of the next sync.
type Interrupted = HookedDisk<MemoryDisk, Interruption>;

#[derive(Default)]
struct Interruption {
    action: Mutex<Option<Action>>,
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interruption")
    }
}

impl DiskHook for Interruption {
    fn before(&self, operation: Operation, _: &Path) {
        if operation == Operation::Sync {
            let action = self.action.lock().take();
            if let Some(action) = action {
                action();
            }
        }
    }
}

impl Interruption {
    /// Does this in the middle of the next sync.
    fn during_sync(&self, log: &Arc<Log>, act: fn(&Log)) {
        let log = Arc::clone(log);
        *self.action.lock() = Some(Box::new(move || act(&log)));
    }
}

/// A log on such a disk.
fn interrupted(change: impl FnOnce(&mut LogConfig)) -> (Arc<Log>, Interrupted) {
    let disk = Interrupted::new(MemoryDisk::new(1 << 20), Interruption::default());
    let log = Fixture::on(Arc::new(disk.clone())).with(change).open();
    (Arc::new(log), disk)
}

#[test]
fn appends_and_reads_go_on_during_a_sync_and_are_not_covered_by_it() {
    let (log, disk) = interrupted(|config| config.durability = Durability::Disk);
    log.put(&batch(5));
    disk.during_sync(&log, |log| {
        log.put(&batch(3));
        assert_eq!(log.all_offsets(), (0..8).collect::<Vec<_>>());
        assert_eq!(log.offsets().flushed, Offset(0));
    });
    assert_eq!(log.sync().unwrap(), Offset(5));
    assert_eq!((log.offsets().flushed, log.offsets().log_end), (Offset(5), Offset(8)));
    assert!(log.unchecked_bytes() > 0);
    assert_eq!(log.sync().unwrap(), Offset(8));
}

#[test]
fn a_roll_during_a_sync_is_covered_by_the_next_one() {
    let (log, disk) = interrupted(|config| config.segment_bytes = 200);
    log.put(&batch(5));
    disk.during_sync(&log, |log| log.put_many(3, &batch(5)));
    assert_eq!(log.sync().unwrap(), Offset(5));
    assert_eq!(log.segment_count(), 4);
    assert_eq!(log.sync().unwrap(), Offset(20));
}

#[test]
fn a_sync_releases_an_append_meanwhile_only_if_it_needs_no_sync_of_its_own() {
    let (log, disk) = interrupted(|config| config.flush_messages = Some(5));
    assert!(log.put(&batch(5)).sync_due);
    disk.during_sync(&log, |log| {
        assert!(log.put(&batch(1)).sync_due, "the sync under way has not ended");
        assert_eq!(log.offsets().flushed, Offset(0));
    });
    log.sync().unwrap();
    assert_eq!(log.offsets().flushed, Offset(6), "one record may stay unsynced");
    disk.during_sync(&log, |log| drop(log.append(&batch(7), EPOCH, 0)));
    assert!(log.put(&batch(5)).sync_due);
    log.sync().unwrap();
    assert_eq!(log.offsets().flushed, Offset(11), "seven may not");
    assert!(log.flush_due(0));
    log.sync().unwrap();
    assert_eq!(log.offsets().flushed, Offset(18));
}

#[test]
fn an_idle_sweep_leaves_a_log_open_that_is_appended_to_meanwhile() {
    let (log, disk) = interrupted(|_| {});
    log.put(&batch(5));
    log.close_idle().unwrap();
    disk.during_sync(&log, |log| drop(log.append(&batch(1), EPOCH, 0)));
    assert!(!log.close_idle().unwrap());
    assert!(log.has_open_files());
}
