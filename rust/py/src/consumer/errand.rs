//! The program's own assignor: asked on the thread that polls, with no lock held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client::{Assignments, Errand, ErrandAnswer, GroupPartitions, Subscriber};
use pyo3::types::PyAnyMethods;
use pyo3::{Py, PyAny, PyResult, Python};

use super::{Place, named, place};

/// Id, own name, topics, what it owns and since when, what it says besides, and where it is.
type MemberRow =
    (String, Option<String>, Vec<String>, Vec<Place>, i32, Option<Vec<u8>>, Option<String>);

/// What the program says, and what it raised if it could not.
pub(super) fn run(
    py: Python<'_>,
    assignors: &Py<PyAny>,
    errand: Errand,
) -> (ErrandAnswer, PyResult<()>) {
    let answer = match errand {
        Errand::Describe { assignor, topics } => describe(py, assignors, &assignor, topics),
        Errand::Assign { assignor, subscribers, partitions } => {
            assign(py, assignors, &assignor, subscribers, partitions)
        }
    };
    match answer {
        Ok(answer) => (answer, Ok(())),
        Err(raised) => (ErrandAnswer::Failed(raised.to_string()), Err(raised)),
    }
}

fn describe(
    py: Python<'_>,
    assignors: &Py<PyAny>,
    name: &str,
    topics: impl IntoIterator<Item = Arc<str>>,
) -> PyResult<ErrandAnswer> {
    let topics: Vec<_> = topics.into_iter().map(|topic| topic.to_string()).collect();
    let said = assignors.bind(py).call_method1("describe", (name, topics))?;
    let said: Option<Vec<u8>> = said.extract()?;
    Ok(ErrandAnswer::Described(said.map(Into::into)))
}

fn assign(
    py: Python<'_>,
    assignors: &Py<PyAny>,
    name: &str,
    subscribers: Vec<Subscriber>,
    partitions: GroupPartitions,
) -> PyResult<ErrandAnswer> {
    let members: Vec<_> = subscribers.into_iter().map(row).collect();
    let counts = partitions.counts.into_iter();
    let counts: BTreeMap<_, _> = counts.map(|(topic, count)| (topic.to_string(), count)).collect();
    let names = |racks: BTreeSet<Arc<str>>| racks.iter().map(ToString::to_string).collect();
    let racks: BTreeMap<Place, Vec<String>> =
        partitions.racks.into_iter().map(|(at, racks)| (place(&at), names(racks))).collect();
    let said = assignors.bind(py).call_method1("assign", (name, members, counts, racks))?;
    let said: Vec<(String, Vec<Place>)> = said.extract()?;
    let given = |(member, places): (String, Vec<Place>)| {
        (member, places.into_iter().map(named).collect::<Vec<_>>())
    };
    Ok(ErrandAnswer::Assigned(said.into_iter().map(given).collect::<Assignments>()))
}

fn row(member: Subscriber) -> MemberRow {
    (
        member.member_id,
        member.instance_id,
        member.topics.iter().map(ToString::to_string).collect(),
        member.owned.iter().map(place).collect(),
        member.generation,
        member.user_data.map(|said| said.to_vec()),
        member.rack,
    )
}
