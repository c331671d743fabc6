//! `ottla configs describe`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{Admin, ConfigEntry, ConfigSource};
use serde::Serialize;

use super::entity::{Entity, EntityOptions};
use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Describe settings that have Kafka's default, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    entity: EntityOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Descriptions(Vec<Description>);

#[derive(Debug, Serialize)]
struct Description {
    /// In words, for people.
    #[serde(skip)]
    entity: String,
    entity_type: &'static str,
    entity_name: Option<String>,
    configs: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    key: String,
    value: Option<String>,
    source: String,
    is_read_only: bool,
    is_sensitive: bool,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let entities = options.entity.find(&admin).await?;
        let look = async || options.look(&admin, &entities).await;
        options.watch.show(options.report, look).await
    })
}

impl Options {
    async fn look(&self, admin: &Admin, entities: &[Entity]) -> Result<Descriptions, Failure> {
        let resources: Vec<_> = entities.iter().map(|entity| entity.0.clone()).collect();
        let described = admin.describe_configs(&resources).await.map_err(Failure::new)?;
        let (mut descriptions, mut failed) = (Vec::new(), Vec::new());
        for (resource, entries) in described {
            let entity = Entity(resource);
            match entries {
                Ok(entries) => descriptions.push(Description {
                    entity: entity.to_string(),
                    entity_type: entity.kind(),
                    entity_name: entity.name().map(str::to_owned),
                    configs: self.rows(entries),
                }),
                Err(error) => failed.push(Failure::of(entity, error)),
            }
        }
        Failure::all(failed)?;
        Ok(Descriptions(descriptions))
    }

    fn rows(&self, mut entries: Vec<ConfigEntry>) -> Vec<Row> {
        entries.retain(|entry| self.all || entry.source != ConfigSource::Default);
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let row = |entry: ConfigEntry| Row {
            key: entry.name,
            value: entry.value,
            source: source_name(entry.source),
            is_read_only: entry.is_read_only,
            is_sensitive: entry.is_sensitive,
        };
        entries.into_iter().map(row).collect()
    }
}

fn source_name(source: ConfigSource) -> String {
    let name = match source {
        ConfigSource::Topic => "topic",
        ConfigSource::DynamicBroker => "dynamic broker",
        ConfigSource::DynamicDefaultBroker => "dynamic default",
        ConfigSource::StaticBroker => "static broker",
        ConfigSource::Default => "default",
        ConfigSource::Group => "group",
        ConfigSource::Other(number) => return format!("source {number}"),
    };
    name.to_owned()
}

impl fmt::Display for Descriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, description) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "Configs of {}:", description.entity)?;
            let mut table = Table::new(["KEY", "VALUE", "SOURCE", "READ-ONLY"]);
            for row in &description.configs {
                table.row([
                    row.key.clone(),
                    row.value.clone().unwrap_or_else(|| "(secret)".to_owned()),
                    row.source.clone(),
                    if row.is_read_only { "yes" } else { "no" }.to_owned(),
                ]);
            }
            table.fmt(f)?;
        }
        Ok(())
    }
}
