//! Where a producer stands with its transactions, and what a failure leaves of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, ProducerEpoch, ProducerId, TopicPartition};

use super::questions::{EXPLICIT_PRODUCE_VERSION_MAX, Question};
use super::{OperationId, TransactionError};
use crate::api_versions::TransactionVersion;
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::config::ProducerConfig;
use crate::consumer::{GroupMetadata, OffsetAndMetadata};
use crate::coordinator::{Coordinator, Kind};
use crate::producer::outcome::DeliveryError;
use crate::request::RequestId;

/// How soon to ask again while the transaction before is still being ended: that takes no longer
/// than a few writes to a log.
pub(in crate::producer) const CONCURRENT_WAIT: Duration = Duration::from_millis(20);

pub(super) const NOT_OPEN: TransactionError =
    TransactionError::Misuse("no transaction is open: begin_transaction() comes first");

/// What became of a call of the program's.
pub(super) type Finished = (OperationId, Result<(), TransactionError>);

/// A producer's transactions, one after the other.
#[derive(Debug)]
pub(in crate::producer) struct Transactions {
    pub(super) transactional_id: String,
    pub(super) timeout_ms: i32,
    pub(super) backoff: Backoff,
    pub(super) state: State,
    /// The id and epoch that the next batch is stamped with.
    pub(super) producer: Option<(ProducerId, ProducerEpoch)>,
    pub(super) version: TransactionVersion,
    /// This transaction begins with its first batch, and its end names the next epoch (KIP-890).
    pub(super) is_implicit: bool,
    pub(super) progress: Progress,
    /// The coordinator is to be asked for another epoch before the next transaction.
    pub(super) needs_bump: bool,
    pub(super) adding: BTreeSet<TopicPartition>,
    pub(super) added: BTreeSet<TopicPartition>,
    pub(super) added_groups: BTreeSet<String>,
    /// A question about what belongs to the transaction was lost, and must have its answer before
    /// the transaction ends: nobody could say whether it has begun.
    pub(super) lost: Option<Question>,
    pub(super) offsets: VecDeque<Offsets>,
    pub(super) coordinator: Coordinator,
    pub(super) group: Option<Coordinator>,
    pub(super) asked: Option<(RequestId, Question)>,
    pub(super) failures: u32,
    pub(super) not_before: Instant,
    pub(super) last: String,
    /// The calls that wait until the state has changed.
    pub(super) waiting: Vec<OperationId>,
    pub(super) finished: VecDeque<Finished>,
    pub(super) renumbering: Option<Renumbering>,
    pub(super) news: Option<TransactionError>,
}

/// Where a producer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Initializing,
    Ready,
    Open,
    Committing,
    Aborting,
    /// The transaction is over; the next epoch is asked for.
    Bumping {
        is_committed: bool,
    },
    /// It can only be aborted.
    Failed(TransactionError),
    /// There will be no other.
    Lost(TransactionError),
}

/// What the coordinator knows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Nothing.
    Unheard,
    /// That it has begun, or it will hear so with what is under way.
    Begun,
    /// EndTxn was sent: nothing comes into it any more.
    Ending,
}

/// Offsets that are to be committed with the transaction.
#[derive(Debug)]
pub(super) struct Offsets {
    pub(super) id: OperationId,
    pub(super) group: GroupMetadata,
    pub(super) left: BTreeMap<TopicPartition, OffsetAndMetadata>,
}

/// The next transaction counts from 0, under another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::producer) struct Renumbering {
    /// Whether the id is another, too.
    pub(in crate::producer) is_other_id: bool,
}

impl Transactions {
    /// The transactions that the configuration asks for, if it does.
    pub(in crate::producer) fn new(config: &ProducerConfig, backoff: Backoff) -> Option<Self> {
        let transactional_id = config.transactional_id.clone()?;
        let coordinator = Coordinator::new(Kind::Transaction, transactional_id.clone());
        let timeout_ms = i32::try_from(config.transaction_timeout.as_millis()).unwrap_or(i32::MAX);
        Some(Self {
            transactional_id,
            timeout_ms,
            backoff,
            state: State::New,
            producer: None,
            version: TransactionVersion::UNSAID,
            is_implicit: false,
            progress: Progress::Unheard,
            needs_bump: false,
            adding: BTreeSet::new(),
            added: BTreeSet::new(),
            added_groups: BTreeSet::new(),
            lost: None,
            offsets: VecDeque::new(),
            coordinator,
            group: None,
            asked: None,
            failures: 0,
            not_before: Instant::default(),
            last: "the coordinator has not answered yet".to_owned(),
            waiting: Vec::new(),
            finished: VecDeque::new(),
            renumbering: None,
            news: None,
        })
    }

    /// What the batches of partitions that have some fail with now, because they belong to no
    /// transaction that can be committed.
    pub(in crate::producer) fn rejection(&self) -> Option<TransactionError> {
        match &self.state {
            State::Open | State::Committing => None,
            State::Aborting => Some(TransactionError::Aborted),
            State::Failed(error) | State::Lost(error) => Some(error.clone()),
            State::New | State::Initializing | State::Ready | State::Bumping { .. } => {
                Some(NOT_OPEN)
            }
        }
    }

    /// Whether a partition's batches may be sent; if not, sees about making it part of the
    /// transaction.
    pub(in crate::producer) fn admits(&mut self, partition: &TopicPartition) -> bool {
        if self.progress == Progress::Ending
            || !matches!(self.state, State::Open | State::Committing)
        {
            return false;
        }
        if self.is_implicit || self.added.contains(partition) {
            return true;
        }
        if !self.is_being_added(partition) {
            self.adding.insert(partition.clone());
        }
        false
    }

