//! openraft's own tests of a log store and a state machine, on every disk.

use std::path::Path;
use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use storage::{Disk, FaultyDisk, RealDisk};
use tempfile::TempDir;
use tokio::sync::watch;

use super::memory_disk;
use crate::log_files::LogFiles;
use crate::log_store::LogStore;
use crate::log_writer::{LogWriter, WriterPlace};
use crate::raft_types::Types;
use crate::state_machine::{State, StateMachine};

struct Builder<F> {
    disk: F,
    place: WriterPlace,
}

impl<F> StoreBuilder<Types, LogStore, StateMachine, Option<TempDir>> for Builder<F>
where
    F: Fn() -> (Arc<dyn Disk>, Option<TempDir>) + Send + Sync,
{
    async fn build(
        &self,
    ) -> Result<(Option<TempDir>, LogStore, StateMachine), StorageError<Types>> {
        let (disk, guard) = (self.disk)();
        let directory = guard.as_ref().map_or(Path::new("/data"), TempDir::path).join("log");
        let (files, recovered) = LogFiles::open(disk, &directory).expect("a new directory");
        let synced = files.synced_entries();
        let writer = LogWriter::start(files, self.place).expect("a thread");
        let (published, _) = watch::channel(Arc::default());
        let machine = StateMachine::new(writer.clone(), State::default(), published);
        Ok((guard, LogStore::new(writer, synced, recovered), machine))
    }
}

async fn passes(
    disk: impl Fn() -> (Arc<dyn Disk>, Option<TempDir>) + Send + Sync,
    place: WriterPlace,
) {
    Suite::test_all(Builder { disk, place }).await.expect("the suite passes");
}

#[tokio::test(start_paused = true)]
async fn the_store_on_a_memory_disk_passes_openrafts_suite() {
    passes(|| (memory_disk(), None), WriterPlace::Inline).await;
}

#[tokio::test(start_paused = true)]
async fn the_store_on_a_faulty_disk_passes_openrafts_suite() {
    passes(|| (Arc::new(FaultyDisk::new()), None), WriterPlace::Inline).await;
}

#[tokio::test]
async fn the_store_on_a_real_disk_with_its_thread_passes_openrafts_suite() {
    let disk = || {
        let guard = TempDir::new().expect("a temporary directory");
        (Arc::new(RealDisk) as Arc<dyn Disk>, Some(guard))
    };
    passes(disk, WriterPlace::Thread).await;
}
