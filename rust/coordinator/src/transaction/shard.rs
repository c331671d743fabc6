//! One partition of `__transaction_state`: the transactional ids that hash to it.

use std::collections::BTreeMap;

use base::{ErrorCode, Offset, ProducerEpoch, ProducerId};
use metadata::MetadataImage;

use super::config::TransactionConfig;
use super::decision::{TransactionDecision, TransactionTimer};
use super::draft::Draft;
use super::expiry::Room;
use super::markers::Owed;
use super::metadata::TransactionMetadata;
use super::record::TransactionRecord;
use super::request::{TransactionRequest, TransactionResponse};
use super::version::TransactionVersion;
use crate::now::Now;
use crate::request::{Client, ReplyToken};

/// A partition's coordinator. See the module's description for what its host promises.
#[derive(Debug)]
pub struct TransactionShard {
    pub(super) config: TransactionConfig,
    pub(super) image: MetadataImage,
    /// Persisted.
    pub(super) transactions: BTreeMap<String, TransactionMetadata>,
    /// Soft state: who the producers were before.
    pub(super) last_producers: BTreeMap<String, LastProducer>,
    /// Soft state: the markers of transactions whose end is decided.
    pub(super) owed: BTreeMap<String, Owed>,
    /// How many markers have been named.
    pub(super) tokens: u64,
    pub(super) coordinator_epoch: i32,
    spare_producer_id: Option<ProducerId>,
}

/// What tells a producer that did not hear of its last bump from one that is fenced. The log has
/// the id under `transaction.version` 1 and above only, and never the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastProducer {
    id: ProducerId,
    epoch: ProducerEpoch,
}

/// The persisted part of a shard's state, to be compared with that of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransactionPersistedState<'a> {
    transactions: &'a BTreeMap<String, TransactionMetadata>,
}

impl TransactionShard {
    /// A shard before its first record.
    pub fn new(config: TransactionConfig, image: MetadataImage) -> Self {
        Self {
            config,
            image,
            transactions: BTreeMap::new(),
            last_producers: BTreeMap::new(),
            owed: BTreeMap::new(),
            tokens: 0,
            coordinator_epoch: -1,
            spare_producer_id: None,
        }
    }

    /// Takes in a record of the log: while it is loaded, and of each decision as soon as it is
    /// appended.
    pub fn replay(&mut self, _offset: Offset, record: &TransactionRecord) {
        let TransactionRecord { transactional_id, metadata } = record;
        if let Some(metadata) = metadata {
            self.transactions.insert(transactional_id.clone(), metadata.clone());
        } else {
            self.transactions.remove(transactional_id);
            self.last_producers.remove(transactional_id);
        }
    }

