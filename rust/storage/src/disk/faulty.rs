//! A disk in memory that crashes at a given operation, and then shows any state a real disk could
//! have been left in.
//!
//! Every operation that changes something or makes it durable has a number, counted from 0. An
//! operation that is not synced is *pending*; after a crash any subset of the pending operations
//! may have reached the disk, in any order, and the last write may have been torn between two
//! sectors:
//!
//! ```text
//!   write f       --> pending until sync_data(f)
//!   truncate f    --> pending until sync_data(f)
//!   create, rename, remove, make a directory --> pending until sync_dir(of the name's directory)
//! ```
//!
//! This is weaker than what ext4 gives, on purpose: POSIX promises no more.

mod image;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Wait;
use parking_lot::{Mutex, MutexGuard};

use super::{Disk, DiskFile, DiskLock, DiskSpace, Entry, LockError, Open};
use image::{Change, Image, Inode};

/// A disk that fails on command. Clones are the same disk; [`FaultyDisk::fork`] makes another.
#[derive(Clone)]
pub struct FaultyDisk {
    shared: Arc<Mutex<State>>,
}

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power is cut: this operation and all later ones fail. This one may have reached the
    /// disk, or a part of it.
    Crash,
    /// An input/output error. After a failed sync the writes that it covered are as good as lost: a
    /// later sync succeeds without them (what Linux does, see
    /// <https://wiki.postgresql.org/wiki/Fsync_Errors>).
    Io,
    /// No space is left; a write leaves nothing.
    NoSpace,
}

/// An operation that a crash may undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsynced {
    /// Its number.
    pub operation: u64,
    /// The file or directory it was about.
    pub path: PathBuf,
    /// In how many sectors a write ended up; 0 for everything else.
    pub sectors: usize,
}

/// A write of which only the first sectors have reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The write's number.
    pub operation: u64,
    /// How many sectors have.
    pub sectors: usize,
}

/// Which pending operations a crash undoes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    /// The numbers of the operations that are undone.
    pub lost: BTreeSet<u64>,
    /// A write that is undone in part.
    pub torn: Option<Torn>,
}

#[derive(Clone, Debug, Default)]
struct State {
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    crashed: bool,
    capacity_bytes: Option<u64>,
    cold: bool,
    inode_next: u64,
    /// What a running system sees, and what a crash cannot take away.
    now: Image,
    durable: Image,
    pending: Vec<Pending>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
struct Pending {
    operation: u64,
    path: PathBuf,
    /// A failed sync has dropped it from the cache: no later one makes it durable.
    dropped: bool,
    change: Change,
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// How many operations there were: the number of the next one.
    pub fn operations(&self) -> u64 {
        self.shared.lock().operations
    }

    /// Lets the operation of this number fail.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.shared.lock().faults.insert(operation, fault);
    }

    /// Cuts the power now: every later operation fails.
    pub fn crash(&self) {
        self.shared.lock().crashed = true;
    }

    /// Whether the power was cut.
    pub fn is_crashed(&self) -> bool {
        self.shared.lock().crashed
    }

    /// Lets writes fail for want of space once the files hold this many bytes; `None` for as many
    /// as there is memory.
    pub fn set_capacity_bytes(&self, capacity_bytes: Option<u64>) {
        self.shared.lock().capacity_bytes = capacity_bytes;
    }

    /// Whether reads that may not wait find nothing in memory.
    pub fn set_cold(&self, cold: bool) {
        self.shared.lock().cold = cold;
    }

