//! What every disk promises, and how the faulty one breaks.

use std::path::{Path, PathBuf};

use super::*;

/// Runs a check on each kind of disk, in a directory that exists.
fn on_every_disk(check: impl Fn(&dyn Disk, &Path)) {
    let temporary = tempfile::tempdir().unwrap();
    check(&RealDisk, temporary.path());
    for disk in [&MemoryDisk::new(1 << 20) as &dyn Disk, &FaultyDisk::new()] {
        disk.create_dir_all(Path::new("/data")).unwrap();
        check(disk, Path::new("/data"));
    }
}

fn faulty() -> (FaultyDisk, PathBuf) {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, PathBuf::from("/data"))
}

fn content(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    disk.open(path, Open::Existing).unwrap().read_all(1 << 20).unwrap()
}

#[test]
fn what_is_written_is_read_and_gaps_are_zero() {
    on_every_disk(|disk, root| {
        let file = disk.open(&root.join("f"), Open::OrCreate).unwrap();
        file.write_at(2, &[b"ab", b"", b"cde"]).unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.read_all(100).unwrap(), b"\0\0abcde");
        assert_eq!(file.len().unwrap(), 7);
        let mut buffer = [0; 4];
        assert_eq!(file.read_at(5, &mut buffer, Wait::Allowed).unwrap(), 2);
        assert_eq!(file.read_at(7, &mut buffer, Wait::Allowed).unwrap(), 0);
        assert_eq!(file.read_at(u64::from(u32::MAX), &mut buffer, Wait::Never).unwrap(), 0);
        let error = file.read_exact_at(5, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(file.read_all(6).unwrap_err().kind(), io::ErrorKind::InvalidData);
    });
}

#[test]
fn a_file_spans_many_chunks_and_many_parts() {
    on_every_disk(|disk, root| {
        let file = disk.open(&root.join("f"), Open::OrCreate).unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let parts: Vec<&[u8]> = bytes.chunks(100).collect();
        file.write_at(0, &parts).unwrap();
        file.write_at(65_530, &[&bytes[65_530..65_600]]).unwrap();
        assert!(content(disk, &root.join("f")) == bytes);
        file.truncate(65_536).unwrap();
        file.truncate(65_540).unwrap();
        let cut = content(disk, &root.join("f"));
        assert!(cut[..65_536] == bytes[..65_536] && cut[65_536..] == [0; 4]);
        file.truncate(0).unwrap();
        assert!(file.is_empty().unwrap());
    });
}

#[test]
fn preallocation_does_not_change_the_length() {
    on_every_disk(|disk, root| {
        let file = disk.open(&root.join("f"), Open::OrCreate).unwrap();
        file.preallocate(0, 1 << 16).unwrap();
        assert!(file.is_empty().unwrap());
    });
}

#[test]
fn names_are_listed_in_order_renamed_and_removed() {
    on_every_disk(|disk, root| {
        let (a, b, directory) = (root.join("a"), root.join("b"), root.join("c/d"));
        disk.create_dir_all(&directory).unwrap();
        disk.open(&b, Open::OrCreate).unwrap().write_at(0, &[b"bb"]).unwrap();
        disk.open(&a, Open::OrCreate).unwrap().write_at(0, &[b"a"]).unwrap();
        let names = |path: &Path| {
            let entries = disk.list(path).unwrap();
            entries.into_iter().map(|entry| (entry.name, entry.kind)).collect::<Vec<_>>()
        };
        assert_eq!(
            names(root),
            [
                ("a".to_owned(), EntryKind::File { bytes: 1 }),
                ("b".to_owned(), EntryKind::File { bytes: 2 }),
                ("c".to_owned(), EntryKind::Directory),
            ]
        );
        disk.rename(&a, &b).unwrap();
        assert_eq!(content(disk, &b), b"a");
        disk.rename(&b, &directory.join("b")).unwrap();
        assert!(disk.remove_dir(&directory).is_err());
        disk.rename(&root.join("c"), &root.join("e")).unwrap();
        disk.sync_dir(root).unwrap();
        assert_eq!(content(disk, &root.join("e/d/b")), b"a");
        disk.remove(&root.join("e/d/b")).unwrap();
        disk.remove_dir(&root.join("e/d")).unwrap();
        disk.remove_dir(&root.join("e")).unwrap();
        assert!(names(root).is_empty());
    });
}

