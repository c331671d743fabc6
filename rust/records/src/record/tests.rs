//! Tests of single records: what is malformed is refused by both readers, and alike.

use super::*;

/// Both ways to read a record: whole, and as the validator does.
fn read(bytes: &[u8]) -> Result<RawRecord<'_>, RecordError> {
    let record = RawRecord::read(&mut Cursor::new(bytes));
    let shape = RecordShape::read(&mut Cursor::new(bytes));
    match (&record, &shape) {
        (Ok(record), Ok(shape)) => {
            assert_eq!(record.offset_delta, shape.offset_delta);
            assert_eq!(record.timestamp_delta, shape.timestamp_delta);
            assert_eq!(record.key.is_some(), shape.has_key);
        }
        (Err(_), Err(_)) => {}
        _ => panic!("the readers disagree: {record:?}, {shape:?}"),
    }
    record
}

fn written(headers: &[Header<'_>]) -> Vec<u8> {
    let record = NewRecord {
        offset_delta: 3,
        timestamp_delta: -70,
        key: Some(b"key"),
        value: Some(b"value"),
        headers,
    };
    let body_bytes = record.body_bytes();
    let mut out = Vec::new();
    record.write(body_bytes, &mut out);
    assert_eq!(out.len(), NewRecord::framed_bytes(body_bytes));
    out
}

#[test]
fn a_record_comes_back_with_its_headers_in_order_and_repeated() {
    let headers =
        [Header::new("a", Some(b"1")), Header::new("", None), Header::new("a", Some(b""))];
    let bytes = written(&headers);
    let record = read(&bytes).unwrap();
    assert_eq!((record.offset_delta, record.timestamp_delta), (3, -70));
    assert_eq!((record.key, record.value), (Some(&b"key"[..]), Some(&b"value"[..])));
    assert_eq!((record.headers.len(), record.headers.is_empty()), (3, false));
    assert_eq!(record.headers.into_iter().len(), 3);
    assert!(record.headers.into_iter().eq(headers));
}

#[test]
fn a_header_key_that_is_not_text_is_kept_and_shown_with_a_mark() {
    let header = Header { key: b"a\xffb", value: None };
    let bytes = written(&[header]);
    let read = read(&bytes).unwrap().headers.into_iter().next().unwrap();
    assert_eq!(read, header);
    assert_eq!(read.key_text(), "a\u{fffd}b");
}

#[test]
fn every_cut_of_a_record_is_refused() {
    let bytes = written(&[Header::new("a", Some(b"1"))]);
    for cut in 0..bytes.len() {
        read(&bytes[..cut]).unwrap_err();
    }
}

#[test]
fn fields_and_length_must_agree() {
    let bytes = written(&[]);
    for length in (0..bytes.len() as u8).filter(|&length| length != bytes[0] / 2) {
        let mut changed = bytes.clone();
        changed[0] = length * 2;
        changed.extend_from_slice(&[0; 40]);
        read(&changed).unwrap_err();
    }
}

#[test]
fn impossible_lengths_are_refused_by_name() {
    let negative = |bytes: &[u8], expected: i32| {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, RecordError::NegativeLength { length } if length == expected));
    };
    negative(&[1], -1);
    negative(&[12, 0, 0, 0, 3, 1, 0], -2); // key
    negative(&[12, 0, 0, 0, 1, 5, 0], -3); // value
    negative(&[16, 0, 0, 0, 1, 1, 2, 1, 1], -1); // header key
    negative(&[18, 0, 0, 0, 1, 1, 2, 0, 3, 0], -2); // header value

    for count in [1, 8, 255] {
        let error = read(&[12, 0, 0, 0, 1, 1, count]).unwrap_err();
        assert!(
            matches!(error, RecordError::HeaderCount { .. } | RecordError::Varint(_)),
            "{error}"
        );
    }
    // 2^31 - 1 headers in five bytes.
    let error = read(&[20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f]).unwrap_err();
    assert!(matches!(error, RecordError::HeaderCount { count: i32::MAX, remaining: 0 }));
    // A key of 2^31 - 1 bytes.
    let error = read(&[16, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f]).unwrap_err();
    assert!(matches!(error, RecordError::Cut { needed: 0x7fff_ffff, .. }));
}
