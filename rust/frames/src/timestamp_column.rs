//! A column of timestamps in any unit, read as milliseconds.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

/// Timestamps with the unit that turns them into milliseconds.
#[derive(Debug)]
pub(crate) struct TimestampColumn<'a> {
    values: &'a [i64],
    nulls: Option<&'a NullBuffer>,
    unit: TimeUnit,
}

/// A timestamp that is no number of milliseconds.
#[derive(Debug)]
pub(crate) struct OutOfRange;

impl<'a> TimestampColumn<'a> {
    /// The column, if it holds timestamps, or integers that are milliseconds.
    pub(crate) fn new(column: &'a dyn Array) -> Option<Self> {
        let values = match column.data_type() {
            DataType::Int64 => values::<Int64Type>(column),
            DataType::Timestamp(TimeUnit::Second, _) => values::<TimestampSecondType>(column),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                values::<TimestampMillisecondType>(column)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                values::<TimestampMicrosecondType>(column)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                values::<TimestampNanosecondType>(column)
            }
            _ => return None,
        };
        let unit = match column.data_type() {
            DataType::Timestamp(unit, _) => *unit,
            _ => TimeUnit::Millisecond,
        };
        Some(Self { values, nulls: column.nulls(), unit })
    }

    /// The milliseconds of a row, `None` for null. What is finer is cut off, towards the past.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Result<Option<i64>, OutOfRange> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        let value = self.values[row];
        match self.unit {
            TimeUnit::Second => value.checked_mul(1000).map(Some).ok_or(OutOfRange),
            TimeUnit::Millisecond => Ok(Some(value)),
            TimeUnit::Microsecond => Ok(Some(value.div_euclid(1000))),
            TimeUnit::Nanosecond => Ok(Some(value.div_euclid(1_000_000))),
        }
    }
}

fn values<T: ArrowPrimitiveType<Native = i64>>(column: &dyn Array) -> &[i64] {
    let column: &PrimitiveArray<T> = column.as_primitive();
    column.values()
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Float64Array, Int64Array, TimestampMicrosecondArray, TimestampNanosecondArray,
        TimestampSecondArray,
    };

    use super::*;

    fn read(column: &dyn Array) -> Vec<Option<i64>> {
        let timestamps = TimestampColumn::new(column).unwrap();
        (0..column.len()).map(|row| timestamps.get(row).unwrap()).collect()
    }

    #[test]
    fn every_unit_becomes_milliseconds() {
        assert_eq!(read(&Int64Array::from(vec![Some(5), None])), [Some(5), None]);
        assert_eq!(read(&TimestampSecondArray::from(vec![-1, 2])), [Some(-1000), Some(2000)]);
        let micros = TimestampMicrosecondArray::from(vec![1999, -1]).with_timezone("Europe/Prague");
        assert_eq!(read(&micros), [Some(1), Some(-1)]);
        let nanos = TimestampNanosecondArray::from(vec![1_999_999, 2_000_000]);
        assert_eq!(read(&nanos.slice(1, 1)), [Some(2)]);
        assert_eq!(read(&nanos), [Some(1), Some(2)]);
    }

    #[test]
    fn seconds_that_are_no_milliseconds_are_refused() {
        let seconds = TimestampSecondArray::from(vec![i64::MAX]);
        assert!(TimestampColumn::new(&seconds).unwrap().get(0).is_err());
    }

    #[test]
    fn other_columns_are_no_timestamps() {
        assert!(TimestampColumn::new(&Float64Array::from(vec![1.0])).is_none());
    }
}
