//! What the coordinators' codes mean, one by one, and what an error says to whoever gets it.

use wire::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse, AddPartitionsToTxnTopicResult,
};

use super::answers::{self, Judged, Verdict};
use super::*;

/// Which of `codes` have this verdict.
fn with(verdict: Verdict, read: fn(i16) -> Judged) -> Vec<ErrorCode> {
    let codes = ErrorCode::ALL.iter().copied();
    codes.filter(|code| read(*code as i16).0 == verdict).collect()
}

fn add_partition(code: i16) -> Judged {
    add_partitions(&[code])
}

fn add_partitions(codes: &[i16]) -> Judged {
    let rows = codes.iter().zip(0..).map(|(code, index)| AddPartitionsToTxnPartitionResult {
        partition_index: index,
        partition_error_code: *code,
    });
    let topic = AddPartitionsToTxnTopicResult {
        name: "t".to_owned(),
        results_by_partition: rows.collect(),
    };
    answers::add_partitions(&AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: vec![topic],
        ..Default::default()
    })
}

const READERS: [fn(i16) -> Judged; 5] =
    [answers::init, answers::end, answers::add_offsets, answers::commit_offset, add_partition];

#[test]
fn everywhere_only_none_is_done_and_an_old_epoch_is_a_fence() {
    for read in READERS {
        assert_eq!(with(Verdict::Done, read), [ErrorCode::None]);
        let fences = [ErrorCode::InvalidProducerEpoch, ErrorCode::ProducerFenced];
        assert_eq!(with(Verdict::Fenced, read), fences);
    }
}

#[test]
fn everywhere_a_coordinator_that_is_none_is_looked_for_and_one_that_is_busy_asked_again() {
    for read in READERS {
        for code in [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable] {
            assert_eq!(read(code as i16).0, Verdict::Elsewhere);
        }
        for code in [ErrorCode::CoordinatorLoadInProgress, ErrorCode::ConcurrentTransactions] {
            assert_eq!(read(code as i16).0, Verdict::Again);
        }
        assert_eq!(read(ErrorCode::InvalidTxnState as i16).0, Verdict::Fatal);
        assert_eq!(read(ErrorCode::InvalidProducerIdMapping as i16).0, Verdict::Fatal);
        assert_eq!(read(ErrorCode::TransactionalIdAuthorizationFailed as i16).0, Verdict::Fatal);
    }
}

#[test]
fn a_transaction_that_the_coordinator_gives_up_can_be_aborted_unless_there_is_none() {
    let abortable = ErrorCode::TransactionAbortable as i16;
    assert_eq!(answers::init(abortable).0, Verdict::Fatal);
    for read in &READERS[1..] {
        assert_eq!(read(abortable).0, Verdict::Abortable);
    }
}

#[test]
fn a_member_that_is_none_any_more_costs_the_transaction_but_not_the_producer() {
    for code in [
        ErrorCode::IllegalGeneration,
        ErrorCode::UnknownMemberId,
        ErrorCode::FencedInstanceId,
        ErrorCode::StaleMemberEpoch,
        ErrorCode::FencedMemberEpoch,
        ErrorCode::GroupAuthorizationFailed,
    ] {
        assert_eq!(answers::commit_offset(code as i16).0, Verdict::Abortable, "{code}");
    }
    let timed_out = answers::commit_offset(ErrorCode::RequestTimedOut as i16).0;
    assert_eq!(timed_out, Verdict::Elsewhere);
}

#[test]
fn of_many_partitions_the_worst_counts_and_one_that_was_not_tried_says_nothing() {
    let (none, skipped) = (0, ErrorCode::OperationNotAttempted as i16);
    let unknown = ErrorCode::UnknownTopicOrPartition as i16;
    let refused = ErrorCode::TopicAuthorizationFailed as i16;
    assert_eq!(add_partitions(&[none, none]).0, Verdict::Done);
    assert_eq!(add_partitions(&[skipped, unknown]).0, Verdict::Again);
    let judged = add_partitions(&[skipped, refused, unknown]);
    assert_eq!(judged, (Verdict::Abortable, ErrorCode::TopicAuthorizationFailed));
    assert_eq!(add_partitions(&[]).0, Verdict::Fatal, "nothing was added");
    assert_eq!(add_partition(-77), (Verdict::Abortable, ErrorCode::UnknownServerError));
}

#[test]
fn an_error_says_what_to_do() {
    let abortable = TransactionError::Abortable { code: None, reason: "why".into() };
    assert!(abortable.is_abortable() && !abortable.is_fatal() && !abortable.is_retriable());
    assert!(abortable.to_string().ends_with("can only be aborted: why"));
    let fenced = TransactionError::Fenced { transactional_id: "t".into() };
    assert!(fenced.is_fatal() && fenced.to_string().contains("make a new producer"));
    assert_eq!(fenced.code(), Some(ErrorCode::ProducerFenced));
    let late = TransactionError::TimedOut {
        transactional_id: "t".into(),
        what: Operation::Commit.verb(),
        waited: Duration::from_secs(2),
        last: "NOT_COORDINATOR".into(),
    };
    assert_eq!(
        late.to_string(),
        "the transaction of `t` was not committed within 2000 ms (NOT_COORDINATOR): it goes on, \
         call again to wait for it"
    );
    assert!(late.is_retriable() && !late.is_fatal());
}
