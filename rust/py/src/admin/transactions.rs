//! Transactions as an operator sees them, in rows for Python.

use std::sync::Arc;
use std::time::Duration;

use base::{NodeId, ProducerId, TopicPartition};
use client::{
    AdminError, HangingScope, OpenTransaction, ProducerState, TopicScope, TransactionDescription,
    TransactionFilter, TransactionToAbort,
};
use pyo3::{Python, pyclass, pymethods};

use super::groups::{ask, each, names, parsed};
use super::{Inner, Place, place_of};
use crate::error::Error;
use crate::fork::ProcessBound;

/// A transactional id in a list: name, coordinator, producer, state.
type ListingRow = (String, i32, i64, &'static str);

/// A transactional id: name, coordinator, state, producer and its epoch, time-out, since when a
/// transaction is open, and its partitions.
type TransactionRow = (String, i32, &'static str, i64, i16, i32, Option<i64>, Vec<Place>);

/// A producer: id, epoch, last sequence number, when that was, the epoch of the coordinator that
/// has ended a transaction of it last, and where one is open.
type ProducerRow = (i64, i32, i32, i64, Option<i32>, Option<i64>);

/// A transaction that hangs: where, and its producer.
type HangingRow = (Place, i64, ProducerRow);

/// The transactions of an admin client's cluster.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Transactions(ProcessBound<Arc<Inner>>);

#[pymethods]
impl Transactions {
    /// All transactional ids, or those that the filters let through.
    fn listings(
        &self,
        py: Python<'_>,
        states: Vec<String>,
        producer_ids: Vec<i64>,
        duration_ms: Option<i64>,
        pattern: Option<String>,
    ) -> Result<Vec<ListingRow>, Error> {
        let producer_ids = producer_ids.into_iter().map(ProducerId).collect();
        let states = parsed(&states)?;
        let filter = TransactionFilter { states, producer_ids, duration_ms, pattern };
        let listed = ask(py, self.open()?.list_transactions(&filter))?;
        let listed = listed.map_err(|error| Error::Admin { about: String::new(), error })?;
        let row = |row: client::TransactionListing| {
            (row.transactional_id, row.coordinator.0, row.producer_id.0, row.state.name())
        };
        Ok(listed.into_iter().map(row).collect())
    }

    /// Transactional ids in full.
    fn describe(&self, py: Python<'_>, ids: Vec<String>) -> Result<Vec<TransactionRow>, Error> {
        let described = ask(py, self.open()?.describe_transactions(&names(&ids)))?;
        let described = each(py, described, |id| format!("transactional id {id}"))?;
        Ok(described.into_iter().map(|(_, transaction)| transaction_row(transaction)).collect())
    }

    /// The producers that a partition knows.
    fn producers(
        &self,
        py: Python<'_>,
        place: Place,
        broker: Option<i32>,
    ) -> Result<Vec<ProducerRow>, Error> {
        let partition = [TopicPartition::new(place.0, place.1)];
        let broker = broker.map(NodeId);
        let described = ask(py, self.open()?.describe_producers(&partition, broker))?;
        let described = each(py, described, |name| name.to_string())?.into_iter();
        Ok(described.flat_map(|(_, producers)| producers).map(producer_row).collect())
    }

    /// Ends the transaction that begins there by force; says whether there is one.
    fn abort(&self, py: Python<'_>, place: Place, start: i64) -> Result<bool, Error> {
        let partition = TopicPartition::new(place.0, place.1);
        let admin = self.open()?;
        let aborted = ask(py, async {
            let described = admin.describe_producers(std::slice::from_ref(&partition), None).await;
            let mut producers = Vec::new();
            for (_, result) in described {
                producers.extend(result?);
            }
            let found = TransactionToAbort::starting_at(start, &partition, &producers);
            let Some(transaction) = found else { return Ok(false) };
            admin.abort_transaction(&transaction).await?;
            Ok(true)
        })?;
        aborted.map_err(|error: AdminError| Error::Admin { about: partition.to_string(), error })
    }

    /// The transactions that hang.
    fn hanging(
        &self,
        py: Python<'_>,
        scope: Vec<(String, Option<Vec<i32>>)>,
        broker: Option<i32>,
        transaction_timeout_max: Duration,
    ) -> Result<Vec<HangingRow>, Error> {
        let topics = scope.into_iter();
        let topics = topics.map(|(topic, partitions)| TopicScope { topic, partitions }).collect();
        let broker = broker.map(NodeId);
        let scope = HangingScope { topics, broker, transaction_timeout_max };
        let found = ask(py, self.open()?.find_hanging_transactions(&scope))?;
        let found = found.map_err(|(about, error)| Error::Admin { about, error })?;
        let row = |open: OpenTransaction| {
            (place_of(&open.topic_partition), open.start, producer_row(open.producer))
        };
        Ok(found.into_iter().map(row).collect())
    }
}

impl Transactions {
    pub(super) fn of(inner: Arc<Inner>) -> Self {
        Self(ProcessBound::new(inner))
    }

    fn open(&self) -> Result<&client::Admin, Error> {
        self.0.get()?.open()
    }
}

fn transaction_row(transaction: TransactionDescription) -> TransactionRow {
    (
        transaction.transactional_id,
        transaction.coordinator.0,
        transaction.state.name(),
        transaction.producer_id.0,
        transaction.producer_epoch.0,
        transaction.timeout_ms,
        transaction.started_ms,
        transaction.partitions.iter().map(place_of).collect(),
    )
}

fn producer_row(producer: ProducerState) -> ProducerRow {
    (
        producer.producer_id.0,
        producer.producer_epoch,
        producer.last_sequence,
        producer.last_timestamp_ms,
        producer.coordinator_epoch,
        producer.transaction_start,
    )
}
