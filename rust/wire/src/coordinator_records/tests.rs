//! Records as Kafka frames them.

use super::*;

fn offset(value: Option<OffsetCommitValue>) -> GroupCoordinatorRecord {
    let key = OffsetCommitKey { group: "g".to_owned(), topic: "t".to_owned(), partition: 2 };
    GroupCoordinatorRecord::OffsetCommit(key, value)
}

#[test]
fn kind_and_version_stand_in_front() {
    let record = offset(Some(OffsetCommitValue { offset: 5, ..Default::default() }));
    let encoded = record.encode().unwrap();
    assert_eq!(encoded.key[..], [0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 2]);
    let value = encoded.value.clone().unwrap();
    assert_eq!(value[..2], [0, 4]);
    assert_eq!(value[2..10], 5_i64.to_be_bytes());
    assert_eq!(GroupCoordinatorRecord::decode(&encoded), Ok(record));
}

#[test]
fn a_tombstone_has_a_key_and_no_value() {
    let record = offset(None);
    let encoded = record.encode().unwrap();
    assert_eq!(encoded.value, None);
    assert_eq!(GroupCoordinatorRecord::decode(&encoded), Ok(record));
}

#[test]
fn an_offset_with_an_expiry_of_its_own_is_written_in_version_1() {
    let value = OffsetCommitValue { offset: 5, expire_timestamp: 9, ..Default::default() };
    let record = offset(Some(value));
    let encoded = record.encode().unwrap();
    assert_eq!(encoded.value.as_ref().unwrap()[..2], [0, 1]);
    assert_eq!(GroupCoordinatorRecord::decode(&encoded), Ok(record));
}

#[test]
fn a_classic_group_is_written_in_version_3_and_read_in_the_flexible_one_too() {
    let (key, value) = (GroupMetadataKey { group: "g".to_owned() }, GroupMetadataValue::default());
    let record = GroupCoordinatorRecord::GroupMetadata(key.clone(), Some(value.clone()));
    let encoded = record.encode().unwrap();
    assert_eq!(encoded.value.as_ref().unwrap()[..2], [0, 3]);
    assert_eq!(GroupCoordinatorRecord::decode(&encoded), Ok(record.clone()));
    let flexible = version_prefixed::encode(4, &value, 4).unwrap();
    let encoded = EncodedRecord { value: Some(flexible), ..encoded };
    assert_eq!(GroupCoordinatorRecord::decode(&encoded), Ok(record));
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let record = |key: &[u8], value: &[u8]| EncodedRecord {
        key: Bytes::copy_from_slice(key),
        value: Some(Bytes::copy_from_slice(value)),
    };
    let decode = |key: &[u8], value: &[u8]| GroupCoordinatorRecord::decode(&record(key, value));
    assert_eq!(decode(&[0, 99], &[]), Err(RecordDecodeError::UnknownKind(99)));
    assert!(matches!(decode(&[0], &[]), Err(RecordDecodeError::Prefix(_))));
    assert!(matches!(
        decode(&[0, 2, 0, 5, b'g'], &[]),
        Err(RecordDecodeError::Malformed { kind: 2, .. })
    ));
    assert!(matches!(decode(&[0, 2, 0, 1, b'g'], &[0]), Err(RecordDecodeError::Prefix(_))));
    assert!(matches!(
        decode(&[0, 2, 0, 1, b'g'], &[0, 99]),
        Err(RecordDecodeError::Malformed { kind: 2, .. })
    ));
}
