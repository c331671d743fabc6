//! `DescribeTransactions` (key 65), v0: where the transactions of some transactional ids stand
//! (KIP-664).

use wire::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionState,
};

use crate::request::RequestContext;

/// Asks the coordinator of each transactional id.
pub(crate) async fn handle(
    context: RequestContext,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let mut transaction_states = Vec::with_capacity(request.transactional_ids.len());
    for id in request.transactional_ids {
        transaction_states.push(describe(&context, id).await);
    }
    DescribeTransactionsResponse { transaction_states, ..DescribeTransactionsResponse::default() }
}

async fn describe(context: &RequestContext, transactional_id: String) -> TransactionState {
    let transactional_ids = vec![transactional_id.clone()];
    let request = DescribeTransactionsRequest { transactional_ids };
    match context.ask_transaction(&transactional_id, request).await {
        Ok(answer) => answer
            .transaction_states
            .into_iter()
            .next()
            .expect("one transactional id was asked for"),
        Err(code) => TransactionState {
            transactional_id,
            error_code: code.code(),
            ..TransactionState::default()
        },
    }
}
