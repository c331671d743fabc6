//! Record batches to Arrow columns, in place where Arrow allows it, and Arrow columns to records.
//!
//! Reading: a [`FrameBuilder`] takes rows from [`FetchedPartition`]s and becomes an Arrow record
//! batch with the columns of [`schema`], whose keys and values are views into the fetched bytes;
//! [`cast`] gives it the types that a consumer asks for. Writing: [`Rows`] walks over the columns
//! of any record batch that become keys, values, headers, timestamps and partitions.

mod bytes_column;
pub mod cast;
pub mod fetched_partition;
pub mod frame_builder;
mod header_column;
mod header_lists;
mod partition_column;
mod pinned_buffers;
pub mod rows;
pub mod schema;
mod timestamp_column;
mod view;

pub use cast::{CastError, cast};
pub use fetched_partition::FetchedPartition;
pub use frame_builder::{FrameBuilder, FrameError};
pub use header_lists::RowHeaders;
pub use rows::{ColumnError, ColumnNames, Row, Rows};
pub use schema::schema;
