//! How one message is laid out: its version, and what follows from it.

use super::schema::{Kind, Schema};

/// What every field of a message must know to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The message's version.
    pub version: i16,
    /// Whether lengths are variable-length integers and structs end in tagged fields (KIP-482).
    pub flexible: bool,
    /// Whether a set field that the version lacks is an error. A broker drops such fields from its
    /// answers: it builds one answer for every version. A request or a persisted record that lost a
    /// field would mean something else.
    pub strict: bool,
}

impl Layout {
    /// The layout of `schema`'s version `version`.
    pub fn of(schema: &Schema, version: i16) -> Self {
        Self {
            version,
            flexible: schema.flexible.is_some_and(|flexible| flexible.contains(version)),
            strict: schema.kind != Kind::Response,
        }
    }

    /// The same version with fixed-size lengths, for the fields that stay so (the client id of
    /// request header 2).
    #[must_use]
    pub fn inflexible(self) -> Self {
        Self { flexible: false, ..self }
    }
}
