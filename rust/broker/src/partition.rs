//! One partition led by this broker: its log, its leadership, and its topic's configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, ProducerId, TopicId, Wait};
use records::{ProduceBatch, ProduceRules};
use replica::RequiredAcks;
use storage::{
    AbortedTransaction, AppendRequest, AppendTerms, Appended, CommittedRead, FoundRecord, Log,
    LogDirectory, LogOffsets, LogSlice, ProducerEntry, ReadError, ReadRange, VerificationGuard,
    VerificationStart,
};
use tokio::sync::oneshot;

use crate::config::TopicConfig;
use crate::errors::{ProduceError, code_of_directory, code_of_read};
use crate::fetch_wait::FetchWake;
use crate::leadership::{FetchWait, Leadership};
use crate::transaction_marker::EndTransactionMarker;

/// What becomes of one produced batch.
pub(crate) type AppendResult = Result<Appended, ProduceError>;

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    topic: Arc<str>,
    topic_id: TopicId,
    index: PartitionIndex,
    log: Arc<Log>,
    leadership: Arc<Leadership>,
    config: ArcSwap<TopicConfig>,
}

/// What one partition of a fetch request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchFrom {
    pub offset: Offset,
    pub current_leader_epoch: LeaderEpoch,
    pub last_fetched_epoch: LeaderEpoch,
    pub bytes_max: usize,
    pub at_least_one_batch: bool,
    pub read_committed: bool,
}

/// What it gets.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub offsets: LogOffsets,
    pub records: LogSlice,
    /// Whose records among them are void, for who reads committed records.
    pub aborted: Vec<AbortedTransaction>,
    /// Where the reader's log leaves this one, if it does (KIP-595).
    pub diverging: Option<(LeaderEpoch, Offset)>,
}

/// Why it gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// What the client is told.
    Code(ErrorCode),
    /// The disk would have to be waited for, and the caller may not.
    WouldBlock,
}

/// A position that `ListOffsets` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub timestamp_ms: i64,
    pub offset: Offset,
    pub leader_epoch: LeaderEpoch,
}

impl Partition {
    /// The partition `index` of the topic, led through `leadership`, with its log.
    pub(crate) fn new(
        (topic, topic_id): (Arc<str>, TopicId),
        index: PartitionIndex,
        log: Arc<Log>,
        leadership: Arc<Leadership>,
        config: Arc<TopicConfig>,
    ) -> Self {
        Self { topic, topic_id, index, log, leadership, config: ArcSwap::new(config) }
    }

    /// The topic's name.
    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition's number.
    pub(crate) fn index(&self) -> PartitionIndex {
        self.index
    }

    /// The epoch in which this broker leads it.
    pub(crate) fn leader_epoch(&self) -> LeaderEpoch {
        self.leadership.epoch()
    }

    /// The positions of its log.
    pub(crate) fn offsets(&self) -> LogOffsets {
        self.log.offsets()
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        let offsets = self.log.offsets();
        offsets.log_start == offsets.log_end
    }

