//! A column of integers of any width, read as partitions.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_schema::DataType;

/// The partitions, or the first row that is none and what it says.
type Partitions = Result<Vec<Option<i32>>, (usize, i128)>;

/// The partition of each row, `None` for null; nothing if these are no integers.
pub(crate) fn partitions(column: &dyn Array) -> Option<Partitions> {
    Some(match column.data_type() {
        DataType::Int8 => read::<Int8Type>(column),
        DataType::Int16 => read::<Int16Type>(column),
        DataType::Int32 => read::<Int32Type>(column),
        DataType::Int64 => read::<Int64Type>(column),
        DataType::UInt8 => read::<UInt8Type>(column),
        DataType::UInt16 => read::<UInt16Type>(column),
        DataType::UInt32 => read::<UInt32Type>(column),
        DataType::UInt64 => read::<UInt64Type>(column),
        DataType::Null => Ok(vec![None; column.len()]),
        _ => return None,
    })
}

fn read<T: ArrowPrimitiveType<Native: Into<i128>>>(column: &dyn Array) -> Partitions {
    let numbers = column.as_primitive::<T>().iter().enumerate();
    let partition = |(row, number): (usize, Option<T::Native>)| {
        let Some(number) = number else { return Ok(None) };
        let number: i128 = number.into();
        match i32::try_from(number) {
            Ok(partition @ 0..) => Ok(Some(partition)),
            _ => Err((row, number)),
        }
    };
    numbers.map(partition).collect()
}
