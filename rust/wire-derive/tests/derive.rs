//! What the derive writes, on messages that have one of everything.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use base::codec::{
    DecodeReason, EncodeReason, Field, Kind, Layout, Message, Reader, Records, Type, Value,
    Versions, Writer,
};
use base::{Rng, SplitMix64, Uuid};
use bytes::Bytes;
use wire_derive::Message;

/// A persisted record: strict as a request.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(data, key = 3, name = "EverythingRecord", versions = "1-4", flexible = "3+")]
struct Everything {
    #[message(versions = "0+")]
    flag: bool,
    #[message(versions = "0-2", ignorable)]
    old_name: String,
    #[message(versions = "2+", default = "-1")]
    epoch: i32,
    #[message(versions = "0+", nullable = "2+")]
    texts: Option<Vec<String>>,
    #[message(name = "timeoutMs", versions = "1", default = "0x7fff")]
    timeout_ms: i64,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    place: Option<Place>,
    #[message(versions = "0+", nullable = "0+")]
    records: Option<Records>,
    #[message(versions = "2+", tagged = "3+", tag = 1)]
    ports: Vec<u16>,
    #[message(versions = "4+", tagged = "4+", tag = 0, default = "none")]
    label: String,
    #[message(versions = "3+", tagged = "3+", tag = 2)]
    nearest: Place,
}

#[derive(Debug, Clone, PartialEq, Message)]
struct Place {
    #[message(versions = "0+", default = "7")]
    id: i16,
    #[message(versions = "4+")]
    topic_id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 3, versions = "0-1")]
struct Answer {
    #[message(versions = "1+")]
    late: i32,
}

fn encode<M: Message>(message: &M, version: i16) -> Vec<u8> {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.finish().unwrap().collect().unwrap().to_vec()
}

fn decode<M: Message>(bytes: &[u8], version: i16) -> M {
    let mut reader = Reader::new(Bytes::copy_from_slice(bytes));
    let message = M::decode(&mut reader, version).unwrap();
    assert_eq!(reader.remaining(), 0);
    message
}

fn refusal<M: Message>(message: &M, version: i16) -> (&'static str, EncodeReason) {
    let error = message.encode(&mut Writer::new(), version).unwrap_err();
    (error.field, error.reason)
}

#[test]
fn the_defaults_are_the_attributes() {
    let message = Everything::default();
    assert_eq!(message.epoch, -1);
    assert_eq!(message.timeout_ms, 0x7fff);
    assert_eq!(message.label, "none");
    assert_eq!(message.place, None);
    assert_eq!(message.nearest.id, 7);
    // Kafka's nullable fields are empty unless they say null.
    assert_eq!(message.texts, Some(Vec::new()));
    assert_eq!(message.records, Some(Records::default()));
}

#[test]
fn a_fixed_version_has_its_fields_in_order() {
    let message = Everything {
        flag: true,
        old_name: "ab".to_owned(),
        texts: Some(vec!["c".to_owned()]),
        timeout_ms: 5,
        ..Everything::default()
    };
    let bytes = [
        &[1][..],                  // flag
        &[0, 2, b'a', b'b'],       // old name
        &[0, 0, 0, 1, 0, 1, b'c'], // texts
        &[0, 0, 0, 0, 0, 0, 0, 5], // time-out
        &[0xff],                   // no place
        &[0, 0, 0, 0],             // no records
    ]
    .concat();
    assert_eq!(encode(&message, 1), bytes);
    assert_eq!(decode::<Everything>(&bytes, 1), message);
}

#[test]
fn a_field_that_is_tagged_later_is_in_its_place_before() {
    let message = Everything { ports: vec![80], timeout_ms: 0x7fff, ..Everything::default() };
    let bytes = encode(&message, 2);
    assert_eq!(bytes[bytes.len() - 6..], [0, 0, 0, 1, 0, 80]);
    assert_eq!(decode::<Everything>(&bytes, 2), message);
}

#[test]
fn tagged_fields_come_last_by_tag_and_only_if_they_are_set() {
    let unset = encode(&Everything::default(), 4);
    assert_eq!(unset.last(), Some(&0));
    let message = Everything {
        ports: vec![80],
        label: String::new(),
        nearest: Place { id: 8, topic_id: Uuid([1; 16]) },
        ..Everything::default()
    };
    let tagged = [
        &[3][..],
        &[0, 1, 1],        // tag 0: an empty label, which is not its default
        &[1, 3, 2, 0, 80], // tag 1: one port
        &[2, 19, 0, 8],    // tag 2: a place, its id ...
        &[1; 16],          // ... its topic id ...
        &[0],              // ... and its own tagged fields
    ]
    .concat();
    let bytes = encode(&message, 4);
    assert_eq!(bytes[bytes.len() - tagged.len()..], tagged);
    assert_eq!(decode::<Everything>(&bytes, 4), message);
}

