//! A disk in memory on which renaming can be made to wait, as the slowest of what happens to a
//! partition's directory when the metadata changes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use storage::FaultyDisk;
use storage::disk::{DiskHook, HookedDisk, Operation};

/// How long a renaming waits for a gate that nobody opens.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) type GatedDisk = HookedDisk<FaultyDisk, Gate>;

#[derive(Debug, Default)]
pub(super) struct Gate {
    gate: Mutex<Option<Receiver<()>>>,
    is_waiting: AtomicBool,
}

impl Gate {
    /// The next renaming waits until the sender is used or dropped.
    pub(super) fn close_gate(&self) -> Sender<()> {
        let (open, opened) = channel();
        *self.gate.lock() = Some(opened);
        open
    }

    /// Whether a renaming waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::SeqCst)
    }
}

impl DiskHook for Gate {
    fn before(&self, operation: Operation, _: &Path) {
        if operation != Operation::Rename {
            return;
        }
        let gate = self.gate.lock().take();
        if let Some(opened) = gate {
            self.is_waiting.store(true, Ordering::SeqCst);
            // However the wait ends, the renaming goes on.
            let _ = opened.recv_timeout(PATIENCE);
            self.is_waiting.store(false, Ordering::SeqCst);
        }
    }
}
