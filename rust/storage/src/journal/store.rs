//! The journal's files: groups go in, one write and one sync each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Uuid;
use parking_lot::Mutex;
use thiserror::Error;

use super::entry::ENTRY_HEADER_BYTES;
use super::group::{GROUP_HEADER_BYTES, GroupBuilder};
use super::recovery::Recovery;
use super::ring::{Place, Ring, Verdict};
use super::{BLOCK_BYTES, BYTES_MAX_DEFAULT, FILE_BYTES_DEFAULT, FILE_BYTES_MAX};
use crate::disk::{Disk, DiskFile, Open};

/// The directory in a log directory that holds the journal.
const DIRECTORY_NAME: &str = "journal";

/// How large the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// The size of a file that is made.
    pub file_bytes: usize,
    /// The size up to which the ring grows.
    pub bytes_max: usize,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { file_bytes: FILE_BYTES_DEFAULT, bytes_max: BYTES_MAX_DEFAULT }
    }
}

/// Why the journal could not be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk failed.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The disk's words.
        source: io::Error,
    },
    /// A group that recovery needs is not there, although a later one is.
    #[error(
        "the journal lacks group {sequence} while group {found} is there ({}): the disk has lost \
         acknowledged writes; restore the journal directory, or move it away to start without what \
         only it holds",
        path.display()
    )]
    Missing {
        /// The file that shows it.
        path: PathBuf,
        /// The group that is missing.
        sequence: u64,
        /// The group that is there.
        found: u64,
    },
    /// A whole group holds what this version does not know.
    #[error("group {sequence} of {} was written by another version of the journal", path.display())]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// The group.
        sequence: u64,
    },
    /// A file was copied here from another log directory.
    #[error(
        "{} belongs to the log directory with id {ring_id}; move it back or away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        ring_id: Uuid,
    },
    /// A file is larger than any that a journal makes.
    #[error("{} has {len} bytes, which no journal file has; move it away", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        len: u64,
    },
}

impl JournalError {
    fn is_no_room(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }

    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }
}

/// What became of a group.
#[derive(Debug)]
pub enum Written {
    /// It is durable, under this sequence.
    Durable(u64),
    /// Every file is needed: it can be written after [`Journal::release`].
    Full(GroupBuilder),
}

/// How much of the ring is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalUsage {
    /// The bytes of all files.
    pub bytes: usize,
    /// The bytes of the files that hold groups which segments do not hold durably.
    pub needed_bytes: usize,
}

/// A log directory's journal. One thread writes groups; another may release them and make files
/// ahead of need.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    ring_id: Uuid,
    config: JournalConfig,
    state: Mutex<State>,
    /// Held while a file is made, so that two threads do not make the same.
    making: Mutex<()>,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    /// The files of the ring's slots.
    files: Vec<Arc<dyn DiskFile>>,
    /// The disk had no room for a file: none is made ahead of need any more.
    no_room: bool,
}

impl Journal {
    /// Reads what the journal of `log_directory` holds; it makes nothing. `ring_id` is the log
    /// directory's id.
    pub fn open(
        disk: Arc<dyn Disk>,
        log_directory: &Path,
        ring_id: Uuid,
        config: JournalConfig,
    ) -> Result<(Self, Recovery), JournalError> {
        assert!(config.file_bytes.is_multiple_of(BLOCK_BYTES), "files consist of blocks");
        assert!(config.file_bytes as u64 <= FILE_BYTES_MAX, "recovery reads a file at once");
        let directory = log_directory.join(DIRECTORY_NAME);
        let recovery = Recovery::open(&*disk, &directory, ring_id)?;
        let (found, current) = recovery.ring();
        let (slots, files) = found.into_iter().unzip();
        let files_max = (config.bytes_max / config.file_bytes).max(2);
        let (next, replay_from) = (recovery.next_sequence(), recovery.replay_from());
        let ring = Ring::recovered(slots, current, next, replay_from, files_max);
        let state = Mutex::new(State { ring, files, no_room: false });
        let making = Mutex::default();
        Ok((Self { disk, directory, ring_id, config, state, making }, recovery))
    }

    /// An empty group, as large as a file has room for.
    pub fn group(&self) -> GroupBuilder {
        GroupBuilder::new(self.config.file_bytes - BLOCK_BYTES)
    }

    /// The largest batch that fits a group.
    pub fn entry_bytes_max(&self) -> usize {
        self.config.file_bytes - BLOCK_BYTES - GROUP_HEADER_BYTES - ENTRY_HEADER_BYTES
    }