#[test]
fn what_is_missing_is_not_found() {
    on_every_disk(|disk, root| {
        let (nothing, below) = (root.join("nothing"), root.join("nothing/below"));
        for error in [
            disk.open(&nothing, Open::Existing).map(drop).unwrap_err(),
            disk.open(&below, Open::OrCreate).map(drop).unwrap_err(),
            disk.rename(&nothing, &root.join("x")).unwrap_err(),
            disk.remove(&nothing).unwrap_err(),
            disk.remove_dir(&nothing).unwrap_err(),
            disk.list(&nothing).unwrap_err(),
            disk.sync_dir(&nothing).unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    });
}

#[test]
fn opening_with_truncate_empties_a_file() {
    on_every_disk(|disk, root| {
        let path = root.join("f");
        disk.open(&path, Open::Truncate).unwrap().write_at(0, &[b"old"]).unwrap();
        assert_eq!(content(disk, &path), b"old");
        disk.open(&path, Open::OrCreate).unwrap();
        assert_eq!(content(disk, &path), b"old");
        disk.open(&path, Open::Truncate).unwrap();
        assert_eq!(content(disk, &path), b"");
    });
}

#[test]
fn a_removed_file_stays_readable_for_who_has_it_open() {
    on_every_disk(|disk, root| {
        let file = disk.open(&root.join("f"), Open::OrCreate).unwrap();
        file.write_at(0, &[b"still here"]).unwrap();
        disk.remove(&root.join("f")).unwrap();
        assert_eq!(file.read_all(100).unwrap(), b"still here");
    });
}

#[test]
fn a_lock_has_one_holder_who_is_named() {
    on_every_disk(|disk, root| {
        let path = root.join(".lock");
        let lock = disk.lock(&path).unwrap();
        match disk.lock(&path) {
            Err(LockError::Held { pid }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("locked twice: {other:?}"),
        }
        let message = disk.lock(&path).unwrap_err().to_string();
        assert_eq!(message, format!("held by process {}", std::process::id()));
        drop(lock);
        disk.lock(&path).unwrap();
    });
}

#[test]
fn free_space_is_known() {
    on_every_disk(|disk, root| {
        let space = disk.space(root).unwrap();
        assert!(space.free_bytes > 1 << 16);
        assert!(space.total_bytes >= space.free_bytes);
    });
}

#[test]
fn a_full_memory_disk_says_so_and_gets_its_room_back() {
    let disk = MemoryDisk::new(100);
    disk.create_dir_all(Path::new("/d")).unwrap();
    let file = disk.open(Path::new("/d/f"), Open::OrCreate).unwrap();
    file.write_at(0, &[&[1; 60]]).unwrap();
    let error = file.write_at(60, &[&[2; 41]]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("60 of at most 100 bytes"), "{error}");
    assert_eq!(file.len().unwrap(), 60);
    file.truncate(10).unwrap();
    file.write_at(10, &[&[2; 90]]).unwrap();
    assert_eq!(disk.space(Path::new("/d")).unwrap().free_bytes, 0);
    disk.remove(Path::new("/d/f")).unwrap();
    assert_eq!(disk.used_bytes(), 100, "an open file keeps its bytes");
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn an_unsynced_write_may_be_lost_and_a_synced_one_may_not() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    disk.sync_dir(&root).unwrap();
    file.write_at(0, &[b"synced"]).unwrap();
    file.sync_data().unwrap();
    file.write_at(0, &[b"SYN"]).unwrap();
    file.write_at(6, &[b"+tail"]).unwrap();
    let pending = disk.unsynced();
    assert_eq!(pending.len(), 2);
    assert_eq!(content(&disk.after_crash(&Survivors::all()), &path), b"SYNced+tail");
    assert_eq!(content(&disk.after_crash(&Survivors::synced(&disk)), &path), b"synced");
    let lost = [pending[0].operation].into();
    assert_eq!(content(&disk.after_crash(&Survivors { lost, torn: None }), &path), b"synced+tail");
    assert_eq!(content(&disk, &path), b"SYNced+tail", "a look at the crash changes nothing");
}

#[test]
fn a_name_is_durable_once_its_directory_is_synced() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    file.write_at(0, &[b"x"]).unwrap();
    file.sync_data().unwrap();
    let after = disk.after_crash(&Survivors::synced(&disk));
    assert!(after.list(&root).unwrap().is_empty());
    disk.sync_dir(&root).unwrap();
    assert_eq!(content(&disk.after_crash(&Survivors::synced(&disk)), &path), b"x");
    let renamed = root.join("g");
    disk.rename(&path, &renamed).unwrap();
    assert_eq!(content(&disk.after_crash(&Survivors::synced(&disk)), &path), b"x");
    assert_eq!(content(&disk.after_crash(&Survivors::all()), &renamed), b"x");
    disk.sync_dir(&root).unwrap();
    disk.remove(&renamed).unwrap();
    assert_eq!(content(&disk.after_crash(&Survivors::synced(&disk)), &renamed), b"x");
    assert!(disk.after_crash(&Survivors::all()).list(&root).unwrap().is_empty());
}

#[test]
fn a_lost_directory_takes_its_files_with_it() {
    let (disk, root) = faulty();
    let directory = root.join("t-0");
    disk.create_dir_all(&directory).unwrap();
    disk.open(&directory.join("f"), Open::OrCreate).unwrap();
    disk.sync_dir(&directory).unwrap();
    let after = disk.after_crash(&Survivors::synced(&disk));
    assert!(after.list(&root).unwrap().is_empty());
    assert!(after.list(&directory).is_err());
}

#[test]
fn a_write_is_torn_between_sectors() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    disk.sync_dir(&root).unwrap();
    file.write_at(500, &[&[7; 600]]).unwrap();
    let write = &disk.unsynced()[0];
    assert_eq!(write.sectors, 3, "500..1100 touches sectors 0, 1 and 2");
    let length = |sectors| {
        let torn = Some(Torn { operation: write.operation, sectors });
        content(&disk.after_crash(&Survivors { torn, ..Survivors::all() }), &path).len()
    };
    assert_eq!([0, 1, 2, 3].map(length), [0, 512, 1024, 1100]);
}

