//! What a node has to remember besides its log: its vote, how far the log was purged, and what it
//! knew to be committed.

use openraft::alias::VoteOf;
use openraft::impls::leader_id_std;
use serde::{Deserialize, Serialize};

use crate::raft_types::{LogId, Types, Vote, log_id, term_of};

/// The content of the file `quorum-state`, as JSON. It is replaced as a whole: written beside,
/// synced, renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuorumState {
    vote: Option<VoteText>,
    committed: Option<Position>,
    purged: Option<Position>,
}

/// A position in the log, as it is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct VoteText {
    term: u64,
    node: u64,
    committed: bool,
}

impl From<LogId> for Position {
    fn from(id: LogId) -> Self {
        Self { term: term_of(&id), index: id.index }
    }
}

impl From<Position> for LogId {
    fn from(position: Position) -> Self {
        log_id(position.term, position.index)
    }
}

impl QuorumState {
    pub(crate) fn vote(&self) -> Option<Vote> {
        self.vote.map(|vote| VoteOf::<Types> {
            leader_id: leader_id_std::LeaderId { term: vote.term, voted_for: vote.node },
            committed: vote.committed,
        })
    }

    pub(crate) fn set_vote(&mut self, vote: &Vote) {
        let (term, node) = (vote.leader_id.term, vote.leader_id.voted_for);
        self.vote = Some(VoteText { term, node, committed: vote.committed });
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        self.committed.map(LogId::from)
    }

    pub(crate) fn set_committed(&mut self, committed: Option<LogId>) {
        self.committed = committed.map(Position::from);
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.purged.map(LogId::from)
    }

    pub(crate) fn set_purged(&mut self, purged: LogId) {
        self.purged = Some(purged.into());
    }
}
