//! The ways in which records are written on standard output and read from standard input.

use clap::ValueEnum;

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// The bytes as they are, a record a line.
    #[default]
    Text,
    /// A JSON object a line, from which the record can be made again whatever its bytes are.
    Json,
    /// As text, keys and values and header values in hexadecimal digits.
    Hex,
}
