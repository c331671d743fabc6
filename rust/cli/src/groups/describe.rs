//! `ottla groups describe`: offsets, members, states, in the tables of Kafka's own tool.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

use base::TopicPartition;
use clap::Args;
use client::{Admin, GroupDescription, MemberDescription};
use serde::Serialize;

use super::lag::Lags;
use super::{GroupConnection, GroupNames, borrowed};
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::{Table, list};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    groups: GroupNames,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: GroupConnection,
}

/// What is shown; offsets, if nothing else is asked for.
#[derive(Clone, Copy, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of Kafka's own tool")]
struct Parts {
    /// How far the group has come in each partition; what is shown if nothing else is.
    #[arg(long)]
    offsets: bool,
    /// Who is in the group.
    #[arg(long)]
    members: bool,
    /// What the group is doing, and who coordinates it.
    #[arg(long)]
    state: bool,
    /// With --members what each is assigned, with --state the epochs.
    #[arg(long)]
    verbose: bool,
}

#[derive(Debug, Serialize)]
struct Description {
    groups: Vec<DescribedGroup>,
    offsets: Lags,
    #[serde(skip)]
    parts: Parts,
}

#[derive(Debug, Serialize)]
struct DescribedGroup {
    group: String,
    #[serde(rename = "type")]
    group_type: &'static str,
    state: &'static str,
    protocol_type: String,
    assignor: String,
    coordinator: i32,
    coordinator_address: Option<String>,
    group_epoch: Option<i32>,
    target_assignment_epoch: Option<i32>,
    members: Vec<DescribedMember>,
}

#[derive(Debug, Serialize)]
struct DescribedMember {
    member_id: String,
    group_instance_id: Option<String>,
    host: String,
    client_id: String,
    rack: Option<String>,
    member_epoch: Option<i32>,
    is_upgraded: Option<bool>,
    subscribed_topics: BTreeSet<String>,
    subscribed_regex: Option<String>,
    assignment: BTreeMap<String, Vec<i32>>,
    target_assignment: Option<BTreeMap<String, Vec<i32>>>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let failed = RefCell::new(Vec::new());
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let look = async || {
            let groups = options.groups.meant(&admin).await?;
            let (description, refused) = options.look(&admin, &groups).await;
            if refused.len() == groups.len() {
                Failure::all(refused)?;
            } else {
                failed.replace(refused);
            }
            Ok(description)
        };
        options.watch.show(options.report, look).await?;
        Failure::all(failed.take())
    })
}

impl Options {
    /// The groups that there are; the others are failures.
    async fn look(&self, admin: &Admin, groups: &[String]) -> (Description, Vec<Failure>) {
        let (mut described, mut refused) = (Vec::new(), Vec::new());
        for (group, result) in admin.describe_groups(&borrowed(groups)).await {
            match result {
                Ok(description) => described.push(DescribedGroup::new(description)),
                Err(error) => refused.push(Failure::of(format_args!("group {group}"), error)),
            }
        }
        let names: Vec<_> = described.iter().map(|group| group.group.clone()).collect();
        let (offsets, unread) = Lags::of(admin, &names).await;
        refused.extend(unread);
        (Description { groups: described, offsets, parts: self.parts }, refused)
    }
}

impl DescribedGroup {
    fn new(group: GroupDescription) -> Self {
        Self {
            group: group.group_id,
            group_type: group.group_type.name(),
            state: group.state.name(),
            protocol_type: group.protocol_type,
            assignor: group.assignor,
            coordinator: group.coordinator.0,
            coordinator_address: group.coordinator_address.map(|address| address.to_string()),
            group_epoch: group.group_epoch,
            target_assignment_epoch: group.target_assignment_epoch,
            members: group.members.into_iter().map(DescribedMember::new).collect(),
        }
    }
}

impl DescribedMember {
    fn new(member: MemberDescription) -> Self {
        Self {
            member_id: member.member_id,
            group_instance_id: member.group_instance_id,
            host: member.client_host,
            client_id: member.client_id,
            rack: member.rack,
            member_epoch: member.member_epoch,
            is_upgraded: member.is_upgraded,
            subscribed_topics: member.subscribed_topics,
            subscribed_regex: member.subscribed_regex,
            assignment: by_topic(&member.assignment),
            target_assignment: member.target_assignment.as_ref().map(by_topic),
        }
    }
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> BTreeMap<String, Vec<i32>> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for name in partitions {
        topics.entry(name.topic.to_string()).or_default().push(name.partition.0);
    }
    topics
}

/// `orders:0,1;payments:2`, as Kafka's tool writes it.
fn assignment(topics: &BTreeMap<String, Vec<i32>>) -> String {
    let topics = topics.iter().map(|(topic, numbers)| format!("{topic}:{}", list(numbers)));
    topics.collect::<Vec<_>>().join(";")
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { offsets, members, state, verbose } = self.parts;
        let mut tables = Vec::new();
        if offsets || !(members || state) {
            tables.push(self.offsets.to_string());
        }
        if members {
            tables.push(self.members().to_string());
        }
        if state {
            tables.push(if verbose { self.states_verbose() } else { self.states() }.to_string());
        }
        f.write_str(&tables.join("\n"))?;
        for group in self.groups.iter().filter(|group| group.state != "Stable") {
            writeln!(f, "group {} {}", group.group, remark(group.state))?;
        }
        Ok(())
    }
}

