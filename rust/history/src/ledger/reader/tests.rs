//! What a history says once it is resolved, and which ones are refused.

use super::*;

const P1: Process = Process(1);

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn send(history: &mut History, value: &str) -> OperationId {
    history.invoke(0, P1, Operation::Send { partition: orders(), value: value.into() })
}

/// The ends of the transactions that `tell` records.
fn ends(tell: impl FnOnce(&mut History)) -> Vec<End> {
    let mut history = History::new();
    tell(&mut history);
    let ledger = read(&history).unwrap();
    ledger.transactions.iter().map(|transaction| transaction.end).collect()
}

/// Why the history that `tell` records is refused.
fn refusal(tell: impl FnOnce(&mut History)) -> MalformedHistory {
    let mut history = History::new();
    tell(&mut history);
    read(&history).unwrap_err()
}

#[test]
fn a_transaction_is_aborted_unless_its_commit_was_asked_for() {
    let begun = |history: &mut History| {
        history.invoke(0, P1, Operation::Begin);
    };
    assert_eq!(ends(begun), [End::Aborted]);
    let begun_twice = |history: &mut History| {
        begun(history);
        begun(history);
    };
    assert_eq!(ends(begun_twice), [End::Aborted, End::Aborted]);
}

#[test]
fn the_last_certain_answer_tells_how_a_transaction_has_ended() {
    let asked = |history: &mut History| {
        history.invoke(0, P1, Operation::Begin);
        history.invoke(0, P1, Operation::Commit)
    };
    let only_asked = |history: &mut History| {
        asked(history);
    };
    assert_eq!(ends(only_asked), [End::Unknown]);
    assert_eq!(
        ends(|history| {
            let commit = asked(history);
            history.failed(0, commit, "fenced");
        }),
        [End::Aborted]
    );
    assert_eq!(
        ends(|history| {
            let commit = asked(history);
            history.unknown(0, commit, "timed out");
            let again = history.invoke(0, P1, Operation::Commit);
            history.ok(0, again, Answer::Done);
        }),
        [End::Committed]
    );
    assert_eq!(
        ends(|history| {
            let commit = asked(history);
            history.unknown(0, commit, "timed out");
            let abort = history.invoke(0, P1, Operation::Abort);
            history.ok(0, abort, Answer::Done);
        }),
        [End::Aborted]
    );
    assert_eq!(
        ends(|history| {
            let commit = asked(history);
            history.unknown(0, commit, "timed out");
            let again = history.invoke(0, P1, Operation::Commit);
            history.failed(0, again, "fenced");
        }),
        [End::Unknown],
        "the first may have come through"
    );
}

#[test]
fn what_is_sent_belongs_to_the_open_transaction_until_its_end_is_asked_for() {
    let mut history = History::new();
    send(&mut history, "before");
    history.invoke(0, P1, Operation::Begin);
    send(&mut history, "inside");
    let elsewhere = Operation::Send { partition: orders(), value: "elsewhere".into() };
    history.invoke(0, Process(2), elsewhere);
    history.invoke(0, P1, Operation::Commit);
    send(&mut history, "after");
    let ledger = read(&history).unwrap();
    let transactions: Vec<_> = (0..4).map(|record| ledger.transaction_of(record)).collect();
    assert_eq!(transactions, [None, Some(0), None, None]);
}

#[test]
fn a_send_that_never_completes_is_unknown() {
    let mut history = History::new();
    send(&mut history, "a");
    let told = send(&mut history, "b");
    history.unknown(0, told, "timed out");
    let ledger = read(&history).unwrap();
    for record in &ledger.records {
        assert_eq!(record.send.as_ref().map(|send| send.outcome), Some(Outcome::Unknown));
    }
}

#[test]
fn a_value_may_be_sent_to_two_partitions_but_not_twice_to_one() {
    let mut history = History::new();
    send(&mut history, "a");
    let other = TopicPartition::new("orders", 1);
    history.invoke(0, P1, Operation::Send { partition: other, value: "a".into() });
    assert!(read(&history).is_ok());
    send(&mut history, "a");
    let error = read(&history).unwrap_err();
    assert!(matches!(error, MalformedHistory::ValueSentTwice { entry: 2, .. }), "{error}");
}

#[test]
fn answers_without_or_to_other_questions_are_refused() {
    let twice = refusal(|history| {
        let id = send(history, "a");
        history.ok(0, id, Answer::Sent { offset: None });
        history.failed(0, id, "and yet");
    });
    assert!(matches!(twice, MalformedHistory::NotInvoked { entry: 2, .. }), "{twice}");
    let other = refusal(|history| {
        let id = send(history, "a");
        history.ok(0, id, Answer::Done);
    });
    assert!(matches!(other, MalformedHistory::WrongAnswer { entry: 1, .. }), "{other}");
    let invoked_twice = refusal(|history| {
        let event = Event::Invoke(Operation::Begin);
        let entry = Entry { at_us: 0, process: P1, number: 0, event };
        history.push(entry.clone());
        history.push(entry);
    });
    assert!(matches!(invoked_twice, MalformedHistory::InvokedTwice { entry: 1, .. }));
}

#[test]
fn an_end_without_a_beginning_is_refused() {
    for operation in [
        Operation::Commit,
        Operation::Abort,
        Operation::SendOffsets { group: "g".into(), offsets: vec![] },
    ] {
        let error = refusal(|history| {
            history.invoke(0, P1, operation);
        });
        assert!(matches!(error, MalformedHistory::NoTransaction { entry: 0, .. }), "{error}");
    }
}

#[test]
fn a_negative_offset_is_refused() {
    let error = refusal(|history| {
        let id = send(history, "a");
        history.ok(0, id, Answer::Sent { offset: Some(-1) });
    });
    assert!(matches!(error, MalformedHistory::NegativeOffset { entry: 1, offset: -1, .. }));
}
