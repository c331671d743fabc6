//! Gives a frame the column types that a consumer asks for (`requested_schema` of Arrow's Python
//! interface): bytes and text in another layout, timestamps in another unit or zone.

use std::sync::Arc;

use arrow_array::builder::{GenericByteBuilder, GenericByteViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowTimestampType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType,
    LargeUtf8Type, StringViewType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, Utf8Type,
};
use arrow_array::{Array, ArrayRef, Int64Array, OffsetSizeTrait, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use thiserror::Error;

use crate::bytes_column::BytesColumn;
use crate::timestamp_column::TimestampColumn;

/// Why a frame cannot have the requested schema.
#[derive(Debug, Error)]
pub enum CastError {
    /// The frame has no such column.
    #[error("a frame has no column {column:?}")]
    Missing {
        /// The requested name.
        column: String,
    },
    /// There is no way between the types.
    #[error("column {column:?} of type {from} cannot be given as {to}")]
    Unsupported {
        /// The column.
        column: String,
        /// Its type.
        from: DataType,
        /// The requested type.
        to: DataType,
    },
    /// Bytes are not text.
    #[error("row {row} of column {column:?} is not UTF-8: ask for a binary type")]
    NotText {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
    },
    /// The bytes do not fit into the requested type.
    #[error("column {column:?} has {bytes} bytes, too many for {to}: ask for a large or view type")]
    TooLong {
        /// The column.
        column: String,
        /// The length of all rows together.
        bytes: usize,
        /// The requested type.
        to: DataType,
    },
    /// A timestamp does not fit into the requested unit.
    #[error("the timestamp in row {row} of column {column:?} is out of range for {to}")]
    OutOfRange {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// The requested type.
        to: DataType,
    },
    /// Arrow refused the columns.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// The columns of `frame` that `requested` names, in its order and of its types.
pub fn cast(frame: &RecordBatch, requested: &SchemaRef) -> Result<RecordBatch, CastError> {
    let columns = requested.fields().iter().map(|field| {
        let missing = || CastError::Missing { column: field.name().clone() };
        let column = frame.column_by_name(field.name()).ok_or_else(missing)?;
        Cast { name: field.name(), column, to: field.data_type() }.apply()
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, CastError>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(frame.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(requested), columns, &options)?)
}

struct Cast<'a> {
    name: &'a str,
    column: &'a ArrayRef,
    to: &'a DataType,
}

impl Cast<'_> {
    fn apply(&self) -> Result<ArrayRef, CastError> {
        let from = self.column.data_type();
        if from == self.to {
            return Ok(Arc::clone(self.column));
        }
        if let (DataType::Timestamp(TimeUnit::Millisecond, _), DataType::Timestamp(unit, zone)) =
            (from, self.to)
        {
            return self.timestamps(*unit, zone.clone());
        }
        if (from, self.to) == (&DataType::BinaryView, &DataType::Utf8View) {
            return self.view_as_text();
        }
        match BytesColumn::new(self.column) {
            Some(bytes) => self.bytes(&bytes),
            None => Err(self.unsupported()),
        }
    }

    fn bytes(&self, bytes: &BytesColumn<'_>) -> Result<ArrayRef, CastError> {
        match self.to {
            DataType::Binary => self.layout::<BinaryType>(bytes, as_is),
            DataType::LargeBinary => self.layout::<LargeBinaryType>(bytes, as_is),
            DataType::BinaryView => self.view::<BinaryViewType>(bytes, as_is),
            DataType::Utf8 => self.layout::<Utf8Type>(bytes, as_text),
            DataType::LargeUtf8 => self.layout::<LargeUtf8Type>(bytes, as_text),
            DataType::Utf8View => self.view::<StringViewType>(bytes, as_text),
            _ => Err(self.unsupported()),
        }
    }

    fn layout<T: ByteArrayType>(
        &self,
        bytes: &BytesColumn<'_>,
        native: fn(&[u8]) -> Option<&T::Native>,
    ) -> Result<ArrayRef, CastError> {
        let rows = self.column.len();
        let length = (0..rows).filter_map(|row| bytes.get(row)).map(<[u8]>::len).sum();
        if <T::Offset as OffsetSizeTrait>::MAX_OFFSET < length {
            let (column, to) = (self.name.to_owned(), self.to.clone());
            return Err(CastError::TooLong { column, bytes: length, to });
        }
        let mut builder = GenericByteBuilder::<T>::with_capacity(rows, length);
        for row in 0..rows {
            match bytes.get(row) {
                Some(bytes) => {
                    builder.append_value(native(bytes).ok_or_else(|| self.not_text(row))?);
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    fn view<T: ByteViewType>(
        &self,
        bytes: &BytesColumn<'_>,
        native: fn(&[u8]) -> Option<&T::Native>,
    ) -> Result<ArrayRef, CastError> {
        let rows = self.column.len();
        let mut builder = GenericByteViewBuilder::<T>::with_capacity(rows);
        for row in 0..rows {
            match bytes.get(row) {
                Some(bytes) => {
                    builder.try_append_value(native(bytes).ok_or_else(|| self.not_text(row))?)?;
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Views of bytes become views of text without moving.
    fn view_as_text(&self) -> Result<ArrayRef, CastError> {
        let views = self.column.as_binary_view();
        let not_text =
            |row: &usize| views.is_valid(*row) && std::str::from_utf8(views.value(*row)).is_err();
        match views.clone().to_string_view() {
            Ok(text) => Ok(Arc::new(text)),
            Err(error) => Err(match (0..views.len()).find(not_text) {
                Some(row) => self.not_text(row),
                None => error.into(),
            }),
        }
    }

    fn timestamps(&self, unit: TimeUnit, zone: Option<Arc<str>>) -> Result<ArrayRef, CastError> {
        let milliseconds = TimestampColumn::new(self.column).ok_or_else(|| self.unsupported())?;
        let convert = |row| -> Option<Option<i64>> {
            let Some(value) = milliseconds.get(row).ok()? else { return Some(None) };
            Some(Some(match unit {
                TimeUnit::Second => value.div_euclid(1000),
                TimeUnit::Millisecond => value,
                TimeUnit::Microsecond => value.checked_mul(1000)?,
                TimeUnit::Nanosecond => value.checked_mul(1_000_000)?,
            }))
        };
        let out_of_range = |row| {
            let (column, to) = (self.name.to_owned(), self.to.clone());
            CastError::OutOfRange { column, row, to }
        };
        let values: Int64Array = (0..self.column.len())
            .map(|row| convert(row).ok_or_else(|| out_of_range(row)))
            .collect::<Result<_, _>>()?;
        Ok(with_unit(&values, unit, zone))
    }

    fn unsupported(&self) -> CastError {
        CastError::Unsupported {
            column: self.name.to_owned(),
            from: self.column.data_type().clone(),
            to: self.to.clone(),
        }
    }

    fn not_text(&self, row: usize) -> CastError {
        CastError::NotText { column: self.name.to_owned(), row }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the counterpart of `as_text`, which may fail")]
fn as_is(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes)
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn with_unit(values: &Int64Array, unit: TimeUnit, zone: Option<Arc<str>>) -> ArrayRef {
    match unit {
        TimeUnit::Second => timestamps::<TimestampSecondType>(values, zone),
        TimeUnit::Millisecond => timestamps::<TimestampMillisecondType>(values, zone),
        TimeUnit::Microsecond => timestamps::<TimestampMicrosecondType>(values, zone),
        TimeUnit::Nanosecond => timestamps::<TimestampNanosecondType>(values, zone),
    }
}

fn timestamps<T: ArrowTimestampType>(values: &Int64Array, zone: Option<Arc<str>>) -> ArrayRef {
    Arc::new(values.reinterpret_cast::<T>().with_timezone_opt(zone))
}

#[cfg(test)]
mod tests;
