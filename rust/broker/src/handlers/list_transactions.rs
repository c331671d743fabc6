//! `ListTransactions` (key 66), v0-v2: the transactions that this broker coordinates (KIP-664).
//!
//! v1 filters by how long they have been open (KIP-994), v2 by a pattern over transactional ids
//! (KIP-1152).

use wire::list_transactions::{ListTransactionsRequest, ListTransactionsResponse};

use crate::request::RequestContext;

/// Asks every shard; one that still loads makes the client come again, since the list would not be
/// whole. Each of them says the same about a filter that it does not know.
pub(crate) async fn handle(
    context: RequestContext,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    match context.broker.transactions.ask_all(&context.client(), &request).await {
        Ok(lists) => merged(lists),
        Err(code) => ListTransactionsResponse { error_code: code.code(), ..Default::default() },
    }
}

fn merged(lists: Vec<ListTransactionsResponse>) -> ListTransactionsResponse {
    let mut merged = ListTransactionsResponse::default();
    for list in lists {
        if list.error_code != 0 {
            return list;
        }
        merged.unknown_state_filters = list.unknown_state_filters;
        merged.transaction_states.extend(list.transaction_states);
    }
    merged
}