    /// The last record has been replayed: transactions whose end is decided are brought to it.
    pub fn on_loaded(&mut self, now: Now, coordinator_epoch: i32) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        self.coordinator_epoch = coordinator_epoch;
        let prepared =
            self.transactions.iter().filter(|(_, metadata)| metadata.state.is_prepared());
        let prepared: Vec<String> = prepared.map(|(id, _)| id.clone()).collect();
        let mut room = Room::new(&self.config);
        for id in prepared {
            if let Some(draft) = self.draft(&id) {
                self.owe_markers(now, draft, &mut room, &mut decision);
            }
        }
        let abort_at = now.instant + self.config.abort_interval();
        decision.schedule(TransactionTimer::AbortTimedOut, abort_at);
        let expire_at = now.instant + self.config.expiry_interval();
        decision.schedule(TransactionTimer::ExpireIds, expire_at);
        decision
    }

    /// Whether the host is to supply a producer id before the next decision.
    pub fn lacks_producer_id(&self) -> bool {
        self.spare_producer_id.is_none()
    }

    /// An id that no producer has had.
    pub fn supply_producer_id(&mut self, id: ProducerId) {
        self.spare_producer_id = Some(id);
    }

    /// Kafka's answer if there is none: the producer is to try again.
    pub(super) fn take_producer_id(&mut self) -> Result<ProducerId, ErrorCode> {
        self.spare_producer_id.take().ok_or(ErrorCode::CoordinatorLoadInProgress)
    }

    /// The broker's keys have changed. Timers that run keep the time-outs they were set with.
    pub fn set_config(&mut self, config: TransactionConfig) {
        self.config = config;
    }

    /// What is persisted, as the shard sees it: the replay of the log, no more and no less.
    pub fn persisted_state(&self) -> TransactionPersistedState<'_> {
        TransactionPersistedState { transactions: &self.transactions }
    }

    /// Answers a request.
    pub fn decide(
        &mut self,
        now: Now,
        client: &Client,
        request: &TransactionRequest,
        token: ReplyToken,
    ) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        let to = &mut decision;
        let response: TransactionResponse = match request {
            TransactionRequest::InitProducerId(request) => {
                self.init_producer_id(now, client, request, to).into()
            }
            TransactionRequest::AddPartitionsToTxn(request) => {
                self.add_partitions_to_txn(now, client, request, to).into()
            }
            TransactionRequest::AddOffsetsToTxn { request, offsets_partition } => {
                self.add_offsets_to_txn(now, client, request, *offsets_partition, to).into()
            }
            TransactionRequest::EndTxn(request) => self.end_txn(now, client, request, to).into(),
            TransactionRequest::DescribeTransactions(request) => {
                self.describe_transactions(request).into()
            }
            TransactionRequest::ListTransactions(request) => {
                self.list_transactions(now, request).into()
            }
        };
        decision.replies.push((token, response));
        decision
    }

    /// A timer is due.
    pub fn on_timer(&mut self, now: Now, key: &TransactionTimer) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        let to = &mut decision;
        match key {
            TransactionTimer::AbortTimedOut => self.abort_timed_out(now, to),
            TransactionTimer::ExpireIds => self.expire_ids(now, to),
            TransactionTimer::Markers { transactional_id } => {
                self.on_markers_timer(now, transactional_id, to);
            }
        }
        decision
    }

    /// The cluster's metadata has changed: nothing is owed to partitions that are gone.
    pub fn on_metadata(&mut self, now: Now, image: MetadataImage) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        let earlier = std::mem::replace(&mut self.image, image);
        if !self.image.topic_changes_since(&earlier).deleted.is_empty() {
            self.forget_deleted(now, &mut decision);
        }
        decision
    }

    /// What the cluster's transactions may use.
    pub(super) fn cluster_version(&self) -> TransactionVersion {
        TransactionVersion::of_cluster(&self.image)
    }

    /// A client may speak a later version than the cluster has agreed on. Where the log has no
    /// place for what it says, Kafka cannot write it, and this is its answer.
    pub(super) fn check_log_has_place_for(
        &self,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        if version.has_tagged_fields() && !self.cluster_version().has_tagged_fields() {
            return Err(ErrorCode::UnsupportedVersion);
        }
        Ok(())
    }

    /// A transactional id as it stands.
    pub(super) fn draft(&self, transactional_id: &str) -> Option<Draft> {
        let mut metadata = self.transactions.get(transactional_id)?.clone();
        let mut last_epoch = ProducerEpoch::NONE;
        if let Some(last) = self.last_producers.get(transactional_id) {
            (metadata.previous_producer_id, last_epoch) = (last.id, last.epoch);
        }
        Some(Draft { transactional_id: transactional_id.to_owned(), metadata, last_epoch })
    }

    /// Writes down where an id stands now.
    pub(super) fn write(&mut self, draft: &Draft, to: &mut TransactionDecision) {
        let last =
            LastProducer { id: draft.metadata.previous_producer_id, epoch: draft.last_epoch };
        self.last_producers.insert(draft.transactional_id.clone(), last);
        to.records.push(self.record(draft));
    }

    /// The record of a draft. Without tagged fields the log has no place for the previous id.
    pub(super) fn record(&self, draft: &Draft) -> TransactionRecord {
        let mut metadata = draft.metadata.clone();
        if !self.cluster_version().has_tagged_fields() {
            metadata.previous_producer_id = ProducerId::NONE;
        }
        let transactional_id = draft.transactional_id.clone();
        TransactionRecord { transactional_id, metadata: Some(metadata) }
    }
}
