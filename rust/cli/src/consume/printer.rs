//! How records are printed: as Kafka's console consumer prints them, or as JSON.

use std::io::Write;

use base::TopicPartition;
use clap::Args;
use client::Fetched;
use data_encoding::HEXLOWER;
use records::{BatchError, BatchHeader, Record, TimestampType};

use crate::connection::key_value;
use crate::failure::Failure;
use crate::record_format::RecordFormat;
use crate::record_json::JsonRecord;
use crate::separator::Separator;

/// The properties of Kafka's own formatter.
const PROPERTIES: [&str; 11] = [
    "print.timestamp",
    "print.partition",
    "print.offset",
    "print.epoch",
    "print.headers",
    "print.key",
    "print.value",
    "key.separator",
    "line.separator",
    "headers.separator",
    "null.literal",
];

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of a record")]
pub(super) struct PrintOptions {
    /// How records are printed.
    #[arg(long, value_enum, default_value_t)]
    format: RecordFormat,
    /// Print when each record was made.
    #[arg(long)]
    print_timestamp: bool,
    /// Print the partition of each record.
    #[arg(long)]
    print_partition: bool,
    /// Print the offset of each record.
    #[arg(long)]
    print_offset: bool,
    /// Print the headers of each record.
    #[arg(long)]
    print_headers: bool,
    /// Print the key of each record.
    #[arg(long)]
    print_key: bool,
    /// What stands between two fields; a tab otherwise.
    #[arg(long, value_name = "TEXT", value_parser = Separator::parse)]
    key_separator: Option<Separator>,
    /// The same as properties of Kafka's formatter: print.timestamp, print.partition, print.offset,
    /// print.epoch, print.headers, print.key, print.value, key.separator, line.separator,
    /// headers.separator, null.literal.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_parser = key_value,
        alias = "formatter-property"
    )]
    property: Vec<(String, String)>,
}

/// Prints records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of a record")]
pub(super) struct Printer {
    format: RecordFormat,
    timestamp: bool,
    partition: bool,
    offset: bool,
    epoch: bool,
    headers: bool,
    key: bool,
    value: bool,
    key_separator: Separator,
    line_separator: Separator,
    headers_separator: Separator,
    null_literal: Vec<u8>,
}

impl PrintOptions {
    /// What the line asks for.
    pub(super) fn printer(&self) -> Result<Printer, Failure> {
        let mut printer = Printer {
            format: self.format,
            timestamp: self.print_timestamp,
            partition: self.print_partition,
            offset: self.print_offset,
            epoch: false,
            headers: self.print_headers,
            key: self.print_key,
            value: true,
            key_separator: self.key_separator.clone().unwrap_or_else(|| Separator::of("\t")),
            line_separator: Separator::of("\n"),
            headers_separator: Separator::of(","),
            null_literal: b"null".to_vec(),
        };
        for (key, value) in &self.property {
            printer.set(key, value)?;
        }
        let asks_for_fields = *self != Self { format: self.format, ..Self::default() };
        if self.format == RecordFormat::Json && asks_for_fields {
            let message = "JSON has every field under its name: leave out what prints or separates";
            return Err(Failure::usage(message));
        }
        Ok(printer)
    }
}

impl Printer {
    /// Prints the records of one partition; answers how many there were.
    pub(super) fn print(&self, fetched: &Fetched, out: &mut Vec<u8>) -> Result<u64, BatchError> {
        let mut count = 0;
        for batch in &fetched.batches {
            let records = batch.records()?;
            for record in &records {
                let record = record?;
                if (fetched.start..fetched.end).contains(&record.offset.0) {
                    self.record(&fetched.topic_partition, records.header(), &record, out);
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn record(
        &self,
        place: &TopicPartition,
        batch: &BatchHeader,
        record: &Record<'_>,
        out: &mut Vec<u8>,
    ) {
        const CANNOT_FAIL: &str = "a vector takes all that is written, and a record is plain JSON";
        if self.format == RecordFormat::Json {
            let json = JsonRecord::of(&place.topic, place.partition.0, record);
            serde_json::to_writer(&mut *out, &json).expect(CANNOT_FAIL);
            out.push(b'\n');
            return;
        }
        let mut fields = Fields { out, separator: self.key_separator.bytes(), is_first: true };
        if self.timestamp {
            let kind = match batch.attributes.timestamp_type() {
                _ if record.timestamp < 0 => None,
                TimestampType::CreateTime => Some("CreateTime"),
                TimestampType::LogAppendTime => Some("LogAppendTime"),
            };
            let out = fields.next();
            match kind {
                Some(kind) => write!(out, "{kind}:{}", record.timestamp).expect(CANNOT_FAIL),
                None => out.extend_from_slice(b"NO_TIMESTAMP"),
            }
        }
        if self.partition {
            write!(fields.next(), "Partition:{}", place.partition.0).expect(CANNOT_FAIL);
        }
        if self.offset {
            write!(fields.next(), "Offset:{}", record.offset.0).expect(CANNOT_FAIL);
        }
        if self.epoch {
            write!(fields.next(), "Epoch:{}", batch.partition_leader_epoch.0).expect(CANNOT_FAIL);
        }
        if self.headers {
            self.headers(record, fields.next());
        }
        if self.key {
            self.bytes(record.key, fields.next());
        }
        if self.value {
            self.bytes(record.value, fields.next());
        }
        out.extend_from_slice(self.line_separator.bytes());
    }

    fn headers(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        if record.headers.is_empty() {
            out.extend_from_slice(b"NO_HEADERS");
        }
        for (index, header) in record.headers.into_iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(self.headers_separator.bytes());
            }
            out.extend_from_slice(header.key);
            out.push(b':');
            self.bytes(header.value, out);
        }
    }

    fn bytes(&self, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
        match bytes {
            None => out.extend_from_slice(&self.null_literal),
            Some(bytes) if self.format == RecordFormat::Hex => {
                out.extend_from_slice(HEXLOWER.encode(bytes).as_bytes());
            }
            Some(bytes) => out.extend_from_slice(bytes),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let separator = || {
            Separator::parse(value).map_err(|error| Failure::usage(format_args!("{key}: {error}")))
        };
        let is_on = value.trim().eq_ignore_ascii_case("true");
        match key {
            "print.timestamp" => self.timestamp = is_on,
            "print.partition" => self.partition = is_on,
            "print.offset" => self.offset = is_on,
            "print.epoch" => self.epoch = is_on,
            "print.headers" => self.headers = is_on,
            "print.key" => self.key = is_on,
            "print.value" => self.value = is_on,
            "key.separator" => self.key_separator = separator()?,
            "line.separator" => self.line_separator = separator()?,
            "headers.separator" => self.headers_separator = separator()?,
            "null.literal" => self.null_literal = value.as_bytes().to_vec(),
            // Only share groups count deliveries.
            "print.delivery" if !is_on => {}
            _ => {
                let known = PROPERTIES.join(", ");
                let message = format_args!("there is no property `{key}`: there are {known}");
                return Err(Failure::usage(message));
            }
        }
        Ok(())
    }
}

/// The fields of a line, with what stands between them.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    separator: &'a [u8],
    is_first: bool,
}

impl Fields<'_> {
    /// Where the next one goes.
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_first) {
            self.out.extend_from_slice(self.separator);
        }
        self.out
    }
}

#[cfg(test)]
mod tests;
