//! What is printed, to the byte, of records that have everything, nothing, or no text.

use clap::Parser;
use records::{BatchBuilder, Compression, Header, ProducerStamp, RecordBatch};

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    print: PrintOptions,
}

/// Three records of partition 2 of topic `t`, from offset 10 on: one with everything, one with
/// nothing, one of bytes that are no text.
fn fetched() -> Fetched {
    let mut builder = BatchBuilder::new(1 << 16);
    let headers = [Header::new("a", Some(b"1")), Header::new("a", None)];
    builder.try_append(1000, Some(b"k"), Some(b"v"), &headers).unwrap();
    builder.try_append(1001, None, None, &[]).unwrap();
    builder.try_append(1002, Some(b"\xff"), Some(b"\0\xfe"), &[]).unwrap();
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[..8].copy_from_slice(&10_i64.to_be_bytes());
    let batch = RecordBatch::parse(bytes.into()).unwrap();
    Fetched {
        topic_partition: TopicPartition::new("t", 2),
        bytes: batch.bytes().clone(),
        batches: vec![batch],
        start: 10,
        end: 13,
        high_watermark: 13,
        log_start: 0,
        tenure: 0,
    }
}

fn printed(line: &str) -> Vec<u8> {
    let line = Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap();
    let mut out = Vec::new();
    assert_eq!(line.print.printer().unwrap().print(&fetched(), &mut out).unwrap(), 3);
    out
}

fn refused(line: &str) -> String {
    let line = Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap();
    line.print.printer().unwrap_err().lines()[0].clone()
}

#[test]
fn a_plain_line_is_the_value_as_it_is() {
    assert_eq!(printed(""), b"v\nnull\n\0\xfe\n");
}

#[test]
fn every_field_is_printed_in_kafkas_order_and_words() {
    let all = "--print-timestamp --print-partition --print-offset --print-headers --print-key";
    let first = b"CreateTime:1000\tPartition:2\tOffset:10\ta:1,a:null\tk\tv\n";
    let second = b"CreateTime:1001\tPartition:2\tOffset:11\tNO_HEADERS\tnull\tnull\n";
    assert!(printed(all).starts_with(&[&first[..], second].concat()));
}

#[test]
fn kafkas_properties_say_the_same_as_the_options() {
    let options = printed("--print-key --print-offset --key-separator |");
    let properties = "--property print.key=true --formatter-property print.offset=true \
                      --property key.separator=|";
    assert_eq!(printed(properties), options);
    assert_eq!(options, b"Offset:10|k|v\nOffset:11|null|null\nOffset:12|\xff|\0\xfe\n");
    let without = "--property print.value=false --property print.key=true \
                   --property null.literal=NONE --property line.separator=;";
    assert_eq!(printed(without), b"k;NONE;\xff;");
    assert!(printed("--property print.epoch=true").starts_with(b"Epoch:-1\tv\n"));
}

#[test]
fn hexadecimal_digits_stand_for_any_bytes_and_null_is_none_of_them() {
    assert_eq!(printed("--format hex --print-key"), b"6b\t76\nnull\tnull\nff\t00fe\n");
    assert!(printed("--format hex --print-headers").starts_with(b"a:31,a:null\t76\n"));
}

#[test]
fn json_has_a_line_for_each_record_and_loses_nothing() {
    let text = String::from_utf8(printed("--format json")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let first = r#"{"topic":"t","partition":2,"offset":10,"timestamp":1000,"key":"k","value":"v","#;
    let headers = r#""headers":[{"key":"a","value":"1"},{"key":"a","value":null}]}"#;
    assert_eq!(lines[0], format!("{first}{headers}"));
    let third = r#""key":{"base64":"/w=="},"value":{"base64":"AP4="},"headers":[]}"#;
    assert!(lines[2].ends_with(third), "{}", lines[2]);
}

#[test]
fn only_the_records_that_are_meant_are_printed() {
    let printer = PrintOptions::default().printer().unwrap();
    let mut out = Vec::new();
    let part = Fetched { start: 11, end: 12, ..fetched() };
    assert_eq!(printer.print(&part, &mut out).unwrap(), 1);
    assert_eq!(out, b"null\n");
}

#[test]
fn what_cannot_be_printed_is_refused_by_name() {
    assert!(refused("--property print.kye=true").contains("no property `print.kye`"));
    assert!(refused("--property key.separator=").contains("key.separator: expected"));
    assert!(refused("--format json --print-key").contains("JSON has every field"));
}
