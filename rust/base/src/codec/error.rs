//! Why a message could not be read or written, and in which field.

use thiserror::Error;

use crate::varint::VarintError;

/// A message that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cannot read {field} at byte {position}: {reason}")]
pub struct DecodeError {
    /// `Struct.Field`, in Kafka's names.
    pub field: &'static str,
    /// Where in the frame.
    pub position: usize,
    /// What is wrong there.
    pub reason: DecodeReason,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeReason {
    /// The frame ends inside a value.
    #[error("{needed} bytes are needed and {remaining} are left")]
    Truncated {
        /// The bytes that the value takes.
        needed: usize,
        /// The bytes that are left.
        remaining: usize,
    },
    /// An array claims more elements than the rest of the frame can hold.
    #[error(
        "an array claims {claimed} elements and the rest of the frame holds at most {possible}"
    )]
    TooManyElements {
        /// The elements that it claims.
        claimed: usize,
        /// The elements of the smallest size that would fit.
        possible: usize,
    },
    /// The arrays together would take more memory than a frame of this size may.
    #[error("the arrays take more memory than a frame of this size may")]
    HeapExhausted,
    /// Null where the version has no null.
    #[error("null is not allowed here")]
    Null,
    /// A string of more than 32,767 bytes.
    #[error("a string of {0} bytes is longer than 32767")]
    StringTooLong(usize),
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// A bad variable-length integer.
    #[error(transparent)]
    Varint(#[from] VarintError),
    /// The message has no such version.
    #[error("version {0} is not known")]
    UnknownVersion(i16),
}

/// A message that could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cannot write {field}: {reason}")]
pub struct EncodeError {
    /// `Struct.Field`, in Kafka's names.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: EncodeReason,
}

/// What cannot be said on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeReason {
    /// A field that the version lacks is set, and leaving it out would change the meaning.
    #[error("version {0} lacks this field; leave it at its default or use a version that has it")]
    NotInVersion(i16),
    /// Null where the version has no null.
    #[error("null is not allowed in this version")]
    Null,
    /// A string, array or frame that its length field cannot count.
    #[error("a length of {length} is over the limit of {limit}")]
    TooLong {
        /// Its length.
        length: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The message has no such version.
    #[error("version {0} is not known")]
    UnknownVersion(i16),
}

/// Stands for the field until the struct that holds it adds its name.
const NO_FIELD: &str = "";

impl DecodeError {
    /// An error at `position`, in a field that the caller's struct will name.
    pub fn at(position: usize, reason: DecodeReason) -> Self {
        Self { field: NO_FIELD, position, reason }
    }

    /// Names the field, unless a field further inside has been named.
    #[must_use]
    pub fn in_field(self, field: &'static str) -> Self {
        Self { field: if self.field.is_empty() { field } else { self.field }, ..self }
    }
}

impl EncodeError {
    /// An error in a field that the caller's struct will name.
    pub fn new(reason: EncodeReason) -> Self {
        Self { field: NO_FIELD, reason }
    }

    /// Names the field, unless a field further inside has been named.
    #[must_use]
    pub fn in_field(self, field: &'static str) -> Self {
        Self { field: if self.field.is_empty() { field } else { self.field }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_innermost_field_and_what_to_do() {
        let error = EncodeError::new(EncodeReason::NotInVersion(3))
            .in_field("Inner.Field")
            .in_field("Outer.Inner");
        assert_eq!(
            error.to_string(),
            "cannot write Inner.Field: version 3 lacks this field; \
             leave it at its default or use a version that has it"
        );
        let error = DecodeError::at(7, DecodeReason::Truncated { needed: 4, remaining: 1 })
            .in_field("Inner.Field")
            .in_field("Outer.Inner");
        assert_eq!(
            error.to_string(),
            "cannot read Inner.Field at byte 7: 4 bytes are needed and 1 are left"
        );
    }
}
