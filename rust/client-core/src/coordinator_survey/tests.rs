//! Coordinators that are found, lost, loading and silent.

use super::*;
use crate::config::AdminConfig;

const TIMEOUT: Duration = Duration::from_mins(1);

fn cluster() -> Cluster {
    let pairs = [("bootstrap.servers", "boot:1"), ("request.timeout.ms", "20000")];
    let (config, _) = AdminConfig::from_pairs(pairs).unwrap();
    Cluster::new(config.connection, false, 1)
}

fn survey(groups: &[&str], request_groups_max: usize) -> CoordinatorSurvey<u32> {
    let groups = groups.iter().map(|group| (*group).to_owned());
    let kind = CoordinatorKind::Group;
    CoordinatorSurvey::new(kind, groups, request_groups_max, TIMEOUT, Instant(0))
}

fn refused(code: ErrorCode) -> InquiryError {
    InquiryError::refused(code, None)
}

/// The groups that are looked for next.
fn finds(survey: &mut CoordinatorSurvey<u32>, cluster: &mut Cluster, now: Instant) -> Vec<String> {
    match survey.poll(cluster, now) {
        CoordinatorRound::Find(groups, _) => groups,
        other => panic!("{other:?}"),
    }
}

/// The requests that are made next.
fn asks(
    survey: &mut CoordinatorSurvey<u32>,
    cluster: &mut Cluster,
    now: Instant,
) -> Vec<(NodeId, Vec<String>)> {
    match survey.poll(cluster, now) {
        CoordinatorRound::Ask(requests, _) => requests,
        other => panic!("{other:?}"),
    }
}

fn waits(survey: &mut CoordinatorSurvey<u32>, cluster: &mut Cluster, now: Instant) -> Instant {
    match survey.poll(cluster, now) {
        CoordinatorRound::Wait(until) => until,
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_of_one_coordinator_go_in_as_few_requests_as_their_number_allows() {
    let (mut cluster, mut survey) = (cluster(), survey(&["a", "b", "c", "d"], 2));
    assert_eq!(finds(&mut survey, &mut cluster, Instant(0)), ["a", "b", "c", "d"]);
    for group in ["a", "b", "c"] {
        survey.found(group, Ok(NodeId(1)));
    }
    // The broker has answered for three of them only.
    assert_eq!(finds(&mut survey, &mut cluster, Instant(0)), ["d"]);
    survey.found("d", Ok(NodeId(2)));
    let of = |node, groups: &[&str]| {
        (NodeId(node), groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>())
    };
    let expected = [of(1, &["a", "b"]), of(1, &["c"]), of(2, &["d"])];
    assert_eq!(asks(&mut survey, &mut cluster, Instant(0)), expected);
    for (number, group) in (0..).zip(["a", "b", "c", "d"]) {
        survey.take(group, Ok(number));
    }
    let CoordinatorRound::Over(results) = survey.poll(&mut cluster, Instant(0)) else { panic!() };
    let expected = (0..).zip(["a", "b", "c", "d"]).map(|(n, group)| (group.to_owned(), Ok(n)));
    assert_eq!(results, expected.collect());
}

#[test]
fn a_coordinator_that_is_loading_is_asked_again_and_one_that_has_moved_is_looked_for() {
    for (code, is_kept) in [
        (ErrorCode::CoordinatorLoadInProgress, true),
        (ErrorCode::NotCoordinator, false),
        (ErrorCode::CoordinatorNotAvailable, false),
    ] {
        let (mut cluster, mut survey) = (cluster(), survey(&["g"], 1));
        finds(&mut survey, &mut cluster, Instant(0));
        survey.found("g", Ok(NodeId(1)));
        asks(&mut survey, &mut cluster, Instant(0));
        survey.take("g", Err(refused(code)));
        let until = waits(&mut survey, &mut cluster, Instant(0));
        assert!(until > Instant(0) && until < Instant(0) + Duration::from_secs(1), "{until:?}");
        if !is_kept {
            assert_eq!(finds(&mut survey, &mut cluster, until), ["g"]);
            survey.found("g", Ok(NodeId(2)));
        }
        let node = if is_kept { NodeId(1) } else { NodeId(2) };
        assert_eq!(asks(&mut survey, &mut cluster, until), [(node, vec!["g".to_owned()])]);
    }
}

#[test]
fn one_groups_trouble_does_not_stand_in_the_way_of_another() {
    let (mut cluster, mut survey) = (cluster(), survey(&["bad", "good", "gone"], 10));
    finds(&mut survey, &mut cluster, Instant(0));
    survey.found("bad", Err(refused(ErrorCode::CoordinatorNotAvailable)));
    survey.found("good", Ok(NodeId(1)));
    survey.found("gone", Ok(NodeId(1)));
    asks(&mut survey, &mut cluster, Instant(0));
    survey.take("good", Ok(7));
    survey.take("gone", Err(refused(ErrorCode::GroupIdNotFound)));
    let mut now = Instant(0);
    let results = loop {
        match survey.poll(&mut cluster, now) {
            CoordinatorRound::Find(groups, timeout) => {
                assert_eq!(groups, ["bad"]);
                assert!(timeout <= Duration::from_secs(20), "an attempt is no longer than that");
                survey.found("bad", Err(refused(ErrorCode::CoordinatorNotAvailable)));
            }
            CoordinatorRound::Wait(until) => now = until,
            CoordinatorRound::Ask(..) => panic!("there is nobody to ask"),
            CoordinatorRound::Over(results) => break results,
        }
    };
    assert_eq!(now, Instant(0) + TIMEOUT);
    assert_eq!(results["good"], Ok(7));
    assert_eq!(results["gone"], Err(refused(ErrorCode::GroupIdNotFound)));
    let error = results["bad"].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "no answer within 60000 ms: COORDINATOR_NOT_AVAILABLE");
}

#[test]
fn a_refusal_of_the_search_is_the_groups_result() {
    let (mut cluster, mut survey) = (cluster(), survey(&["g"], 1));
    finds(&mut survey, &mut cluster, Instant(0));
    survey.found("g", Err(refused(ErrorCode::GroupAuthorizationFailed)));
    let CoordinatorRound::Over(results) = survey.poll(&mut cluster, Instant(0)) else { panic!() };
    assert_eq!(results["g"], Err(refused(ErrorCode::GroupAuthorizationFailed)));
}

#[test]
fn nobody_is_asked_about_no_groups() {
    let (mut cluster, mut survey) = (cluster(), survey(&[], 1));
    let round = survey.poll(&mut cluster, Instant(0));
    assert!(matches!(round, CoordinatorRound::Over(none) if none.is_empty()));
}

#[test]
fn an_answer_about_a_group_that_has_one_changes_nothing() {
    let (mut cluster, mut survey) = (cluster(), survey(&["g"], 1));
    survey.take("g", Ok(1));
    survey.take("g", Ok(2));
    let CoordinatorRound::Over(results) = survey.poll(&mut cluster, Instant(0)) else { panic!() };
    assert_eq!(results["g"], Ok(1));
}
