//! Where a producer stands with its transactions, and what its coordinators are asked next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, ProducerEpoch, ProducerId, TopicPartition};
use wire::ApiKey;

use super::questions::{Asker, BUMP_VERSION_MIN, EXPLICIT_PRODUCE_VERSION_MAX, Question};
use super::{Operation, OperationId, TransactionError};
use crate::api_versions::TransactionVersion;
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::config::ProducerConfig;
use crate::connection::SendTerms;
use crate::consumer::{GroupMetadata, OffsetAndMetadata};
use crate::coordinator::{Coordinator, Kind, Refusal};
use crate::node::Lane;
use crate::producer::outcome::DeliveryError;
use crate::request::RequestId;
use crate::wake::Wake;

/// How soon to ask again while the transaction before is still being ended: that takes no longer
/// than a few writes to a log.
pub(in crate::producer) const CONCURRENT_WAIT: Duration = Duration::from_millis(20);
/// How many calls of the program may wait for the same end.
const WAITING_MAX: usize = 1000;

const NOT_OPEN: TransactionError =
    TransactionError::Misuse("no transaction is open: begin_transaction() comes first");
const COMMITTING: TransactionError = TransactionError::Misuse(
    "the transaction is being committed: commit_transaction() again waits for it",
);
const ABORTING: TransactionError = TransactionError::Misuse(
    "the transaction is being aborted: abort_transaction() again waits for it",
);
const TOO_MANY: TransactionError =
    TransactionError::Misuse("too many calls wait for the coordinator already");

/// What became of a call of the program's.
type Finished = (OperationId, Result<(), TransactionError>);

/// A producer's transactions, one after the other.
#[derive(Debug)]
pub(in crate::producer) struct Transactions {
    pub(super) transactional_id: String,
    timeout_ms: i32,
    backoff: Backoff,
    pub(super) state: State,
    /// The id and epoch that the next batch is stamped with.
    pub(super) producer: Option<(ProducerId, ProducerEpoch)>,
    version: TransactionVersion,
    /// This transaction begins with its first batch, and its end names the next epoch (KIP-890).
    pub(super) is_implicit: bool,
    pub(super) progress: Progress,
    /// The coordinator is to be asked for another epoch before the next transaction.
    needs_bump: bool,
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
    failures: u32,
    not_before: Instant,
    last: String,
    /// The calls that wait until the state has changed.
    waiting: Vec<OperationId>,
    finished: VecDeque<Finished>,
    renumbering: Option<Renumbering>,
    news: Option<TransactionError>,
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

enum Step {
    Ask(Question),
    Complete,
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

