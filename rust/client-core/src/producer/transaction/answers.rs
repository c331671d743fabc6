//! What the coordinators' codes mean for a transaction: as Kafka's own producer takes them.

use base::ErrorCode;
use wire::add_partitions_to_txn::AddPartitionsToTxnResponse;
use wire::txn_offset_commit::TxnOffsetCommitResponse;

/// What an answer means. Of several the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// Not now: the same coordinator is to be asked again.
    Again,
    /// Not by this broker.
    Elsewhere,
    /// The transaction is to be aborted.
    Abortable,
    /// The producer cannot go on.
    Fatal,
    /// Another producer has the id.
    Fenced,
}

/// A code and what it means.
pub(super) type Judged = (Verdict, ErrorCode);

/// Reads an answer to InitProducerId.
pub(super) fn init(code: i16) -> Judged {
    judge(code, |code| match code {
        ErrorCode::TransactionAbortable => Verdict::Fatal, // there is nothing to abort
        code => any(code),
    })
}

/// Reads an answer to EndTxn.
pub(super) fn end(code: i16) -> Judged {
    judge(code, |code| match code {
        ErrorCode::UnknownProducerId => Verdict::Abortable,
        code => any(code),
    })
}

/// Reads an answer to AddOffsetsToTxn.
pub(super) fn add_offsets(code: i16) -> Judged {
    judge(code, |code| match code {
        ErrorCode::UnknownProducerId | ErrorCode::GroupAuthorizationFailed => Verdict::Abortable,
        code => any(code),
    })
}

/// Reads an answer to AddPartitionsToTxn: all are added, or none is.
pub(super) fn add_partitions(response: &AddPartitionsToTxnResponse) -> Judged {
    let topics = response.results_by_topic_v3_and_below.iter();
    let rows = topics.flat_map(|topic| &topic.results_by_partition);
    let judged = rows.map(|row| {
        judge(row.partition_error_code, |code| match code {
            // Another partition is to blame, and has a code of its own.
            ErrorCode::OperationNotAttempted => Verdict::Again,
            ErrorCode::InvalidTxnState
            | ErrorCode::InvalidProducerIdMapping
            | ErrorCode::TransactionalIdAuthorizationFailed => Verdict::Fatal,
            code => any(code).min_unless_fenced(Verdict::Abortable),
        })
    });
    worst(judged)
}

/// Reads what became of one partition's offset in an answer to TxnOffsetCommit.
pub(super) fn commit_offset(code: i16) -> Judged {
    judge(code, |code| match code {
        // The group's coordinator may be in trouble: it is looked for again.
        ErrorCode::RequestTimedOut => Verdict::Elsewhere,
        ErrorCode::GroupAuthorizationFailed
        | ErrorCode::TopicAuthorizationFailed
        | ErrorCode::FencedInstanceId
        | ErrorCode::UnknownMemberId
        | ErrorCode::IllegalGeneration
        | ErrorCode::RebalanceInProgress
        | ErrorCode::StaleMemberEpoch
        | ErrorCode::FencedMemberEpoch
        | ErrorCode::OffsetMetadataTooLarge
        | ErrorCode::InvalidCommitOffsetSize => Verdict::Abortable,
        code => any(code),
    })
}

/// The rows of an answer to TxnOffsetCommit: topic, partition, code.
pub(super) fn offset_rows(
    response: &TxnOffsetCommitResponse,
) -> impl Iterator<Item = (&str, i32, i16)> {
    response.topics.iter().flat_map(|topic| {
        let row = |row: &wire::txn_offset_commit::TxnOffsetCommitResponsePartition| {
            (topic.name.as_str(), row.partition_index, row.error_code)
        };
        topic.partitions.iter().map(row)
    })
}

/// The verdict that counts, of several; an answer that names nothing has done nothing.
pub(super) fn worst(judged: impl Iterator<Item = Judged>) -> Judged {
    judged
        .max_by_key(|(verdict, _)| *verdict)
        .unwrap_or((Verdict::Fatal, ErrorCode::UnknownServerError))
}

impl Verdict {
    /// This, or `most` if this is worse, but for being fenced, which nothing mends.
    fn min_unless_fenced(self, most: Self) -> Self {
        if self == Self::Fenced { self } else { self.min(most) }
    }
}

fn judge(code: i16, verdict: impl FnOnce(ErrorCode) -> Verdict) -> Judged {
    let code = ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError);
    (verdict(code), code)
}

/// What a code means wherever it comes from.
fn any(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::None => Verdict::Done,
        ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => Verdict::Elsewhere,
        // Coordinators before KIP-588 say only the former.
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => Verdict::Fenced,
        ErrorCode::TransactionAbortable => Verdict::Abortable,
        code if code.is_retriable() => Verdict::Again,
        _ => Verdict::Fatal,
    }
}
