//! The four rules of order and uniqueness, one by one.

use records::{BatchBuilder, RecordBatch};

use super::super::SealedBatch;
use super::*;
use base::ErrorCode;

const LEADER: NodeId = NodeId(1);
const NOW: Instant = Instant(1_000_000_000);
const ID: Option<(ProducerId, ProducerEpoch)> = Some((ProducerId(7), ProducerEpoch(0)));
const PATIENT: Patience = Patience { linger: Duration::from_hours(1), hurry_up_to: 0 };

/// A lineage with `batches` queued batches of two records each, numbered from 1.
fn lineage(batches: u64) -> Lineage<u64> {
    let mut lineage = Lineage::new(TopicPartition::new("t", 0), false);
    for number in 1..=batches {
        add(&mut lineage, number);
    }
    lineage
}

/// As [`lineage`], whose producer the broker knows: a batch 0 was acknowledged.
fn known_lineage(batches: u64) -> Lineage<u64> {
    let mut lineage = lineage(0);
    for number in 0..=batches {
        add(&mut lineage, number);
    }
    assert_eq!(send(&mut lineage), (0, 0, 0));
    lineage.handle_delivered(whole(0), Some(0), None, &mut Vec::new());
    lineage
}

fn add(lineage: &mut Lineage<u64>, number: u64) {
    let mut builder = BatchBuilder::new(1000);
    for _ in 0..2 {
        builder.try_append(1, None, Some(b"v"), &[]).unwrap();
    }
    lineage.handle_opened(number, NOW);
    lineage.handle_sealed(SealedBatch { builder, created_at: NOW, payload: number });
}

/// Sends the next batch: its number and its stamp.
fn send(lineage: &mut Lineage<u64>) -> (u64, i16, i32) {
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW + Duration::from_secs(9)), Next::Send);
    let mut settled = Vec::new();
    let (key, bytes) = lineage.take(LEADER, ID, Compression::default(), &mut settled).unwrap();
    assert!(settled.is_empty());
    let batch = RecordBatch::parse(bytes).unwrap();
    batch.verify_crc().unwrap();
    let header = *batch.header();
    assert_eq!((header.producer_id, header.record_count), (ProducerId(7), 2));
    (key.number, header.producer_epoch.0, header.base_sequence)
}

fn whole(number: u64) -> BatchKey {
    BatchKey::whole(number)
}

fn retry(maybe_appended: bool) -> Retry {
    Retry { reason: "why".into(), maybe_appended, retries_max: 10, not_before: NOW }
}

fn refusal() -> DeliveryError {
    DeliveryError::Refused {
        topic_partition: TopicPartition::new("t", 0),
        code: ErrorCode::MessageTooLarge,
        message: None,
    }
}

fn failed(settled: &[Settled<u64>]) -> Vec<u64> {
    let failed = |settled: &&Settled<u64>| matches!(settled.outcome, BatchOutcome::Failed { .. });
    settled.iter().filter(failed).map(|settled| settled.payload).collect()
}

#[test]
fn the_first_batch_goes_alone() {
    let mut lineage = lineage(2);
    let mut settled = Vec::new();
    assert_eq!(send(&mut lineage), (1, 0, 0));
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing);
    lineage.handle_retriable(whole(1), retry(false), &mut settled);
    assert_eq!(send(&mut lineage), (1, 0, 0));
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing);
    lineage.handle_delivered(whole(1), Some(0), None, &mut settled);
    assert_eq!(send(&mut lineage), (2, 0, 2));
}

