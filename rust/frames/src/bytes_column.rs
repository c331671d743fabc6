//! A column of text or bytes in any of Arrow's layouts, read row by row.

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray,
    StringArray, StringViewArray,
};
use arrow_schema::DataType;

/// The layouts, borrowed.
#[derive(Debug)]
pub(crate) enum BytesColumn<'a> {
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedSizeBinary(&'a FixedSizeBinaryArray),
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    /// Rows point to the rows of another column.
    Dictionary {
        rows: &'a dyn Array,
        keys: Vec<usize>,
        values: Box<BytesColumn<'a>>,
    },
    /// No row has a value.
    Null,
}

impl<'a> BytesColumn<'a> {
    /// The column, if it holds text or bytes.
    pub(crate) fn new(column: &'a dyn Array) -> Option<Self> {
        Some(match column.data_type() {
            DataType::Binary => Self::Binary(column.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(column.as_binary()),
            DataType::BinaryView => Self::BinaryView(column.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedSizeBinary(column.as_fixed_size_binary()),
            DataType::Utf8 => Self::Utf8(column.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(column.as_string()),
            DataType::Utf8View => Self::Utf8View(column.as_string_view()),
            DataType::Dictionary(_, _) => {
                let dictionary = column.as_any_dictionary();
                let values = Box::new(Self::new(dictionary.values().as_ref())?);
                // Without values every row is null, and there is nothing that a key could point to.
                let keys = match dictionary.values().len() {
                    0 => vec![0; column.len()],
                    _ => dictionary.normalized_keys(),
                };
                Self::Dictionary { rows: column, keys, values }
            }
            DataType::Null => Self::Null,
            _ => return None,
        })
    }

    /// The bytes of a row, `None` for null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&'a [u8]> {
        match self {
            Self::Binary(column) => column.is_valid(row).then(|| column.value(row)),
            Self::LargeBinary(column) => column.is_valid(row).then(|| column.value(row)),
            Self::BinaryView(column) => column.is_valid(row).then(|| column.value(row)),
            Self::FixedSizeBinary(column) => column.is_valid(row).then(|| column.value(row)),
            Self::Utf8(column) => column.is_valid(row).then(|| column.value(row).as_bytes()),
            Self::LargeUtf8(column) => column.is_valid(row).then(|| column.value(row).as_bytes()),
            Self::Utf8View(column) => column.is_valid(row).then(|| column.value(row).as_bytes()),
            Self::Dictionary { rows, keys, values } => {
                if rows.is_valid(row) {
                    values.get(keys[row])
                } else {
                    None
                }
            }
            Self::Null => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int8Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int8Array, Int32Array, NullArray};

    use super::*;

    const ROWS: [Option<&str>; 4] =
        [Some("one"), None, Some(""), Some("a value longer than a view holds")];

    fn read(column: &ArrayRef) -> Vec<Option<String>> {
        let bytes = BytesColumn::new(column).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (0..column.len()).map(|row| bytes.get(row).map(text)).collect()
    }

    #[test]
    fn every_layout_gives_the_same_rows() {
        let bytes = || ROWS.iter().map(|row| row.map(str::as_bytes));
        let columns: [ArrayRef; 7] = [
            Arc::new(bytes().collect::<BinaryArray>()),
            Arc::new(bytes().collect::<LargeBinaryArray>()),
            Arc::new(bytes().collect::<BinaryViewArray>()),
            Arc::new(StringArray::from_iter(ROWS)),
            Arc::new(LargeStringArray::from_iter(ROWS)),
            Arc::new(StringViewArray::from_iter(ROWS)),
            Arc::new(ROWS.into_iter().collect::<DictionaryArray<Int8Type>>()),
        ];
        let expected = ROWS.map(|row| row.map(str::to_owned));
        for column in &columns {
            assert_eq!(read(column), expected, "{}", column.data_type());
            assert_eq!(read(&column.slice(1, 2)), expected[1..3], "{}", column.data_type());
        }
    }

    #[test]
    fn bytes_of_a_fixed_length_and_no_bytes_at_all_are_columns_too() {
        let fixed: ArrayRef = Arc::new(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                [Some(b"ab"), None, Some(b"cd")].into_iter(),
                2,
            )
            .unwrap(),
        );
        assert_eq!(read(&fixed), [Some("ab".to_owned()), None, Some("cd".to_owned())]);
        assert_eq!(read(&(Arc::new(NullArray::new(2)) as ArrayRef)), [None, None]);
    }

    #[test]
    fn a_dictionary_may_have_null_values_or_none() {
        let values: ArrayRef = Arc::new(StringArray::from_iter([None, Some("b")]));
        let keys = Int8Array::from(vec![Some(1), Some(0), None]);
        let column: ArrayRef = Arc::new(DictionaryArray::new(keys, values));
        assert_eq!(read(&column), [Some("b".to_owned()), None, None]);

        let none: ArrayRef = Arc::new(StringArray::from(Vec::<&str>::new()));
        let keys = Int8Array::from(vec![None, None]);
        assert_eq!(read(&(Arc::new(DictionaryArray::new(keys, none)) as ArrayRef)), [None, None]);
    }

    #[test]
    fn numbers_are_neither_text_nor_bytes() {
        assert!(BytesColumn::new(&Int32Array::from(vec![1])).is_none());
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        let keys = Int8Array::from(vec![0]);
        assert!(BytesColumn::new(&DictionaryArray::new(keys, numbers)).is_none());
    }
}
