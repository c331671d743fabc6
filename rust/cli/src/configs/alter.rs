//! `ottla configs alter`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{ConfigChange, ConfigOperation};
use serde::Serialize;

use super::entity::EntityOptions;
use crate::connection::{ConnectionOptions, key_value};
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Settings by commas; a value that holds commas stands in brackets: a=1,b=[x,y].
    #[arg(long, value_name = "KEY=VALUE,...", value_parser = settings)]
    add_config: Vec<Settings>,
    /// One setting; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    /// Settings that go back to their default, by commas.
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    delete_config: Vec<String>,
    /// Only check whether it could be done.
    #[arg(long, alias = "validate-only")]
    dry_run: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    entity: EntityOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings(Vec<(String, String)>);

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Altered(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    #[serde(skip)]
    entity: String,
    entity_type: &'static str,
    entity_name: Option<String>,
    dry_run: bool,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let changes = options.changes();
        if changes.is_empty() {
            let message =
                "nothing is to be changed: give --add-config, --config or --delete-config";
            return Err(Failure::usage(message));
        }
        let admin = options.connection.admin().await?;
        let (mut altered, mut failed) = (Vec::new(), Vec::new());
        for entity in options.entity.find(&admin).await? {
            let asked = [(entity.0.clone(), changes.clone())];
            let results = admin.alter_configs(&asked, options.dry_run).await;
            match results.and_then(|rows| rows.into_iter().try_for_each(|(_, result)| result)) {
                Ok(()) => altered.push(Row {
                    entity: entity.to_string(),
                    entity_type: entity.kind(),
                    entity_name: entity.name().map(str::to_owned),
                    dry_run: options.dry_run,
                }),
                Err(error) => failed.push(Failure::of(entity, error)),
            }
        }
        options.report.print(&Altered(altered))?;
        Failure::all(failed)
    })
}

impl Options {
    fn changes(&self) -> Vec<ConfigChange> {
        let set = self.add_config.iter().flat_map(|settings| &settings.0).chain(&self.config);
        let set = set.map(|(name, value)| ConfigChange {
            name: name.clone(),
            operation: ConfigOperation::Set,
            value: Some(value.clone()),
        });
        let delete = self.delete_config.iter().map(|name| ConfigChange {
            name: name.trim().to_owned(),
            operation: ConfigOperation::Delete,
            value: None,
        });
        set.chain(delete).collect()
    }
}

/// `KEY=VALUE` by commas, but for those in brackets.
fn settings(text: &str) -> Result<Settings, String> {
    let mut settings = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=').ok_or("expected KEY=VALUE by commas")?;
        let end = match value.strip_prefix('[') {
            Some(_) => value.find(']').ok_or("a bracket is not closed")? + 1,
            None => value.find(',').unwrap_or(value.len()),
        };
        let (value, after) = value.split_at(end);
        let bare = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        let key = key.trim();
        if key.is_empty() || key.contains(',') {
            return Err("expected KEY=VALUE by commas".to_owned());
        }
        settings.push((key.to_owned(), bare.unwrap_or(value).to_owned()));
        rest = match after.strip_prefix(',') {
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return Err("expected a comma behind the bracket".to_owned()),
        };
    }
    if settings.is_empty() {
        return Err("expected KEY=VALUE by commas".to_owned());
    }
    Ok(Settings(settings))
}

impl fmt::Display for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| {
            let verb = if row.dry_run { "would alter" } else { "altered" };
            writeln!(f, "{verb} {}", row.entity)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_by_commas_and_lists_in_brackets() {
        let read = |text| settings(text).map(|settings| settings.0);
        let pairs = |pairs: &[(&str, &str)]| {
            Ok(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(read("a=1"), pairs(&[("a", "1")]));
        assert_eq!(read("a=1, b=[x,y],c="), pairs(&[("a", "1"), ("b", "x,y"), ("c", "")]));
        assert_eq!(read("a=b=c"), pairs(&[("a", "b=c")]));
        for wrong in ["", "a", "=1", "a=[x", "a=[x]y", "a,b=1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
