//! Fills Arrow columns from fetched record batches in one pass; keys and values stay where they
//! are.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryViewArray, DictionaryArray, Int8Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::ArrowError;
use base::{Offset, PartitionIndex};
use records::{BatchError, CompressionType, NO_TIMESTAMP, Record, RecordIter};
use thiserror::Error;

use crate::fetched_partition::{Current, FetchedPartition};
use crate::header_column::HeaderColumn;
use crate::pinned_buffers::PinnedBuffers;
use crate::schema::{TIME_ZONE, schema};
use crate::view;

/// How many bytes of records a frame takes before it is full. It keeps what Arrow counts in 32
/// bits, such as headers, within them.
pub const FRAME_BYTES_MAX: usize = 1 << 30;

/// The shortest record: a length, attributes, two deltas, two nulls, no header.
const RECORD_BYTES_MIN: usize = 7;

/// Kafka's number for the timestamp type of a record without a timestamp.
const NO_TIMESTAMP_TYPE: i8 = -1;

/// Why records cannot become a frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// A fetched batch is damaged.
    #[error("cannot read the records of {topic}-{partition} from offset {offset}")]
    Batch {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: PartitionIndex,
        /// The offset from which on the records cannot be read.
        offset: Offset,
        /// What is wrong with them.
        source: BatchError,
    },
    /// A fetched buffer is longer than Arrow's views can reach.
    #[error("a fetch of {bytes} bytes is too large for an Arrow buffer: lower fetch.max.bytes")]
    BufferTooLarge {
        /// The buffer's length.
        bytes: usize,
    },
    /// Arrow refused the columns.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// A frame that is being filled.
#[derive(Debug)]
pub struct FrameBuilder {
    rows_max: usize,
    bytes_left: usize,
    keys: ViewColumn,
    values: ViewColumn,
    offsets: Vec<i64>,
    timestamps: Vec<i64>,
    headers: HeaderColumn,
    runs: Vec<Run>,
    topics: Vec<Arc<str>>,
    buffers: PinnedBuffers,
}

/// Rows one after the other that have the same topic, partition and timestamp type.
#[derive(Clone, Copy, Debug)]
struct Run {
    topic: i32,
    partition: i32,
    timestamp_type: i8,
    rows: usize,
}

impl FrameBuilder {
    /// An empty frame that takes up to `rows_max` rows.
    pub fn new(rows_max: usize) -> Self {
        Self {
            rows_max,
            bytes_left: FRAME_BYTES_MAX,
            keys: ViewColumn::new(),
            values: ViewColumn::new(),
            offsets: Vec::new(),
            timestamps: Vec::new(),
            headers: HeaderColumn::new(),
            runs: Vec::new(),
            topics: Vec::new(),
            buffers: PinnedBuffers::default(),
        }
    }

    /// The number of rows so far.
    pub fn row_count(&self) -> usize {
        self.offsets.len()
    }

    /// Whether no row fits any more.
    pub fn is_full(&self) -> bool {
        self.row_count() >= self.rows_max || self.bytes_left == 0
    }

    /// Takes rows until the frame is full or the partition's records are used up. After an error
    /// the rows before it are in the frame, and [`FetchedPartition::next_offset`] is where the
    /// damage begins.
    pub fn append(&mut self, fetched: &mut FetchedPartition) -> Result<(), FrameError> {
        while !self.is_full() {
            let current = fetched.take_current().map_err(|source| damage(fetched, source))?;
            let Some(current) = current else { return Ok(()) };
            self.append_batch(fetched, current)?;
        }
        Ok(())
    }

