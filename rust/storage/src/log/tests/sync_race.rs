//! What happens to an append that comes while a sync is under way.

use std::fmt;
use std::io;
use std::path::Path;

use base::Wait;
use parking_lot::Mutex;

use super::super::*;
use super::fixture::*;
use crate::disk::{Disk, DiskFile, DiskLock, DiskSpace, Entry, LockError, MemoryDisk, Open};

type Action = Box<dyn FnOnce() + Send>;

/// A disk in memory that does something once, in the middle of the next sync.
#[derive(Clone)]
struct Interrupted {
    disk: MemoryDisk,
    action: Arc<Mutex<Option<Action>>>,
}

#[derive(Debug)]
struct InterruptedFile {
    file: Arc<dyn DiskFile>,
    disk: Interrupted,
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupted")
    }
}

impl Disk for Interrupted {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(path, open)?;
        Ok(Arc::new(InterruptedFile { file, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(directory)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        self.disk.lock(path)
    }

    fn space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.disk.space(path)
    }
}

impl DiskFile for InterruptedFile {
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        self.file.read_at(position, buffer, wait)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.file.write_at(position, parts)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let action = self.disk.action.lock().take();
        if let Some(action) = action {
            action();
        }
        self.file.sync_data()
    }

    fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.file.preallocate(position, bytes)
    }
}

impl Interrupted {
    /// Does this in the middle of the next sync.
    fn during_sync(&self, log: &Arc<Log>, act: fn(&Log)) {
        let log = Arc::clone(log);
        *self.action.lock() = Some(Box::new(move || act(&log)));
    }
}

/// A log on such a disk.
fn interrupted(change: impl FnOnce(&mut LogConfig)) -> (Arc<Log>, Interrupted) {
    let disk = Interrupted { disk: MemoryDisk::new(1 << 20), action: Arc::default() };
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
