//! `ottla topics alter`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{Admin, ConfigChange, ConfigOperation, ConfigResource};
use serde::Serialize;

use crate::connection::{ConnectionOptions, key_value};
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;
use crate::topic_names::TopicNames;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    topics: TopicNames,
    /// How many partitions each has then: never fewer than before.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// A setting; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    /// A setting that goes back to its default; may be given several times.
    #[arg(long, value_name = "KEY")]
    delete_config: Vec<String>,
    /// Do not complain of topics that there are not.
    #[arg(long)]
    if_exists: bool,
    /// Only check whether it could be done.
    #[arg(long, alias = "validate-only")]
    dry_run: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Altered(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    dry_run: bool,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let names = options.topics.required()?;
        let changes = options.changes();
        if options.partitions.is_none() && changes.is_empty() {
            let message =
                "nothing is to be changed: give --partitions, --config or --delete-config";
            return Err(Failure::usage(message));
        }
        let admin = options.connection.admin().await?;
        let (mut altered, mut failed) = (Vec::new(), Vec::new());
        for name in names {
            match options.alter(&admin, name, &changes).await {
                Ok(()) => altered.push(Row { topic: name.into(), dry_run: options.dry_run }),
                Err(error) if options.if_exists && is_unknown(&error) => {}
                Err(error) => failed.push(Failure::of(name, error)),
            }
        }
        options.report.print(&Altered(altered))?;
        Failure::all(failed)
    })
}

impl Options {
    fn changes(&self) -> Vec<ConfigChange> {
        let set = self.config.iter().map(|(name, value)| ConfigChange {
            name: name.clone(),
            operation: ConfigOperation::Set,
            value: Some(value.clone()),
        });
        let delete = self.delete_config.iter().map(|name| ConfigChange {
            name: name.clone(),
            operation: ConfigOperation::Delete,
            value: None,
        });
        set.chain(delete).collect()
    }

    /// Settings first: a refused one leaves the partitions alone, which cannot be taken back.
    async fn alter(
        &self,
        admin: &Admin,
        name: &str,
        changes: &[ConfigChange],
    ) -> Result<(), client::AdminError> {
        if !changes.is_empty() {
            let changes = [(ConfigResource::topic(name), changes.to_vec())];
            only(admin.alter_configs(&changes, self.dry_run).await?)?;
        }
        if let Some(partitions) = self.partitions {
            only(admin.create_partitions(&[(name, partitions)], self.dry_run).await?)?;
        }
        Ok(())
    }
}

fn is_unknown(error: &client::AdminError) -> bool {
    error.code() == Some(base::ErrorCode::UnknownTopicOrPartition)
}

fn only<K>(results: Vec<(K, Result<(), client::AdminError>)>) -> Result<(), client::AdminError> {
    results.into_iter().try_for_each(|(_, result)| result)
}

impl fmt::Display for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| {
            let verb = if row.dry_run { "would alter" } else { "altered" };
            writeln!(f, "{verb} topic {}", row.topic)
        })
    }
}
