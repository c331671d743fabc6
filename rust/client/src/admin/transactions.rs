//! The admin client's calls about transactions (KIP-664). A transaction that hangs is found from
//! both sides: what partitions wait for, and what coordinators know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, NodeId, TopicPartition};
use client_core::admin::Each;
use client_core::admin::groups::TopicScope;
use client_core::admin::transactions::{
    self, OpenTransaction, ProducerState, TransactionDescription, TransactionFilter,
    TransactionListing, TransactionToAbort,
};
use client_core::coordinator_survey::{CoordinatorKind, CoordinatorSurvey};
use client_core::inquiry::InquiryError;
use client_core::survey::Survey;

use super::{Admin, owned};
use crate::desk::{ask, ask_coordinators, ask_leaders};

/// The most transactional ids that one request describes.
const REQUEST_IDS_MAX: usize = 200;
/// The most partitions that one request is about: each may know many producers.
const REQUEST_PARTITIONS_MAX: usize = 500;

/// Where to look for hanging transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HangingScope {
    /// In which topics, or in which of their partitions; in all of them if none is named.
    pub topics: Vec<TopicScope>,
    /// Only in partitions that this broker has a replica of, which is asked then.
    pub broker: Option<NodeId>,
    /// How long a transaction may take (`transaction.max.timeout.ms`): none is looked at whose
    /// producer has written within that.
    pub transaction_timeout_max: Duration,
}

impl Admin {
    /// Lists the transactional ids that the filter lets through, of all brokers, by name.
    pub async fn list_transactions(
        &self,
        filter: &TransactionFilter,
    ) -> Result<Vec<TransactionListing>, InquiryError> {
        let mut listed = BTreeMap::new();
        for broker in self.describe_cluster().await?.brokers {
            let inquiry = transactions::list_transactions(broker.node, filter, self.timeout());
            // An id that moves meanwhile may be listed by two brokers.
            for listing in ask(&*self.shared, inquiry).await? {
                listed.insert(listing.transactional_id.clone(), listing);
            }
        }
        Ok(listed.into_values().collect())
    }

    /// Describes transactional ids, as their coordinators know them.
    pub async fn describe_transactions(
        &self,
        ids: &[&str],
    ) -> Each<String, TransactionDescription> {
        let (kind, now) = (CoordinatorKind::Transaction, self.shared.desk.clock.now());
        let survey = CoordinatorSurvey::new(kind, owned(ids), REQUEST_IDS_MAX, self.timeout(), now);
        let described = ask_coordinators(
            &*self.shared,
            survey,
            |_, node, ids, timeout| transactions::describe_transactions(node, ids, timeout),
            |answer, _| answer,
        );
        described.await.into_iter().collect()
    }

    /// The producers that partitions know, each by its leader or by one broker that has replicas.
    pub async fn describe_producers(
        &self,
        partitions: &[TopicPartition],
        broker: Option<NodeId>,
    ) -> Each<TopicPartition, Vec<ProducerState>> {
        let timeout = self.timeout();
        let mut described = Vec::with_capacity(partitions.len());
        for partitions in partitions.chunks(REQUEST_PARTITIONS_MAX) {
            let asked: Vec<_> = partitions.iter().map(|name| (name.clone(), 0)).collect();
            let Some(broker) = broker else {
                let now = self.shared.desk.clock.now();
                let survey = Survey::new(asked.into_iter().collect(), timeout, now);
                let found = ask_leaders(
                    &*self.shared,
                    survey,
                    |_, leader, rows| transactions::describe_producers(leader, rows, timeout),
                    transactions::read_producers,
                );
                described.extend(found.await);
                continue;
            };
            let inquiry = transactions::describe_producers(broker, &asked, timeout);
            let answer = ask(&*self.shared, inquiry).await;
            let read = |name: &TopicPartition| match &answer {
                Ok(answer) => transactions::read_producers(answer, name)
                    .map_err(|code| InquiryError::refused(code, None)),
                Err(error) => Err(error.clone()),
            };
            described.extend(partitions.iter().map(|name| (name.clone(), read(name))));
        }
        described
    }

