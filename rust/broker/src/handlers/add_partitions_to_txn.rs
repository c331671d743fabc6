//! `AddPartitionsToTxn` (key 24), v0-v5: makes partitions part of a transaction (KIP-98).
//!
//! v2 knows `PRODUCER_FENCED` (KIP-588), v4 is for brokers: several transactions at once, and
//! whether partitions are in one (KIP-890). v5 knows `TRANSACTION_ABORTABLE`.

use base::ErrorCode;
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use crate::request::RequestContext;

/// The first version that names several transactions.
const BATCHED_VERSION_MIN: i16 = 4;

/// Lets the coordinator of each transaction answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if context.api_version < BATCHED_VERSION_MIN {
        let id = request.v3_and_below_transactional_id.clone();
        let topics = request.v3_and_below_topics.clone();
        let answer = context.ask_transaction(&id, request).await;
        return answer.unwrap_or_else(|code| AddPartitionsToTxnResponse {
            results_by_topic_v3_and_below: refuse(&topics, code),
            ..AddPartitionsToTxnResponse::default()
        });
    }
    let mut results_by_transaction = Vec::with_capacity(request.transactions.len());
    for transaction in request.transactions {
        results_by_transaction.push(add(&context, transaction).await);
    }
    AddPartitionsToTxnResponse { results_by_transaction, ..AddPartitionsToTxnResponse::default() }
}

async fn add(
    context: &RequestContext,
    transaction: AddPartitionsToTxnTransaction,
) -> AddPartitionsToTxnResult {
    let transactional_id = transaction.transactional_id.clone();
    let topics = transaction.topics.clone();
    let request = AddPartitionsToTxnRequest {
        transactions: vec![transaction],
        ..AddPartitionsToTxnRequest::default()
    };
    match context.ask_transaction(&transactional_id, request).await {
        Ok(answer) => {
            let result = answer.results_by_transaction.into_iter().next();
            result.expect("one transaction was asked about")
        }
        Err(code) => {
            AddPartitionsToTxnResult { transactional_id, topic_results: refuse(&topics, code) }
        }
    }
}

/// The answer if there is no coordinator to give it.
fn refuse(
    topics: &[AddPartitionsToTxnTopic],
    code: ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let of_topic = |topic: &AddPartitionsToTxnTopic| {
        let of_partition = |&partition_index: &i32| AddPartitionsToTxnPartitionResult {
            partition_index,
            partition_error_code: code.code(),
        };
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: topic.partitions.iter().map(of_partition).collect(),
        }
    };
    topics.iter().map(of_topic).collect()
}
