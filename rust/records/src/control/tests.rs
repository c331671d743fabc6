//! Tests of control records, against the bytes that Kafka's schemas give.

use base::Offset;
use bytes::Bytes;

use super::*;
use crate::batch::RecordBatch;
use crate::header::HEADER_BYTES;
use crate::record::Headers;

fn parse(key: &[u8], value: &[u8]) -> Result<ControlRecord, ControlRecordError> {
    ControlRecord::parse(&Record {
        offset: Offset(0),
        timestamp: 0,
        key: Some(key),
        value: Some(value),
        headers: Headers::default(),
    })
}

fn read(bytes: Bytes) -> (RecordBatch, ControlRecord) {
    let batch = RecordBatch::parse(bytes).unwrap();
    batch.verify_crc().unwrap();
    let records = batch.records().unwrap();
    let record = records.iter().next().unwrap().unwrap();
    let control = ControlRecord::parse(&record).unwrap();
    (batch, control)
}

#[test]
fn a_commit_marker_has_kafkas_bytes() {
    let commit = ControlRecord::Commit { coordinator_epoch: 258 };
    let bytes = commit.end_transaction_batch(ProducerId(4711), ProducerEpoch(3), 1000);
    let record = [32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 1, 2, 0];
    assert_eq!(bytes[HEADER_BYTES..], record);
    let (batch, read) = read(bytes);
    assert_eq!(read, commit);
    let header = batch.header();
    assert!(header.attributes.is_control() && header.attributes.is_transactional());
    assert_eq!((header.producer_id, header.producer_epoch), (ProducerId(4711), ProducerEpoch(3)));
    assert_eq!((header.base_sequence, header.max_timestamp), (NO_SEQUENCE, 1000));
}

#[test]
fn an_abort_marker_and_a_leader_change_come_back() {
    let abort = ControlRecord::Abort { coordinator_epoch: -1 };
    assert_eq!(read(abort.end_transaction_batch(ProducerId(1), ProducerEpoch(0), 5)).1, abort);

    let change = ControlRecord::LeaderChange {
        leader: NodeId(3),
        voters: vec![NodeId(1), NodeId(2), NodeId(3)],
        granting_voters: vec![NodeId(3), NodeId(1)],
    };
    let (batch, control) = read(change.leader_change_batch(7));
    assert_eq!(control, change);
    assert!(batch.header().attributes.is_control());
    assert!(!batch.header().attributes.is_transactional());
}

#[test]
fn voters_of_a_later_version_carry_their_directory() {
    let mut value = vec![0, 1, 0, 0, 0, 9, 2];
    value.extend_from_slice(&[0, 0, 0, 9]);
    value.extend_from_slice(&[0xaa; 16]);
    value.extend_from_slice(&[1, 5, 2, 0, 0]); // one tagged field of two bytes
    value.extend_from_slice(&[1, 0]); // nobody granted, no tagged field
    let expected = ControlRecord::LeaderChange {
        leader: NodeId(9),
        voters: vec![NodeId(9)],
        granting_voters: vec![],
    };
    assert_eq!(parse(&[0, 0, 0, 2], &value), Ok(expected));
    for cut in 0..value.len() - 1 {
        assert!(parse(&[0, 0, 0, 2], &value[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn an_unknown_kind_is_passed_on_and_a_damaged_one_refused() {
    assert_eq!(parse(&[0, 0, 0, 6], b""), Ok(ControlRecord::Other { control_type: 6 }));
    assert_eq!(parse(&[0, 0, 0], b""), Err(ControlRecordError::Cut));
    assert_eq!(parse(&[0, 0, 0, 1], &[0, 0, 0]), Err(ControlRecordError::Cut));
    assert_eq!(parse(&[0xff, 0xff, 0, 1], &[0; 6]), Err(ControlRecordError::Version(-1)));
    // 2^32 - 1 voters in no byte.
    let many = [0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(parse(&[0, 0, 0, 2], &many), Err(ControlRecordError::Cut));
}

#[test]
#[should_panic(expected = "only a commit or an abort ends a transaction")]
fn nothing_else_ends_a_transaction() {
    let other = ControlRecord::Other { control_type: 3 };
    let _ = other.end_transaction_batch(ProducerId(1), ProducerEpoch(0), 0);
}
