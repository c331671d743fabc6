//! A transactional id while something is decided of it: each transition shows at once, and what
//! the log cannot have is kept beside it.

use base::{ProducerEpoch, ProducerId};

use super::metadata::TransactionMetadata;
use super::partitions::TopicPartitions;
use super::state::TransactionState;
use super::version::TransactionVersion;

/// The highest epoch that a client may have. One more fences it: the last epoch is the
/// coordinator's own.
const EPOCH_EXHAUSTED: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

/// A producer as it calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) id: ProducerId,
    pub(super) epoch: ProducerEpoch,
}

impl Producer {
    pub(super) const NONE: Self = Self { id: ProducerId::NONE, epoch: ProducerEpoch::NONE };

    pub(super) fn new(id: i64, epoch: i16) -> Self {
        Self { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
    }

    pub(super) fn is_exhausted(self) -> bool {
        self.epoch >= EPOCH_EXHAUSTED
    }
}

/// A copy that transitions change: its record is written when they are through.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) transactional_id: String,
    pub(super) metadata: TransactionMetadata,
    /// The epoch before the last bump that the producer had a part in; none: there is none, or the
    /// coordinator has been loaded since.
    pub(super) last_epoch: ProducerEpoch,
}

/// A producer that is not who it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fenced;

impl Draft {
    /// Of an id that nobody has used yet, which has no epoch before its first.
    pub(super) fn new(transactional_id: &str, producer_id: ProducerId) -> Self {
        let metadata = TransactionMetadata {
            producer_id,
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            timeout_ms: 0,
            state: TransactionState::Empty,
            partitions: TopicPartitions::default(),
            start_ms: -1,
            last_update_ms: -1,
            client_version: TransactionVersion::default(),
        };
        let last_epoch = ProducerEpoch::NONE;
        Self { transactional_id: transactional_id.to_owned(), metadata, last_epoch }
    }

    pub(super) fn producer(&self) -> Producer {
        Producer { id: self.metadata.producer_id, epoch: self.metadata.producer_epoch }
    }

    pub(super) fn state(&self) -> TransactionState {
        self.metadata.state
    }

    /// Whether the producer may go on where it was (KIP-360): under its present id, or under the
    /// one before if its last answer, with a new id, was lost. Who is new to the id may too.
    pub(super) fn may_go_on(&self, expected: Producer) -> bool {
        self.metadata.producer_epoch == ProducerEpoch::NONE
            || expected.id == self.metadata.producer_id
            || (expected.id == self.metadata.previous_producer_id && expected.is_exhausted())
    }

    /// A producer begins, or goes on after an error, with the next epoch.
    pub(super) fn bump(
        &mut self,
        expected: Option<Producer>,
        timeout_ms: i32,
        now_ms: i64,
    ) -> Result<(), Fenced> {
        let epoch = self.metadata.producer_epoch;
        match expected.map(|expected| expected.epoch) {
            None => (self.metadata.producer_epoch, self.last_epoch) = (next(epoch), NO_EPOCH),
            Some(expected) if epoch == NO_EPOCH || expected == epoch => {
                (self.metadata.producer_epoch, self.last_epoch) = (next(epoch), epoch);
            }
            // The answer to the same request was lost. Nobody else can have begun since: then there
            // would be no last epoch.
            Some(expected) if expected == self.last_epoch => {}
            Some(_) => return Err(Fenced),
        }
        self.begin(timeout_ms, now_ms);
        Ok(())
    }

    /// A producer begins, or goes on, with a new id, since the epochs of the old one are used up.
    pub(super) fn rotate(
        &mut self,
        id: ProducerId,
        is_expected: bool,
        timeout_ms: i32,
        now_ms: i64,
    ) {
        self.last_epoch = if is_expected { self.metadata.producer_epoch } else { NO_EPOCH };
        self.begin(timeout_ms, now_ms);
        (self.metadata.producer_id, self.metadata.producer_epoch) = (id, ProducerEpoch(0));
    }

    fn begin(&mut self, timeout_ms: i32, now_ms: i64) {
        let metadata = &mut self.metadata;
        metadata.previous_producer_id = metadata.producer_id;
        metadata.state = TransactionState::Empty;
        metadata.timeout_ms = timeout_ms;
        metadata.partitions = TopicPartitions::default();
        metadata.start_ms = -1;
        metadata.last_update_ms = now_ms;
    }

    pub(super) fn add_partitions(
        &mut self,
        added: &TopicPartitions,
        version: TransactionVersion,
        now_ms: i64,
    ) {
        let metadata = &mut self.metadata;
        metadata.previous_producer_id = metadata.producer_id;
        if metadata.state.is_idle() {
            metadata.start_ms = now_ms;
        }
        metadata.state = TransactionState::Ongoing;
        metadata.partitions.add_all(added);
        metadata.last_update_ms = now_ms;
        metadata.client_version = version;
    }

    /// Nobody with the present epoch can write any more. Under version 2 the end of the
    /// transaction does that by itself.
    pub(super) fn fence(&mut self) {
        self.metadata.producer_epoch = next(self.metadata.producer_epoch);
        self.last_epoch = NO_EPOCH;
    }

    /// How the transaction ends is decided. `next_id` is the id from then on, if this one's epochs
    /// are used up.
    pub(super) fn prepare(
        &mut self,
        commit: bool,
        version: TransactionVersion,
        next_id: ProducerId,
        now_ms: i64,
    ) {
        if version.bumps_epoch() {
            self.last_epoch = self.metadata.producer_epoch;
            self.metadata.producer_epoch = next(self.metadata.producer_epoch);
        }
        let metadata = &mut self.metadata;
        metadata.previous_producer_id = metadata.producer_id;
        if metadata.state.is_idle() {
            // Nothing was added that the coordinator knows of; it begins and ends.
            metadata.start_ms = now_ms;
        }
        metadata.state =
            if commit { TransactionState::PrepareCommit } else { TransactionState::PrepareAbort };
        metadata.next_producer_id = next_id;
        metadata.last_update_ms = now_ms;
        metadata.client_version = version;
    }

    /// Every partition knows how the transaction has ended.
    pub(super) fn complete(&mut self, now_ms: i64) {
        let Producer { id, epoch } = self.after_completion();
        let metadata = &mut self.metadata;
        metadata.previous_producer_id = metadata.producer_id;
        (metadata.producer_id, metadata.producer_epoch) = (id, epoch);
        metadata.next_producer_id = ProducerId::NONE;
        metadata.state = match metadata.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            TransactionState::PrepareAbort => TransactionState::CompleteAbort,
            other => unreachable!("a transaction in state {other:?} has not been prepared"),
        };
        metadata.partitions = TopicPartitions::default();
        metadata.last_update_ms = now_ms;
    }

    /// Who the producer is once the transaction is complete.
    pub(super) fn after_completion(&self) -> Producer {
        match self.metadata.next_producer_id {
            next_id
                if self.metadata.client_version.bumps_epoch() && next_id != ProducerId::NONE =>
            {
                Producer { id: next_id, epoch: ProducerEpoch(0) }
            }
            _ => self.producer(),
        }
    }
}

const NO_EPOCH: ProducerEpoch = ProducerEpoch::NONE;

/// The last one has none behind it, and no client has it.
fn next(epoch: ProducerEpoch) -> ProducerEpoch {
    ProducerEpoch(epoch.0.saturating_add(1))
}