/// What explains a table that is empty, or about to change.
fn remark(state: &str) -> String {
    match state {
        "Empty" => "has no active members".to_owned(),
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
            "is rebalancing".to_owned()
        }
        state => format!("is {state}"),
    }
}

const MEMBER: [&str; 6] =
    ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS#"];

/// What `--verbose` adds to [`MEMBER`].
const MEMBER_EPOCHS: [&str; 5] =
    ["CURRENT-EPOCH#", "CURRENT-ASSIGNMENT", "TARGET-EPOCH#", "TARGET-ASSIGNMENT", "UPGRADED"];

impl Description {
    fn each_member(&self) -> impl Iterator<Item = (&DescribedGroup, &DescribedMember)> {
        let groups = self.groups.iter();
        groups.flat_map(|group| group.members.iter().map(move |member| (group, member)))
    }

    fn members(&self) -> Table {
        let verbose = self.parts.verbose;
        let mut table =
            Table::new([&MEMBER[..], if verbose { &MEMBER_EPOCHS } else { &[] }].concat());
        for (group, member) in self.each_member() {
            let mut row = vec![
                group.group.clone(),
                member.member_id.clone(),
                text(member.group_instance_id.as_ref()),
                member.host.clone(),
                member.client_id.clone(),
                member.partition_count(),
            ];
            if verbose {
                row.extend([
                    text(member.member_epoch),
                    assignment(&member.assignment),
                    text(group.target_assignment_epoch),
                    text(member.target_assignment.as_ref().map(assignment)),
                    text(member.is_upgraded),
                ]);
            }
            table.row(row);
        }
        table
    }

    fn states(&self) -> Table {
        let mut table =
            Table::new(["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS#"]);
        for group in &self.groups {
            table.row([
                group.group.clone(),
                group.coordinator(),
                group.assignor.clone(),
                group.state.to_owned(),
                group.members.len().to_string(),
            ]);
        }
        table
    }

    fn states_verbose(&self) -> Table {
        let mut table = Table::new([
            "GROUP",
            "COORDINATOR (ID)",
            "ASSIGNMENT-STRATEGY",
            "STATE",
            "GROUP-EPOCH#",
            "TARGET-ASSIGNMENT-EPOCH#",
            "#MEMBERS#",
        ]);
        for group in &self.groups {
            table.row([
                group.group.clone(),
                group.coordinator(),
                group.assignor.clone(),
                group.state.to_owned(),
                text(group.group_epoch),
                text(group.target_assignment_epoch),
                group.members.len().to_string(),
            ]);
        }
        table
    }
}

impl DescribedGroup {
    fn coordinator(&self) -> String {
        format!("{} ({})", text(self.coordinator_address.as_ref()), self.coordinator)
    }
}

impl DescribedMember {
    fn partition_count(&self) -> String {
        self.assignment.values().map(Vec::len).sum::<usize>().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(parts: Parts) -> Description {
        let member = DescribedMember {
            member_id: "m".into(),
            group_instance_id: None,
            host: "/127.0.0.1".into(),
            client_id: "c".into(),
            rack: None,
            member_epoch: Some(3),
            is_upgraded: Some(true),
            subscribed_topics: BTreeSet::new(),
            subscribed_regex: None,
            assignment: [("t".to_owned(), vec![0, 2]), ("u".to_owned(), vec![1])].into(),
            target_assignment: Some([("t".to_owned(), vec![0])].into()),
        };
        let group = DescribedGroup {
            group: "g".into(),
            group_type: "Consumer",
            state: "Reconciling",
            protocol_type: "consumer".into(),
            assignor: "uniform".into(),
            coordinator: 1,
            coordinator_address: Some("host:9092".into()),
            group_epoch: Some(4),
            target_assignment_epoch: Some(4),
            members: vec![member],
        };
        Description { groups: vec![group], offsets: Lags::default(), parts }
    }

    /// The last row of each table, and the remarks.
    fn rows(parts: Parts) -> Vec<Vec<String>> {
        let text = description(parts).to_string();
        let is_row = |line: &&str| line.starts_with('g');
        let cells = |line: &str| line.split("  ").map(str::trim).map(str::to_owned).collect();
        let lines = text.lines().filter(is_row).map(cells);
        lines
            .map(|cells: Vec<_>| cells.into_iter().filter(|cell| !cell.is_empty()).collect())
            .collect()
    }

    #[test]
    fn each_part_is_a_table_and_a_group_that_is_not_stable_is_remarked_on() {
        let remark = vec!["group g is rebalancing".to_owned()];
        assert_eq!(rows(Parts::default()), std::slice::from_ref(&remark), "there are no offsets");
        let members = rows(Parts { members: true, ..Parts::default() });
        assert_eq!(members[0], ["g", "m", "-", "/127.0.0.1", "c", "3"]);
        let states = rows(Parts { state: true, ..Parts::default() });
        assert_eq!(states[0], ["g", "host:9092 (1)", "uniform", "Reconciling", "1"]);
        assert_eq!(states[1], remark);
    }

    #[test]
    fn verbose_tells_what_is_assigned_and_the_epochs() {
        let parts = Parts { members: true, state: true, verbose: true, ..Parts::default() };
        let both = rows(parts);
        assert_eq!(both[0][5..], ["3", "3", "t:0,2;u:1", "4", "t:0", "true"]);
        assert_eq!(both[1][3..], ["Reconciling", "4", "4", "1"]);
    }
}
