//! Small text files that are replaced whole: Kafka's checkpoints of offsets and epochs, and a
//! partition's metadata.
//!
//! ```text
//! 0                     version
//! 2                     number of lines that follow
//! orders 0 4711         topic, partition, offset; in leader-epoch-checkpoint: epoch, start offset
//! orders 1 17
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use base::{LeaderEpoch, Offset, TopicId, TopicPartition};
use thiserror::Error;

use crate::disk::{Disk, Open};

/// Offsets from which segments must be scanned after an unclean stop.
pub const RECOVERY_POINT_FILE: &str = "recovery-point-offset-checkpoint";
/// Offsets below which records have been deleted.
pub const LOG_START_FILE: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const HIGH_WATERMARK_FILE: &str = "replication-offset-checkpoint";
/// Offsets below which compacted logs are clean.
pub const CLEANER_FILE: &str = "cleaner-offset-checkpoint";
/// A partition's leader epochs.
pub const LEADER_EPOCH_FILE: &str = "leader-epoch-checkpoint";
/// A partition's topic id.
pub const PARTITION_METADATA_FILE: &str = "partition.metadata";

/// No checkpoint file is longer: a million partitions with long names.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

const VERSION: &str = "0";

/// Why a checkpoint file cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The disk did not give the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file says something else than a checkpoint would.
    #[error(
        "line {line} of {file} is malformed: {what}; \
         the file may be deleted, at the price of a longer recovery"
    )]
    Malformed {
        /// The file's path.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// Puts `bytes` in place of the file's content: after a crash the file holds the old or the new,
/// whole.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    let file = disk.open(temporary, Open::Truncate)?;
    file.write_at(0, &[bytes])?;
    file.sync_data()?;
    disk.rename(temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new("/")))
}

/// Writes one offset for each partition.
pub fn write_offsets(
    disk: &dyn Disk,
    path: &Path,
    offsets: &BTreeMap<TopicPartition, Offset>,
) -> io::Result<()> {
    let lines = offsets
        .iter()
        .map(|(partition, offset)| format!("{} {} {offset}", partition.topic, partition.partition));
    replace(disk, path, text(lines).as_bytes())
}

/// Reads one offset for each partition; none if there is no file.
pub fn read_offsets(
    disk: &dyn Disk,
    path: &Path,
) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
    let mut offsets = BTreeMap::new();
    for (line, fields) in read_lines(disk, path)? {
        let [topic, partition, offset] = &fields[..] else {
            return Err(malformed(path, line, "expected a topic, a partition and an offset"));
        };
        let partition = TopicPartition::new(topic.as_str(), number(path, line, partition)?);
        offsets.insert(partition, Offset(non_negative(path, line, offset)?));
    }
    Ok(offsets)
}

/// Writes a partition's epochs and where each starts.
pub fn write_epochs(
    disk: &dyn Disk,
    path: &Path,
    epochs: impl ExactSizeIterator<Item = (LeaderEpoch, Offset)>,
) -> io::Result<()> {
    let lines = epochs.map(|(epoch, start)| format!("{epoch} {start}"));
    replace(disk, path, text(lines).as_bytes())
}

