//! The image as openraft wants it: applies committed entries, and writes and takes in snapshots.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use metadata::MetadataImage;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::log_files::{LogFiles, OpenError};
use crate::log_writer::LogWriter;
use crate::raft_types::{Applied, LogId, SnapshotMeta, StoredMembership, Types};
use crate::snapshot_file;

/// No snapshot is larger.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

type Snapshot = openraft::alias::SnapshotOf<Types, Bytes>;

/// Applies the log to the image.
#[derive(Debug)]
pub(crate) struct StateMachine {
    writer: LogWriter,
    state: State,
    /// Where the node's users look.
    published: watch::Sender<Arc<MetadataImage>>,
    /// What the last snapshot on the disk holds.
    stored: Arc<Mutex<Option<SnapshotMeta>>>,
}

/// The image, and where in the log it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    applied: Option<LogId>,
    membership: StoredMembership,
    image: MetadataImage,
}

/// Writes the snapshot of one moment.
#[derive(Debug)]
pub(crate) struct SnapshotBuilder {
    writer: LogWriter,
    state: State,
    stored: Arc<Mutex<Option<SnapshotMeta>>>,
}

impl State {
    /// What the latest snapshot on the disk holds; nothing if there is none.
    pub(crate) fn open(files: &mut LogFiles) -> Result<Self, OpenError> {
        let names = files.names(snapshot_file::suffix());
        let io = |path, source| OpenError::Io { path, source };
        let names = names.map_err(|error| io(files.path(""), error))?;
        let Some((latest, earlier)) = names.split_last() else { return Ok(Self::default()) };
        let path = files.path(latest);
        let bytes =
            files.read(latest, SNAPSHOT_BYTES_MAX).map_err(|error| io(path.clone(), error))?;
        let (meta, image) = snapshot_file::decode(bytes).map_err(|error| OpenError::Damaged {
            path: path.clone(),
            position: 0,
            reason: error.to_string(),
        })?;
        // Left behind by a crash between the writing of the latest and their removal.
        for name in earlier {
            files.remove(name).map_err(|error| io(path.clone(), error))?;
        }
        Ok(Self { applied: meta.last_log_id, membership: meta.last_membership, image })
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }
}

impl StateMachine {
    /// A state machine that goes on from `state`, and publishes each newer image.
    pub(crate) fn new(
        writer: LogWriter,
        state: State,
        published: watch::Sender<Arc<MetadataImage>>,
    ) -> Self {
        let stored = state.applied.map(|_| state.meta());
        let machine = Self { writer, state, published, stored: Arc::new(Mutex::new(stored)) };
        machine.publish();
        machine
    }

    fn publish(&self) {
        self.published.send_replace(Arc::new(self.state.image.clone()));
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.state.applied, self.state.membership.clone()))
    }

    /// A proposal that contradicts the image is left out, on every node alike: replay is a function
    /// of the log.
    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        let mut answers = Vec::new();
        while let Some((entry, responder)) = entries.try_next().await? {
            self.state.applied = Some(entry.log_id);
            let result = match entry.payload {
                EntryPayload::Blank => Ok(()),
                EntryPayload::Normal(change) => self.state.image.replay_all(change.records.iter()),
                EntryPayload::Membership(membership) => {
                    self.state.membership = StoredMembership::new(Some(entry.log_id), membership);
                    Ok(())
                }
            };
            answers.extend(responder.map(|responder| (responder, Applied(result))));
        }
        // Whoever is answered finds what he proposed in the published image.
        self.publish();
        for (responder, applied) in answers {
            responder.send(applied);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            writer: self.writer.clone(),
            state: self.state.clone(),
            stored: Arc::clone(&self.stored),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Bytes,
    ) -> Result<(), io::Error> {
        let (found, image) = snapshot_file::decode(snapshot.clone()).map_err(io::Error::other)?;
        if found != *meta {
            return Err(io::Error::other(format!(
                "the snapshot holds {found} where {meta} was announced"
            )));
        }
        store(&self.writer, &self.stored, meta.clone(), snapshot).await?;
        let (applied, membership) = (meta.last_log_id, meta.last_membership.clone());
        self.state = State { applied, membership, image };
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let Some(meta) = self.stored.lock().clone() else { return Ok(None) };
        let name = snapshot_file::name(&meta);
        let snapshot = self.writer.run(move |files| files.read(&name, SNAPSHOT_BYTES_MAX)).await?;
        Ok(Some(Snapshot { meta, snapshot }))
    }
}

impl RaftSnapshotBuilder<Types> for SnapshotBuilder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let meta = self.state.meta();
        let snapshot = snapshot_file::encode(&meta, &self.state.image).map_err(io::Error::other)?;
        store(&self.writer, &self.stored, meta.clone(), snapshot.clone()).await?;
        Ok(Snapshot { meta, snapshot })
    }
}

/// Writes a snapshot durably, and removes the one before it.
async fn store(
    writer: &LogWriter,
    stored: &Mutex<Option<SnapshotMeta>>,
    meta: SnapshotMeta,
    bytes: Bytes,
) -> io::Result<()> {
    let name = snapshot_file::name(&meta);
    let earlier = stored.lock().as_ref().map(snapshot_file::name).filter(|earlier| *earlier < name);
    writer
        .run(move |files| {
            files.save(&name, &bytes)?;
            earlier.map_or(Ok(()), |earlier| files.remove(&earlier))
        })
        .await?;
    *stored.lock() = Some(meta);
    Ok(())
}