    /// Makes the group durable. After an error nobody knows whether it is.
    pub fn write(&self, group: GroupBuilder) -> Result<Written, JournalError> {
        loop {
            let verdict = self.state.lock().ring.place(group.blocks());
            match verdict {
                Verdict::At(place) => return self.write_at(place, group).map(Written::Durable),
                Verdict::Checkpoint(place) => {
                    self.write_at(place, self.group())?;
                }
                Verdict::Grow(number) => match self.make_file(number) {
                    // Overwriting needs no room: the ring turns at the size it has, if it can turn.
                    Err(error) if error.is_no_room() && self.can_turn() => {
                        return Ok(Written::Full(group));
                    }
                    made => made?,
                },
                Verdict::Full => return Ok(Written::Full(group)),
            }
        }
    }

    /// Tells recovery durably what has been released; a next start then has less to read.
    pub fn checkpoint(&self) -> Result<(), JournalError> {
        let place = self.state.lock().ring.checkpoint_place();
        place.map_or(Ok(()), |place| self.write_at(place, self.group()).map(drop))
    }

    /// Notes that the segments hold durably what the groups below `sequence` hold.
    pub fn release(&self, sequence: u64) {
        self.state.lock().ring.release(sequence);
    }

    /// Makes a file ahead of need, if one will be needed soon.
    pub fn make_spare(&self) -> Result<(), JournalError> {
        let wanted = self.state.lock().ring.spare_wanted();
        match wanted.map_or(Ok(()), |number| self.make_file(number)) {
            Err(error) if error.is_no_room() && self.can_turn() => {
                self.state.lock().no_room = true;
                Ok(())
            }
            made => made,
        }
    }

    /// Whether [`Journal::make_spare`] has something to do.
    pub fn wants_spare(&self) -> bool {
        let state = self.state.lock();
        !state.no_room && state.ring.spare_wanted().is_some()
    }

    /// Whether a file can be used again: the one in use cannot.
    fn can_turn(&self) -> bool {
        self.state.lock().files.len() >= 2
    }

    /// The sequence of the next group.
    pub fn next_sequence(&self) -> u64 {
        self.state.lock().ring.next_sequence()
    }

    /// How much of the ring is in use.
    pub fn usage(&self) -> JournalUsage {
        let (files, needed) = self.state.lock().ring.usage();
        let bytes = self.config.file_bytes;
        JournalUsage { bytes: files * bytes, needed_bytes: needed * bytes }
    }

    fn write_at(&self, place: Place, group: GroupBuilder) -> Result<u64, JournalError> {
        let (file, number, sequence, replay_from) = {
            let state = self.state.lock();
            let ring = &state.ring;
            let file = state.files[place.slot].clone();
            (file, ring.number(place.slot), ring.next_sequence(), ring.released_to())
        };
        let group = group.finish(self.ring_id, sequence, replay_from);
        let failed =
            |operation| move |error| JournalError::io(operation, &self.path(number), error);
        file.write_at(place.position(), &group.parts()).map_err(failed("write"))?;
        file.sync_data().map_err(failed("sync"))?;
        self.state.lock().ring.committed(place, group.blocks(), replay_from);
        Ok(sequence)
    }

    /// Makes the file of this number unless another thread has made it: zeros that are on the disk
    /// before a group overwrites them, since a group's sync must not wait for blocks to be
    /// allocated.
    fn make_file(&self, number: u32) -> Result<(), JournalError> {
        let _making = self.making.lock();
        if self.state.lock().ring.has(number) {
            return Ok(());
        }
        let path = self.path(number);
        let failed = |operation| {
            let path = path.clone();
            move |error| JournalError::io(operation, &path, error)
        };
        self.disk.create_dir_all(&self.directory).map_err(failed("make the directory of"))?;
        let file = self.disk.open(&path, Open::Truncate).map_err(failed("make"))?;
        let zeros = vec![0; self.config.file_bytes];
        file.write_at(0, &[&zeros]).map_err(failed("write"))?;
        file.sync_data().map_err(failed("sync"))?;
        for directory in self.directory.ancestors().take(2) {
            self.disk.sync_dir(directory).map_err(failed("sync the directory of"))?;
        }
        let mut state = self.state.lock();
        state.ring.add(number, self.config.file_bytes / BLOCK_BYTES);
        state.files.push(file);
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number}.journal"))
    }
}
