//! How a line of standard input reads as a record: as Kafka's console producer reads it, or as
//! JSON.
//!
//! ```text
//!   h1:v1,h2:v2 <headers.delimiter> key <key.separator> value
//! ```

use std::borrow::Cow;

use clap::Args;
use client::Header;
use data_encoding::HEXLOWER_PERMISSIVE;
use thiserror::Error;

use crate::connection::key_value;
use crate::failure::Failure;
use crate::record_format::RecordFormat;
use crate::record_json::JsonRecord;
use crate::separator::Separator;

const PROPERTIES: [&str; 8] = [
    "parse.key",
    "key.separator",
    "parse.headers",
    "headers.delimiter",
    "headers.separator",
    "headers.key.separator",
    "null.marker",
    "ignore.error",
];
/// What stands for nothing among hexadecimal digits, of which it is none.
const HEX_NULL: &[u8] = b"null";

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub(super) struct LineOptions {
    /// How a line reads as a record.
    #[arg(long, value_enum, default_value_t)]
    format: RecordFormat,
    /// A line begins with the key.
    #[arg(long)]
    parse_key: bool,
    /// What stands between key and value, a tab otherwise; implies --parse-key.
    #[arg(long, value_name = "TEXT", value_parser = Separator::parse)]
    key_separator: Option<Separator>,
    /// A line begins with headers, as h1:v1,h2:v2 and a tab.
    #[arg(long)]
    parse_headers: bool,
    /// The same and more as properties of Kafka's reader: parse.key, key.separator, parse.headers,
    /// headers.delimiter, headers.separator, headers.key.separator, null.marker, ignore.error.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, alias = "reader-property")]
    property: Vec<(String, String)>,
}

/// Reads lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineFormat {
    format: RecordFormat,
    parse_key: bool,
    key_separator: Separator,
    parse_headers: bool,
    headers_delimiter: Separator,
    headers_separator: Separator,
    headers_key_separator: Separator,
    null_marker: Option<Vec<u8>>,
    ignore_error: bool,
}

/// What a line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LineRecord<'a> {
    pub(super) topic: Option<Cow<'a, str>>,
    pub(super) partition: Option<i32>,
    pub(super) timestamp_ms: Option<i64>,
    pub(super) key: Option<Cow<'a, [u8]>>,
    pub(super) value: Option<Cow<'a, [u8]>>,
    pub(super) headers: Vec<LineHeader<'a>>,
}

/// A header's key and value.
pub(super) type LineHeader<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// Why a line is no record.
#[derive(Debug, Error)]
pub(super) enum LineError {
    #[error("there is no {0} in it")]
    NoSeparator(&'static str),
    #[error("the header `{0}` has no headers.key.separator")]
    NoHeaderValue(String),
    #[error("a header has the null.marker for a key, and needs a key")]
    NullHeaderKey,
    #[error("`{0}` are no hexadecimal digits")]
    NoHex(String),
    #[error("{0}")]
    NoJson(serde_json::Error),
}

impl LineOptions {
    /// The way in which lines read.
    pub(super) fn record_format(&self) -> RecordFormat {
        self.format
    }