    /// Whether the coordinator hears of a partition with its first batch, and has not yet. That
    /// costs it a write, which is better made while the program is still sending than when it
    /// waits for its commit.
    pub(in crate::producer) fn is_to_announce(&self, partition: &TopicPartition) -> bool {
        self.is_implicit && self.state == State::Open && !self.added.contains(partition)
    }

    /// A batch is sent: with it the transaction begins.
    pub(in crate::producer) fn note_sent(&mut self, partition: &TopicPartition) {
        if self.is_implicit && !self.added.contains(partition) {
            self.added.insert(partition.clone());
        }
        self.note_begun();
    }

    /// A batch that had its sequence number is given up, be it because of an abort: in the present
    /// epoch the broker would refuse all that follow. In the new flow each transaction has its own.
    pub(in crate::producer) fn note_gap(&mut self) {
        self.needs_bump |= !self.is_implicit;
    }

    /// What batches are stamped with.
    pub(in crate::producer) fn producer(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.producer
    }

    /// The id that goes with every batch.
    pub(in crate::producer) fn transactional_id(&self) -> &str {
        &self.transactional_id
    }

    /// The highest version of Produce that does not mean what this transaction does not.
    pub(in crate::producer) fn produce_version_max(&self) -> i16 {
        if self.is_implicit { i16::MAX } else { EXPLICIT_PRODUCE_VERSION_MAX }
    }

    /// A batch has failed for good, and with it the transaction.
    pub(in crate::producer) fn handle_failed_batch(&mut self, error: &DeliveryError) {
        if matches!(error, DeliveryError::Transaction(_)) {
            return; // it failed because of the transaction, not the other way round
        }
        match error.code() {
            Some(ErrorCode::ProducerFenced) => self.fence(),
            Some(
                code @ (ErrorCode::InvalidProducerIdMapping
                | ErrorCode::ClusterAuthorizationFailed
                | ErrorCode::TransactionalIdAuthorizationFailed),
            ) => self.lose(Some(code), error.to_string()),
            code => self.fail(code, error.to_string()),
        }
    }

    /// The transaction can only be aborted. Sequence numbers may be missing, so there must be
    /// another epoch after it. What goes wrong once the coordinator was asked to commit is no part
    /// of it any more: it may be committed already.
    pub(in crate::producer) fn fail(&mut self, code: Option<ErrorCode>, reason: String) {
        let may_be_over = self.progress == Progress::Ending;
        if may_be_over || !matches!(self.state, State::Open | State::Committing) {
            return;
        }
        self.note_gap();
        let error = TransactionError::Abortable { code, reason };
        self.drop_offsets(&error);
        self.finish_waiting(&Err(error.clone()));
        self.state = State::Failed(error.clone());
        self.news = Some(error);
    }

    /// The producer is closed.
    pub(in crate::producer) fn close(&mut self) {
        self.give_up(TransactionError::Closed);
    }

    /// Whether the next batches count from 0 under another epoch; once.
    pub(in crate::producer) fn take_renumbering(&mut self) -> Option<Renumbering> {
        self.renumbering.take()
    }

    /// Why the transaction or the producer has failed; once.
    pub(in crate::producer) fn take_news(&mut self) -> Option<TransactionError> {
        self.news.take()
    }

    /// The transaction has ended.
    pub(super) fn complete(&mut self, cluster: &Cluster) {
        let is_committed = self.state == State::Committing;
        self.progress = Progress::Unheard;
        self.adding.clear();
        self.added.clear();
        self.added_groups.clear();
        let was_implicit = self.is_implicit;
        self.follow_version(cluster);
        // What is late of the last transaction of the old flow must not come into the next one.
        self.needs_bump |= self.is_implicit && !was_implicit;
        if self.needs_bump {
            self.state = State::Bumping { is_committed };
        } else {
            self.become_ready();
        }
    }

    /// An id and epoch has come, from InitProducerId or from the end of a transaction.
    pub(super) fn renumber(&mut self, id: ProducerId, epoch: ProducerEpoch) {
        let before = self.producer.replace((id, epoch));
        self.needs_bump = false;
        let is_other_id = before.is_none_or(|(known, _)| known != id);
        self.renumbering = Some(Renumbering { is_other_id });
    }

    /// The next transaction may begin.
    pub(super) fn become_ready(&mut self) {
        self.state = State::Ready;
        self.finish_waiting(&Ok(()));
    }

    /// Which flow the next transaction follows.
    pub(super) fn follow_version(&mut self, cluster: &Cluster) {
        self.version = self.version.max(cluster.transaction_version().unwrap_or(self.version));
        self.is_implicit = self.version.level >= 2;
    }

    /// The coordinator did not end the transaction as it was asked to.
    pub(super) fn unend(&mut self) {
        self.progress = Progress::Begun;
    }

    /// The coordinator hears of the transaction.
    pub(super) fn note_begun(&mut self) {
        self.progress = self.progress.max(Progress::Begun);
    }

    /// Another producer has the id.
    pub(super) fn fence(&mut self) {
        let transactional_id = self.transactional_id.clone();
        self.give_up(TransactionError::Fenced { transactional_id });
    }

    /// There is no going on.
    pub(super) fn lose(&mut self, code: Option<ErrorCode>, reason: String) {
        let transactional_id = self.transactional_id.clone();
        self.give_up(TransactionError::Fatal { transactional_id, code, reason });
    }

    fn give_up(&mut self, error: TransactionError) {
        if matches!(self.state, State::Lost(_)) {
            return;
        }
        self.asked = None;
        self.drop_offsets(&error);
        self.finish_waiting(&Err(error.clone()));
        self.state = State::Lost(error.clone());
        self.news = Some(error);
    }
}
