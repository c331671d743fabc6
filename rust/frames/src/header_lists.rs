//! A column of headers: lists of structs of key and value, or maps, as Arrow has them.
//!
//! ```text
//! row      0       1   2            offsets  0 2 2 3
//! headers  a=1 a=  -   b=2          keys     a a b
//!                                   values   1 - 2
//! ```

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, StructArray};
use arrow_schema::DataType;

use crate::bytes_column::BytesColumn;

/// The headers of every row.
#[derive(Debug)]
pub(crate) struct HeaderLists<'a> {
    lists: &'a dyn Array,
    offsets: Offsets<'a>,
    headers: &'a StructArray,
    keys: BytesColumn<'a>,
    values: BytesColumn<'a>,
}

/// Where each row's headers begin and end.
#[derive(Clone, Copy, Debug)]
enum Offsets<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

/// The headers of a row, in order: their keys and values.
#[derive(Clone, Debug)]
pub struct RowHeaders<'a> {
    lists: Option<Arc<HeaderLists<'a>>>,
    range: Range<usize>,
}

impl<'a> HeaderLists<'a> {
    /// The column, if it holds headers. Of a struct's fields those named key and value are taken.
    pub(crate) fn new(column: &'a dyn Array) -> Option<Self> {
        let (offsets, headers, keys, values) = match column.data_type() {
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let headers = lists.values().as_struct_opt()?;
                let (keys, values) = named(headers)?;
                (Offsets::Narrow(lists.value_offsets()), headers, keys, values)
            }
            DataType::LargeList(_) => {
                let lists = column.as_list::<i64>();
                let headers = lists.values().as_struct_opt()?;
                let (keys, values) = named(headers)?;
                (Offsets::Wide(lists.value_offsets()), headers, keys, values)
            }
            DataType::Map(_, _) => {
                let maps = column.as_map();
                let (keys, values) = (maps.keys().as_ref(), maps.values().as_ref());
                (Offsets::Narrow(maps.value_offsets()), maps.entries(), keys, values)
            }
            _ => return None,
        };
        let (keys, values) = (BytesColumn::new(keys)?, BytesColumn::new(values)?);
        Some(Self { lists: column, offsets, headers, keys, values })
    }

    /// The first row with a header that has no key, if there is one.
    pub(crate) fn row_without_key(&self) -> Option<usize> {
        let has_key = |header| self.headers.is_valid(header) && self.keys.get(header).is_some();
        (0..self.lists.len()).find(|row| !self.range(*row).all(has_key))
    }

    fn range(&self, row: usize) -> Range<usize> {
        if self.lists.is_null(row) {
            return 0..0;
        }
        // Arrow's offsets are checked where an array is made: they neither fall nor are negative.
        match self.offsets {
            Offsets::Narrow(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Offsets::Wide(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
        }
    }
}

fn named(headers: &StructArray) -> Option<(&dyn Array, &dyn Array)> {
    Some((headers.column_by_name("key")?.as_ref(), headers.column_by_name("value")?.as_ref()))
}

impl<'a> RowHeaders<'a> {
    /// No headers.
    pub(crate) const NONE: Self = Self { lists: None, range: 0..0 };

    pub(crate) fn new(lists: &Arc<HeaderLists<'a>>, row: usize) -> Self {
        Self { lists: Some(Arc::clone(lists)), range: lists.range(row) }
    }
}

impl<'a> Iterator for RowHeaders<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let lists = self.lists.as_ref()?;
        let header = self.range.next()?;
        Some((lists.keys.get(header)?, lists.values.get(header)))
    }
}
