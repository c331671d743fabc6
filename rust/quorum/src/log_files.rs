//! The files of the metadata log, in the directory `__cluster_metadata-0`; every method runs on the
//! thread that writes them.
//!
//! ```text
//! 00000000000000000000.log                     entries as record batches, from that offset on;
//!                                              the last file is appended to
//! 00000000000000004711-0000000003.checkpoint   the image as of that offset and term
//! quorum-state                                 vote, purge position, last known commit
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use records::{BatchError, RecordBatch};
use storage::disk::{Disk, DiskFile, EntryKind, Open};
use thiserror::Error;

use crate::entry_batch::{self, EntryDecodeError, Persisted};
use crate::quorum_state::QuorumState;
use crate::raft_types::Entry;

/// An entry begins a new file once the last one has this many bytes: what a purge can give back.
const FILE_BYTES: u64 = 1024 * 1024;
/// No file of ours is longer: the last entry may be large, but its records are bounded.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
const STATE_BYTES_MAX: u64 = 64 * 1024;
const STATE_FILE: &str = "quorum-state";
const LOG_SUFFIX: &str = ".log";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Why the metadata log cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The disk refuses.
    #[error("cannot read the metadata log in {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
    /// A file is damaged where no crash can damage it.
    #[error("{} is damaged at byte {position}: {reason}; restore it from a backup, or move the \
        data directory away to start anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
}

/// The log's files, open for writing.
#[derive(Debug)]
pub(crate) struct LogFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// Directories that hold a new name on the way to ours. They are synced with the first file's
    /// name: a file system commits all names at once, and so a new log waits for that once.
    unsynced_parents: Vec<PathBuf>,
    /// In the order of their offsets.
    files: Vec<LogFile>,
    synced: SyncedEntries,
    /// What went wrong first. After a failed write or sync nobody knows what the disk holds, so
    /// nothing more is done.
    failed: Option<String>,
}

/// How far the log is durable; copies tell the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct SyncedEntries(Arc<AtomicU64>);

impl SyncedEntries {
    /// Every entry with a smaller index is durable. There may be others.
    pub(crate) fn below(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What was found on the disk.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) entries: Vec<Entry>,
    pub(crate) state: QuorumState,
    /// The bytes of a torn tail, which were cut off.
    pub(crate) torn_bytes: u64,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    length: u64,
    /// Where each entry begins; never empty.
    positions: Vec<(u64, u64)>,
}

