//! `AddOffsetsToTxn` (key 25), v0-v4: makes the offsets of a group part of a transaction (KIP-98).
//!
//! v2 knows `PRODUCER_FENCED` (KIP-588), v4 `TRANSACTION_ABORTABLE` (KIP-890).

use base::ErrorCode;
use wire::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use crate::coordinator_runtime::AddGroupToTransaction;
use crate::request::RequestContext;

/// Lets the transaction's coordinator add the partition that the group's offsets are kept in.
pub(crate) async fn handle(
    context: RequestContext,
    request: AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    add(&context, request).await.unwrap_or_else(|code| AddOffsetsToTxnResponse {
        error_code: code.code(),
        ..AddOffsetsToTxnResponse::default()
    })
}

async fn add(
    context: &RequestContext,
    request: AddOffsetsToTxnRequest,
) -> Result<AddOffsetsToTxnResponse, ErrorCode> {
    let offsets_partition = context.broker.coordinator.shard_of(&request.group_id)?;
    let id = request.transactional_id.clone();
    context.ask_transaction(&id, AddGroupToTransaction { request, offsets_partition }).await
}
