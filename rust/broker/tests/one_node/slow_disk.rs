//! A disk in memory on which writes or syncs can be held up, as by a device that does not answer
//! for a while, and does not fail.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use storage::FaultyDisk;
pub(crate) use storage::disk::Operation;
use storage::disk::{DiskHook, HookedDisk};

/// How long an operation is held up that nobody lets go: longer than any test.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) type SlowDisk = HookedDisk<FaultyDisk, Device>;

/// What holds operations up.
#[derive(Debug, Default)]
pub(crate) struct Device(Arc<Gate>);

/// Lets what is held up go on when it is dropped.
#[derive(Debug)]
pub(crate) struct HoldUp(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    held: Mutex<Option<(Operation, String)>>,
    opened: Condvar,
}

impl Device {
    /// Holds an operation up on all files whose paths contain `part`.
    #[must_use]
    pub(crate) fn hold_up(&self, operation: Operation, part: &str) -> HoldUp {
        *self.0.held.lock() = Some((operation, part.to_owned()));
        HoldUp(Arc::clone(&self.0))
    }
}

impl Drop for HoldUp {
    fn drop(&mut self) {
        *self.0.held.lock() = None;
        self.0.opened.notify_all();
    }
}

impl DiskHook for Device {
    fn before(&self, operation: Operation, path: &Path) {
        let mut held = self.0.held.lock();
        let is_held = |held: &mut Option<(Operation, String)>| {
            held.as_ref().is_some_and(|(held, part)| {
                *held == operation && path.to_string_lossy().contains(part.as_str())
            })
        };
        self.0.opened.wait_while_for(&mut held, is_held, PATIENCE);
    }
}
