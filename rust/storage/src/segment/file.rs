//! A file that is opened when it is needed and closed when its partition has been idle.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile, Open};

/// A file of a segment. It is made when it is first asked for.
#[derive(Debug)]
pub(crate) struct LazyFile {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
}

impl LazyFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        Self { disk, state: Mutex::new(State { path, file: None }) }
    }

    /// The open file. Whoever holds it can read on after the file was closed or deleted here.
    pub(crate) fn get(&self) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        let file = self.disk.open(&state.path, Open::OrCreate)?;
        state.file = Some(Arc::clone(&file));
        Ok(file)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().file.is_some()
    }

    pub(crate) fn close(&self) {
        self.state.lock().file = None;
    }

    /// Gives the file the name `to`, if there is such a file.
    pub(crate) fn rename(&self, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        ignore_missing(self.disk.rename(&state.path, to))?;
        to.clone_into(&mut state.path);
        Ok(())
    }

    /// Takes the file's name away, if there is such a file.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.file = None;
        ignore_missing(self.disk.remove(&state.path))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.state.lock().path.clone()
    }
}

/// What is to be gone and is not there is gone.
pub(crate) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    #[test]
    fn a_file_is_made_when_it_is_asked_for_and_found_again_after_a_close() {
        let disk = Arc::new(MemoryDisk::new(1000));
        disk.create_dir_all(Path::new("/d")).unwrap();
        let file = LazyFile::new(disk.clone(), "/d/f".into());
        assert!(disk.list(Path::new("/d")).unwrap().is_empty() && !file.is_open());
        file.get().unwrap().write_at(0, &[b"x"]).unwrap();
        file.close();
        assert!(!file.is_open());
        assert_eq!(file.get().unwrap().len().unwrap(), 1);
    }

    #[test]
    fn a_missing_file_may_be_renamed_and_removed() {
        let disk = Arc::new(MemoryDisk::new(1000));
        disk.create_dir_all(Path::new("/d")).unwrap();
        let file = LazyFile::new(disk.clone(), "/d/f".into());
        file.rename(Path::new("/d/g")).unwrap();
        assert_eq!(file.path(), Path::new("/d/g"));
        file.get().unwrap();
        file.rename(Path::new("/d/h")).unwrap();
        assert_eq!(disk.list(Path::new("/d")).unwrap()[0].name, "h");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(disk.list(Path::new("/d")).unwrap().is_empty());
    }
}