#[test]
fn a_crash_stops_the_disk_at_the_numbered_operation() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    disk.sync_dir(&root).unwrap();
    disk.fail_at(disk.operations() + 1, Fault::Crash);
    file.write_at(0, &[b"a"]).unwrap();
    assert!(!disk.is_crashed());
    assert!(file.write_at(1, &[b"b"]).is_err());
    assert!(disk.is_crashed());
    assert!(file.read_all(10).is_err() && file.sync_data().is_err() && disk.list(&root).is_err());
    assert_eq!(disk.unsynced().len(), 2, "the write at the crash may have reached the disk");
    let (fork, after) = (disk.fork(), disk.after_crash(&Survivors::all()));
    assert!(fork.is_crashed());
    assert_eq!(content(&after, &path), b"ab");
    assert_eq!(after.operations(), 0);
}

#[test]
fn writes_under_a_failed_sync_stay_lost() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    disk.sync_dir(&root).unwrap();
    file.write_at(0, &[b"gone"]).unwrap();
    disk.fail_at(disk.operations(), Fault::Io);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(content(&disk, &path), b"gone");
    assert_eq!(content(&disk.after_crash(&Survivors::synced(&disk)), &path), b"");
}

#[test]
fn a_full_faulty_disk_keeps_what_fitted() {
    let (disk, root) = faulty();
    disk.set_capacity_bytes(Some(10));
    let file = disk.open(&root.join("f"), Open::OrCreate).unwrap();
    let error = file.write_at(0, &[b"0123456", b"789ab"]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.read_all(100).unwrap(), b"0123456789");
    assert_eq!(disk.space(&root).unwrap().free_bytes, 0);
    disk.set_capacity_bytes(None);
    disk.fail_at(disk.operations(), Fault::NoSpace);
    assert_eq!(file.write_at(10, &[b"x"]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_at(10, &[b"x"]).unwrap();
}

#[test]
fn a_bit_flips_and_a_cold_cache_would_block() {
    let (disk, root) = faulty();
    let path = root.join("f");
    let file = disk.open(&path, Open::OrCreate).unwrap();
    file.write_at(0, &[&[0, 0]]).unwrap();
    file.sync_data().unwrap();
    disk.flip_bit(&path, 9).unwrap();
    assert_eq!(file.read_all(10).unwrap(), [0, 2]);
    assert!(disk.flip_bit(&root.join("nothing"), 0).is_err());
    disk.set_cold(true);
    let mut buffer = [0; 2];
    let error = file.read_at(0, &mut buffer, Wait::Never).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(file.read_at(0, &mut buffer, Wait::Allowed).unwrap(), 2);
}
