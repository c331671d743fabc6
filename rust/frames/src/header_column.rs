//! The headers column: it costs nothing until a record has a header.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{BinaryViewArray, ListArray, StringViewArray, StructArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use records::Headers;

use crate::frame_builder::BufferStart;
use crate::schema::{header_fields, header_item};
use crate::view;

/// Gathers the headers of records, row by row.
#[derive(Debug)]
pub(crate) struct HeaderColumn {
    /// Where each row's headers end; empty as long as no row has any.
    ends: Vec<i32>,
    keys: Vec<u128>,
    values: Vec<u128>,
    value_nulls: NullBufferBuilder,
    /// Keys that had to be made text, which is rare.
    texts: Vec<(usize, String)>,
}

impl HeaderColumn {
    pub(crate) fn new() -> Self {
        Self {
            ends: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            value_nulls: NullBufferBuilder::new(0),
            texts: Vec::new(),
        }
    }

    /// Appends the headers of row number `row` and answers how many bytes of the buffer they need.
    #[inline]
    pub(crate) fn append(
        &mut self,
        row: usize,
        headers: Headers<'_>,
        buffer: BufferStart,
    ) -> usize {
        if self.ends.is_empty() {
            if headers.is_empty() {
                return 0;
            }
            self.ends.resize(row, 0);
        }
        let mut referenced_bytes = 0;
        for header in headers {
            self.append_key(header.key, buffer);
            referenced_bytes += view::referenced_bytes(header.key.len());
            self.value_nulls.append(header.value.is_some());
            self.values.push(header.value.map_or(0, |value| {
                referenced_bytes += view::referenced_bytes(value.len());
                buffer.view(value)
            }));
        }
        // The frame's limit of bytes keeps this below two to the 31st.
        self.ends.push(self.keys.len() as i32);
        referenced_bytes
    }

    fn append_key(&mut self, key: &[u8], buffer: BufferStart) {
        if std::str::from_utf8(key).is_err() {
            let text = String::from_utf8_lossy(key).into_owned();
            self.texts.push((self.keys.len(), text));
        }
        self.keys.push(buffer.view(key));
    }

    /// The views of keys and values, to be moved where their buffers are copied.
    pub(crate) fn views(&mut self) -> [&mut Vec<u128>; 2] {
        [&mut self.keys, &mut self.values]
    }

    /// The column of `rows` rows over the frame's buffers.
    pub(crate) fn finish(
        mut self,
        rows: usize,
        buffers: &Arc<[Buffer]>,
    ) -> Result<ListArray, ArrowError> {
        let offsets = if self.ends.is_empty() {
            OffsetBuffer::new_zeroed(rows)
        } else {
            let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.drain(..)).collect();
            OffsetBuffer::new(offsets.into())
        };
        let key_buffers = self.replace_texts(buffers);
        let keys = StringViewArray::try_new(ScalarBuffer::from(self.keys), key_buffers, None)?;
        let nulls = self.value_nulls.finish();
        let values =
            BinaryViewArray::try_new(ScalarBuffer::from(self.values), Arc::clone(buffers), nulls)?;
        let headers =
            StructArray::try_new(header_fields(), vec![Arc::new(keys), Arc::new(values)], None)?;
        ListArray::try_new(header_item(), offsets, Arc::new(headers), None)
    }

    /// Points the keys that are not UTF-8 to their texts, in a buffer of their own.
    fn replace_texts(&mut self, buffers: &Arc<[Buffer]>) -> Arc<[Buffer]> {
        if self.texts.is_empty() {
            return Arc::clone(buffers);
        }
        let number = buffers.len() as u32;
        let mut own = Vec::new();
        for (index, text) in &self.texts {
            self.keys[*index] = make_view(text.as_bytes(), number, own.len() as u32);
            own.extend_from_slice(text.as_bytes());
        }
        buffers.iter().cloned().chain([Buffer::from(own)]).collect()
    }
}