impl LogFiles {
    /// Opens the log, which is made if missing, and cuts off the torn end of its last file.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
    ) -> Result<(Self, Recovered), OpenError> {
        let io = |source| OpenError::Io { path: directory.to_owned(), source };
        let mut unsynced_parents = Vec::new();
        make_directory(disk.as_ref(), directory, &mut unsynced_parents).map_err(io)?;
        let mut log = Self {
            disk,
            directory: directory.to_owned(),
            unsynced_parents,
            files: Vec::new(),
            synced: SyncedEntries::default(),
            failed: None,
        };
        let mut recovered = Recovered { state: log.read_state()?, ..Recovered::default() };
        let names = log.names(LOG_SUFFIX).map_err(io)?;
        for (place, name) in names.iter().enumerate() {
            let last = place + 1 == names.len();
            log.recover(&directory.join(name), last, &mut recovered)?;
        }
        log.check_committed(&recovered)?;
        if let Some(purged) = recovered.state.purged() {
            // A crash may have come between the state that says so and the removal of the files.
            recovered.entries.retain(|entry| entry.log_id.index > purged.index);
            log.remove_purged(purged.index).map_err(io)?;
        }
        // What a killed process has left of the last file may be in the page cache only.
        log.synced.0.store(log.files.last().map_or(0, LogFile::first), Ordering::Release);
        Ok((log, recovered))
    }

    /// How far the log is durable, from now on.
    pub(crate) fn synced_entries(&self) -> SyncedEntries {
        self.synced.clone()
    }

    /// The names in the directory that end so, in order.
    pub(crate) fn names(&self, suffix: &str) -> io::Result<Vec<String>> {
        let entries = self.disk.list(&self.directory)?.into_iter();
        let files = entries.filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
        Ok(files.map(|file| file.name).filter(|name| name.ends_with(suffix)).collect())
    }

    /// Writes an entry behind the last one, unsynced.
    pub(crate) fn append(&mut self, index: u64, batch: &Bytes) -> io::Result<()> {
        self.guarded(|log| {
            if log.files.last().is_none_or(|file| file.length >= FILE_BYTES) {
                log.sync_last()?;
                log.begin_file(index)?;
            }
            let file = log.files.last_mut().expect("there is one, or it was just begun");
            file.file.write_at(file.length, &[batch])?;
            file.positions.push((index, file.length));
            file.length += batch.len() as u64;
            Ok(())
        })
    }

    /// Makes what was appended durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.guarded(|log| log.sync_last())
    }

    /// Takes the entries from `index` on back, durably.
    pub(crate) fn truncate_from(&mut self, index: u64) -> io::Result<()> {
        self.guarded(|log| {
            log.synced.0.fetch_min(index, Ordering::AcqRel);
            // Later files first, so that a crash on the way leaves no gap.
            while log.files.last().is_some_and(|file| file.first() >= index) {
                let path = log.files.pop().expect("it was just looked at").path;
                log.disk.remove(&path)?;
                log.disk.sync_dir(&log.directory)?;
            }
            let Some(file) = log.files.last_mut() else { return Ok(()) };
            let kept = file.positions.partition_point(|(entry, _)| *entry < index);
            if let Some((_, position)) = file.positions.get(kept) {
                file.file.truncate(*position)?;
                file.file.sync_data()?;
                file.length = *position;
                file.positions.truncate(kept);
            }
            Ok(())
        })
    }

    /// Writes the state durably, and then gives back the files that it says are purged.
    pub(crate) fn save_state(&mut self, state: &QuorumState) -> io::Result<()> {
        self.guarded(|log| {
            let text = serde_json::to_vec(state)?;
            log.replace(STATE_FILE, &text)?;
            state.purged().map_or(Ok(()), |purged| log.remove_purged(purged.index))
        })
    }

    /// Puts a file in the place of the one with this name, if there is one: durably, and as a whole
    /// or not at all.
    pub(crate) fn save(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.guarded(|log| log.replace(name, content))
    }

    /// Removes a file; a crash may bring it back.
    pub(crate) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.guarded(|log| log.disk.remove(&log.directory.join(name)))
    }

    /// The whole of a file, if it has at most `bytes_max` bytes.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> io::Result<Bytes> {
        let file = self.disk.open(&self.directory.join(name), Open::Existing)?;
        Ok(file.read_all(bytes_max)?.into())
    }

    /// The path of the file with this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Does `work` unless something failed before. A failure is final.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if let Some(failed) = &self.failed {
            return Err(io::Error::other(failed.clone()));
        }
        work(self).map_err(|error| {
            let path = self.directory.display();
            let hint = match error.kind() {
                io::ErrorKind::StorageFull => "; make room there, and start the broker again",
                _ => "",
            };
            let message = format!("the metadata log in {path} has failed: {error}{hint}");
            self.failed = Some(message.clone());
            io::Error::new(error.kind(), message)
        })
    }

    /// What went wrong first, if anything did.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    fn sync_last(&self) -> io::Result<()> {
        let Some(file) = self.files.last() else { return Ok(()) };
        file.file.sync_data()?;
        self.synced.0.store(file.last() + 1, Ordering::Release);
        Ok(())
    }

    fn begin_file(&mut self, index: u64) -> io::Result<()> {
        let path = self.directory.join(format!("{index:020}{LOG_SUFFIX}"));
        let file = self.disk.open(&path, Open::Truncate)?;
        self.sync_names()?;
        self.files.push(LogFile { path, file, length: 0, positions: Vec::new() });
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.disk.sync_dir(&self.directory)?;
        for parent in self.unsynced_parents.drain(..) {
            self.disk.sync_dir(&parent)?;
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        let temporary = self.directory.join(format!("{name}{TEMPORARY_SUFFIX}"));
        let file = self.disk.open(&temporary, Open::Truncate)?;
        file.write_at(0, &[content])?;
        file.sync_data()?;
        self.disk.rename(&temporary, &path)?;
        self.sync_names()
    }

    /// Removes the files that hold nothing above `index`, oldest first. The last one stays: it is
    /// appended to.
    fn remove_purged(&mut self, index: u64) -> io::Result<()> {
        while let [first, _, ..] = self.files.as_slice()
            && first.last() <= index
        {
            self.disk.remove(&self.files.remove(0).path)?;
        }
        Ok(())
    }

    /// What is known to be committed must be there.
    fn check_committed(&self, recovered: &Recovered) -> Result<(), OpenError> {
        let last = recovered.entries.last().map(|entry| entry.log_id.index);
        let last = last.max(recovered.state.purged().map(|purged| purged.index));
        match recovered.state.committed() {
            Some(committed) if last.is_none_or(|last| last < committed.index) => {
                let file = self.files.last();
                Err(OpenError::Damaged {
                    path: file.map_or(self.directory.clone(), |file| file.path.clone()),
                    position: file.map_or(0, |file| file.length),
                    reason: format!("entry {} was committed and is not there", committed.index),
                })
            }
            _ => Ok(()),
        }
    }

    fn read_state(&self) -> Result<QuorumState, OpenError> {
        let path = self.path(STATE_FILE);
        match self.read(STATE_FILE, STATE_BYTES_MAX) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| OpenError::Damaged {
                path,
                position: 0,
                reason: error.to_string(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(QuorumState::default()),
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    /// Reads one file. Only the last one can have a torn end: a file is synced before the next one
    /// is begun.
    fn recover(
        &mut self,
        path: &Path,
        last: bool,
        recovered: &mut Recovered,
    ) -> Result<(), OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let file = self.disk.open(path, Open::Existing).map_err(io)?;
        let mut rest = Bytes::from(file.read_all(FILE_BYTES_MAX).map_err(io)?);
        let mut found = LogFile { path: path.to_owned(), file, length: 0, positions: Vec::new() };
        while !rest.is_empty() {
            let damaged = |reason: String| OpenError::Damaged {
                path: path.to_owned(),
                position: found.length,
                reason,
            };
            match read_entry(&mut rest) {
                Ok((Persisted { entry, .. }, bytes)) => {
                    recovered.check_next(entry.log_id.index).map_err(damaged)?;
                    found.positions.push((entry.log_id.index, found.length));
                    found.length += bytes;
                    recovered.entries.push(entry);
                }
                Err(error) if last && is_torn(&error) => {
                    let lost = found.positions.last().map_or(found.named(), |last| last.0 + 1);
                    if let Some(witness) = witness_of(lost, &rest) {
                        let reason = format!("{error}, and entry {witness} was written after it");
                        return Err(damaged(reason));
                    }
                    recovered.torn_bytes = rest.len() as u64;
                    found.file.truncate(found.length).map_err(io)?;
                    found.file.sync_data().map_err(io)?;
                    break;
                }
                Err(error) => return Err(damaged(error.to_string())),
            }
        }
        if found.positions.is_empty() {
            // Begun, and nothing in it has survived.
            return self.disk.remove(path).map_err(io);
        }
        self.files.push(found);
        Ok(())
    }
}

impl LogFile {
    /// The index that its name tells: of its first entry.
    fn named(&self) -> u64 {
        let name = self.path.file_stem().and_then(|stem| stem.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    }

    fn first(&self) -> u64 {
        self.positions.first().map_or(0, |(index, _)| *index)
    }

    fn last(&self) -> u64 {
        self.positions.last().map_or(0, |(index, _)| *index)
    }
}

impl Recovered {
    /// Whether the entry at `index` may come next: behind the last one, or behind what a snapshot
    /// from elsewhere has replaced.
    fn check_next(&self, index: u64) -> Result<(), String> {
        let expected = self.entries.last().map_or(index, |entry| entry.log_id.index + 1);
        let after_purged = self.state.purged().is_some_and(|purged| purged.index + 1 == index);
        if index == expected || after_purged {
            return Ok(());
        }
        Err(format!("entry {index} stands where {expected} belongs"))
    }
}

/// Takes the next entry off `rest`, which stays as it is on an error, and says how many bytes it
/// took.
fn read_entry(rest: &mut Bytes) -> Result<(Persisted, u64), EntryDecodeError> {
    let mut after = rest.clone();
    let batch = RecordBatch::split_first(&mut after)?;
    let entry = entry_batch::decode(&batch)?;
    *rest = after;
    Ok((entry, batch.bytes().len() as u64))
}

/// An entry in `rest` that was written when the entry `lost` was durable. What follows the first
/// entry of `rest`, which is damaged, may begin anywhere.
fn witness_of(lost: u64, rest: &Bytes) -> Option<u64> {
    (1..rest.len()).find_map(|start| {
        let (persisted, _) = read_entry(&mut rest.slice(start..)).ok()?;
        (persisted.synced_below > lost).then_some(persisted.entry.log_id.index)
    })
}

/// Whether a write that a crash has cut short can look like this. A batch whose CRC is right was
/// written whole.
fn is_torn(error: &EntryDecodeError) -> bool {
    let EntryDecodeError::Batch(error) = error else {
        // The key repeats what the CRC does not cover: with sectors of zeros in between, both can
        // differ.
        return matches!(error, EntryDecodeError::Key);
    };
    !matches!(error, BatchError::Record { .. })
}

/// Makes the directory and those above it, as far as they are missing, and adds the directories
/// that have new names in them to `unsynced`, innermost first.
fn make_directory(
    disk: &dyn Disk,
    directory: &Path,
    unsynced: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let Some(parent) = directory.parent() else { return Ok(()) };
    if disk.list(directory).is_ok() {
        return Ok(());
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    unsynced.push(parent.to_owned());
    make_directory(disk, parent, unsynced)?;
    disk.create_dir_all(directory)
}