#[test]
fn a_tag_of_a_later_version_is_skipped_as_unknown() {
    let set = Everything { label: "x".to_owned(), ..Everything::default() };
    // Version 4 adds the label and the place's topic id; without a place both lay out the same.
    let bytes = encode(&set, 4);
    assert_eq!(decode::<Everything>(&bytes, 3), Everything::default());
}

#[test]
fn a_set_field_that_the_version_lacks_is_refused_unless_it_is_ignorable() {
    let message = Everything { epoch: 0, ..Everything::default() };
    let reason = EncodeReason::NotInVersion(1);
    assert_eq!(refusal(&message, 1), ("Everything.Epoch", reason));
    let message = Everything { timeout_ms: 1, ..Everything::default() };
    assert_eq!(refusal(&message, 2), ("Everything.timeoutMs", EncodeReason::NotInVersion(2)));
    let message = Everything {
        place: Some(Place { topic_id: Uuid([1; 16]), ..Place::default() }),
        ..Everything::default()
    };
    assert_eq!(refusal(&message, 3), ("Place.TopicId", EncodeReason::NotInVersion(3)));
    let message = Everything { old_name: "dropped".to_owned(), ..Everything::default() };
    assert_eq!(decode::<Everything>(&encode(&message, 3), 3), Everything::default());
}

#[test]
fn an_answer_drops_what_the_version_lacks() {
    assert_eq!(encode(&Answer { late: 5 }, 0), []);
    assert_eq!(encode(&Answer { late: 5 }, 1), [0, 0, 0, 5]);
}

#[test]
fn null_is_for_the_versions_that_have_it() {
    let message = Everything { texts: None, ..Everything::default() };
    assert_eq!(refusal(&message, 1), ("Everything.Texts", EncodeReason::Null));
    assert_eq!(decode::<Everything>(&encode(&message, 2), 2), message);
    let null_texts = [&[0][..], &[0, 0], &[0xff; 4]].concat();
    let mut reader = Reader::new(Bytes::from(null_texts));
    let error = Everything::decode(&mut reader, 1).unwrap_err();
    assert_eq!((error.field, error.reason), ("Everything.Texts", DecodeReason::Null));
    assert_eq!(error.position, 3);
}

#[test]
fn a_version_outside_the_range_is_refused_both_ways() {
    for version in [-1, 0, 5, i16::MAX] {
        let (field, reason) = refusal(&Everything::default(), version);
        assert_eq!((field, reason), ("EverythingRecord", EncodeReason::UnknownVersion(version)));
        let error = Everything::decode(&mut Reader::new(Bytes::new()), version).unwrap_err();
        assert_eq!(error.reason, DecodeReason::UnknownVersion(version));
    }
}

#[test]
fn the_schema_is_what_the_attributes_say() {
    let schema = Everything::SCHEMA;
    assert_eq!((schema.kind, schema.key, schema.name), (Kind::Data, Some(3), "EverythingRecord"));
    assert_eq!(schema.versions, Versions { min: 1, max: 4 });
    assert_eq!(schema.flexible, Some(Versions { min: 3, max: i16::MAX }));
    assert_eq!(schema.fields.len(), 10);
    let texts = Field {
        name: "Texts",
        r#type: Type::Array(&Type::String),
        versions: Versions { min: 0, max: i16::MAX },
        nullable: Some(Versions { min: 2, max: i16::MAX }),
        tagged: None,
        tag: None,
        default: None,
        ignorable: false,
    };
    assert_eq!(schema.fields[3], texts);
    assert_eq!(schema.fields[4].name, "timeoutMs");
    assert_eq!((schema.fields[8].tag, schema.fields[8].default), (Some(0), Some("none")));
    let Type::Struct { name, fields } = schema.fields[9].r#type else { panic!("a struct") };
    assert_eq!((name, fields.len()), ("Place", 2));
}

#[test]
fn the_smallest_size_is_that_of_the_smallest_message() {
    for version in 1..=4 {
        let smallest = encode(&Everything::default(), version).len();
        let layout = Layout::of(&Everything::SCHEMA, version);
        assert_eq!(Everything::size_min(layout), smallest, "version {version}");
    }
}

#[test]
fn random_bytes_are_read_or_refused_and_what_was_read_comes_back() {
    let mut rng = SplitMix64::new(3);
    let mut read = 0;
    for _ in 0..50_000 {
        let version = 1 + rng.below(4) as i16;
        let length = rng.below(60);
        // Mostly small numbers, so that lengths fit now and then.
        let bytes: Bytes = (0..length).map(|_| (rng.next_u64() as u8) >> rng.below(8)).collect();
        if let Ok(message) = Everything::decode(&mut Reader::new(bytes), version) {
            assert_eq!(decode::<Everything>(&encode(&message, version), version), message);
            read += 1;
        }
    }
    assert!(read > 100, "only {read} could be read");
}