    /// Ends a transaction in one partition by force. Only what hangs is to be ended so: the rest of
    /// a transaction that still goes on would be committed without this part.
    pub async fn abort_transaction(
        &self,
        transaction: &TransactionToAbort,
    ) -> Result<(), InquiryError> {
        let timeout = self.timeout();
        let asked = BTreeMap::from([(transaction.topic_partition.clone(), 0)]);
        let survey = Survey::new(asked, timeout, self.shared.desk.clock.now());
        let ended = ask_leaders(
            &*self.shared,
            survey,
            |_, leader, _| transactions::abort_transaction(leader, transaction, timeout),
            transactions::read_aborted,
        );
        ended.await.into_values().collect()
    }

    /// The open transactions that nobody will end: partitions wait for them, and no coordinator
    /// knows them. An error comes with what it is about.
    pub async fn find_hanging_transactions(
        &self,
        scope: &HangingScope,
    ) -> Result<Vec<OpenTransaction>, (String, InquiryError)> {
        let partitions: Vec<_> = self.partitions_within(scope).await?.into_iter().collect();
        let mut producers = Vec::with_capacity(partitions.len());
        for (name, result) in self.describe_producers(&partitions, scope.broker).await {
            producers.push((name.clone(), result.map_err(|error| (name.to_string(), error))?));
        }
        let quiet_ms = i64::try_from(scope.transaction_timeout_max.as_millis());
        let now_ms = self.shared.desk.clock.unix_ms();
        let open = transactions::open_transactions(producers, now_ms, quiet_ms.unwrap_or(i64::MAX));
        if open.is_empty() {
            return Ok(open);
        }
        // Without a producer there would be no filter.
        let producer_ids: BTreeSet<_> = open.iter().map(|open| open.producer.producer_id).collect();
        let filter = TransactionFilter {
            producer_ids: producer_ids.into_iter().collect(),
            ..TransactionFilter::default()
        };
        let listed = self.list_transactions(&filter).await;
        let listed = listed.map_err(|error| ("transactions".to_owned(), error))?;
        let ids: Vec<_> = listed.iter().map(|row| row.transactional_id.as_str()).collect();
        let mut described: BTreeMap<_, _> =
            self.describe_transactions(&ids).await.into_iter().collect();
        let mut known = BTreeMap::new();
        for row in &listed {
            match described.remove(&row.transactional_id) {
                Some(Ok(description)) => drop(known.insert(row.producer_id, description)),
                Some(Err(error)) if error.code() == Some(ErrorCode::TransactionalIdNotFound) => {}
                Some(Err(error)) => {
                    return Err((format!("transactional id {}", row.transactional_id), error));
                }
                None => unreachable!("an id that is asked about has a result"),
            }
        }
        Ok(transactions::hanging_transactions(open, &known))
    }

    async fn partitions_within(
        &self,
        scope: &HangingScope,
    ) -> Result<BTreeSet<TopicPartition>, (String, InquiryError)> {
        let of_topics = |error| ("topics".to_owned(), error);
        let topics = if scope.topics.is_empty() {
            let listed = self.list_topics().await.map_err(of_topics)?;
            listed.into_iter().map(|topic| TopicScope::whole(topic.name)).collect()
        } else {
            scope.topics.clone()
        };
        let mut partitions = self.expand(&topics).await?;
        if let Some(broker) = scope.broker {
            let names: Vec<_> = topics.iter().map(|topic| topic.topic.as_str()).collect();
            let mut replicas = BTreeSet::new();
            for (name, topic) in self.describe_topics(&names).await.map_err(of_topics)? {
                let topic = topic.map_err(|error| (format!("topic {name}"), error))?;
                let here = topic.partitions.iter().filter(|row| row.replicas.contains(&broker));
                replicas.extend(here.map(|row| TopicPartition::new(name.as_str(), row.partition)));
            }
            partitions.retain(|name| replicas.contains(name));
        }
        Ok(partitions)
    }
}