    /// Flips one bit of a file, in the cache and on the disk.
    pub fn flip_bit(&self, path: &Path, bit: u64) -> io::Result<()> {
        let state = &mut *self.shared.lock();
        let inode = *state.now.names.get(path).ok_or_else(|| missing(path))?;
        for image in [&mut state.now, &mut state.durable] {
            let content = image.contents.get_mut(&inode);
            if let Some(byte) = content.and_then(|content| content.get_mut((bit / 8) as usize)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Ok(())
    }

    /// The operations that a crash now could undo, oldest first.
    pub fn unsynced(&self) -> Vec<Unsynced> {
        let state = self.shared.lock();
        let unsynced = state.pending.iter().map(|pending| Unsynced {
            operation: pending.operation,
            path: pending.path.clone(),
            sectors: pending.change.sectors(),
        });
        unsynced.collect()
    }

    /// The disk as it is found after a crash that left these survivors: everything on it is
    /// durable, it has no faults and counts its operations from 0. This disk is not changed, so
    /// that one crash can be looked at in many ways.
    #[must_use]
    pub fn after_crash(&self, survivors: &Survivors) -> Self {
        let state = self.shared.lock();
        let mut image = state.durable.clone();
        for pending in &state.pending {
            let torn = survivors.torn.filter(|torn| torn.operation == pending.operation);
            match torn {
                Some(torn) => image.apply(&pending.path, &pending.change.torn(torn.sectors)),
                None if survivors.lost.contains(&pending.operation) => {}
                None => image.apply(&pending.path, &pending.change),
            }
        }
        image.forget_unreachable();
        let after = State {
            inode_next: state.inode_next,
            now: image.clone(),
            durable: image,
            ..State::default()
        };
        Self { shared: Arc::new(Mutex::new(after)) }
    }

    /// Another disk in the same state, pending operations and faults included.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { shared: Arc::new(Mutex::new(self.shared.lock().clone())) }
    }
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is on it, and no lock that the one who prints may hold.
        f.write_str("FaultyDisk")
    }
}

