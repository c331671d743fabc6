//! What a shard is asked and answers: the transaction APIs' messages.

use wire::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use wire::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use wire::describe_transactions::{DescribeTransactionsRequest, DescribeTransactionsResponse};
use wire::end_txn::{EndTxnRequest, EndTxnResponse};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::list_transactions::{ListTransactionsRequest, ListTransactionsResponse};

/// A request to one shard.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionRequest {
    /// `InitProducerId`, with a transactional id.
    InitProducerId(InitProducerIdRequest),
    /// `AddPartitionsToTxn`, of this shard's transactions only.
    AddPartitionsToTxn(AddPartitionsToTxnRequest),
    /// `AddOffsetsToTxn`
    AddOffsetsToTxn {
        /// The request.
        request: AddOffsetsToTxnRequest,
        /// The partition of `__consumer_offsets` that has the group.
        offsets_partition: i32,
    },
    /// `EndTxn`
    EndTxn(EndTxnRequest),
    /// `DescribeTransactions`, of this shard's ids only.
    DescribeTransactions(DescribeTransactionsRequest),
    /// `ListTransactions`
    ListTransactions(ListTransactionsRequest),
}

macro_rules! transaction_responses {
    ($($api:ident($response:ident),)*) => {
        /// Its answer.
        #[derive(Clone, Debug, PartialEq)]
        pub enum TransactionResponse {
            $(#[doc = concat!("`", stringify!($api), "`")] $api($response),)*
        }

        $(impl From<$response> for TransactionResponse {
            fn from(response: $response) -> Self {
                Self::$api(response)
            }
        })*
    };
}

transaction_responses! {
    InitProducerId(InitProducerIdResponse),
    AddPartitionsToTxn(AddPartitionsToTxnResponse),
    AddOffsetsToTxn(AddOffsetsToTxnResponse),
    EndTxn(EndTxnResponse),
    DescribeTransactions(DescribeTransactionsResponse),
    ListTransactions(ListTransactionsResponse),
}
