//! DescribeTransactions and ListTransactions: what can be seen of transactions from outside.

use base::ErrorCode;
use regex::Regex;
use wire::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData,
    TransactionState as DescribedTransaction,
};
use wire::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState as ListedTransaction,
};

use super::markers::Owed;
use super::metadata::TransactionMetadata;
use super::shard::TransactionShard;
use super::state::TransactionState;
use crate::expression::whole_match;
use crate::now::Now;

impl TransactionShard {
    pub(super) fn describe_transactions(
        &self,
        request: &DescribeTransactionsRequest,
    ) -> DescribeTransactionsResponse {
        let transaction_states = request.transactional_ids.iter().map(|id| self.describe(id));
        DescribeTransactionsResponse {
            transaction_states: transaction_states.collect(),
            ..DescribeTransactionsResponse::default()
        }
    }

    fn describe(&self, id: &str) -> DescribedTransaction {
        let refuse = |error: ErrorCode| DescribedTransaction {
            error_code: error.code(),
            transactional_id: id.to_owned(),
            ..DescribedTransaction::default()
        };
        if id.is_empty() {
            return refuse(ErrorCode::InvalidRequest);
        }
        let Some(metadata) = self.transactions.get(id) else {
            return refuse(ErrorCode::TransactionalIdNotFound);
        };
        // Of one that is ending, what has not heard of it yet.
        let owed = self.owed.get(id).map(Owed::partitions);
        let topics = owed.as_ref().unwrap_or(&metadata.partitions).to_lists().into_iter();
        DescribedTransaction {
            error_code: ErrorCode::None.code(),
            transactional_id: id.to_owned(),
            transaction_state: metadata.state.name().to_owned(),
            transaction_timeout_ms: metadata.timeout_ms,
            transaction_start_time_ms: metadata.start_ms,
            producer_id: metadata.producer_id.0,
            producer_epoch: metadata.producer_epoch.0,
            topics: topics.map(|(topic, partitions)| TopicData { topic, partitions }).collect(),
        }
    }

    pub(super) fn list_transactions(
        &self,
        now: Now,
        request: &ListTransactionsRequest,
    ) -> ListTransactionsResponse {
        let pattern = request.transactional_id_pattern.as_deref().filter(|text| !text.is_empty());
        let Ok(pattern) = pattern.map(whole_match).transpose() else {
            return ListTransactionsResponse {
                error_code: ErrorCode::InvalidRegularExpression.code(),
                ..ListTransactionsResponse::default()
            };
        };
        let filter = Filter { now, request, pattern };
        let matching = self.transactions.iter().filter(|(id, one)| filter.matches(id, one));
        let unknown = request.state_filters.iter().filter(|name| !TransactionState::is_known(name));
        ListTransactionsResponse {
            unknown_state_filters: unknown.cloned().collect(),
            transaction_states: matching
                .map(|(id, metadata)| ListedTransaction {
                    transactional_id: id.clone(),
                    producer_id: metadata.producer_id.0,
                    transaction_state: metadata.state.name().to_owned(),
                })
                .collect(),
            ..ListTransactionsResponse::default()
        }
    }
}

/// Which transactions are asked for: each list that is not empty narrows them.
struct Filter<'a> {
    now: Now,
    request: &'a ListTransactionsRequest,
    pattern: Option<Regex>,
}

impl Filter<'_> {
    fn matches(&self, id: &str, metadata: &TransactionMetadata) -> bool {
        let ListTransactionsRequest { state_filters, producer_id_filters, duration_filter, .. } =
            self.request;
        let has_id =
            producer_id_filters.is_empty() || producer_id_filters.contains(&metadata.producer_id.0);
        let has_state = state_filters.is_empty()
            || state_filters.iter().any(|name| name == metadata.state.name());
        // One that has not begun has a start of -1, and so, as Kafka counts, runs since 1970.
        let runs_ms = self.now.unix_ms.saturating_sub(metadata.start_ms);
        let is_long = *duration_filter < 0 || runs_ms > *duration_filter;
        let has_name = self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(id));
        has_id && has_state && is_long && has_name
    }
}