    /// The largest batch that the topic takes.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.config.load().max_message_bytes
    }

    /// Batches from the one that holds `from` on, also those above the high watermark: for who
    /// leads the partition and must know what it has written. It waits for the disk.
    pub(crate) fn read_whole_batches(
        &self,
        from: Offset,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let up_to = self.log.offsets().log_end;
        let range = ReadRange { from, up_to, max_bytes: bytes_max, min_one: true };
        let slice = self.log.read(&range, Wait::Allowed).map_err(|e| self.code_of_read(&e))?;
        slice.read_all().map_err(|error| self.code_of_read(&ReadError::Io(error)))
    }

    /// How much its segments hold.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.log.size_bytes()
    }

    /// Whether transactions of older clients are verified
    /// (`transaction.partition.verification.enable`).
    pub(crate) fn verifies_transactions(&self) -> bool {
        self.config.load().verifies_transactions
    }

    /// What the topic allows at this time.
    pub(crate) fn produce_rules(&self, now_ms: i64, zstd_allowed: bool) -> ProduceRules {
        let config = self.config.load();
        ProduceRules {
            timestamp_type: config.message_timestamp_type,
            message_bytes_max: config.max_message_bytes,
            timestamp_before_max_ms: config.message_timestamp_before_max_ms,
            timestamp_after_max_ms: config.message_timestamp_after_max_ms,
            now_ms,
            keys_required: config.compact,
            zstd_allowed,
            ..ProduceRules::default()
        }
    }

    /// Hands a client's validated batch, which is not part of a transaction, to the log. The answer
    /// comes when the records are where `acks` wants them.
    pub(crate) fn append(
        &self,
        directory: &LogDirectory,
        batch: ProduceBatch,
        acks: RequiredAcks,
    ) -> Result<oneshot::Receiver<AppendResult>, ProduceError> {
        self.append_on(AppendTerms::default(), directory, batch, acks)
    }

    /// Whether an append may begin: with acks=all it needs `min.insync.replicas` in sync.
    pub(crate) fn check_append(&self, acks: RequiredAcks) -> Result<(), ErrorCode> {
        self.leadership.begin_append(acks).map(drop)
    }

    /// Begins to verify a producer's transaction: its coordinator is asked whether it knows of this
    /// partition, and then the first batch is appended with the guard (KIP-890). With
    /// [`VerificationGuard::NONE`] the transaction is open here already, and nobody need be asked.
    pub(crate) fn begin_verification(
        &self,
        start: &VerificationStart,
        now_ms: i64,
    ) -> Result<VerificationGuard, ProduceError> {
        let guard = self.log.begin_verification(start, now_ms);
        guard.map_err(|error| ProduceError::from(&error))
    }

    /// Hands the marker that ends a producer's transaction to the log. The answer comes when every
    /// in-sync replica has it.
    pub(crate) fn append_marker(
        &self,
        directory: &LogDirectory,
        marker: &EndTransactionMarker,
        now_ms: i64,
    ) -> Result<oneshot::Receiver<AppendResult>, ProduceError> {
        let terms = AppendTerms::Marker { transaction_version: marker.transaction_version };
        self.append_on(terms, directory, marker.batch(now_ms), RequiredAcks::All)
    }

    /// Hands a batch to the log on terms that say who appends it, and what was verified.
    pub(crate) fn append_on(
        &self,
        terms: AppendTerms,
        directory: &LogDirectory,
        batch: ProduceBatch,
        acks: RequiredAcks,
    ) -> Result<oneshot::Receiver<AppendResult>, ProduceError> {
        let leader_epoch = self.leadership.begin_append(acks)?;
        let (reply, answer) = oneshot::channel();
        let leadership = Arc::clone(&self.leadership);
        let submitted = directory.submit(AppendRequest {
            log: Arc::clone(&self.log),
            batch,
            terms,
            leader_epoch,
            completion: Box::new(move |result| match result {
                Ok(appended) => leadership.wait_for_acks(acks, appended, reply),
                // Nobody listens any more when the connection has gone.
                Err(error) => drop(reply.send(Err(ProduceError::from(&error)))),
            }),
        });
        submitted.map_err(|refused| ProduceError::from(refused.reason))?;
        Ok(answer)
    }

    /// Answers when everything that is in the log by now is below the high watermark; `None` if it
    /// is already.
    pub(crate) fn wait_for_log_end(&self) -> Option<oneshot::Receiver<AppendResult>> {
        let offsets = self.log.offsets();
        if offsets.high_watermark >= offsets.log_end {
            return None;
        }
        let last_offset = Offset(offsets.log_end.0 - 1);
        let written = Appended {
            base_offset: last_offset,
            last_offset,
            log_append_time_ms: None,
            log_start: offsets.log_start,
            duplicate: false,
            stamped_header: None,
            sync_due: false,
        };
        let (reply, answer) = oneshot::channel();
        self.leadership.wait_for_acks(RequiredAcks::All, written, reply);
        Some(answer)
    }

    /// Reads what the client may see from an offset on.
    pub(crate) fn fetch(&self, from: &FetchFrom, wait: Wait) -> Result<Fetched, FetchError> {
        self.check_epoch(from.current_leader_epoch).map_err(FetchError::Code)?;
        let offsets = self.log.offsets();
        let diverging = self.divergence(from).map_err(FetchError::Code)?;
        let visible = visible_end(&offsets, from.read_committed);
        let range = ReadRange {
            from: from.offset,
            // Records that exist but are not visible yet are waited for, like those that do not
            // exist yet.
            up_to: if diverging.is_some() { from.offset } else { visible },
            max_bytes: from.bytes_max,
            min_one: from.at_least_one_batch,
        };
        let read = if from.read_committed {
            self.log.read_committed(&range, wait)
        } else {
            let records = self.log.read(&range, wait);
            records.map(|records| CommittedRead { records, aborted: Vec::new() })
        };
        let CommittedRead { records, aborted } = read.map_err(|error| match error {
            ReadError::WouldBlock => FetchError::WouldBlock,
            error => FetchError::Code(self.code_of_read(&error)),
        })?;
        Ok(Fetched { offsets, records, aborted, diverging })
    }

    /// The end of what a client may see.
    pub(crate) fn visible_end(&self, read_committed: bool) -> Offset {
        visible_end(&self.log.offsets(), read_committed)
    }

    /// Wakes a fetch, where this partition has the number `number`, when the end of what it may see
    /// passes `seen`; at once if it has.
    pub(crate) fn wait_beyond(
        &self,
        seen: Offset,
        read_committed: bool,
        fetch: &Arc<FetchWake>,
        number: usize,
    ) -> FetchWait {
        self.leadership.wait_beyond(seen, read_committed, fetch, number)
    }

    /// The producers that the log remembers, by their ids.
    pub(crate) fn producers(&self) -> Vec<(ProducerId, ProducerEntry)> {
        self.log.producers()
    }

    /// Whether the transaction that is open for longest has been silent for more than `limit_ms`:
    /// its coordinator should have aborted it long ago, or does not know of it.
    pub(crate) fn has_late_transaction(&self, now_ms: i64, limit_ms: i64) -> bool {
        let seen_ms = self.log.oldest_transaction_seen_ms();
        seen_ms.is_some_and(|seen_ms| now_ms.saturating_sub(seen_ms) > limit_ms)
    }

    /// Whether a request that believes in this leader epoch may be served.
    pub(crate) fn check_epoch(&self, requested: LeaderEpoch) -> Result<(), ErrorCode> {
        self.leadership.check_epoch(requested)
    }

    /// The end of what a client may see.
    pub(crate) fn latest(&self, read_committed: bool) -> Found {
        let offset = self.visible_end(read_committed);
        Found { timestamp_ms: -1, offset, leader_epoch: self.leadership.epoch() }
    }

    /// The first offset that is still there, with the epoch of the record that is at it or will be.
    pub(crate) fn earliest(&self) -> Found {
        let offset = self.log.offsets().log_start;
        let leader_epoch = self.log.epoch_of(offset).unwrap_or_else(|| self.leadership.epoch());
        Found { timestamp_ms: -1, offset, leader_epoch }
    }

    /// The first record that has the largest timestamp, if the client may see it. It may wait for
    /// the disk.
    pub(crate) fn max_timestamp(&self, read_committed: bool) -> Result<Option<Found>, ErrorCode> {
        let visible = self.visible_end(read_committed);
        let found = self.log.max_timestamp().map_err(|error| self.code_of_read(&error))?;
        Ok(found.map(Found::from).filter(|found| found.offset < visible))
    }

    /// The first record at or behind a timestamp, as far as the client may see. It may wait for the
    /// disk.
    pub(crate) fn find_by_timestamp(
        &self,
        timestamp_ms: i64,
        read_committed: bool,
    ) -> Result<Option<Found>, ErrorCode> {
        let visible = self.visible_end(read_committed);
        let found = self.log.find_by_timestamp(timestamp_ms);
        let found = found.map_err(|error| self.code_of_read(&error))?;
        Ok(found.map(Found::from).filter(|found| found.offset < visible))
    }

    /// Where a leader epoch ends, with the epoch that the answer is about: the largest known one up
    /// to that asked for. The epoch in which this broker leads ends where the log does, also before
    /// its first record.
    pub(crate) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        if epoch == self.leadership.epoch() {
            return Some((epoch, self.log.offsets().log_end));
        }
        self.log.end_offset_for_epoch(epoch).map(|end| (end.leader_epoch, end.end_offset))
    }

    /// Moves the log's start, durably, and says where it is then.
    pub(crate) async fn delete_records(
        &self,
        directory: &LogDirectory,
        before: Offset,
    ) -> Result<Offset, ErrorCode> {
        let (reply, answer) = oneshot::channel();
        let completion = Box::new(move |result| drop(reply.send(result)));
        directory.delete_records(Arc::clone(&self.log), before, completion);
        let result = answer.await.map_err(|_| ErrorCode::NotLeaderOrFollower)?;
        result.map_err(|error| code_of_directory(&error))
    }

    /// Takes another configuration; what cannot be taken stays as it is, and the log says why.
    pub(crate) fn configure(&self, directory: &LogDirectory, config: Arc<TopicConfig>) {
        self.leadership.set_min_insync_replicas(config.min_insync_replicas as u32);
        let (topic, partition) = (Arc::clone(&self.topic), self.index);
        let completion = Box::new(move |result| {
            if let Err(error) = result {
                tracing::error!(%topic, %partition, %error, "the configuration is not taken");
            }
        });
        directory.configure(Arc::clone(&self.log), config.log_config(&self.topic), completion);
        self.config.store(config);
    }

    /// Ends the leadership, and the log with it: the topic was deleted.
    pub(crate) fn delete(&self, directory: &LogDirectory) {
        self.leadership.close(ErrorCode::UnknownTopicOrPartition);
        let (topic, partition) = (Arc::clone(&self.topic), self.index);
        let completion = Box::new(move |result| {
            if let Err(error) = result {
                tracing::error!(%topic, %partition, %error, "the partition's files stay behind");
            }
        });
        directory.delete_log(self.topic_id, self.index, completion);
    }

    /// Where the reader's log leaves this one, if the reader says in which epoch its last record
    /// was written.
    fn divergence(&self, from: &FetchFrom) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
        if from.last_fetched_epoch == LeaderEpoch::NONE {
            return Ok(None);
        }
        let end = self.end_of_epoch(from.last_fetched_epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
        let (epoch, end_offset) = end;
        let diverges = epoch < from.last_fetched_epoch || end_offset < from.offset;
        Ok(diverges.then_some((epoch, end_offset)))
    }

    /// A log that cannot be read is told to the operator as well as to the client.
    fn code_of_read(&self, error: &ReadError) -> ErrorCode {
        let code = code_of_read(error);
        if code == ErrorCode::KafkaStorageError {
            tracing::error!(topic = %self.topic, partition = %self.index, %error, "cannot read");
        }
        code
    }
}

/// Consumers see what every in-sync replica has; those that read committed records see no open
/// transaction.
fn visible_end(offsets: &LogOffsets, read_committed: bool) -> Offset {
    if read_committed { offsets.last_stable } else { offsets.high_watermark }
}

impl From<FoundRecord> for Found {
    fn from(found: FoundRecord) -> Self {
        let FoundRecord { timestamp, offset, leader_epoch } = found;
        Self { timestamp_ms: timestamp, offset, leader_epoch }
    }
}

#[cfg(test)]
mod tests;
