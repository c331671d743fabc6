//! What waits, what is tried again, and what is too late.

use super::*;

const TIMEOUT: Duration = Duration::from_mins(1);
const NOW: Instant = Instant(0);

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", index)
}

fn offsets(rows: &[(i32, i64)]) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
    rows.iter().map(|(index, offset)| (partition(*index), OffsetAndMetadata::of(*offset))).collect()
}

fn commits() -> Commits {
    Commits::new("g".to_owned())
}

impl Commits {
    fn put(&mut self, rows: &[(i32, i64)], generation: Option<i32>) -> CommitId {
        self.push(offsets(rows), generation, TIMEOUT, NOW).unwrap()
    }

    /// All that waits is sent, and this is answered for the partitions in order.
    fn answered(&mut self, answer: &[ErrorCode]) -> Option<ErrorCode> {
        let count = self.waiting.len();
        let codes = answer.iter().enumerate();
        let codes = codes.map(|(index, code)| (("t".to_owned(), index as i32), *code)).collect();
        self.settle(count, &codes, true)
    }

    fn sent(&self) -> Vec<(i32, i64)> {
        let identity = Identity { member_id: "m".to_owned(), generation: 1, instance_id: None };
        let request = self.request(&identity);
        let rows = request.topics.iter().flat_map(|topic| &topic.partitions);
        rows.map(|row| (row.partition_index, row.committed_offset)).collect()
    }

    fn over(&mut self) -> Vec<(Option<CommitId>, Result<(), CommitError>)> {
        std::iter::from_fn(|| self.poll_finished()).map(|it| (it.id, it.result)).collect()
    }
}

#[test]
fn only_what_failed_for_now_is_tried_again() {
    let mut commits = commits();
    let (first, second) = (commits.put(&[(0, 10), (1, 20)], None), commits.put(&[(0, 11)], None));
    assert_eq!(commits.sent(), [(0, 11), (1, 20)], "the later one counts");
    let reason = commits.answered(&[ErrorCode::None, ErrorCode::CoordinatorLoadInProgress]);
    assert_eq!(reason, Some(ErrorCode::CoordinatorLoadInProgress));
    assert_eq!(commits.over(), [(Some(second), Ok(()))]);
    assert_eq!(commits.sent(), [(1, 20)]);
    assert_eq!(commits.answered(&[ErrorCode::None, ErrorCode::None]), None);
    assert_eq!(commits.over(), [(Some(first), Ok(()))]);
    assert!(commits.is_empty());
}

#[test]
fn a_topic_that_is_gone_does_not_hold_up_a_rebalance_for_long() {
    let mut commits = commits();
    let id = commits.put(&[(0, 10), (1, 20)], None);
    let answer = [ErrorCode::None, ErrorCode::UnknownTopicOrPartition];
    for _ in 1..5 {
        assert!(commits.answered(&answer).is_some());
        assert!(commits.over().is_empty());
    }
    assert_eq!(commits.answered(&answer), None);
    let code = ErrorCode::UnknownTopicOrPartition;
    let refused = CommitError::Refused { topic_partition: partition(1), code };
    assert_eq!(commits.over(), [(Some(id), Err(refused))]);
    assert!(commits.is_empty());
}

#[test]
fn what_was_lost_while_it_was_under_way_is_not_tried_again() {
    let mut commits = commits();
    let lost = commits.put(&[(0, 10)], None);
    let kept = commits.put(&[(1, 20)], None);
    commits.asked = Some((RequestId(1), 2));
    let late = commits.put(&[(0, 11)], None);
    commits.lose(&BTreeSet::from([partition(0)]));
    let error = || Err(CommitError::Lost(partition(0)));
    assert_eq!(commits.over(), [(Some(late), error())], "it had not been sent");
    commits.asked = None;
    let unknown = ErrorCode::UnknownMemberId;
    assert_eq!(commits.answered(&[unknown, unknown]), Some(unknown));
    assert_eq!(commits.over(), [(Some(lost), error())]);
    assert_eq!(commits.sent(), [(1, 20)], "that one is still this member's");
    assert!(commits.answered(&[unknown, ErrorCode::None]).is_none());
    assert_eq!(commits.over(), [(Some(kept), Ok(()))]);
}

#[test]
fn an_accepted_commit_counts_although_its_partition_was_lost_meanwhile() {
    let mut commits = commits();
    let id = commits.put(&[(0, 10)], None);
    commits.asked = Some((RequestId(1), 1));
    commits.lose(&BTreeSet::from([partition(0)]));
    assert_eq!(commits.answered(&[ErrorCode::None]), None);
    assert_eq!(commits.over(), [(Some(id), Ok(()))]);
}

#[test]
fn a_partition_that_is_given_up_is_committed_in_its_generation_or_not_at_all() {
    for (generation, is_kept) in [(Some(3), true), (Some(4), false), (None, false)] {
        let mut commits = commits();
        let given_up = commits.put(&[(0, 10)], None);
        let other = commits.put(&[(1, 20)], None);
        commits.bind(&BTreeSet::from([partition(0)]), Some(3));
        commits.drop_stale(generation);
        let (over, sent) = (commits.over(), commits.sent());
        if is_kept {
            assert_eq!((over, sent), (vec![], vec![(0, 10), (1, 20)]));
        } else {
            let error = Err(CommitError::Lost(partition(0)));
            assert_eq!((over, sent), (vec![(Some(given_up), error)], vec![(1, 20)]));
        }
        assert_eq!(commits.waiting.back().unwrap().id, Some(other));
    }
}

#[test]
fn a_partition_that_is_given_up_outside_of_a_generation_is_lost() {
    let mut commits = commits();
    let id = commits.put(&[(0, 10)], None);
    commits.bind(&BTreeSet::from([partition(0)]), None);
    assert_eq!(commits.over(), [(Some(id), Err(CommitError::Lost(partition(0))))]);
}

#[test]
fn metadata_that_no_request_can_carry_is_refused_alone() {
    let mut commits = commits();
    let mut rows = offsets(&[(0, 10)]);
    rows.get_mut(&partition(0)).unwrap().metadata = "x".repeat(METADATA_BYTES_MAX + 1);
    let error = commits.push(rows, None, TIMEOUT, NOW).unwrap_err().to_string();
    assert!(error.contains("the metadata of t-0 has 32768 bytes, and may have 32767"), "{error}");
    assert!(commits.is_empty());
}
