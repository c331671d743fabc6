//! `ottla groups`: what Kafka's users know as kafka-consumer-groups.sh.

mod delete;
mod delete_offsets;
mod describe;
mod lag;
mod list;
mod remove_members;
mod reset_offsets;
mod reset_plan;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use client::{Admin, GroupFilter, OtherKind, TopicScope};

use crate::connection::ConnectionOptions;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all groups.
    List(list::Options),
    /// Describe groups: how far they have come, their members, their state.
    Describe(describe::Options),
    /// Show how far groups are behind, partition by partition.
    Lag(lag::Options),
    /// Make groups without members go on somewhere else; only shows where, without --execute.
    ResetOffsets(reset_offsets::Options),
    /// Delete groups without members, with all that they have committed.
    Delete(delete::Options),
    /// Make a group forget what it has committed, of topics that no member subscribes to.
    DeleteOffsets(delete_offsets::Options),
    /// Make members leave a classic group, without waiting for the end of their sessions.
    RemoveMembers(remove_members::Options),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::List(options) => list::run(options),
        Command::Describe(options) => describe::run(options),
        Command::Lag(options) => lag::run(options),
        Command::ResetOffsets(options) => reset_offsets::run(options),
        Command::Delete(options) => delete::run(options),
        Command::DeleteOffsets(options) => delete_offsets::run(options),
        Command::RemoveMembers(options) => remove_members::run(options),
    }
}

/// Groups, named in either way, or all of them.
#[derive(Clone, Debug, Args)]
pub(crate) struct GroupNames {
    /// The groups.
    #[arg(value_name = "GROUP")]
    names: Vec<String>,
    /// The same, as Kafka's tools take it.
    #[arg(long = "group", value_name = "GROUP")]
    options: Vec<String>,
    /// All consumer groups that there are; of groups of other kinds it is told that they are left
    /// out.
    #[arg(long, conflicts_with_all = ["names", "options"])]
    all_groups: bool,
    /// Those that were left out, which is told once.
    #[arg(skip)]
    left_out: RefCell<BTreeSet<String>>,
}

impl GroupNames {
    /// Those that are meant, each once, in the order of the line; none is an error.
    pub(crate) async fn meant(&self, admin: &Admin) -> Result<Vec<String>, Failure> {
        if !self.all_groups {
            return self.named();
        }
        let listed = admin.list_groups(&GroupFilter::default()).await.map_err(Failure::new)?;
        let mut meant = Vec::new();
        for group in listed {
            match group.other_kind() {
                None => meant.push(group.group_id),
                Some(kind) => self.leave_out(&group.group_id, &kind),
            }
        }
        Ok(meant)
    }

    /// Whether one group is named, and no more.
    pub(crate) fn is_one(&self) -> bool {
        !self.all_groups && self.given().len() == 1
    }

    fn named(&self) -> Result<Vec<String>, Failure> {
        let given = self.given();
        if given.is_empty() {
            let message = "no group is named: give --group, or --all-groups";
            return Err(Failure::usage(message));
        }
        Ok(given)
    }

    fn leave_out(&self, group: &str, kind: &OtherKind) {
        if self.left_out.borrow_mut().insert(group.to_owned()) {
            tracing::warn!("group {group} is left out: it is {kind}, and no consumer group");
        }
    }

    fn given(&self) -> Vec<String> {
        let mut given = Vec::new();
        for name in self.names.iter().chain(&self.options) {
            if !given.contains(name) {
                given.push(name.clone());
            }
        }
        given
    }
}

/// How the cluster is reached, and how long it may take to answer.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GroupConnection {
    /// How long the cluster may take over each question; otherwise `default.api.timeout.ms`, a
    /// minute.
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(i32).range(1..))]
    timeout: Option<i32>,
    #[command(flatten)]
    connection: ConnectionOptions,
}

impl GroupConnection {
    /// An admin client.
    pub(crate) async fn admin(&self) -> Result<Admin, Failure> {
        self.connection.admin_with(self.limit()).await
    }

    fn limit(&self) -> Option<(&'static str, String)> {
        self.timeout.map(|timeout| ("default.api.timeout.ms", timeout.to_string()))
    }
}

/// One group, named in either way.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct GroupName {
    /// The group.
    #[arg(value_name = "GROUP")]
    name: Option<String>,
    /// The same, as Kafka's tools take it.
    #[arg(long = "group", value_name = "GROUP")]
    option: Option<String>,
}

impl GroupName {
    pub(crate) fn given(&self) -> &str {
        self.name.as_ref().or(self.option.as_ref()).map_or("", String::as_str)
    }
}

/// Which partitions are meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct TopicScopes {
    /// A topic, or some of its partitions as `orders:0,3`; may be given several times.
    #[arg(long = "topic", value_name = "TOPIC[:PARTITION,...]")]
    topics: Vec<TopicScope>,
}

/// Groups that one command asks about, as the client takes them.
fn borrowed(groups: &[String]) -> Vec<&str> {
    groups.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        groups: GroupNames,
        #[command(flatten)]
        topics: TopicScopes,
    }

    #[test]
    fn groups_are_named_in_either_way_and_count_once() {
        let line = Line::parse_from(["x", "a", "--group", "b,c", "b", "--group", "a"]);
        assert_eq!(line.groups.given(), ["a", "b", "b,c"], "a name may hold a comma");
        assert!(Line::try_parse_from(["x", "a", "--all-groups"]).is_err());
    }

    #[test]
    fn one_group_is_named_once() {
        #[derive(Parser)]
        struct One {
            #[command(flatten)]
            group: GroupName,
        }
        for arguments in [&["x", "a"][..], &["x", "--group", "a"]] {
            assert_eq!(One::parse_from(arguments).group.given(), "a");
        }
        for arguments in [&["x"][..], &["x", "a", "b"], &["x", "a", "--group", "b"]] {
            assert!(One::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_question_may_be_given_a_time() {
        #[derive(Parser)]
        struct Asked {
            #[command(flatten)]
            connection: GroupConnection,
        }
        let limit = |arguments: &[&str]| {
            let asked = Asked::try_parse_from(["x"].iter().chain(arguments));
            asked.map(|asked| asked.connection.limit())
        };
        assert_eq!(limit(&[]).unwrap(), None);
        let expected = ("default.api.timeout.ms", "250".to_owned());
        assert_eq!(limit(&["--timeout", "250"]).unwrap(), Some(expected));
        assert!(limit(&["--timeout", "0"]).is_err());
    }

    #[test]
    fn a_topic_may_name_its_partitions() {
        let line = Line::parse_from(["x", "--topic", "a", "--topic", "b:0,3"]);
        assert_eq!(line.topics.topics[0], TopicScope::whole("a"));
        assert_eq!(line.topics.topics[1].partitions, Some(vec![0, 3]));
        assert!(Line::try_parse_from(["x", "--topic", "b:x"]).is_err());
    }
}
