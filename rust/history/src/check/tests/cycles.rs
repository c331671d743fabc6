//! Circles of transactions, impossible and only unserialisable ones.

use super::tale::Tale;
use crate::anomaly::{Anomaly, AnomalyKind, Dependency};

/// What leads from one transaction to the next in the only circle.
fn dependencies(anomalies: &[Anomaly]) -> Vec<&'static str> {
    let [Anomaly::WriteCycle { steps }] = anomalies else { panic!("{anomalies:?}") };
    for (step, next) in steps.iter().zip(steps.iter().cycle().skip(1)) {
        assert_eq!(step.to, next.from);
    }
    let mut names: Vec<_> = steps
        .iter()
        .map(|step| match step.dependency {
            Dependency::WriteWrite { .. } => "ww",
            Dependency::WriteRead { .. } => "wr",
            Dependency::ReadWrite { .. } => "rw",
            Dependency::RealTime => "time",
        })
        .collect();
    names.sort_unstable();
    names
}

/// Two transactions that are open at the same time, and what they write.
fn side_by_side(tale: &mut Tale, first: &[(i32, &str, i64)], second: &[(i32, &str, i64)]) {
    tale.begin(1);
    tale.begin(2);
    for (partition, value, offset) in first {
        tale.send(1, *partition, value, *offset);
    }
    for (partition, value, offset) in second {
        tale.send(2, *partition, value, *offset);
    }
    tale.commit(1);
    tale.commit(2);
}

#[test]
fn what_was_committed_before_another_began_lies_before_it() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 1)], Tale::commit);
    tale.transaction(2, &[(0, "b", 0)], Tale::commit);
    let circle = tale.expect(AnomalyKind::WriteCycle);
    assert_eq!(dependencies(std::slice::from_ref(&circle)), ["time", "ww"]);
    assert!(circle.to_string().contains("1/0 was committed before 2/0 began"), "{circle}");
}

#[test]
fn the_shortest_circle_is_told_among_many_transactions() {
    let mut tale = Tale::default();
    for (offset, value) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
        tale.transaction(1, &[(0, value, 1 + offset as i64)], Tale::commit);
    }
    tale.transaction(2, &[(0, "late", 0)], Tale::commit);
    assert_eq!(dependencies(&tale.anomalies()), ["time", "ww"]);
}

#[test]
fn two_transactions_cannot_both_have_seen_the_other() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.begin(2);
    tale.send(1, 0, "a", 0);
    tale.send(2, 1, "b", 0);
    tale.poll(1, 1, &[(0, "b")]);
    tale.poll(2, 0, &[(0, "a")]);
    tale.commit(1);
    tale.commit(2);
    let anomalies = tale.anomalies();
    let (early, circles) = anomalies.split_at(2);
    assert!(early.iter().all(|anomaly| anomaly.kind() == AnomalyKind::EarlyRead));
    assert_eq!(dependencies(circles), ["wr", "wr"]);
}

#[test]
fn a_circle_may_go_through_what_was_read() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 1), (1, "b", 0)], Tale::commit_unknown);
    tale.begin(2);
    tale.poll(2, 1, &[(0, "b")]);
    tale.commit(2);
    tale.transaction(3, &[(0, "c", 0)], Tale::commit);
    assert_eq!(dependencies(&tale.anomalies()), ["time", "wr", "ww"]);
}

#[test]
fn writes_of_open_transactions_may_lie_between_each_other_but_no_order_explains_it() {
    let mut tale = Tale::default();
    side_by_side(&mut tale, &[(0, "a", 0), (1, "b", 1)], &[(0, "c", 1), (1, "d", 0)]);
    tale.expect_clean();
    assert_eq!(dependencies(&tale.serializable_anomalies()), ["ww", "ww"]);
}

#[test]
fn two_that_have_not_seen_each_other_are_right_but_no_order_explains_it() {
    let mut tale = Tale::default();
    tale.begin(1);
    tale.begin(2);
    tale.position(1, 1, Some(0));
    tale.poll_to(1, 1, &[], 0);
    tale.position(2, 0, Some(0));
    tale.poll_to(2, 0, &[], 0);
    tale.send(1, 0, "a", 0);
    tale.send(2, 1, "b", 0);
    tale.commit(1);
    tale.commit(2);
    tale.expect_clean();
    assert_eq!(dependencies(&tale.serializable_anomalies()), ["rw", "rw"]);
}

#[test]
fn transactions_one_after_the_other_are_serialisable() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 0), (1, "b", 0)], Tale::commit);
    tale.begin(2);
    tale.poll(2, 0, &[(0, "a")]);
    tale.poll(2, 1, &[(0, "b")]);
    tale.send(2, 0, "c", 2);
    tale.commit(2);
    tale.transaction(1, &[(0, "d", 4), (1, "e", 2)], Tale::commit);
    assert_eq!(tale.serializable_anomalies(), []);
}

#[test]
fn aborted_transactions_are_in_no_circle() {
    let mut tale = Tale::default();
    tale.transaction(1, &[(0, "a", 1)], Tale::abort);
    tale.transaction(2, &[(0, "b", 0)], Tale::commit);
    tale.expect_clean();
    assert_eq!(tale.serializable_anomalies(), []);
}
