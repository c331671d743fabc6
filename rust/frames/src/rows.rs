//! Walks over a record batch of any origin as the records that a producer is to send.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use thiserror::Error;

use crate::bytes_column::BytesColumn;
use crate::header_lists::{HeaderLists, RowHeaders};
use crate::partition_column::partitions;
use crate::timestamp_column::TimestampColumn;

/// Which columns become what of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColumnNames<'a> {
    /// The column of keys; without one no record has a key.
    pub key: Option<&'a str>,
    /// The column of values; without one no record has a value.
    pub value: Option<&'a str>,
    /// The column of timestamps; where there is none the producer takes the time of sending.
    pub timestamp: Option<&'a str>,
    /// The column of partitions; where there is none the key decides.
    pub partition: Option<&'a str>,
    /// The column of headers; without one no record has any.
    pub headers: Option<&'a str>,
}

/// Why a column cannot become records.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ColumnError {
    /// There is no such column.
    #[error("there is no column {name:?}; the columns are {}", available.join(", "))]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// A key or value column holds neither text nor bytes.
    #[error(
        "column {name:?} has the type {data_type}; keys and values are of binary or string type"
    )]
    NotBytes {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// A timestamp column holds something else.
    #[error(
        "column {name:?} has the type {data_type}; timestamps are of timestamp type, or int64 for \
         milliseconds since 1970"
    )]
    NotTimestamps {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// A timestamp is out of range.
    #[error("row {row} of column {name:?} is no timestamp in milliseconds: it is out of range")]
    TimestampOutOfRange {
        /// The column's name.
        name: String,
        /// The row, from 0.
        row: usize,
    },
    /// A timestamp is before 1970.
    #[error(
        "row {row} of column {name:?} is before 1970, and Kafka has no such timestamps; a null \
         stands for the time of sending"
    )]
    TimestampBefore1970 {
        /// The column's name.
        name: String,
        /// The row, from 0.
        row: usize,
    },
    /// A partition column holds something else.
    #[error("column {name:?} has the type {data_type}; partitions are of integer type")]
    NotPartitions {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// A number is none of a partition.
    #[error("row {row} of column {name:?} is no partition: {number} is not in 0 to 2147483647")]
    NoPartition {
        /// The column's name.
        name: String,
        /// The row, from 0.
        row: usize,
        /// What it says.
        number: i128,
    },
    /// A headers column holds something else.
    #[error(
        "column {name:?} has the type {data_type}; headers are lists of structs of key (text) and \
         value (bytes or text), or maps of text to them"
    )]
    NotHeaders {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// A header has no key.
    #[error("row {row} of column {name:?} has a header without a key")]
    HeaderWithoutKey {
        /// The column's name.
        name: String,
        /// The row, from 0.
        row: usize,
    },
}

/// A record that a row becomes.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; without one it is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970; the time of sending if `None`.
    pub timestamp: Option<i64>,
    /// The partition; the key decides if `None`.
    pub partition: Option<i32>,
    /// The headers, in order.
    pub headers: RowHeaders<'a>,
}

/// The rows of a record batch, one by one, without a copy. All are looked at before the first is
/// handed out: a batch becomes records as a whole, or not at all.
#[derive(Debug)]
pub struct Rows<'a> {
    key: BytesColumn<'a>,
    value: BytesColumn<'a>,
    timestamp: Option<TimestampColumn<'a>>,
    partitions: Option<Vec<Option<i32>>>,
    headers: Option<Arc<HeaderLists<'a>>>,
    next: usize,
    end: usize,
}

impl<'a> Rows<'a> {
    /// The rows of `batch`, made of the columns `names`.
    pub fn new(batch: &'a RecordBatch, names: ColumnNames<'a>) -> Result<Self, ColumnError> {
        Ok(Self {
            key: bytes_column(batch, names.key)?,
            value: bytes_column(batch, names.value)?,
            timestamp: names.timestamp.map(|name| timestamp_column(batch, name)).transpose()?,
            partitions: names.partition.map(|name| partition_column(batch, name)).transpose()?,
            headers: names.headers.map(|name| header_column(batch, name)).transpose()?,
            next: 0,
            end: batch.num_rows(),
        })
    }

    fn row(&self, row: usize) -> Row<'a> {
        let timestamp = self.timestamp.as_ref().and_then(|column| column.get(row).ok().flatten());
        Row {
            key: self.key.get(row),
            value: self.value.get(row),
            timestamp,
            partition: self.partitions.as_ref().and_then(|partitions| partitions[row]),
            headers: self
                .headers
                .as_ref()
                .map_or(RowHeaders::NONE, |lists| RowHeaders::new(lists, row)),
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        let row = self.row(self.next);
        self.next += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Rows<'_> {}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, ColumnError> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| ColumnError::Missing {
        name: name.to_owned(),
        available: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })
}

fn bytes_column<'a>(
    batch: &'a RecordBatch,
    name: Option<&str>,
) -> Result<BytesColumn<'a>, ColumnError> {
    let Some(name) = name else { return Ok(BytesColumn::Null) };
    let column = column(batch, name)?;
    BytesColumn::new(column).ok_or_else(|| ColumnError::NotBytes {
        name: name.to_owned(),
        data_type: column.data_type().clone(),
    })
}

fn timestamp_column<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<TimestampColumn<'a>, ColumnError> {
    let column = column(batch, name)?;
    let timestamps = TimestampColumn::new(column).ok_or_else(|| ColumnError::NotTimestamps {
        name: name.to_owned(),
        data_type: column.data_type().clone(),
    })?;
    for row in 0..column.len() {
        let name = || name.to_owned();
        match timestamps.get(row) {
            Ok(None | Some(0..)) => {}
            Ok(Some(_)) => return Err(ColumnError::TimestampBefore1970 { name: name(), row }),
            Err(_) => return Err(ColumnError::TimestampOutOfRange { name: name(), row }),
        }
    }
    Ok(timestamps)
}

fn partition_column(batch: &RecordBatch, name: &str) -> Result<Vec<Option<i32>>, ColumnError> {
    let column = column(batch, name)?;
    let partitions = partitions(column).ok_or_else(|| ColumnError::NotPartitions {
        name: name.to_owned(),
        data_type: column.data_type().clone(),
    })?;
    partitions.map_err(|(row, number)| ColumnError::NoPartition {
        name: name.to_owned(),
        row,
        number,
    })
}

fn header_column<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<Arc<HeaderLists<'a>>, ColumnError> {
    let column = column(batch, name)?;
    let headers = HeaderLists::new(column).ok_or_else(|| ColumnError::NotHeaders {
        name: name.to_owned(),
        data_type: column.data_type().clone(),
    })?;
    match headers.row_without_key() {
        Some(row) => Err(ColumnError::HeaderWithoutKey { name: name.to_owned(), row }),
        None => Ok(Arc::new(headers)),
    }
}

#[cfg(test)]
mod tests;
