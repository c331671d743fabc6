//! Transactions as an operator sees them: which there are, what they are about, which of them hang,
//! and how those are ended (KIP-664).

mod abort;
mod describe;
mod hanging;
mod list;
mod producers;

pub use abort::{TransactionToAbort, abort_transaction, read_aborted};
pub use describe::{TransactionDescription, describe_transactions};
pub use hanging::{OpenTransaction, hanging_transactions, open_transactions};
pub use list::{TransactionFilter, TransactionListing, TransactionState, list_transactions};
pub use producers::{ProducerState, describe_producers, read_producers};

#[cfg(test)]
mod tests;
