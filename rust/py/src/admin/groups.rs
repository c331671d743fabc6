//! Consumer groups as an operator sees them, in rows for Python.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use base::{LeaderEpoch, TopicPartition};
use client::{
    AdminError, GroupDescription, GroupFilter, GroupListing, GroupState, MemberDescription,
    MemberToRemove, OffsetAndMetadata, PlannedOffset, ResetTo, TopicScope, UnknownName,
};
use pyo3::exceptions::PyValueError;
use pyo3::types::PyAnyMethods;
use pyo3::{PyErr, Python, pyclass, pymethods};

use super::lag::{self, LagRow};
use super::{Inner, Place, place_of};
use crate::error::Error;
use crate::fork::ProcessBound;
use crate::runtime;

/// The most refusals that an exception tells beside its own.
const NOTES_MAX: usize = 20;

/// A group in a list: name, state, type, protocol type.
type ListingRow = (String, &'static str, &'static str, String);

/// A group: name, state, type, protocol type, assignor, coordinator, where that is, epochs of the
/// group and of its target assignment, members.
type GroupRow = (
    String,
    &'static str,
    &'static str,
    String,
    String,
    i32,
    Option<String>,
    Option<i32>,
    Option<i32>,
    Vec<MemberRow>,
);

/// A member: name, instance, client, host, rack, epoch, whether it speaks the new protocol, topics
/// and pattern that it subscribes to, partitions that it owns, and that it is to own.
type MemberRow = (
    String,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<i32>,
    Option<bool>,
    Vec<String>,
    Option<String>,
    Vec<Place>,
    Option<Vec<Place>>,
);

/// An offset with what is remembered with it: offset, leader epoch, metadata.
type OffsetRow = (i64, Option<i32>, String);

/// A topic, and some of its partitions.
type ScopeRow = (String, Option<Vec<i32>>);

/// A partition's offset before and after a reset, and why that is not what was asked for.
type PlannedRow = (Place, Option<i64>, i64, Option<String>);

/// The groups of an admin client's cluster.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Groups(ProcessBound<Arc<Inner>>);

#[pymethods]
impl Groups {
    /// All groups, or those in one of these states and of one of these types.
    fn listings(
        &self,
        py: Python<'_>,
        states: Vec<String>,
        types: Vec<String>,
    ) -> Result<Vec<ListingRow>, Error> {
        let filter = GroupFilter { states: parsed::<GroupState>(&states)?, types: parsed(&types)? };
        let listed = ask(py, self.open()?.list_groups(&filter))?;
        let listed = listed.map_err(|error| Error::Admin { about: String::new(), error })?;
        Ok(listed.into_iter().map(listing_row).collect())
    }

    /// Groups in full.
    fn describe(&self, py: Python<'_>, groups: Vec<String>) -> Result<Vec<GroupRow>, Error> {
        let groups = names(&groups);
        let described = ask(py, self.open()?.describe_groups(&groups))?;
        let described = each_group(py, described)?.into_iter();
        Ok(described.map(|(_, group)| group_row(group)).collect())
    }

    /// How far groups are behind.
    fn lag(&self, py: Python<'_>, groups: Vec<String>) -> Result<Vec<LagRow>, Error> {
        let groups = names(&groups);
        let lags = ask(py, self.open()?.group_lags(&groups))?;
        Ok(lag::rows(each_group(py, lags)?))
    }

    /// What a group has committed.
    fn offsets(&self, py: Python<'_>, group: &str) -> Result<Vec<(Place, OffsetRow)>, Error> {
        let committed = ask(py, self.open()?.group_offsets(&[group]))?;
        let committed = each_group(py, committed)?.into_iter().flat_map(|(_, offsets)| offsets);
        let row = |(name, offset): (TopicPartition, OffsetAndMetadata)| {
            let epoch = Some(offset.leader_epoch.0).filter(|epoch| *epoch >= 0);
            (place_of(&name), (offset.offset, epoch, offset.metadata))
        };
        Ok(committed.map(row).collect())
    }

    /// Sets what a group without members has committed.
    fn alter_offsets(
        &self,
        py: Python<'_>,
        group: &str,
        offsets: Vec<(Place, OffsetRow)>,
    ) -> Result<(), Error> {
        let offset = |((topic, partition), (offset, epoch, metadata)): (Place, OffsetRow)| {
            let leader_epoch = epoch.map_or(LeaderEpoch::NONE, LeaderEpoch);
            let offset = OffsetAndMetadata { offset, leader_epoch, metadata };
            (TopicPartition::new(topic, partition), offset)
        };
        let offsets: Vec<_> = offsets.into_iter().map(offset).collect();
        let altered = ask(py, self.open()?.alter_group_offsets(group, &offsets))?;
        each(py, of_group(group, altered)?, |name| format!("group {group}, {name}")).map(drop)
    }