#[test]
fn sequences_count_records_and_stay_with_their_batch() {
    let mut lineage = known_lineage(3);
    let mut settled = Vec::new();
    assert_eq!(send(&mut lineage), (1, 0, 2));
    assert_eq!(send(&mut lineage), (2, 0, 4));
    lineage.handle_retriable(whole(1), retry(true), &mut settled);
    lineage.handle_out_of_sequence(whole(2), retry(false), &mut settled);
    assert_eq!(send(&mut lineage), (1, 0, 2));
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing, "one at a time now");
    lineage.handle_delivered(whole(1), Some(0), None, &mut settled);
    assert_eq!(send(&mut lineage), (2, 0, 4));
    lineage.handle_delivered(whole(2), Some(2), None, &mut settled);
    assert_eq!(send(&mut lineage), (3, 0, 6));
    lineage.handle_delivered(whole(3), Some(4), None, &mut settled);
    assert!(lineage.is_idle() && failed(&settled).is_empty());
}

#[test]
fn batches_that_come_back_in_any_order_are_sent_again_in_theirs() {
    let mut lineage = known_lineage(4);
    for number in 1..=4 {
        assert_eq!(send(&mut lineage).0, number);
    }
    let mut settled = Vec::new();
    for number in [3, 1, 4, 2] {
        lineage.handle_retriable(whole(number), retry(true), &mut settled);
    }
    for number in 1..=4 {
        assert_eq!(send(&mut lineage), (number, 0, 2 * number as i32));
        lineage.handle_delivered(whole(number), None, None, &mut settled);
    }
}

#[test]
fn a_batch_that_was_given_up_begins_a_new_epoch_once_nothing_is_in_flight() {
    let mut lineage = known_lineage(4);
    let mut settled = Vec::new();
    for _ in 0..3 {
        send(&mut lineage);
    }
    lineage.handle_refused(whole(1), refusal(), Vec::new(), &mut settled);
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing, "two are in flight");
    lineage.handle_out_of_sequence(whole(2), retry(false), &mut settled);
    lineage.handle_out_of_sequence(whole(3), retry(false), &mut settled);
    assert_eq!(failed(&settled), [1]);
    assert_eq!(send(&mut lineage), (2, 1, 0));
    lineage.handle_delivered(whole(2), None, None, &mut settled);
    assert_eq!(send(&mut lineage), (3, 1, 2));
    lineage.handle_delivered(whole(3), None, None, &mut settled);
    assert_eq!(send(&mut lineage), (4, 1, 4));
}

#[test]
fn what_may_be_in_the_log_is_not_sent_again_under_a_new_epoch() {
    let mut lineage = known_lineage(3);
    let mut settled = Vec::new();
    for _ in 0..3 {
        send(&mut lineage);
    }
    lineage.handle_retriable(whole(2), retry(true), &mut settled);
    lineage.handle_out_of_sequence(whole(3), retry(false), &mut settled);
    lineage.handle_refused(whole(1), refusal(), Vec::new(), &mut settled);
    assert_eq!(failed(&settled), [1, 2]);
    let BatchOutcome::Failed { error, .. } = &settled[1].outcome else { panic!("it failed") };
    assert!(matches!(error, DeliveryError::Unresolved { .. }));
    assert_eq!(send(&mut lineage), (3, 1, 0));
}

#[test]
fn what_is_refused_after_an_attempt_that_was_lost_is_in_doubt_and_says_why() {
    let mut lineage = known_lineage(1);
    let mut settled = Vec::new();
    send(&mut lineage);
    lineage.handle_retriable(whole(1), retry(true), &mut settled);
    send(&mut lineage);
    lineage.handle_refused(whole(1), refusal(), Vec::new(), &mut settled);
    let error = settled[0].outcome.for_record(0).unwrap_err();
    assert!(error.is_in_doubt());
    assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge));
    assert!(error.to_string().contains("an earlier attempt was lost; t-0 refused"), "{error}");
}

#[test]
fn retries_that_are_used_up_leave_a_doubt_if_one_was_lost() {
    for maybe_appended in [false, true] {
        let mut lineage = known_lineage(1);
        let mut settled = Vec::new();
        send(&mut lineage);
        let retry = Retry { retries_max: 0, ..retry(maybe_appended) };
        lineage.handle_retriable(whole(1), retry, &mut settled);
        let error = settled[0].outcome.for_record(0).unwrap_err();
        assert_eq!(error.is_in_doubt(), maybe_appended, "{error}");
    }
}

