//! The codec: bounded reading and copy-free writing of Kafka's field types, and the traits that
//! derived messages fill.
//!
//! It lives here, not in `wire`, because persisted records (cluster metadata) are laid out by the
//! same rules as messages. `#[derive(Message)]` (crate `wire-derive`) writes [`Value`] for a struct
//! from the version ranges on its fields.

mod error;
mod frame;
mod layout;
mod message;
mod reader;
mod records;
mod schema;
mod value;
mod writer;

pub use error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
pub use frame::{Frame, Part};
pub use layout::Layout;
pub use message::Message;
pub use reader::Reader;
pub use records::Records;
pub use schema::{Field, Kind, Schema, Type, Versions};
pub use value::{Nullable, Value, read_tagged_struct, write_tagged_struct};
pub use writer::Writer;