    /// Says where a group is to go on, and makes it do so unless this is only a plan. `place` is
    /// "earliest", "latest", "current", one of "offset", "shift" and "timestamp" with a number, or
    /// "offsets" with those.
    #[expect(clippy::too_many_arguments, reason = "Python has words for what these are")]
    fn reset_offsets(
        &self,
        py: Python<'_>,
        group: &str,
        place: &str,
        number: i64,
        offsets: Vec<(Place, i64)>,
        scope: Vec<ScopeRow>,
        dry_run: bool,
    ) -> Result<Vec<PlannedRow>, Error> {
        let to = match place {
            "earliest" => ResetTo::Earliest,
            "latest" => ResetTo::Latest,
            "current" => ResetTo::Current,
            "offset" => ResetTo::Offset(number),
            "shift" => ResetTo::ShiftBy(number),
            "timestamp" => ResetTo::Timestamp(number),
            "offsets" => {
                let named = |(topic, partition): Place| TopicPartition::new(topic, partition);
                let offsets = offsets.into_iter();
                ResetTo::Offsets(offsets.map(|(place, offset)| (named(place), offset)).collect())
            }
            _ => return Err(Error::Python(PyValueError::new_err(format!("no place {place:?}")))),
        };
        let scope = scope.into_iter();
        let scope: Vec<_> =
            scope.map(|(topic, partitions)| TopicScope { topic, partitions }).collect();
        let plan = ask(py, self.open()?.reset_group_offsets(group, &to, &scope, !dry_run))?;
        let row = |row: PlannedOffset| {
            let moved = row.moved.map(|moved| moved.to_string());
            (place_of(&row.topic_partition), row.before, row.after, moved)
        };
        Ok(plan?.into_iter().map(row).collect())
    }

    /// Makes a group forget what it has committed.
    fn delete_offsets(&self, py: Python<'_>, group: &str, places: Vec<Place>) -> Result<(), Error> {
        let partitions = places.into_iter();
        let partitions: Vec<_> =
            partitions.map(|(topic, number)| TopicPartition::new(topic, number)).collect();
        let deleted = ask(py, self.open()?.delete_group_offsets(group, &partitions))?;
        each(py, of_group(group, deleted)?, |name| format!("group {group}, {name}")).map(drop)
    }

    /// Deletes groups.
    fn delete(&self, py: Python<'_>, groups: Vec<String>) -> Result<(), Error> {
        let groups = names(&groups);
        let deleted = ask(py, self.open()?.delete_groups(&groups))?;
        each_group(py, deleted).map(drop)
    }

    /// Makes members leave, or all if none is named; answers the names of those who have.
    fn remove_members(
        &self,
        py: Python<'_>,
        group: &str,
        instances: Vec<String>,
        members: Vec<String>,
        reason: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let instances = instances.into_iter().map(MemberToRemove::Static);
        let members = instances.chain(members.into_iter().map(MemberToRemove::Dynamic));
        let members: Vec<_> = members.collect();
        let members = Some(members.as_slice()).filter(|members| !members.is_empty());
        let removed = ask(py, self.open()?.remove_group_members(group, members, reason))?;
        let about = |member: MemberToRemove| format!("group {group}, member {}", member.name());
        let removed = each(py, of_group(group, removed)?, about)?.into_iter();
        Ok(removed.map(|(member, ())| member.name().to_owned()).collect())
    }
}

impl Groups {
    pub(super) fn of(inner: Arc<Inner>) -> Self {
        Self(ProcessBound::new(inner))
    }

    fn open(&self) -> Result<&client::Admin, Error> {
        self.0.get()?.open()
    }
}

pub(super) fn ask<T: Send>(
    py: Python<'_>,
    question: impl Future<Output = T> + Send,
) -> Result<T, Error> {
    runtime::wait(py, None, question)?.ok_or(Error::Interrupted)
}

fn of_group<T>(group: &str, result: Result<T, AdminError>) -> Result<T, Error> {
    result.map_err(|error| Error::Admin { about: format!("group {group}"), error })
}

fn each_group<V>(
    py: Python<'_>,
    results: Vec<(String, Result<V, AdminError>)>,
) -> Result<Vec<(String, V)>, Error> {
    each(py, results, |group| format!("group {group}"))
}

/// The results, or the first refusal and what it is about, with a note for each other one.
pub(super) fn each<K: Clone, V>(
    py: Python<'_>,
    results: Vec<(K, Result<V, AdminError>)>,
    about: impl Fn(K) -> String,
) -> Result<Vec<(K, V)>, Error> {
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (key, result) in results {
        match result {
            Ok(value) => good.push((key, value)),
            Err(error) => refused.push(Error::Admin { about: about(key), error }),
        }
    }
    let mut refused = refused.into_iter().map(PyErr::from);
    let Some(first) = refused.next() else { return Ok(good) };
    for other in refused.by_ref().take(NOTES_MAX) {
        let note = other.value(py).str()?;
        first.value(py).call_method1("add_note", (note,))?;
    }
    let more = refused.count();
    if more > 0 {
        first.value(py).call_method1("add_note", (format!("and {more} more"),))?;
    }
    Err(Error::Python(first))
}

pub(super) fn parsed<T: FromStr<Err = UnknownName>>(names: &[String]) -> Result<Vec<T>, Error> {
    let parse = |name: &String| {
        name.parse().map_err(|unknown: UnknownName| {
            Error::Python(PyValueError::new_err(unknown.to_string()))
        })
    };
    names.iter().map(parse).collect()
}

pub(super) fn names(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn listing_row(group: GroupListing) -> ListingRow {
    (group.group_id, group.state.name(), group.group_type.name(), group.protocol_type)
}

fn group_row(group: GroupDescription) -> GroupRow {
    (
        group.group_id,
        group.state.name(),
        group.group_type.name(),
        group.protocol_type,
        group.assignor,
        group.coordinator.0,
        group.coordinator_address.map(|address| address.to_string()),
        group.group_epoch,
        group.target_assignment_epoch,
        group.members.into_iter().map(member_row).collect(),
    )
}

fn member_row(member: MemberDescription) -> MemberRow {
    let places = |partitions: BTreeSet<TopicPartition>| partitions.iter().map(place_of).collect();
    (
        member.member_id,
        member.group_instance_id,
        member.client_id,
        member.client_host,
        member.rack,
        member.member_epoch,
        member.is_upgraded,
        member.subscribed_topics.into_iter().collect(),
        member.subscribed_regex,
        places(member.assignment),
        member.target_assignment.map(places),
    )
}
