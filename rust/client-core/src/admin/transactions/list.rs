//! ListTransactions: the transactional ids that one broker coordinates.

use std::time::Duration;

use base::{ErrorCode, NodeId, ProducerId};
use wire::list_transactions::{self, ListTransactionsRequest, ListTransactionsResponse};

use crate::admin::code;
use crate::admin::names::named;
use crate::inquiry::{Inquiry, Reading, Target};

/// A transactional id in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionListing {
    /// The id.
    pub transactional_id: String,
    /// The broker that coordinates its transactions.
    pub coordinator: NodeId,
    /// The producer that it stands for.
    pub producer_id: ProducerId,
    /// What the producer's last transaction is doing.
    pub state: TransactionState,
}

/// Which transactional ids to list; all if nothing is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Those in one of these states.
    pub states: Vec<TransactionState>,
    /// Those of one of these producers.
    pub producer_ids: Vec<ProducerId>,
    /// Those whose transaction has been open for longer (KIP-994).
    pub duration_ms: Option<i64>,
    /// Those whose name is matched as a whole by this regular expression of RE2 (KIP-1152).
    pub pattern: Option<String>,
}

named! {
    /// What a transaction is doing.
    TransactionState: "state of a transaction",
    /// The id has no transaction.
    Empty "Empty",
    /// It is open.
    Ongoing "Ongoing",
    /// It is to be committed; partitions are being told.
    PrepareCommit "PrepareCommit",
    /// It is to be aborted; partitions are being told.
    PrepareAbort "PrepareAbort",
    /// It was committed.
    CompleteCommit "CompleteCommit",
    /// It was aborted.
    CompleteAbort "CompleteAbort",
    /// The id is about to be forgotten.
    Dead "Dead",
    /// It is about to be aborted, because its producer was fenced.
    PrepareEpochFence "PrepareEpochFence",
}

/// Asks `node` which transactional ids it coordinates.
pub fn list_transactions(
    node: NodeId,
    filter: &TransactionFilter,
    timeout: Duration,
) -> Inquiry<ListTransactionsRequest, Vec<TransactionListing>> {
    const ANY_DURATION: i64 = -1;
    let request = ListTransactionsRequest {
        state_filters: filter.states.iter().map(|state| state.name().to_owned()).collect(),
        producer_id_filters: filter.producer_ids.iter().map(|id| id.0).collect(),
        duration_filter: filter.duration_ms.unwrap_or(ANY_DURATION),
        transactional_id_pattern: filter.pattern.clone(),
    };
    Inquiry::new(Target::Node(node), request, timeout, move |response| read(node, response))
}

fn read(node: NodeId, response: ListTransactionsResponse) -> Reading<Vec<TransactionListing>> {
    match code(response.error_code) {
        ErrorCode::None => {}
        code if code.is_retriable() => return Reading::Again(code),
        code => return Reading::Refused(code, None),
    }
    // A filter that says nothing to the broker would let nothing through.
    if !response.unknown_state_filters.is_empty() {
        let unknown = response.unknown_state_filters.join(", ");
        let message = format!("the broker knows no such state of a transaction: {unknown}");
        return Reading::Refused(ErrorCode::InvalidRequest, Some(message));
    }
    let listing = |row: list_transactions::TransactionState| TransactionListing {
        transactional_id: row.transactional_id,
        coordinator: node,
        producer_id: ProducerId(row.producer_id),
        state: TransactionState::of(&row.transaction_state),
    };
    Reading::Done(response.transaction_states.into_iter().map(listing).collect())
}
