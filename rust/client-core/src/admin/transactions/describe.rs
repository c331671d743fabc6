//! DescribeTransactions: what transactional ids' coordinators know of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{NodeId, ProducerEpoch, ProducerId, TopicPartition};
use wire::describe_transactions::{self, DescribeTransactionsRequest};

use super::TransactionState;
use crate::admin::{Each, each, for_each_name};
use crate::inquiry::{Inquiry, Reading, Target};

/// A transactional id in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionDescription {
    /// The id.
    pub transactional_id: String,
    /// The broker that coordinates its transactions.
    pub coordinator: NodeId,
    /// What the last transaction is doing.
    pub state: TransactionState,
    /// The producer that the id stands for.
    pub producer_id: ProducerId,
    /// Which incarnation of it may go on.
    pub producer_epoch: ProducerEpoch,
    /// How long a transaction may be open before it is aborted.
    pub timeout_ms: i32,
    /// Since when the transaction is open, in milliseconds since 1970, if one is.
    pub started_ms: Option<i64>,
    /// The partitions that it is about, or, once it is decided, that are still to be told.
    pub partitions: BTreeSet<TopicPartition>,
}

/// Asks `coordinator` about transactional ids.
pub fn describe_transactions(
    coordinator: NodeId,
    ids: &[String],
    timeout: Duration,
) -> Inquiry<DescribeTransactionsRequest, Each<String, TransactionDescription>> {
    let asked = ids.to_vec();
    let request = DescribeTransactionsRequest { transactional_ids: asked.clone() };
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, move |response| {
        let described = response.transaction_states.into_iter().map(|row| {
            let (id, result) = (row.transactional_id.clone(), each(row.error_code, None));
            (id, result.map(|()| description(row, coordinator)))
        });
        Reading::Done(for_each_name(&asked, described.collect()))
    })
}

fn description(
    row: describe_transactions::TransactionState,
    coordinator: NodeId,
) -> TransactionDescription {
    let of_topic = |topic: &describe_transactions::TopicData| {
        let name: Arc<str> = topic.topic.as_str().into();
        let partition = move |&index| TopicPartition::new(name.clone(), index);
        topic.partitions.iter().map(partition).collect::<Vec<_>>()
    };
    TransactionDescription {
        transactional_id: row.transactional_id,
        coordinator,
        state: TransactionState::of(&row.transaction_state),
        producer_id: ProducerId(row.producer_id),
        producer_epoch: ProducerEpoch(row.producer_epoch),
        timeout_ms: row.transaction_timeout_ms,
        started_ms: Some(row.transaction_start_time_ms).filter(|started_ms| *started_ms >= 0),
        partitions: row.topics.iter().flat_map(of_topic).collect(),
    }
}
