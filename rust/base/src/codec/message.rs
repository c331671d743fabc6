//! A whole message: a struct with a key or a name of its own, and versions.

use super::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use super::layout::Layout;
use super::reader::Reader;
use super::schema::Schema;
use super::value::Value;
use super::writer::Writer;

/// A request, a response, a header or a persisted record. `#[derive(Message)]` writes it.
pub trait Message: Value + Default {
    /// What the derive was told.
    const SCHEMA: Schema;

    /// Reads the message in `version`; bytes after it stay in the reader.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::SCHEMA.versions.contains(version) {
            let reason = DecodeReason::UnknownVersion(version);
            return Err(DecodeError::at(reader.position(), reason).in_field(Self::SCHEMA.name));
        }
        Self::read(reader, Layout::of(&Self::SCHEMA, version))
    }

    /// Writes the message in `version`.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if !Self::SCHEMA.versions.contains(version) {
            let reason = EncodeReason::UnknownVersion(version);
            return Err(EncodeError::new(reason).in_field(Self::SCHEMA.name));
        }
        self.write(writer, Layout::of(&Self::SCHEMA, version))
    }
}
