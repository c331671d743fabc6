//! The coordinator of transactions: what it is asked besides single requests of the protocol.

use base::ProducerId;
use coordinator::transaction::{TransactionRequest, TransactionResponse};
use tokio::sync::futures::Notified;
use wire::{AddOffsetsToTxnRequest, InitProducerIdRequest};

use super::CoordinatorRuntime;
use super::shard_request::ShardRequest;
use super::transaction_machine::{TransactionMachine, TransactionQuestion};

/// The coordinator of transactions.
pub(crate) type TransactionCoordinator = CoordinatorRuntime<TransactionMachine>;

impl TransactionCoordinator {
    /// Ends when some transaction may have come to its end.
    pub(crate) fn transaction_ended(&self) -> Notified<'_> {
        self.host.surroundings.ended.notified()
    }
}

/// A request for the id of a transactional producer.
#[derive(Clone, Debug)]
pub(crate) struct InitTransactionalProducer {
    pub request: InitProducerIdRequest,
    /// One that no producer has had, should it be needed.
    pub producer_id: ProducerId,
}

/// Offsets of a group that are to be part of a transaction.
#[derive(Clone, Debug)]
pub(crate) struct AddGroupToTransaction {
    pub request: AddOffsetsToTxnRequest,
    /// Where the group is kept.
    pub offsets_partition: i32,
}

impl From<InitTransactionalProducer> for TransactionQuestion {
    fn from(InitTransactionalProducer { request, producer_id }: InitTransactionalProducer) -> Self {
        let request = TransactionRequest::InitProducerId(request);
        Self { request, producer_id: Some(producer_id) }
    }
}

impl From<AddGroupToTransaction> for TransactionQuestion {
    fn from(AddGroupToTransaction { request, offsets_partition }: AddGroupToTransaction) -> Self {
        let request = TransactionRequest::AddOffsetsToTxn { request, offsets_partition };
        Self { request, producer_id: None }
    }
}

macro_rules! questions {
    ($($name:ident $request:ident,)*) => {
        $(impl From<wire::$request> for TransactionQuestion {
            fn from(request: wire::$request) -> Self {
                Self { request: TransactionRequest::$name(request), producer_id: None }
            }
        })*
    };
}

macro_rules! answers {
    ($($question:ty: $name:ident $response:ident,)*) => {
        $(impl ShardRequest<TransactionMachine> for $question {
            type Response = wire::$response;

            fn response(response: TransactionResponse) -> Self::Response {
                match response {
                    TransactionResponse::$name(response) => response,
                    other => unreachable!(
                        "{} was answered with {other:?}", stringify!($name)
                    ),
                }
            }
        })*
    };
}

questions! {
    AddPartitionsToTxn AddPartitionsToTxnRequest,
    EndTxn EndTxnRequest,
    DescribeTransactions DescribeTransactionsRequest,
    ListTransactions ListTransactionsRequest,
}

answers! {
    InitTransactionalProducer: InitProducerId InitProducerIdResponse,
    AddGroupToTransaction: AddOffsetsToTxn AddOffsetsToTxnResponse,
    wire::AddPartitionsToTxnRequest: AddPartitionsToTxn AddPartitionsToTxnResponse,
    wire::EndTxnRequest: EndTxn EndTxnResponse,
    wire::DescribeTransactionsRequest: DescribeTransactions DescribeTransactionsResponse,
    wire::ListTransactionsRequest: ListTransactions ListTransactionsResponse,
}
