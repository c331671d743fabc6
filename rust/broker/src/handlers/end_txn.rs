//! `EndTxn` (key 26), v0-v5: commits or aborts a transaction (KIP-98).
//!
//! v2 knows `PRODUCER_FENCED` (KIP-588), v4 `TRANSACTION_ABORTABLE`; v5 is transaction version 2:
//! the answer has the epoch of the next transaction (KIP-890). It comes when the outcome is
//! decided; the markers that tell it to the partitions follow.

use wire::end_txn::{EndTxnRequest, EndTxnResponse};

use crate::request::RequestContext;

/// Lets the transaction's coordinator answer.
pub(crate) async fn handle(context: RequestContext, request: EndTxnRequest) -> EndTxnResponse {
    let id = request.transactional_id.clone();
    let answer = context.ask_transaction(&id, request).await;
    answer.unwrap_or_else(|code| EndTxnResponse {
        error_code: code.code(),
        ..EndTxnResponse::default()
    })
}