impl Default for FaultyDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Survivors {
    /// Everything that was written is there.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only what was synced is there.
    pub fn synced(disk: &FaultyDisk) -> Self {
        let lost = disk.unsynced().iter().map(|unsynced| unsynced.operation).collect();
        Self { lost, torn: None }
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.running()?;
        let inode = match state.now.names.get(path) {
            Some(&inode) => inode,
            None if open == Open::Existing => return Err(missing(path)),
            None => {
                state.require_parent(path)?;
                let inode = Inode(state.inode_next);
                state.inode_next += 1;
                state.change(path, Change::Create { inode })?;
                inode
            }
        };
        if open == Open::Truncate && !state.content(inode).is_empty() {
            state.change(path, Change::Truncate { inode, len: 0 })?;
        }
        Ok(Arc::new(FaultyFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.running()?;
        state.require_parent(to)?;
        let is_directory = state.now.directories.contains(from);
        if !is_directory && !state.now.names.contains_key(from) {
            return Err(missing(from));
        }
        if is_directory && state.now.directories.contains(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.now.names.get(from).copied();
        state.change(from, Change::Rename { to: to.to_owned(), inode })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.running()?;
        if !state.now.names.contains_key(path) {
            return Err(missing(path));
        }
        state.change(path, Change::Remove)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.running()?;
        if !state.now.directories.contains(path) {
            return Err(missing(path));
        }
        if !state.now.entries(path).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.change(path, Change::RemoveDirectory)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let state = self.running()?;
        if !state.now.directories.contains(directory) {
            return Err(missing(directory));
        }
        Ok(state.now.entries(directory))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.running()?;
        let mut missing: Vec<&Path> = path
            .ancestors()
            .filter(|directory| !directory.as_os_str().is_empty())
            .filter(|directory| !state.now.directories.contains(*directory))
            .collect();
        missing.reverse();
        for directory in missing {
            // The root of all paths is there on every disk.
            if directory.parent().is_none_or(|parent| parent.as_os_str().is_empty()) {
                state.now.directories.insert(directory.to_owned());
                state.durable.directories.insert(directory.to_owned());
            } else {
                state.change(directory, Change::MakeDirectory)?;
            }
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.running()?;
        if !state.now.directories.contains(path) {
            return Err(missing(path));
        }
        state.sync(|pending| pending.changes_name_in(path))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        let mut state = self.running()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        Ok(Box::new(FaultyLock { disk: self.clone(), path: path.to_owned() }))
    }

    fn space(&self, _path: &Path) -> io::Result<DiskSpace> {
        let state = self.running()?;
        let total_bytes = state.capacity_bytes.unwrap_or(u64::MAX);
        let free_bytes = total_bytes.saturating_sub(state.now.used_bytes());
        Ok(DiskSpace { total_bytes, free_bytes })
    }
}

impl FaultyDisk {
    fn running(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.shared.lock();
        if state.crashed { Err(crashed()) } else { Ok(state) }
    }
}

#[derive(Debug)]
struct FaultyLock {
    disk: FaultyDisk,
    path: PathBuf,
}

impl DiskLock for FaultyLock {}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        self.disk.shared.lock().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    inode: Inode,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        let state = self.disk.running()?;
        if wait == Wait::Never && state.cold {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let content = state.content(self.inode);
        let rest = content.get(position.min(content.len() as u64) as usize..).unwrap_or_default();
        let bytes = rest.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.disk.running()?;
        let mut bytes = parts.concat();
        let growth =
            (position + bytes.len() as u64).saturating_sub(state.content(self.inode).len() as u64);
        let room = state
            .capacity_bytes
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(state.now.used_bytes()));
        let short = growth.saturating_sub(room) as usize;
        // As on a real disk, a write that does not fit leaves what did.
        bytes.truncate(bytes.len().saturating_sub(short));
        state.change(&self.path, Change::Write { inode: self.inode, position, bytes })?;
        if short > 0 { Err(no_space()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.running()?.content(self.inode).len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.running()?;
        state.change(&self.path, Change::Truncate { inode: self.inode, len })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.running()?.sync(|pending| pending.changes_content_of(self.inode))
    }

    fn preallocate(&self, _position: u64, bytes: u64) -> io::Result<()> {
        drop(self.disk.running()?);
        if bytes == 0 { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
    }
}

impl State {
    fn content(&self, inode: Inode) -> &[u8] {
        self.now.contents.get(&inode).map(Vec::as_slice).unwrap_or_default()
    }

    fn require_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.now.directories.contains(parent) => Ok(()),
            _ => Err(missing(path)),
        }
    }

    /// Numbers the operation and says what goes wrong with it.
    fn next_operation(&mut self) -> (u64, Option<Fault>) {
        let operation = self.operations;
        self.operations += 1;
        (operation, self.faults.get(&operation).copied())
    }

    fn change(&mut self, path: &Path, change: Change) -> io::Result<()> {
        let (operation, fault) = self.next_operation();
        match fault {
            Some(Fault::Io) => return Err(injected()),
            Some(Fault::NoSpace) => return Err(no_space()),
            Some(Fault::Crash) => self.crashed = true,
            None => {}
        }
        self.now.apply(path, &change);
        self.pending.push(Pending { operation, path: path.to_owned(), dropped: false, change });
        if self.crashed { Err(crashed()) } else { Ok(()) }
    }

    fn sync(&mut self, covers: impl Fn(&Pending) -> bool) -> io::Result<()> {
        match self.next_operation().1 {
            Some(Fault::Crash) => {
                self.crashed = true;
                return Err(crashed());
            }
            Some(fault) => {
                let covered = self.pending.iter_mut().filter(|pending| covers(pending));
                covered.for_each(|pending| pending.dropped = true);
                return Err(if fault == Fault::NoSpace { no_space() } else { injected() });
            }
            None => {}
        }
        let (synced, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|pending| covers(pending) && !pending.dropped);
        self.pending = pending;
        let synced: Vec<Pending> = synced;
        for synced in &synced {
            self.durable.apply(&synced.path, &synced.change);
            if let Change::Rename { to, inode: None } = &synced.change {
                // What is pending inside a directory moves with it.
                let inside = self.pending.iter_mut().filter(|p| p.operation < synced.operation);
                inside.for_each(|pending| pending.follow(&synced.path, to));
            }
        }
        Ok(())
    }
}

impl Pending {
    /// Its directory, or one above it, has got another name.
    fn follow(&mut self, from: &Path, to: &Path) {
        if let Ok(inside) = self.path.strip_prefix(from)
            && !inside.as_os_str().is_empty()
        {
            self.path = to.join(inside);
        }
    }

    fn changes_content_of(&self, file: Inode) -> bool {
        match self.change {
            Change::Write { inode, .. } | Change::Truncate { inode, .. } => inode == file,
            _ => false,
        }
    }

    fn changes_name_in(&self, directory: &Path) -> bool {
        match &self.change {
            Change::Write { .. } | Change::Truncate { .. } => false,
            Change::Rename { to, .. } => {
                self.path.parent() == Some(directory) || to.parent() == Some(directory)
            }
            _ => self.path.parent() == Some(directory),
        }
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {}", path.display()))
}

fn crashed() -> io::Error {
    io::Error::other("the disk has crashed")
}

fn injected() -> io::Error {
    io::Error::other("an input/output error was injected")
}

fn no_space() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space is left on the faulty disk")
}
