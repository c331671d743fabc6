//! What lines say, in each format, and what is said of those that say nothing.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    line: LineOptions,
}

fn options(arguments: &[&str]) -> LineOptions {
    Line::try_parse_from(["x"].iter().chain(arguments)).unwrap().line
}

fn format(arguments: &[&str]) -> LineFormat {
    options(arguments).format().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    options(arguments).format().unwrap_err().lines()[0].clone()
}

/// Key, value and headers of a line, `None` being nothing.
fn read(arguments: &[&str], line: &[u8]) -> String {
    let format = format(arguments);
    let record = match format.read(line) {
        Ok(record) => record,
        Err(error) => return error.to_string(),
    };
    let text =
        |bytes: &Option<Cow<'_, [u8]>>| bytes.as_deref().map(|b| b.escape_ascii().to_string());
    let headers: Vec<_> =
        record.headers.iter().map(|(key, value)| (lossy(key), text(value))).collect();
    format!("{:?} {:?} {headers:?}", text(&record.key), text(&record.value))
}

#[test]
fn a_line_is_a_value_unless_more_is_said() {
    assert_eq!(read(&[], b"a\tb"), r#"None Some("a\\tb") []"#);
    assert_eq!(read(&[], b""), r#"None Some("") []"#);
    assert_eq!(read(&["--parse-key"], b"k\tv\tw"), r#"Some("k") Some("v\\tw") []"#);
    assert_eq!(read(&["--key-separator", "::"], b"k::v"), r#"Some("k") Some("v") []"#);
    assert_eq!(read(&["--parse-key"], b"\t"), r#"Some("") Some("") []"#);
}

#[test]
fn headers_stand_before_the_key() {
    let both = ["--parse-headers", "--parse-key"];
    let expected = r#"Some("k") Some("v") [("a", Some("1")), ("a", Some("x:y"))]"#;
    assert_eq!(read(&both, b"a:1,a:x:y\tk\tv"), expected);
    assert_eq!(read(&["--parse-headers"], b"NO_HEADERS\tv"), r#"None Some("v") []"#);
}

#[test]
fn kafkas_properties_say_the_same_as_the_options() {
    let arguments = ["--property", "parse.key=true", "--reader-property", "key.separator=|"];
    assert_eq!(format(&arguments), format(&["--parse-key", "--key-separator", "|"]));
    let headers = [
        "--property",
        "parse.headers=true",
        "--property",
        "headers.delimiter=!",
        "--property",
        "headers.separator=;",
        "--property",
        "headers.key.separator==",
        "--property",
        "null.marker=NIL",
    ];
    assert_eq!(read(&headers, b"a=1;b=NIL!NIL"), r#"None None [("a", Some("1")), ("b", None)]"#);
    assert_eq!(read(&headers, b"NIL!v"), r#"None Some("v") []"#);
}

#[test]
fn a_line_that_lacks_something_is_refused_unless_errors_are_ignored() {
    assert!(read(&["--parse-key"], b"v").contains("no key.separator"));
    assert!(read(&["--parse-headers"], b"v").contains("no headers.delimiter"));
    assert!(read(&["--parse-headers"], b"h\tv").contains("`h` has no headers.key.separator"));
    let marked = ["--parse-headers", "--property", "null.marker=NIL"];
    assert!(read(&marked, b"NIL:1\tv").contains("needs a key"));
    let ignoring = ["--parse-headers", "--parse-key", "--property", "ignore.error=true"];
    assert_eq!(read(&ignoring, b"v"), r#"None Some("v") []"#);
    assert_eq!(read(&ignoring, b"h\tk\tv"), r#"Some("k") Some("v") [("h", None)]"#);
}

#[test]
fn hexadecimal_digits_are_any_bytes_and_null_is_nothing() {
    let hex = ["--format", "hex", "--parse-key", "--parse-headers"];
    let expected = r#"None Some("\\x00\\xfe") [("a", Some("1")), ("a", None)]"#;
    assert_eq!(read(&hex, b"a:31,a:null\tnull\t00Fe"), expected);
    assert!(read(&hex[..2], b"0").contains("`0` are no hexadecimal digits"));
    assert!(read(&hex[..2], b"v!").contains("`v!` are no hexadecimal digits"));
}

#[test]
fn a_line_of_json_has_everything_under_its_name() {
    let place = r#"{"topic":"t","partition":2,"offset":9,"timestamp":5,"key":null,"#;
    let rest = r#""value":{"base64":"/w=="},"headers":[{"key":"h","value":"x"}]}"#;
    let line = format!("{place}{rest}");
    let json = format(&["--format", "json"]);
    let expected = LineRecord {
        topic: Some("t".into()),
        partition: Some(2),
        timestamp_ms: Some(5),
        key: None,
        value: Some(b"\xff"[..].into()),
        headers: vec![(b"h"[..].into(), Some(b"x"[..].into()))],
    };
    assert_eq!(json.read(line.as_bytes()).unwrap(), expected);
    assert_eq!(json.read(br#"{"timestamp":-1}"#).unwrap(), LineRecord::default());
    assert!(json.read(b"v").unwrap_err().to_string().contains("column 1"));
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    assert!(refused(&["--property", "headers.separator=:"]).contains("may not be equal"));
    assert!(refused(&["--property", "headers.delimiter=,"]).contains("may not be equal"));
    let marker = ["--property", "null.marker=x", "--key-separator", "x"];
    assert!(refused(&marker).contains("key.separator and null.marker"));
    assert!(refused(&["--property", "parse.kye=true"]).contains("no property `parse.kye`"));
    assert!(refused(&["--format", "json", "--parse-key"]).contains("JSON has key and headers"));
}