#[test]
fn a_batch_whose_time_is_over_is_in_doubt_only_if_an_attempt_was_lost() {
    let timeout = Duration::from_mins(2);
    for maybe_appended in [false, true] {
        let mut lineage = known_lineage(1);
        let mut settled = Vec::new();
        send(&mut lineage);
        lineage.handle_retriable(whole(1), retry(maybe_appended), &mut settled);
        lineage.expire(timeout, NOW + timeout, &mut settled);
        let error = settled[0].outcome.for_record(0).unwrap_err();
        assert_eq!(error.is_in_doubt(), maybe_appended, "{error}");
    }
}

#[test]
fn the_halves_of_a_batch_that_may_be_in_the_log_are_not_numbered_anew() {
    let mut lineage = sent(4, false);
    let mut settled = Vec::new();
    lineage.handle_retriable(whole(1), retry(true), &mut settled);
    take(&mut lineage);
    // The limit was lowered meanwhile: what is refused for its size is not looked up.
    lineage.handle_too_large(whole(1), refusal(), &mut settled);
    let (first, sequence, _) = take(&mut lineage);
    assert_eq!((first, sequence), (whole(1), 0));
    // The broker knows the whole, and not its half.
    lineage.handle_out_of_sequence(first, retry(false), &mut settled);
    assert_eq!(settled.len(), 1);
    for record in 0..4 {
        let error = settled[0].outcome.for_record(record).unwrap_err();
        assert!(matches!(error, DeliveryError::Unresolved { .. }), "{error}");
    }
    assert!(lineage.is_idle());
}

#[test]
fn a_broker_that_has_lost_our_sequence_gets_a_new_epoch() {
    let mut lineage = lineage(1);
    let mut settled = Vec::new();
    send(&mut lineage);
    lineage.handle_out_of_sequence(whole(1), retry(false), &mut settled);
    assert_eq!(send(&mut lineage), (1, 1, 0));
    assert!(settled.is_empty());
}

#[test]
fn time_gives_up_what_is_queued_and_what_is_in_flight_and_each_only_once() {
    let mut lineage = lineage(2);
    let mut settled = Vec::new();
    send(&mut lineage);
    let timeout = Duration::from_mins(2);
    assert_eq!(lineage.expiry(timeout), Some(NOW + timeout));
    lineage.expire(timeout, NOW + timeout, &mut settled);
    assert_eq!(failed(&settled), [2, 1]);
    lineage.expire(timeout, NOW + timeout, &mut settled);
    // The answer that comes after all changes nothing but that the way is free.
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing);
    lineage.handle_retriable(whole(1), retry(true), &mut settled);
    assert_eq!(settled.len(), 2);
    assert!(lineage.is_idle());
    add(&mut lineage, 3);
    assert_eq!(send(&mut lineage), (3, 1, 0));
}

#[test]
fn a_new_leader_gets_nothing_before_the_old_one_has_answered() {
    let mut lineage = lineage(2);
    send(&mut lineage);
    assert_eq!(lineage.next(NodeId(2), &PATIENT, NOW), Next::Nothing);
    lineage.handle_retriable(whole(1), retry(true), &mut Vec::new());
    assert_eq!(lineage.next(NodeId(2), &PATIENT, NOW), Next::Send);
}

#[test]
fn an_open_batch_lingers_unless_somebody_waits_for_it() {
    let mut lineage = Lineage::<u64>::new(TopicPartition::new("t", 0), false);
    lineage.handle_opened(5, NOW);
    let linger = Duration::from_millis(5);
    let patience = Patience { linger, hurry_up_to: 4 };
    assert_eq!(lineage.next(LEADER, &patience, NOW), Next::At(NOW + linger));
    assert_eq!(lineage.next(LEADER, &patience, NOW + linger), Next::Seal);
    let hurry = Patience { linger, hurry_up_to: 5 };
    assert_eq!(lineage.next(LEADER, &hurry, NOW), Next::Seal);
}

