//! A record as a line of JSON: what `ottla consume --format json` writes, `ottla produce --format
//! json` reads.
//!
//! ```text
//! {"topic":"t","partition":0,"offset":7,"timestamp":1795255200000,"key":"k","value":"v",
//!  "headers":[{"key":"h","value":"x"}]}
//! ```
//! Bytes that are UTF-8 are a text. Others are an object, which no text can be taken for:
//! `{"base64":"/wA="}`.

use std::borrow::Cow;

use data_encoding::BASE64;
use records::{Header, Record};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The whole of a record. What only the broker can say is not needed to send it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonRecord<'a> {
    #[serde(default)]
    pub(crate) topic: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) partition: Option<i32>,
    #[serde(default)]
    pub(crate) offset: Option<i64>,
    /// Milliseconds since 1970; -1 for none.
    #[serde(default)]
    pub(crate) timestamp: Option<i64>,
    #[serde(default)]
    pub(crate) key: Option<JsonBytes<'a>>,
    #[serde(default)]
    pub(crate) value: Option<JsonBytes<'a>>,
    #[serde(default)]
    pub(crate) headers: Vec<JsonHeader<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonHeader<'a> {
    pub(crate) key: JsonBytes<'a>,
    #[serde(default)]
    pub(crate) value: Option<JsonBytes<'a>>,
}

/// Any bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonBytes<'a>(pub(crate) Cow<'a, [u8]>);

impl<'a> JsonRecord<'a> {
    /// A record that was read.
    pub(crate) fn of(topic: &'a str, partition: i32, record: &Record<'a>) -> Self {
        Self {
            topic: Some(Cow::Borrowed(topic)),
            partition: Some(partition),
            offset: Some(record.offset.0),
            timestamp: Some(record.timestamp),
            key: record.key.map(JsonBytes::of),
            value: record.value.map(JsonBytes::of),
            headers: record.headers.into_iter().map(JsonHeader::of).collect(),
        }
    }
}

impl<'a> JsonHeader<'a> {
    fn of(header: Header<'a>) -> Self {
        Self { key: JsonBytes::of(header.key), value: header.value.map(JsonBytes::of) }
    }
}

impl<'a> JsonBytes<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl Serialize for JsonBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &BASE64.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for JsonBytes<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text, null or {\"base64\": \"...\"}")]
        enum Either {
            Text(String),
            Encoded(Encoded),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Encoded {
            base64: String,
        }
        let bytes = match Either::deserialize(deserializer)? {
            Either::Text(text) => text.into_bytes(),
            Either::Encoded(Encoded { base64 }) => {
                BASE64.decode(base64.as_bytes()).map_err(|error| {
                    D::Error::custom(format_args!("`{base64}` is no base64: {error}"))
                })?
            }
        };
        Ok(Self(Cow::Owned(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    fn json_bytes(bytes: Vec<u8>) -> JsonBytes<'static> {
        JsonBytes(Cow::Owned(bytes))
    }

    fn any_bytes() -> impl Strategy<Value = JsonBytes<'static>> {
        let text = ".*".prop_map(String::into_bytes);
        prop_oneof![vec(any::<u8>(), 0..40), text].prop_map(json_bytes)
    }

    fn any_header() -> impl Strategy<Value = JsonHeader<'static>> {
        (any_bytes(), of(any_bytes())).prop_map(|(key, value)| JsonHeader { key, value })
    }

    proptest! {
        #[test]
        fn every_record_is_read_as_it_was_written(
            topic in "[a-z]{1,9}", partition: i32, offset: i64, timestamp: i64,
            key in of(any_bytes()), value in of(any_bytes()), headers in vec(any_header(), 0..4),
        ) {
            let record = JsonRecord {
                topic: Some(topic.into()),
                partition: Some(partition),
                offset: Some(offset),
                timestamp: Some(timestamp),
                key,
                value,
                headers,
            };
            let line = serde_json::to_string(&record).unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<JsonRecord<'_>>(&line).unwrap(), record);
        }
    }

    #[test]
    fn a_line_has_the_fields_in_kafkas_words() {
        let record = JsonRecord {
            topic: Some("t".into()),
            partition: Some(0),
            offset: Some(7),
            timestamp: Some(5),
            key: None,
            value: Some(json_bytes(b"\xff\0".to_vec())),
            headers: vec![JsonHeader { key: json_bytes(b"h".to_vec()), value: None }],
        };
        let expected = r#"{"topic":"t","partition":0,"offset":7,"timestamp":5,"key":null,"#
            .to_owned()
            + r#""value":{"base64":"/wA="},"headers":[{"key":"h","value":null}]}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), expected);
    }

    #[test]
    fn a_line_by_hand_needs_only_what_it_says() {
        let record: JsonRecord<'_> = serde_json::from_str(r#"{"value":"v"}"#).unwrap();
        assert_eq!(record.value, Some(json_bytes(b"v".to_vec())));
        assert_eq!((record.topic, record.key, record.headers.len()), (None, None, 0));
    }

    #[test]
    fn what_is_no_record_is_refused_with_a_reason() {
        for (line, reason) in [
            (r#"{"valu":"v"}"#, "unknown field `valu`"),
            (r#"{"value":7}"#, "expected a text"),
            (r#"{"value":{"hex":"00"}}"#, "expected a text"),
            (r#"{"value":{"base64":"?"}}"#, "no base64"),
            (r#"{"value":"v""#, "EOF"),
            (r#"{"partition":3000000000}"#, "expected i32"),
            ("v", "expected value"),
        ] {
            let error = serde_json::from_str::<JsonRecord<'_>>(line).unwrap_err().to_string();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