    /// The frame, with the columns of [`schema`].
    pub fn finish(mut self) -> Result<RecordBatch, FrameError> {
        let rows = self.row_count();
        let [header_keys, header_values] = self.headers.views();
        let columns =
            &mut [&mut self.keys.views, &mut self.values.views, header_keys, header_values];
        let buffers: Arc<[Buffer]> = self.buffers.finish(columns).into();
        let (topics, partitions, timestamp_types) =
            run_columns(&self.runs, &self.topics, &self.timestamps)?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish(&buffers)?),
            Arc::new(self.values.finish(&buffers)?),
            Arc::new(topics),
            Arc::new(partitions),
            Arc::new(Int64Array::from(self.offsets)),
            Arc::new(timestamp_column(self.timestamps)?),
            Arc::new(timestamp_types),
            Arc::new(self.headers.finish(rows, &buffers)?),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }

    fn append_batch(
        &mut self,
        fetched: &mut FetchedPartition,
        current: Current,
    ) -> Result<(), FrameError> {
        let buffer = self.buffer_of(fetched, &current)?;
        self.reserve(&current);
        let rows_before = self.row_count();
        let mut walk = current.records.iter_from(current.position);
        let end = self.take_rows(fetched, &mut walk, buffer);
        let position = walk.record_position();
        let taken_bytes = position.body_bytes() - current.position.body_bytes();
        self.bytes_left = self.bytes_left.saturating_sub(taken_bytes);
        let header = current.records.header();
        let timestamp_type = header.attributes.timestamp_type().id();
        self.end_run(fetched, timestamp_type, self.row_count() - rows_before);
        match end {
            End::FrameFull => fetched.put_back(Current { position, ..current }),
            End::BatchUsedUp => fetched.advance(header.next_offset()),
            End::Damaged(source) => return Err(damage(fetched, source)),
        }
        Ok(())
    }

    fn take_rows(
        &mut self,
        fetched: &mut FetchedPartition,
        walk: &mut RecordIter<'_>,
        buffer: BufferStart,
    ) -> End {
        let mut referenced_bytes = 0;
        let bytes_end = walk.record_position().body_bytes().saturating_add(self.bytes_left);
        let end = loop {
            if self.row_count() >= self.rows_max || walk.record_position().body_bytes() >= bytes_end
            {
                break End::FrameFull;
            }
            match walk.next() {
                Some(Ok(record)) if fetched.wants(record.offset) => {
                    referenced_bytes += self.append_record(&record, buffer);
                    fetched.advance(record.offset.next());
                }
                Some(Ok(_)) => {}
                Some(Err(source)) => break End::Damaged(source),
                None => break End::BatchUsedUp,
            }
        };
        self.buffers.reference(buffer.number, referenced_bytes);
        end
    }

    /// Appends a row and answers how many bytes of the buffer it needs.
    #[inline]
    fn append_record(&mut self, record: &Record<'_>, buffer: BufferStart) -> usize {
        let row = self.offsets.len();
        self.offsets.push(record.offset.0);
        self.timestamps.push(record.timestamp);
        self.keys.append(record.key, buffer)
            + self.values.append(record.value, buffer)
            + self.headers.append(row, record.headers, buffer)
    }

    /// The buffer that the records of a batch are slices of: the response, or what was
    /// decompressed.
    fn buffer_of(
        &mut self,
        fetched: &FetchedPartition,
        current: &Current,
    ) -> Result<BufferStart, FrameError> {
        let compression = current.records.header().attributes.compression();
        let bytes = match compression {
            Ok(CompressionType::None) => fetched.response(),
            _ => current.records.body(),
        };
        if i32::try_from(bytes.len()).is_err() {
            return Err(FrameError::BufferTooLarge { bytes: bytes.len() });
        }
        Ok(BufferStart { number: self.buffers.add(bytes), address: bytes.as_ptr().addr() })
    }

    /// Makes room for the rows of a batch, of whose count its header only claims something.
    fn reserve(&mut self, current: &Current) {
        let body_bytes = current.records.body().len() - current.position.body_bytes();
        let rows = (current.records.header().record_count as usize)
            .min(body_bytes / RECORD_BYTES_MIN)
            .min(self.rows_max - self.row_count());
        self.offsets.reserve(rows);
        self.timestamps.reserve(rows);
        self.keys.views.reserve(rows);
        self.values.views.reserve(rows);
    }

    fn end_run(&mut self, fetched: &FetchedPartition, timestamp_type: i8, rows: usize) {
        if rows == 0 {
            return;
        }
        let topic = self.topics.iter().position(|topic| topic == fetched.topic());
        let topic = topic.unwrap_or_else(|| {
            self.topics.push(Arc::clone(fetched.topic()));
            self.topics.len() - 1
        }) as i32;
        let partition = fetched.partition().0;
        match self.runs.last_mut() {
            Some(run)
                if (run.topic, run.partition, run.timestamp_type)
                    == (topic, partition, timestamp_type) =>
            {
                run.rows += rows;
            }
            _ => self.runs.push(Run { topic, partition, timestamp_type, rows }),
        }
    }
}

