//! The names of directories that belong to no partition any more: Kafka's `<topic>-<n>.<32 hex
//! digits>-delete` and `-stray`.

use std::io;
use std::path::{Path, PathBuf};

use base::{TopicId, TopicPartition};

use crate::disk::{Disk, EntryKind};

/// The ending of a directory that will be removed.
pub(super) const DELETE_SUFFIX: &str = "-delete";

/// The ending of a directory that nobody knows: it is kept until a person has looked at it.
pub(super) const STRAY_SUFFIX: &str = "-stray";

/// The longest name that file systems take.
const NAME_BYTES_MAX: usize = 255;

/// How often a name may be taken before we give up: once for each time that the same partition came
/// and went of late.
const ATTEMPTS_MAX: u128 = 1000;

/// A name for the partition's directory that is not taken. The id makes it unique among topics of
/// the same name.
pub(super) fn free_path(
    disk: &dyn Disk,
    directory: &Path,
    partition: &TopicPartition,
    topic_id: TopicId,
    suffix: &str,
) -> io::Result<PathBuf> {
    for attempt in 0..ATTEMPTS_MAX {
        let unique = u128::from_be_bytes(topic_id.0.0).wrapping_add(attempt);
        let path = directory.join(name(partition, unique, suffix));
        match disk.list(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{ATTEMPTS_MAX} directories of {partition} wait to be removed")))
}

/// As Kafka does, the topic's name is cut if all of it does not fit.
fn name(partition: &TopicPartition, unique: u128, suffix: &str) -> String {
    let tail = format!("-{}.{unique:032x}{suffix}", partition.partition);
    let mut topic = partition.topic.to_string();
    topic.truncate(NAME_BYTES_MAX - tail.len());
    topic + &tail
}

/// Removes a directory of files. What is not there any more is as it should be.
pub(super) fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let entries = match disk.list(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if matches!(entry.kind, EntryKind::File { .. }) {
            disk.remove(&path.join(&entry.name))?;
        }
    }
    disk.remove_dir(path)
}

#[cfg(test)]
mod tests {
    use base::Uuid;

    use super::*;
    use crate::disk::{MemoryDisk, Open};

    const ID: TopicId = TopicId(Uuid([0xab; 16]));

    fn disk() -> MemoryDisk {
        let disk = MemoryDisk::new(1 << 20);
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk
    }

    #[test]
    fn a_name_is_kafkas_and_not_taken() {
        let disk = disk();
        let orders = TopicPartition::new("orders", 3);
        let free = || free_path(&disk, Path::new("/data"), &orders, ID, DELETE_SUFFIX).unwrap();
        let first = free();
        assert_eq!(first, Path::new("/data/orders-3.abababababababababababababababab-delete"));
        disk.create_dir_all(&first).unwrap();
        let second = free();
        assert_eq!(second, Path::new("/data/orders-3.abababababababababababababababac-delete"));
    }

    #[test]
    fn the_longest_topic_name_still_fits_a_file_system() {
        let long = TopicPartition::new("t".repeat(249), i32::MAX);
        assert_eq!(name(&long, u128::MAX, STRAY_SUFFIX).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn a_directory_goes_with_its_files_and_its_absence_is_no_error() {
        let disk = disk();
        let path = Path::new("/data/gone-delete");
        disk.create_dir_all(path).unwrap();
        disk.open(&path.join("0.log"), Open::OrCreate).unwrap();
        remove(&disk, path).unwrap();
        assert!(disk.list(path).is_err());
        remove(&disk, path).unwrap();
    }
}
