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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_the_json_that_it_was_and_comes_back_from_it() {
        let mut state = QuorumState::default();
        let empty = r#"{"vote":null,"committed":null,"purged":null}"#;
        assert_eq!(serde_json::to_string(&state).unwrap(), empty);
        let leader_id = leader_id_std::LeaderId { term: 4, voted_for: 1 };
        state.set_vote(&Vote { leader_id, committed: true });
        state.set_committed(Some(log_id(3, 9)));
        state.set_purged(log_id(2, 5));
        let text = concat!(
            r#"{"vote":{"term":4,"node":1,"committed":true},"#,
            r#""committed":{"term":3,"index":9},"purged":{"term":2,"index":5}}"#,
        );
        assert_eq!(serde_json::to_string(&state).unwrap(), text);
        let read: QuorumState = serde_json::from_str(text).unwrap();
        assert_eq!(read, state);
        assert_eq!(read.vote(), Some(Vote { leader_id, committed: true }));
        assert_eq!((read.committed(), read.purged()), (Some(log_id(3, 9)), Some(log_id(2, 5))));
    }
}