#[test]
fn retries_have_an_end() {
    let mut lineage = lineage(1);
    let mut settled = Vec::new();
    for _ in 0..11 {
        assert!(settled.is_empty());
        send(&mut lineage);
        lineage.handle_retriable(whole(1), retry(false), &mut settled);
    }
    assert_eq!(failed(&settled), [1]);
}

#[test]
fn a_partition_that_has_used_up_its_epochs_waits_for_a_new_id() {
    let mut lineage = lineage(2);
    let mut settled = Vec::new();
    let last = Some((ProducerId(7), ProducerEpoch(i16::MAX)));
    lineage.take(LEADER, last, Compression::default(), &mut settled).unwrap();
    assert_eq!(lineage.exhausted_id(), None);
    lineage.handle_refused(whole(1), refusal(), Vec::new(), &mut settled);
    assert_eq!(lineage.exhausted_id(), Some(ProducerId(7)));
    let next = Some((ProducerId(8), ProducerEpoch(0)));
    let (_, bytes) = lineage.take(LEADER, next, Compression::default(), &mut settled).unwrap();
    let header = *RecordBatch::parse(bytes).unwrap().header();
    assert_eq!((header.producer_id, header.base_sequence), (ProducerId(8), 0));
    assert_eq!(lineage.exhausted_id(), None);
}

#[test]
fn sequences_begin_again_after_the_last() {
    assert_eq!(sequence_after(0, 5), 5);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
}

/// A batch of this many records, numbered 1 and sent under sequence 0.
fn sent(records: u32, is_transactional: bool) -> Lineage<u64> {
    let mut lineage = Lineage::new(TopicPartition::new("t", 0), is_transactional);
    let mut builder = BatchBuilder::new(1000);
    for number in 0..records {
        let header = records::Header::new("h", Some(b"1"));
        builder.try_append(i64::from(number), Some(b"k"), Some(b"v"), &[header]).unwrap();
    }
    lineage.handle_opened(1, NOW);
    lineage.handle_sealed(SealedBatch { builder, created_at: NOW, payload: 1 });
    take(&mut lineage);
    lineage
}

/// Takes the next batch: its name, its sequence number, and its records' timestamps.
fn take(lineage: &mut Lineage<u64>) -> (BatchKey, i32, Vec<i64>) {
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Send);
    let compression = Compression { codec: records::CompressionType::Lz4, level: None };
    let (key, bytes) = lineage.take(LEADER, ID, compression, &mut Vec::new()).unwrap();
    let batch = RecordBatch::parse(bytes).unwrap();
    let records = batch.records().unwrap();
    let times = records.iter().map(|record| record.unwrap()).map(|record| {
        assert_eq!((record.key, record.headers.len()), (Some(b"k".as_slice()), 1));
        record.timestamp
    });
    (key, batch.header().base_sequence, times.collect())
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_halves_which_keep_its_numbers() {
    let mut lineage = sent(5, false);
    let mut settled = Vec::new();
    lineage.handle_too_large(whole(1), refusal(), &mut settled);
    let (first, sequence, times) = take(&mut lineage);
    assert_eq!((first, sequence, times), (whole(1), 0, vec![0, 1]));
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing, "one at a time");
    lineage.handle_delivered(first, Some(70), None, &mut settled);
    let (second, sequence, times) = take(&mut lineage);
    assert_eq!((second.first_record, sequence, times), (2, 2, vec![2, 3, 4]));
    assert!(settled.is_empty());
    lineage.handle_delivered(second, Some(80), None, &mut settled);
    let [Settled { number: 1, payload: 1, record_count: 5, outcome }] = &settled[..] else {
        panic!("{settled:?}")
    };
    let offsets: Vec<_> = (0..5).map(|index| outcome.for_record(index).unwrap()).collect();
    assert_eq!(offsets, [70, 71, 80, 81, 82].map(Some));
    assert!(lineage.is_idle());
}

