//! Sequences, epochs, expiry, and the snapshot's bytes.

mod transactions;

use base::LeaderEpoch;
use proptest::prelude::*;
use records::Attributes;

use super::*;

fn batch(producer: i64, epoch: i16, sequence: i32, records: i32, base_offset: i64) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(base_offset),
        batch_length: 100,
        partition_leader_epoch: LeaderEpoch(0),
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: records - 1,
        base_timestamp: 1000,
        max_timestamp: 1000 + base_offset,
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        record_count: records,
    }
}

fn state(batches: &[BatchHeader]) -> ProducerState {
    let mut state = ProducerState::default();
    for batch in batches {
        state.add(batch, 0);
    }
    state
}

impl ProducerState {
    fn add(&mut self, header: &BatchHeader, now_ms: i64) -> Option<TransactionChange> {
        self.update(header, None, now_ms)
    }

    fn check_client(&self, header: &BatchHeader) -> Result<ProducerDecision, ProducerError> {
        self.check(header, AppendOrigin::Client, Some(VerificationGuard::NONE))
    }
}

fn marker(producer: i64, epoch: i16, base_offset: i64) -> BatchHeader {
    let attributes = Attributes(0).with_control(true).with_transactional(true);
    BatchHeader { attributes, ..batch(producer, epoch, -1, 1, base_offset) }
}

fn first_offset(state: &ProducerState, header: &BatchHeader) -> Option<i64> {
    match state.check_client(header) {
        Ok(ProducerDecision::Duplicate(batch)) => Some(batch.first_offset().0),
        _ => None,
    }
}

#[test]
fn a_batch_follows_the_last_one() {
    let state = state(&[batch(7, 0, 0, 10, 100)]);
    assert_eq!(state.check_client(&batch(7, 0, 10, 5, -1)), Ok(ProducerDecision::Append));
    for sequence in [11, 9, 1] {
        let error = state.check_client(&batch(7, 0, sequence, 5, -1)).unwrap_err();
        assert!(matches!(error, ProducerError::OutOfOrderSequence { last: 9, .. }), "{error}");
    }
}

#[test]
fn any_of_the_last_five_batches_is_answered_with_its_first_offset() {
    let batches: Vec<BatchHeader> =
        (0..7).map(|n| batch(7, 0, n * 10, 10, 100 + i64::from(n) * 10)).collect();
    let state = state(&batches);
    let found: Vec<Option<i64>> = batches.iter().map(|batch| first_offset(&state, batch)).collect();
    assert_eq!(found, [None, None, Some(120), Some(130), Some(140), Some(150), Some(160)]);
    let older = state.check_client(&batches[1]).unwrap_err();
    assert!(matches!(older, ProducerError::OutOfOrderSequence { sequence: 10, .. }));
    let overlapping = batch(7, 0, 60, 9, 0);
    assert!(state.check_client(&overlapping).is_err(), "the same start with another length");
}

#[test]
fn a_producer_that_is_not_known_may_begin_anywhere() {
    let state = ProducerState::default();
    assert_eq!(state.check_client(&batch(7, 3, 4711, 1, -1)), Ok(ProducerDecision::Append));
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let mut state = state(&[batch(7, 1, 0, 10, 0)]);
    assert!(matches!(
        state.check_client(&batch(7, 2, 10, 1, -1)),
        Err(ProducerError::OutOfOrderSequence { last: -1, .. })
    ));
    assert_eq!(state.check_client(&batch(7, 2, 0, 1, -1)), Ok(ProducerDecision::Append));
    state.add(&batch(7, 2, 0, 1, 10), 0);
    let fenced = state.check_client(&batch(7, 1, 10, 1, -1)).unwrap_err();
    assert_eq!(
        fenced.to_string(),
        "epoch 1 of producer 7 was fenced by epoch 2: start a new producer"
    );
    assert_eq!(first_offset(&state, &batch(7, 1, 0, 10, 0)), None, "forgotten with its epoch");
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let state = state(&[batch(7, 0, i32::MAX - 4, 5, 0)]);
    assert_eq!(state.check_client(&batch(7, 0, 0, 1, -1)), Ok(ProducerDecision::Append));
    assert!(state.check_client(&batch(7, 0, 1, 1, -1)).is_err());
    let mut across = ProducerState::default();
    across.add(&batch(7, 0, i32::MAX - 1, 5, 50), 0);
    assert_eq!(first_offset(&across, &batch(7, 0, i32::MAX - 1, 5, 0)), Some(50));
    assert_eq!(across.check_client(&batch(7, 0, 3, 1, -1)), Ok(ProducerDecision::Append));
}

