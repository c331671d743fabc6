//! Walks over a record batch of any origin as the records that a producer is to send.

use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use thiserror::Error;

use crate::bytes_column::BytesColumn;
use crate::timestamp_column::TimestampColumn;

/// Which columns become what of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColumnNames<'a> {
    /// The column of keys; without one no record has a key.
    pub key: Option<&'a str>,
    /// The column of values; without one no record has a value.
    pub value: Option<&'a str>,
    /// The column of timestamps; without one the producer takes the time of sending.
    pub timestamp: Option<&'a str>,
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
}

/// A record that a row becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; without one it is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// The rows of a record batch, one by one, without a copy.
#[derive(Debug)]
pub struct Rows<'a> {
    key: BytesColumn<'a>,
    value: BytesColumn<'a>,
    timestamp: Option<(&'a str, TimestampColumn<'a>)>,
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
            next: 0,
            end: batch.num_rows(),
        })
    }

    fn row(&self, row: usize) -> Result<Row<'a>, ColumnError> {
        let timestamp = match &self.timestamp {
            Some((name, column)) => column
                .get(row)
                .map_err(|_| ColumnError::TimestampOutOfRange { name: (*name).to_owned(), row })?,
            None => None,
        };
        Ok(Row { key: self.key.get(row), value: self.value.get(row), timestamp })
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, ColumnError>;

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
    name: &'a str,
) -> Result<(&'a str, TimestampColumn<'a>), ColumnError> {
    let column = column(batch, name)?;
    let timestamps = TimestampColumn::new(column).ok_or_else(|| ColumnError::NotTimestamps {
        name: name.to_owned(),
        data_type: column.data_type().clone(),
    })?;
    Ok((name, timestamps))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, LargeStringArray, StringViewArray, TimestampSecondArray};

    use super::*;

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("user", Arc::new(StringViewArray::from(vec![Some("ann"), None])) as _, true),
            ("payload", Arc::new(LargeStringArray::from(vec![None, Some("{}")])) as _, true),
            ("at", Arc::new(TimestampSecondArray::from(vec![Some(7), None])) as _, true),
            ("share", Arc::new(Float64Array::from(vec![0.5, 1.0])) as _, true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_are_made_of_the_columns_that_were_named() {
        let batch = batch();
        let names =
            ColumnNames { key: Some("user"), value: Some("payload"), timestamp: Some("at") };
        let rows = Rows::new(&batch, names).unwrap();
        assert_eq!(rows.len(), 2);
        let rows: Vec<_> = rows.map(Result::unwrap).collect();
        let expected = [
            Row { key: Some(b"ann"), value: None, timestamp: Some(7000) },
            Row { key: None, value: Some(b"{}"), timestamp: None },
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_part_of_a_record_that_has_no_column_is_missing_everywhere() {
        let batch = batch();
        let names = ColumnNames { value: Some("payload"), ..ColumnNames::default() };
        let rows: Vec<_> = Rows::new(&batch, names).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[1], Row { key: None, value: Some(b"{}"), timestamp: None });
    }

    #[test]
    fn an_error_names_the_column_and_its_type() {
        let batch = batch();
        let error = |names| Rows::new(&batch, names).unwrap_err().to_string();
        assert_eq!(
            error(ColumnNames { key: Some("usr"), ..ColumnNames::default() }),
            "there is no column \"usr\"; the columns are user, payload, at, share"
        );
        assert_eq!(
            error(ColumnNames { value: Some("share"), ..ColumnNames::default() }),
            "column \"share\" has the type Float64; keys and values are of binary or string type"
        );
        assert!(
            error(ColumnNames { timestamp: Some("user"), ..ColumnNames::default() })
                .starts_with("column \"user\" has the type Utf8View; timestamps are")
        );
    }

    #[test]
    fn a_timestamp_out_of_range_names_its_row() {
        let at = Arc::new(TimestampSecondArray::from(vec![1, i64::MIN])) as _;
        let batch = RecordBatch::try_from_iter([("at", at)]).unwrap();
        let names = ColumnNames { timestamp: Some("at"), ..ColumnNames::default() };
        let rows: Vec<_> = Rows::new(&batch, names).unwrap().collect();
        assert!(rows[0].is_ok());
        let expected = ColumnError::TimestampOutOfRange { name: "at".to_owned(), row: 1 };
        assert_eq!(rows[1], Err(expected));
    }
}