#[test]
fn of_a_batch_in_pieces_only_the_record_that_is_too_large_fails() {
    let mut lineage = sent(3, false);
    let mut settled = Vec::new();
    lineage.handle_too_large(whole(1), refusal(), &mut settled);
    let (first, ..) = take(&mut lineage);
    lineage.handle_delivered(first, Some(7), None, &mut settled);
    let (second, ..) = take(&mut lineage);
    lineage.handle_too_large(second, refusal(), &mut settled);
    let (middle, sequence, times) = take(&mut lineage);
    assert_eq!((middle.first_record, sequence, times), (1, 1, vec![1]));
    lineage.handle_too_large(middle, refusal(), &mut settled);
    // The one behind it is numbered anew: nothing comes after what is missing.
    let (last, sequence, times) = take(&mut lineage);
    assert_eq!((last.first_record, sequence, times), (2, 0, vec![2]));
    lineage.handle_delivered(last, Some(9), None, &mut settled);
    let outcome = &settled[0].outcome;
    assert_eq!(outcome.for_record(0), Ok(Some(7)));
    assert_eq!(outcome.for_record(1), Err(refusal()));
    assert_eq!(outcome.for_record(2), Ok(Some(9)));
}

#[test]
fn a_batch_in_pieces_whose_time_is_over_has_one_result() {
    let mut lineage = sent(4, false);
    let mut settled = Vec::new();
    lineage.handle_too_large(whole(1), refusal(), &mut settled);
    take(&mut lineage);
    let timeout = Duration::from_mins(2);
    lineage.expire(timeout, NOW + timeout, &mut settled);
    assert_eq!(settled.len(), 1);
    assert!(settled[0].outcome.parts(4).iter().all(|(count, _)| *count == 2));
    lineage.handle_too_large(whole(1), refusal(), &mut settled);
    assert!(lineage.is_idle() && settled.len() == 1);
}

#[test]
fn in_a_transaction_nothing_follows_a_batch_that_was_given_up_until_it_is_over() {
    let mut lineage = sent(1, true);
    let mut settled = Vec::new();
    add(&mut lineage, 2);
    lineage.handle_refused(whole(1), refusal(), Vec::new(), &mut settled);
    assert!(lineage.is_broken());
    assert_eq!(lineage.next(LEADER, &PATIENT, NOW), Next::Nothing);
    lineage.fail_unsent(&refusal(), &mut settled);
    assert_eq!(failed(&settled), [1, 2]);
    lineage.renumber(false);
    add(&mut lineage, 3);
    let next = Some((ProducerId(7), ProducerEpoch(1)));
    let (_, bytes) = lineage.take(LEADER, next, Compression::default(), &mut settled).unwrap();
    let header = *RecordBatch::parse(bytes).unwrap().header();
    assert!(header.attributes.is_transactional());
    assert_eq!((header.producer_epoch, header.base_sequence), (ProducerEpoch(1), 0));
}

#[test]
fn the_first_batch_of_an_epoch_goes_alone_only_if_its_id_is_another() {
    for (is_other_id, next) in [(false, Next::Send), (true, Next::Nothing)] {
        let mut lineage = sent(1, true);
        lineage.handle_delivered(whole(1), None, None, &mut Vec::new());
        lineage.renumber(is_other_id);
        add(&mut lineage, 2);
        add(&mut lineage, 3);
        lineage.take(LEADER, ID, Compression::default(), &mut Vec::new()).unwrap();
        assert_eq!(lineage.next(LEADER, &PATIENT, NOW), next);
    }
}