/// Why no more rows were taken from a batch.
enum End {
    FrameFull,
    BatchUsedUp,
    Damaged(BatchError),
}

/// A buffer's number in the frame, and the address of its first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferStart {
    pub(crate) number: u32,
    pub(crate) address: usize,
}

impl BufferStart {
    /// The view of `bytes`, which are a slice of the buffer.
    #[inline]
    pub(crate) fn view(self, bytes: &[u8]) -> u128 {
        make_view(bytes, self.number, (bytes.as_ptr().addr() - self.address) as u32)
    }
}

/// A column of views that is being filled.
#[derive(Debug)]
struct ViewColumn {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
}

impl ViewColumn {
    fn new() -> Self {
        Self { views: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Appends a row and answers how many bytes of the buffer it needs.
    #[inline]
    fn append(&mut self, field: Option<&[u8]>, buffer: BufferStart) -> usize {
        if let Some(bytes) = field {
            self.views.push(buffer.view(bytes));
            self.nulls.append_non_null();
            view::referenced_bytes(bytes.len())
        } else {
            self.views.push(0);
            self.nulls.append_null();
            0
        }
    }

    fn finish(self, buffers: &Arc<[Buffer]>) -> Result<BinaryViewArray, ArrowError> {
        let nulls = self.nulls.build();
        BinaryViewArray::try_new(ScalarBuffer::from(self.views), Arc::clone(buffers), nulls)
    }
}

/// The columns that are the same over a run of rows.
fn run_columns(
    runs: &[Run],
    topics: &[Arc<str>],
    timestamps: &[i64],
) -> Result<(DictionaryArray<Int32Type>, Int32Array, Int8Array), ArrowError> {
    let rows = timestamps.len();
    let mut topic_keys = Vec::with_capacity(rows);
    let mut partitions = Vec::with_capacity(rows);
    let mut timestamp_types = Vec::with_capacity(rows);
    for run in runs {
        let end = topic_keys.len() + run.rows;
        topic_keys.resize(end, run.topic);
        partitions.resize(end, run.partition);
        timestamp_types.resize(end, run.timestamp_type);
    }
    for (timestamp_type, timestamp) in timestamp_types.iter_mut().zip(timestamps) {
        if *timestamp == NO_TIMESTAMP {
            *timestamp_type = NO_TIMESTAMP_TYPE;
        }
    }
    let topics = StringArray::from_iter_values(topics.iter().map(|topic| &**topic));
    let topics = DictionaryArray::try_new(Int32Array::from(topic_keys), Arc::new(topics))?;
    Ok((topics, Int32Array::from(partitions), Int8Array::from(timestamp_types)))
}

fn timestamp_column(timestamps: Vec<i64>) -> Result<TimestampMillisecondArray, ArrowError> {
    let nulls = timestamps
        .contains(&NO_TIMESTAMP)
        .then(|| timestamps.iter().map(|&timestamp| timestamp != NO_TIMESTAMP).collect())
        .map(|valid: Vec<bool>| NullBuffer::from(valid));
    let column = TimestampMillisecondArray::try_new(timestamps.into(), nulls)?;
    Ok(column.with_timezone(TIME_ZONE))
}

fn damage(fetched: &FetchedPartition, source: BatchError) -> FrameError {
    FrameError::Batch {
        topic: Arc::clone(fetched.topic()),
        partition: fetched.partition(),
        offset: fetched.next_offset(),
        source,
    }
}

#[cfg(test)]
mod tests;
