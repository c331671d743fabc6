//! The admin client's calls about consumer groups. Each group has its own result: one that is
//! unknown, or whose coordinator is away, does not stand in the way of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, NodeId, TopicPartition};
use client_core::OutgoingRequest;
use client_core::admin::Each;
use client_core::admin::groups::{
    self, GroupDescription, GroupFilter, GroupListing, MemberToRemove, PartitionLag,
    PartitionRange, PlannedOffset, ResetError, ResetTo, TopicScope,
};
use client_core::admin::{self, OffsetSpec};
use client_core::config::IsolationLevel;
use client_core::consumer::{Found, OffsetAndMetadata, read_offset};
use client_core::coordinator_survey::{CoordinatorKind, CoordinatorSurvey};
use client_core::inquiry::{Inquiry, InquiryError};
use client_core::survey::Survey;
use wire::Request;

use super::{Admin, owned};
use crate::desk::{ask, ask_coordinators, ask_leaders};

/// The most groups that one request describes or deletes.
const REQUEST_GROUPS_MAX: usize = 200;
/// What members are told who are removed.
const REMOVED: &str = "the member was removed by an admin";

/// What a group has committed, by partition.
pub type GroupOffsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

impl Admin {
    /// Lists the groups of all brokers, by name.
    pub async fn list_groups(
        &self,
        filter: &GroupFilter,
    ) -> Result<Vec<GroupListing>, InquiryError> {
        let timeout = self.timeout();
        let mut listed = BTreeMap::new();
        for broker in self.describe_cluster().await?.brokers {
            let inquiry = groups::list_groups(broker.node, filter, timeout);
            // A group that moves meanwhile may be listed by two brokers.
            for group in ask(&*self.shared, inquiry).await? {
                listed.insert(group.group_id.clone(), group);
            }
        }
        Ok(listed.into_values().collect())
    }

    /// Describes groups: those of the protocol of KIP-848, and classic ones.
    pub async fn describe_groups(&self, groups: &[&str]) -> Each<String, GroupDescription> {
        let mut described = self
            .ask_groups(owned(groups), |address, node, groups, timeout| {
                groups::describe_consumer_groups(node, address, groups, timeout)
            })
            .await;
        let is_classic = |error: &InquiryError| {
            matches!(error.code(), Some(ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion))
        };
        let classic = described.iter().filter(|(_, result)| result.as_ref().is_err_and(is_classic));
        let classic = classic.map(|(group, _)| group.clone()).collect();
        described.extend(
            self.ask_groups(classic, |address, node, groups, timeout| {
                groups::describe_classic_groups(node, address, groups, timeout)
            })
            .await,
        );
        described.into_iter().collect()
    }

    /// What groups have committed. One that nobody knows has committed nothing.
    pub async fn group_offsets(&self, groups: &[&str]) -> Each<String, GroupOffsets> {
        let fetch = |node, group: &str, timeout| groups::fetch_offsets(node, group, timeout);
        self.ask_each_group(owned(groups), fetch).await.into_iter().collect()
    }

    /// How far groups are behind, partition by partition.
    pub async fn group_lags(&self, groups: &[&str]) -> Each<String, Vec<PartitionLag>> {
        let described = self.describe_groups(groups).await;
        let known = described.iter().filter(|(_, result)| result.is_ok());
        let names: Vec<_> = known.map(|(group, _)| group.as_str()).collect();
        let committed = self.group_offsets(&names).await;
        let mut committed: BTreeMap<_, _> = committed.into_iter().collect();
        let mut both = |group: String, description: Result<GroupDescription, InquiryError>| {
            let both = description.and_then(|description| {
                let committed = committed.remove(&group);
                Ok((description, committed.expect("who is described is asked about")?))
            });
            (group, both)
        };
        let known: Each<String, (GroupDescription, GroupOffsets)> =
            described.into_iter().map(|(group, description)| both(group, description)).collect();
        let known_now = known.iter().filter_map(|(_, known)| known.as_ref().ok());
        let partitions: BTreeSet<_> = known_now
            .flat_map(|(group, committed)| groups::partitions_of_interest(Some(group), committed))
            .collect();
        let ends = self.end_offsets(partitions).await;
        let lag = |(group, committed): (GroupDescription, GroupOffsets)| {
            let partitions = groups::partitions_of_interest(Some(&group), &committed).into_iter();
            let ends = partitions.map(|name| {
                let end = ends[&name].clone();
                (name, end)
            });
            groups::lag(Some(&group), &committed, ends.collect())
        };
        known.into_iter().map(|(group, known)| (group, known.map(lag))).collect()
    }