    /// What the line asks for.
    pub(super) fn format(&self) -> Result<LineFormat, Failure> {
        let mut format = LineFormat {
            format: self.format,
            parse_key: self.parse_key || self.key_separator.is_some(),
            key_separator: self.key_separator.clone().unwrap_or_else(|| Separator::of("\t")),
            parse_headers: self.parse_headers,
            headers_delimiter: Separator::of("\t"),
            headers_separator: Separator::of(","),
            headers_key_separator: Separator::of(":"),
            null_marker: (self.format == RecordFormat::Hex).then(|| HEX_NULL.to_vec()),
            ignore_error: false,
        };
        for (key, value) in &self.property {
            format.set(key, value)?;
        }
        format.check_distinct()?;
        if self.format == RecordFormat::Json && (format.parse_key || format.parse_headers) {
            let message = "JSON has key and headers under their names: leave out what parses them";
            return Err(Failure::usage(message));
        }
        Ok(format)
    }
}

impl LineFormat {
    /// Reads one line.
    pub(super) fn read<'a>(&self, line: &'a [u8]) -> Result<LineRecord<'a>, LineError> {
        if self.format == RecordFormat::Json {
            let record: JsonRecord<'_> = serde_json::from_slice(line).map_err(LineError::NoJson)?;
            return Ok(LineRecord::of(record));
        }
        let mut record = LineRecord::default();
        let mut rest = line;
        if self.parse_headers
            && let Some(headers) =
                self.cut(&mut rest, &self.headers_delimiter, "headers.delimiter")?
        {
            record.headers = self.headers(headers)?;
        }
        if self.parse_key
            && let Some(key) = self.cut(&mut rest, &self.key_separator, "key.separator")?
        {
            record.key = self.field(key)?;
        }
        record.value = self.field(rest)?;
        Ok(record)
    }

    /// Takes off what stands before the separator; nothing if there is none and that is no error.
    fn cut<'a>(
        &self,
        line: &mut &'a [u8],
        separator: &Separator,
        name: &'static str,
    ) -> Result<Option<&'a [u8]>, LineError> {
        match separator.find(line) {
            Some(at) => {
                let (field, rest) = line.split_at(at);
                *line = &rest[separator.bytes().len()..];
                Ok(Some(field))
            }
            None if self.ignore_error => Ok(None),
            None => Err(LineError::NoSeparator(name)),
        }
    }

    fn headers<'a>(&self, mut text: &'a [u8]) -> Result<Vec<LineHeader<'a>>, LineError> {
        let mut headers = Vec::new();
        // `NO_HEADERS` is what the consumer prints of a record without any.
        if self.is_null(text) || text == b"NO_HEADERS" {
            return Ok(headers);
        }
        loop {
            let end = self.headers_separator.find(text);
            let pair = &text[..end.unwrap_or(text.len())];
            match self.headers_key_separator.find(pair) {
                Some(at) => {
                    let (key, value) = pair.split_at(at);
                    if self.is_null(key) {
                        return Err(LineError::NullHeaderKey);
                    }
                    let value = &value[self.headers_key_separator.bytes().len()..];
                    headers.push((Cow::Borrowed(key), self.field(value)?));
                }
                None if self.ignore_error => headers.push((Cow::Borrowed(pair), None)),
                None => return Err(LineError::NoHeaderValue(lossy(pair))),
            }
            match end {
                None => return Ok(headers),
                Some(end) => text = &text[end + self.headers_separator.bytes().len()..],
            }
        }
    }

    fn field<'a>(&self, text: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, LineError> {
        if self.is_null(text) {
            return Ok(None);
        }
        if self.format != RecordFormat::Hex {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let bytes = HEXLOWER_PERMISSIVE.decode(text).map_err(|_| LineError::NoHex(lossy(text)))?;
        Ok(Some(Cow::Owned(bytes)))
    }

    fn is_null(&self, text: &[u8]) -> bool {
        self.null_marker.as_deref() == Some(text)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let separator = || {
            Separator::parse(value)
                .map_err(|error| Failure::usage(format_args!("property {key}: {error}")))
        };
        let is_on = value.trim().eq_ignore_ascii_case("true");
        match key {
            "parse.key" => self.parse_key = is_on,
            "key.separator" => self.key_separator = separator()?,
            "parse.headers" => self.parse_headers = is_on,
            "headers.delimiter" => self.headers_delimiter = separator()?,
            "headers.separator" => self.headers_separator = separator()?,
            "headers.key.separator" => self.headers_key_separator = separator()?,
            "null.marker" => self.null_marker = Some(value.as_bytes().to_vec()),
            "ignore.error" => self.ignore_error = is_on,
            _ => {
                let known = PROPERTIES.join(", ");
                let message = format_args!("there is no property `{key}`: there are {known}");
                return Err(Failure::usage(message));
            }
        }
        Ok(())
    }

    /// What is two things at once can be told apart by nobody.
    fn check_distinct(&self) -> Result<(), Failure> {
        let marker = self.null_marker.as_deref();
        let mut seen: Vec<(&str, &[u8])> = Vec::new();
        let separators = [
            ("headers.delimiter", self.headers_delimiter.bytes()),
            ("headers.separator", self.headers_separator.bytes()),
            ("headers.key.separator", self.headers_key_separator.bytes()),
        ];
        let marker = marker.map(|marker| ("null.marker", marker));
        for (name, bytes) in separators.into_iter().chain(marker) {
            if let Some((other, _)) = seen.iter().find(|(_, other)| *other == bytes) {
                return Err(Failure::usage(format_args!("{other} and {name} may not be equal")));
            }
            seen.push((name, bytes));
        }
        if marker.is_some_and(|(_, marker)| marker == self.key_separator.bytes()) {
            return Err(Failure::usage("key.separator and null.marker may not be equal"));
        }
        Ok(())
    }
}

impl<'a> LineRecord<'a> {
    fn of(json: JsonRecord<'a>) -> Self {
        Self {
            topic: json.topic,
            partition: json.partition,
            timestamp_ms: json.timestamp.filter(|timestamp| *timestamp >= 0),
            key: json.key.map(|key| key.0),
            value: json.value.map(|value| value.0),
            headers: json
                .headers
                .into_iter()
                .map(|header| (header.key.0, header.value.map(|value| value.0)))
                .collect(),
        }
    }

    /// The headers, as the producer takes them.
    pub(super) fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect()
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests;