    /// The program calls; [`Self::poll_finished`] tells what became of it.
    pub(in crate::producer) fn handle(&mut self, id: OperationId, operation: Operation) {
        if let State::Lost(error) = &self.state {
            let error = error.clone();
            return self.finish(id, Err(error));
        }
        match operation {
            Operation::Init => self.handle_init(id),
            Operation::Begin => {
                let begun = self.may_begin();
                if begun.is_ok() {
                    self.state = State::Open;
                }
                self.finish(id, begun);
            }
            Operation::SendOffsets { group, offsets } => self.handle_offsets(id, group, offsets),
            Operation::Commit => match &self.state {
                State::Open => {
                    self.state = State::Committing;
                    self.wait(id);
                }
                State::Committing | State::Bumping { is_committed: true } => self.wait(id),
                State::Failed(error) => {
                    let error = error.clone();
                    self.finish(id, Err(error));
                }
                _ => self.finish(id, Err(NOT_OPEN)),
            },
            Operation::Abort => match &self.state {
                State::Open | State::Failed(_) => {
                    self.state = State::Aborting;
                    self.adding.clear();
                    self.drop_offsets(&TransactionError::Aborted);
                    self.wait(id);
                }
                State::Aborting | State::Bumping { is_committed: false } => self.wait(id),
                State::Committing | State::Bumping { is_committed: true } => {
                    self.finish(id, Err(COMMITTING));
                }
                _ => self.finish(id, Err(NOT_OPEN)),
            },
        }
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

    /// Asks what is to be asked next. `is_idle`: every batch has its result, and none is in
    /// flight.
    pub(in crate::producer) fn drive(
        &mut self,
        is_idle: bool,
        cluster: &mut Cluster,
        now: Instant,
        wake: &mut Wake,
    ) {
        while self.asked.is_none() {
            match self.next(is_idle) {
                Some(Step::Complete) => self.complete(cluster),
                Some(Step::Ask(question)) => {
                    if !self.ask(question, cluster, now, wake) {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    /// What became of calls, in order.
    pub(in crate::producer) fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Whether the next batches count from 0 under another epoch; once.
    pub(in crate::producer) fn take_renumbering(&mut self) -> Option<Renumbering> {
        self.renumbering.take()
    }

    /// Why the transaction or the producer has failed; once.
    pub(in crate::producer) fn take_news(&mut self) -> Option<TransactionError> {
        self.news.take()
    }

    /// What stood in the way last.
    pub(in crate::producer) fn complaint(&self) -> &str {
        &self.last
    }

    fn handle_init(&mut self, id: OperationId) {
        match &self.state {
            State::New => {
                self.state = State::Initializing;
                self.wait(id);
            }
            State::Initializing => self.wait(id),
            State::Ready => self.finish(id, Ok(())),
            _ => {
                let refused = self.may_begin();
                self.finish(id, refused);
            }
        }
    }

    fn may_begin(&self) -> Result<(), TransactionError> {
        Err(match &self.state {
            State::Ready => return Ok(()),
            State::New | State::Initializing => {
                TransactionError::Misuse("init_transactions() comes before the first transaction")
            }
            State::Open => TransactionError::Misuse(
                "a transaction is open already: commit or abort it before the next one",
            ),
            State::Committing | State::Bumping { is_committed: true } => COMMITTING,
            State::Aborting | State::Bumping { is_committed: false } => ABORTING,
            State::Failed(error) | State::Lost(error) => error.clone(),
        })
    }

    fn handle_offsets(
        &mut self,
        id: OperationId,
        group: GroupMetadata,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) {
        match &self.state {
            State::Open if offsets.is_empty() => self.finish(id, Ok(())),
            State::Open if self.offsets.len() >= WAITING_MAX => self.finish(id, Err(TOO_MANY)),
            State::Open => self.offsets.push_back(Offsets { id, group, left: offsets }),
            State::Failed(error) => {
                let error = error.clone();
                self.finish(id, Err(error));
            }
            _ => self.finish(id, Err(NOT_OPEN)),
        }
    }

    fn next(&self, is_idle: bool) -> Option<Step> {
        let is_committing = match self.state {
            State::Initializing | State::Bumping { .. } => {
                return Some(Step::Ask(Question::Init));
            }
            State::Open => false,
            State::Committing => true,
            State::Aborting => return self.next_of_abort(is_idle),
            State::New | State::Ready | State::Failed(_) | State::Lost(_) => return None,
        };
        if self.progress == Progress::Ending {
            return Some(Step::Ask(Question::End));
        }
        if let Some(question) = &self.lost {
            return Some(Step::Ask(question.clone()));
        }
        if !self.adding.is_empty() {
            return Some(Step::Ask(Question::AddPartitions(self.adding.clone())));
        }
        if let Some(offsets) = self.offsets.front() {
            let group_id = &offsets.group.group_id;
            let is_added = self.is_implicit || self.added_groups.contains(group_id);
            return Some(Step::Ask(if is_added {
                Question::CommitOffsets
            } else {
                Question::AddOffsets(group_id.clone())
            }));
        }
        if is_committing && is_idle { Some(self.end()) } else { None }
    }

    fn next_of_abort(&self, is_idle: bool) -> Option<Step> {
        if self.progress == Progress::Ending {
            return Some(Step::Ask(Question::End));
        }
        if let Some(question) = &self.lost {
            return Some(Step::Ask(question.clone()));
        }
        is_idle.then(|| self.end())
    }

    /// A transaction that the coordinator has never heard of has nothing to be ended.
    fn end(&self) -> Step {
        if self.progress == Progress::Unheard { Step::Complete } else { Step::Ask(Question::End) }
    }

    /// Asks, if it can be asked now.
    fn ask(
        &mut self,
        question: Question,
        cluster: &mut Cluster,
        now: Instant,
        wake: &mut Wake,
    ) -> bool {
        if self.not_before > now {
            wake.at(self.not_before);
            return false;
        }
        let Some(node) = self.coordinator_of(&question).ready(cluster, now, wake) else {
            if let Some(refusal) = self.coordinator_of(&question).take_refusal() {
                self.handle_refusal(&question, refusal);
            }
            return false;
        };
        let is_bump = question == Question::Init && self.producer.is_some();
        let init_version = cluster.highest_version(node, Lane::Coordinator, ApiKey::InitProducerId);
        if is_bump && init_version.is_some_and(|version| version < BUMP_VERSION_MIN) {
            let reason = "a batch was lost, and this broker is too old to go on after that";
            self.lose(None, reason.to_owned());
            return false;
        }
        let asker = Asker {
            transactional_id: &self.transactional_id,
            producer: self.producer,
            is_implicit: self.is_implicit,
        };
        let (request, version_max) = match &question {
            Question::Init => asker.init(self.timeout_ms),
            Question::AddPartitions(partitions) => asker.add_partitions(partitions),
            Question::AddOffsets(group_id) => asker.add_offsets(group_id),
            Question::CommitOffsets => {
                let offsets = self.offsets.front().expect("offsets wait to be committed");
                asker.commit_offsets(&offsets.group, &offsets.left)
            }
            Question::End => asker.end(self.state == State::Committing),
        };
        let timeout = cluster.config().request_timeout;
        let terms = SendTerms { version_max, answered: true, timeout };
        match cluster.send(node, Lane::Coordinator, &*request, &terms, now) {
            Ok(id) => {
                self.note_asked(&question);
                self.asked = Some((id, question));
                true
            }
            Err(error) => {
                self.lose(None, error.to_string());
                false
            }
        }
    }

    fn note_asked(&mut self, question: &Question) {
        match question {
            Question::AddPartitions(partitions) => {
                self.adding.retain(|partition| !partitions.contains(partition));
            }
            // With version 2 the offsets themselves begin the transaction.
            Question::CommitOffsets => self.note_begun(),
            Question::End => self.progress = Progress::Ending,
            Question::AddOffsets(_) | Question::Init => {}
        }
    }

    /// The coordinator that a question goes to.
    pub(super) fn coordinator_of(&mut self, question: &Question) -> &mut Coordinator {
        let Some(offsets) = self.offsets.front().filter(|_| *question == Question::CommitOffsets)
        else {
            return &mut self.coordinator;
        };
        let group_id = &offsets.group.group_id;
        if self.group.as_ref().is_none_or(|known| known.key() != group_id) {
            self.group = Some(Coordinator::new(Kind::Group, group_id.clone()));
        }
        self.group.as_mut().expect("it was just made")
    }

    fn handle_refusal(&mut self, question: &Question, refusal: Refusal) {
        let about_group = *question == Question::CommitOffsets;
        match refusal {
            Refusal::Code(code @ ErrorCode::GroupAuthorizationFailed) if about_group => {
                self.fail(Some(code), format!("the group's coordinator: {}", code.name()));
            }
            Refusal::Code(code) => {
                self.lose(Some(code), format!("it has no coordinator: {}", code.name()));
            }
            Refusal::Impossible(reason) => self.lose(None, reason),
        }
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

    /// Whether the coordinator may be asking about a partition right now.
    fn is_being_added(&self, partition: &TopicPartition) -> bool {
        let asked = self.asked.as_ref().map(|(_, question)| question);
        [asked, self.lost.as_ref()].into_iter().flatten().any(
            |question| matches!(question, Question::AddPartitions(set) if set.contains(partition)),
        )
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

    /// Asks again, after a while.
    pub(super) fn put_off(
        &mut self,
        wait: Option<Duration>,
        last: String,
        cluster: &mut Cluster,
        now: Instant,
    ) {
        self.last = last;
        if wait.is_none() {
            self.failures = self.failures.saturating_add(1);
        }
        let wait = wait.unwrap_or_else(|| self.backoff.wait(self.failures, cluster.rng()));
        self.not_before = now + wait;
    }

    /// A coordinator has done what it was asked.
    pub(super) fn note_done(&mut self) {
        self.failures = 0;
        self.not_before = Instant::default();
    }

    pub(super) fn finish(&mut self, id: OperationId, result: Result<(), TransactionError>) {
        self.finished.push_back((id, result));
    }

    fn wait(&mut self, id: OperationId) {
        if self.waiting.len() >= WAITING_MAX {
            return self.finish(id, Err(TOO_MANY));
        }
        self.waiting.push(id);
    }

    fn finish_waiting(&mut self, result: &Result<(), TransactionError>) {
        for id in std::mem::take(&mut self.waiting) {
            self.finish(id, result.clone());
        }
    }

    fn drop_offsets(&mut self, error: &TransactionError) {
        for offsets in std::mem::take(&mut self.offsets) {
            self.finish(offsets.id, Err(error.clone()));
        }
    }
}