    /// Sets how far a group without members has come.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, OffsetAndMetadata)],
    ) -> Result<Each<TopicPartition, ()>, InquiryError> {
        let commit =
            |node, group: &str, timeout| groups::commit_offsets(node, group, offsets, timeout);
        self.ask_group(group, commit).await
    }

    /// Says where a group without members is to go on, and makes it do so if `execute`. Without a
    /// scope, in every partition that it has committed, or that [`ResetTo::Offsets`] names.
    pub async fn reset_group_offsets(
        &self,
        group: &str,
        to: &ResetTo,
        scope: &[TopicScope],
        execute: bool,
    ) -> Result<Vec<PlannedOffset>, ResetError> {
        let of_group = |error| ResetError::Inquiry { about: format!("group {group}"), error };
        self.require_inactive(group).await?;
        let committed = only(self.group_offsets(&[group]).await).map_err(of_group)?;
        let partitions = match to {
            _ if !scope.is_empty() => {
                let expanded = self.expand(scope).await;
                expanded.map_err(|(about, error)| ResetError::Inquiry { about, error })?
            }
            ResetTo::Offsets(offsets) => offsets.keys().cloned().collect(),
            _ => committed.keys().cloned().collect(),
        };
        if partitions.is_empty() {
            return Err(ResetError::NothingToReset(group.to_owned()));
        }
        let ranges = self.ranges(partitions, &committed, to).await?;
        let plan = groups::plan_reset(to, ranges)?;
        if execute {
            let offset = |row: &PlannedOffset| {
                (row.topic_partition.clone(), OffsetAndMetadata::of(row.after))
            };
            let offsets: Vec<_> = plan.iter().map(offset).collect();
            let altered = self.alter_group_offsets(group, &offsets).await.map_err(of_group)?;
            for (name, result) in altered {
                let about = format!("group {group}, {name}");
                result.map_err(|error| ResetError::Inquiry { about, error })?;
            }
        }
        Ok(plan)
    }

    /// Makes a group forget what it has committed, of topics that no member subscribes to.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Each<TopicPartition, ()>, InquiryError> {
        let delete =
            |node, group: &str, timeout| groups::delete_offsets(node, group, partitions, timeout);
        self.ask_group(group, delete).await
    }

    /// Deletes groups without members, with all that they have committed.
    pub async fn delete_groups(&self, groups: &[&str]) -> Each<String, ()> {
        let deleted = self.ask_groups(owned(groups), |_, node, groups, timeout| {
            groups::delete_groups(node, groups, timeout)
        });
        deleted.await.into_iter().collect()
    }

    /// Makes members of a classic group leave it, or all of its members.
    pub async fn remove_group_members(
        &self,
        group: &str,
        members: Option<&[MemberToRemove]>,
        reason: Option<&str>,
    ) -> Result<Each<MemberToRemove, ()>, InquiryError> {
        let members = match members {
            Some(members) => members.to_vec(),
            None => everybody(&only(self.describe_groups(&[group]).await)?),
        };
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let reason = reason.unwrap_or(REMOVED);
        let remove = |node, group: &str, timeout| {
            groups::remove_members(node, group, &members, reason, timeout)
        };
        self.ask_group(group, remove).await
    }

    /// Finds an offset of each partition.
    pub async fn list_offsets(
        &self,
        wanted: &[(TopicPartition, OffsetSpec)],
        isolation_level: IsolationLevel,
    ) -> Each<TopicPartition, Found> {
        let timeout = self.timeout();
        let wanted = wanted.iter().map(|(name, spec)| (name.clone(), spec.timestamp()));
        let survey = Survey::new(wanted.collect(), timeout, self.shared.desk.clock.now());
        let found = ask_leaders(
            &*self.shared,
            survey,
            |cluster, leader, partitions| {
                let metadata = cluster.metadata();
                admin::list_offsets(leader, partitions, isolation_level, metadata, timeout)
            },
            read_offset,
        );
        found.await.into_iter().collect()
    }

    /// The partitions that are meant: each that is named, and all of topics that are named alone.
    /// An error comes with what it is about.
    pub async fn expand(
        &self,
        scope: &[TopicScope],
    ) -> Result<BTreeSet<TopicPartition>, (String, InquiryError)> {
        let names: BTreeSet<_> = scope.iter().map(|scope| scope.topic.as_str()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let described = self.describe_topics(&names).await;
        let mut counts = BTreeMap::new();
        for (name, result) in described.map_err(|error| ("topics".to_owned(), error))? {
            let topic = result.map_err(|error| (format!("topic {name}"), error))?;
            counts.insert(name, topic.partitions.len() as i32);
        }
        let mut partitions = BTreeSet::new();
        for scope in scope {
            let count = counts.get(&scope.topic).copied().unwrap_or(0);
            let all = || (0..count).collect();
            let topic: Arc<str> = scope.topic.as_str().into();
            for number in scope.partitions.clone().unwrap_or_else(all) {
                let name = TopicPartition::new(topic.clone(), number);
                if !(0..count).contains(&number) {
                    let words = format!("the topic has {count} partitions");
                    let code = ErrorCode::UnknownTopicOrPartition;
                    return Err((name.to_string(), InquiryError::refused(code, Some(words))));
                }
                partitions.insert(name);
            }
        }
        Ok(partitions)
    }

    /// Kafka's coordinators describe no share and streams groups to who asks for a consumer group,
    /// so one that they do not know is looked for in the list, before it is made by a commit. A
    /// group that nobody knows has no members.
    async fn require_inactive(&self, group: &str) -> Result<(), ResetError> {
        let of_group = |error| ResetError::Inquiry { about: format!("group {group}"), error };
        let (kind, state) = match only(self.describe_groups(&[group]).await) {
            Ok(description) => (description.other_kind(), Some(description.state)),
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => {
                let listed = self.list_groups(&GroupFilter::default()).await.map_err(of_group)?;
                let listed = listed.iter().find(|listing| listing.group_id == group);
                (listed.and_then(GroupListing::other_kind), None)
            }
            Err(error) => return Err(of_group(error)),
        };
        let group_id = group.to_owned();
        match (kind, state) {
            (Some(kind), _) => Err(ResetError::OtherKind { group_id, kind }),
            (None, Some(state)) if !state.is_inactive() => {
                Err(ResetError::Active { group_id, state })
            }
            (None, _) => Ok(()),
        }
    }

    /// What there is to read of each partition.
    async fn ranges(
        &self,
        partitions: BTreeSet<TopicPartition>,
        committed: &GroupOffsets,
        to: &ResetTo,
    ) -> Result<Vec<PartitionRange>, ResetError> {
        let found = async |spec| {
            let wanted: Vec<_> = partitions.iter().map(|name| (name.clone(), spec)).collect();
            let mut found = BTreeMap::new();
            for (name, result) in self.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await
            {
                let about = name.to_string();
                let offset = result.map_err(|error| ResetError::Inquiry { about, error })?.offset;
                found.insert(name, offset);
            }
            Ok(found)
        };
        let earliest = found(OffsetSpec::Earliest).await?;
        let latest = found(OffsetSpec::Latest).await?;
        let at_timestamp = match to {
            ResetTo::Timestamp(timestamp_ms) => found(OffsetSpec::Timestamp(*timestamp_ms)).await?,
            _ => BTreeMap::new(),
        };
        let range = |name: &TopicPartition| PartitionRange {
            topic_partition: name.clone(),
            committed: committed.get(name).map(|committed| committed.offset),
            earliest: earliest[name].unwrap_or(0),
            latest: latest[name].unwrap_or(0),
            at_timestamp: at_timestamp.get(name).copied().flatten(),
        };
        Ok(partitions.iter().map(range).collect())
    }

    /// Where the logs end, up to what may be consumed.
    async fn end_offsets(
        &self,
        partitions: BTreeSet<TopicPartition>,
    ) -> BTreeMap<TopicPartition, Result<i64, InquiryError>> {
        let wanted: Vec<_> =
            partitions.into_iter().map(|name| (name, OffsetSpec::Latest)).collect();
        let found = self.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await;
        let end = |found: Found| found.offset.unwrap_or(0);
        found.into_iter().map(|(name, found)| (name, found.map(end))).collect()
    }

    async fn ask_groups<R: Request + OutgoingRequest, V>(
        &self,
        groups: Vec<String>,
        inquiry: impl Fn(
            Option<&client_core::config::Address>,
            NodeId,
            &[String],
            Duration,
        ) -> Inquiry<R, Each<String, V>>,
    ) -> BTreeMap<String, Result<V, InquiryError>> {
        let survey = self.survey(groups, REQUEST_GROUPS_MAX);
        ask_coordinators(
            &*self.shared,
            survey,
            |cluster, node, groups, timeout| {
                inquiry(cluster.metadata().brokers.get(&node), node, groups, timeout)
            },
            |answer, _| answer,
        )
        .await
    }

    /// Asks about one group a request.
    async fn ask_each_group<R: Request + OutgoingRequest, V>(
        &self,
        groups: Vec<String>,
        inquiry: impl Fn(NodeId, &str, Duration) -> Inquiry<R, V>,
    ) -> BTreeMap<String, Result<V, InquiryError>> {
        let survey = self.survey(groups, 1);
        ask_coordinators(
            &*self.shared,
            survey,
            |_, node, groups, timeout| inquiry(node, &groups[0], timeout),
            |answer, groups| vec![(groups[0].clone(), Ok(answer))],
        )
        .await
    }

    async fn ask_group<R: Request + OutgoingRequest, V>(
        &self,
        group: &str,
        inquiry: impl Fn(NodeId, &str, Duration) -> Inquiry<R, V>,
    ) -> Result<V, InquiryError> {
        let answered = self.ask_each_group(vec![group.to_owned()], inquiry).await;
        only(answered.into_iter().collect())
    }

    fn survey<V>(&self, groups: Vec<String>, request_groups_max: usize) -> CoordinatorSurvey<V> {
        let now = self.shared.desk.clock.now();
        CoordinatorSurvey::new(
            CoordinatorKind::Group,
            groups,
            request_groups_max,
            self.timeout(),
            now,
        )
    }

    pub(super) fn timeout(&self) -> Duration {
        self.shared.config.default_api_timeout
    }
}

/// The result of the one group that was asked about.
fn only<V>(results: Each<String, V>) -> Result<V, InquiryError> {
    results.into_iter().next().expect("a group that is asked about has a result").1
}

fn everybody(group: &GroupDescription) -> Vec<MemberToRemove> {
    let member = |member: &groups::MemberDescription| match &member.group_instance_id {
        Some(name) => MemberToRemove::Static(name.clone()),
        None => MemberToRemove::Dynamic(member.member_id.clone()),
    };
    group.members.iter().map(member).collect()
}