/// Reads a partition's epochs; none if there is no file.
pub fn read_epochs(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<(LeaderEpoch, Offset)>, CheckpointError> {
    let mut epochs = Vec::new();
    for (line, fields) in read_lines(disk, path)? {
        let [epoch, start] = &fields[..] else {
            return Err(malformed(path, line, "expected an epoch and an offset"));
        };
        let epoch = LeaderEpoch(non_negative(path, line, epoch)?);
        epochs.push((epoch, Offset(non_negative(path, line, start)?)));
    }
    Ok(epochs)
}

/// Writes a partition's topic id into a file that is not there yet. It is durable once the file and
/// its directory have been synced: nothing else in the directory is sooner.
pub fn write_topic_id(disk: &dyn Disk, path: &Path, topic_id: TopicId) -> io::Result<()> {
    let text = format!("version: {VERSION}\ntopic_id: {topic_id}\n");
    disk.open(path, Open::Truncate)?.write_at(0, &[text.as_bytes()])
}

/// Reads a partition's topic id; `None` if there is no file.
pub fn read_topic_id(disk: &dyn Disk, path: &Path) -> Result<Option<TopicId>, CheckpointError> {
    let Some(text) = read_text(disk, path)? else { return Ok(None) };
    let field = |line: usize, key: &str| {
        let value = text.lines().nth(line - 1).and_then(|text| text.strip_prefix(key));
        value.map(str::trim).ok_or_else(|| malformed(path, line, &format!("expected `{key}`")))
    };
    if field(1, "version:")? != VERSION {
        return Err(malformed(path, 1, "only version 0 is known"));
    }
    let id = field(2, "topic_id:")?.parse();
    Ok(Some(TopicId(id.map_err(|error| malformed(path, 2, &format!("{error}")))?)))
}

fn text(lines: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("{VERSION}\n{}\n", lines.len());
    for line in lines {
        writeln!(text, "{line}").expect("writing to a string does not fail");
    }
    text
}

/// The lines behind the two of the head, with their numbers, split at white space.
fn read_lines(disk: &dyn Disk, path: &Path) -> Result<Vec<(usize, Vec<String>)>, CheckpointError> {
    let Some(text) = read_text(disk, path)? else { return Ok(Vec::new()) };
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some(VERSION) {
        return Err(malformed(path, 1, "only version 0 is known"));
    }
    let count: usize = number(path, 2, lines.next().unwrap_or_default())?;
    let lines: Vec<(usize, Vec<String>)> = lines
        .enumerate()
        .map(|(index, line)| (index + 3, line.split_whitespace().map(str::to_owned).collect()))
        .collect();
    if lines.len() != count {
        let what = format!("{count} lines should follow, not {}", lines.len());
        return Err(malformed(path, 2, &what));
    }
    Ok(lines)
}

fn read_text(disk: &dyn Disk, path: &Path) -> Result<Option<String>, CheckpointError> {
    let file = match disk.open(path, Open::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let bytes = file.read_all(FILE_BYTES_MAX)?;
    String::from_utf8(bytes).map(Some).map_err(|_| malformed(path, 1, "it is not text"))
}

fn number<N: std::str::FromStr>(
    path: &Path,
    line: usize,
    text: &str,
) -> Result<N, CheckpointError> {
    text.trim().parse().map_err(|_| malformed(path, line, &format!("`{text}` is not a number")))
}

fn non_negative<N: std::str::FromStr + PartialOrd + Default>(
    path: &Path,
    line: usize,
    text: &str,
) -> Result<N, CheckpointError> {
    let value: N = number(path, line, text)?;
    if value < N::default() {
        return Err(malformed(path, line, &format!("`{text}` is negative")));
    }
    Ok(value)
}

fn malformed(path: &Path, line: usize, what: &str) -> CheckpointError {
    CheckpointError::Malformed { file: path.display().to_string(), line, what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Fault, FaultyDisk, MemoryDisk, Survivors};

    const PATH: &str = "/data/checkpoint";

    fn disk_with(text: &str) -> MemoryDisk {
        let disk = MemoryDisk::new(1 << 20);
        disk.create_dir_all(Path::new("/data")).unwrap();
        let file = disk.open(Path::new(PATH), Open::OrCreate).unwrap();
        file.write_at(0, &[text.as_bytes()]).unwrap();
        disk
    }

    fn written(disk: &dyn Disk) -> String {
        read_text(disk, Path::new(PATH)).unwrap().unwrap()
    }

    #[test]
    fn offsets_are_written_as_kafka_writes_them() {
        let disk = disk_with("to be replaced");
        let offsets = BTreeMap::from([
            (TopicPartition::new("orders", 1), Offset(17)),
            (TopicPartition::new("orders", 0), Offset(4711)),
        ]);
        write_offsets(&disk, Path::new(PATH), &offsets).unwrap();
        assert_eq!(written(&disk), "0\n2\norders 0 4711\norders 1 17\n");
        assert_eq!(read_offsets(&disk, Path::new(PATH)).unwrap(), offsets);
        assert!(read_offsets(&disk, Path::new("/data/none")).unwrap().is_empty());
    }

    #[test]
    fn epochs_and_topic_ids_are_written_as_kafka_writes_them() {
        let disk = disk_with("");
        let epochs = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(12))];
        write_epochs(&disk, Path::new(PATH), epochs.into_iter()).unwrap();
        assert_eq!(written(&disk), "0\n2\n0 0\n3 12\n");
        assert_eq!(read_epochs(&disk, Path::new(PATH)).unwrap(), epochs);

        let topic_id = TopicId("hU2nZSQLRcy3PiWHyRmVbw".parse().unwrap());
        write_topic_id(&disk, Path::new(PATH), topic_id).unwrap();
        assert_eq!(written(&disk), "version: 0\ntopic_id: hU2nZSQLRcy3PiWHyRmVbw\n");
        assert_eq!(read_topic_id(&disk, Path::new(PATH)).unwrap(), Some(topic_id));
        assert_eq!(read_topic_id(&disk, Path::new("/data/none")).unwrap(), None);
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("1\n0\n", 1),
            ("0\n", 2),
            ("0\nmany\n", 2),
            ("0\n2\na 0 1\n", 2),
            ("0\n1\na 0\n", 3),
            ("0\n2\na 0 1\na 1 -1\n", 4),
            ("0\n1\na b 1\n", 3),
        ] {
            match read_offsets(&disk_with(text), Path::new(PATH)) {
                Err(CheckpointError::Malformed { line: found, .. }) => assert_eq!(found, line),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        assert!(read_epochs(&disk_with("0\n1\n1\n"), Path::new(PATH)).is_err());
        for text in ["version: 1\ntopic_id: x\n", "version: 0\n", "version: 0\ntopic_id: x\n"] {
            assert!(read_topic_id(&disk_with(text), Path::new(PATH)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_crash_leaves_the_old_checkpoint_or_the_new_one() {
        let path = Path::new(PATH);
        for crash_at in 0.. {
            let disk = FaultyDisk::new();
            disk.create_dir_all(Path::new("/data")).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            replace(&disk, path, b"old").unwrap();
            disk.fail_at(disk.operations() + crash_at, Fault::Crash);
            let done = replace(&disk, path, b"newer").is_ok();
            for survivors in [Survivors::all(), Survivors::synced(&disk)] {
                let found = written(&disk.after_crash(&survivors));
                assert!(found == "newer" || (found == "old" && !done), "{found} at {crash_at}");
            }
            if done {
                break;
            }
        }
    }
}