#[test]
fn a_silent_producer_is_forgotten_and_a_busy_one_with_old_timestamps_is_not() {
    let mut state = ProducerState::default();
    state.add(&batch(1, 0, 0, 1, 0), 5_000);
    state.add(&batch(2, 0, 0, 1, 1), 9_000);
    let mut transactional = batch(3, 0, 0, 1, 2);
    transactional.attributes = Attributes(0).with_transactional(true);
    state.add(&transactional, 5_000);
    state.expire(10_000, 5_000);
    let left: Vec<i64> = state.entries().map(|(producer_id, _)| producer_id.0).collect();
    assert_eq!(left, [2, 3], "an open transaction keeps its producer");
    let commit = ControlRecord::Commit { coordinator_epoch: 0 };
    state.update(&marker(3, 0, 3), Some(&commit), 5_000);
    state.expire(10_000, 5_000);
    assert_eq!(state.entries().len(), 1, "the marker has ended the transaction");
}

#[test]
fn a_batch_without_a_producer_leaves_no_trace() {
    assert_eq!(state(&[batch(-1, -1, -1, 3, 0)]), ProducerState::default());
}

#[test]
fn a_snapshot_of_single_batches_is_byte_for_byte_kafkas() {
    let mut state = ProducerState::default();
    state.add(&batch(0x0102, 3, 4, 2, 16), 0x1122);
    let bytes = encode(&state);
    let expected = [
        0, 1, // version
        0, 0, 0, 0, // crc, below
        0, 0, 0, 1, // producers
        0, 0, 0, 0, 0, 0, 1, 2, // producer id
        0, 3, // epoch
        0, 0, 0, 5, // last sequence
        0, 0, 0, 0, 0, 0, 0, 17, // last offset
        0, 0, 0, 1, // offset delta
        0, 0, 0, 0, 0, 0, 0x11, 0x22, // timestamp
        0xff, 0xff, 0xff, 0xff, // coordinator epoch
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // no open transaction
    ];
    assert_eq!(bytes[6..], expected[6..]);
    assert_eq!(bytes[..2], expected[..2]);
    assert_eq!(bytes[2..6], crc32c::crc32c(&expected[6..]).to_be_bytes());
    let empty = encode(&ProducerState::default());
    assert_eq!(empty, [0, 1, 0x48, 0x67, 0x4b, 0xc7, 0, 0, 0, 0], "the CRC-32C of four zeros");
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let bytes = encode(&state(&[batch(1, 0, 0, 10, 0), batch(1, 0, 10, 10, 10)]));
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit}");
    }
    let resummed = |position: usize, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[position..position + value.len()].copy_from_slice(value);
        let crc = crc32c::crc32c(&bytes[6..]);
        bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        decode(&bytes)
    };
    assert_eq!(resummed(0, &[0, 2]), Err(SnapshotError::Version(2)));
    assert_eq!(resummed(6, &i32::MAX.to_be_bytes()), Err(SnapshotError::Cut));
    assert_eq!(resummed(6, &[0xff; 4]), Err(SnapshotError::Cut));
    assert_eq!(resummed(32, &[0xff; 4]), Err(SnapshotError::Batch(ProducerId(1))));
}

proptest! {
    #[test]
    fn a_snapshot_gives_back_all_five_batches(
        batches in prop::collection::vec((0..4_i64, 0..2_i16, 1..20_i32), 0..40),
    ) {
        let mut state = ProducerState::default();
        let mut offset = 0;
        for (producer, epoch, records) in batches {
            let mut header = batch(producer, epoch, 0, records, offset);
            // Whatever the epoch before was: a log's own batches are not checked again.
            header.base_sequence = (offset % 1000) as i32;
            state.add(&header, offset);
            offset += i64::from(records);
        }
        prop_assert_eq!(decode(&encode(&state)), Ok(state));
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        let mut bytes = bytes;
        let _ = decode(&bytes);
        if bytes.len() >= 10 {
            bytes[..2].copy_from_slice(&[0, 1]);
            let crc = crc32c::crc32c(&bytes[6..]);
            bytes[2..6].copy_from_slice(&crc.to_be_bytes());
            let _ = decode(&bytes);
        }
    }
}
