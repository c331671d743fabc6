//! What has settings, named in Kafka's way or shortly.

use std::fmt;

use clap::{Args, ValueEnum};
use client::{Admin, ConfigResource, ResourceType};

use crate::failure::Failure;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Entity")]
pub(super) struct EntityOptions {
    /// A topic; may be given several times.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// A broker; may be given several times.
    #[arg(long, value_name = "NUMBER")]
    broker: Vec<i32>,
    /// What holds for every broker that is not set otherwise.
    #[arg(long)]
    broker_defaults: bool,
    /// A consumer group; may be given several times.
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// Kafka's way to say the same: a kind of entity, and...
    #[arg(long, value_name = "KIND", requires = "which")]
    entity_type: Option<EntityType>,
    /// ...the entity's name, or...
    #[arg(long, value_name = "NAME", group = "which", requires = "entity_type")]
    entity_name: Vec<String>,
    /// ...the default for all brokers, or...
    #[arg(long, group = "which", requires = "entity_type")]
    entity_default: bool,
    /// ...every topic or broker that there is.
    #[arg(long, group = "which", requires = "entity_type")]
    entity_all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum EntityType {
    Topics,
    Brokers,
    Groups,
}

/// One thing that has settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity(pub(super) ConfigResource);

impl EntityOptions {
    /// What the line names, in its order; none is an error.
    pub(super) async fn find(&self, admin: &Admin) -> Result<Vec<Entity>, Failure> {
        match (self.entity_all, self.entity_type) {
            (true, Some(EntityType::Topics)) => {
                let topics = admin.list_topics().await.map_err(Failure::new)?;
                let mut names: Vec<_> = topics.into_iter().map(|topic| topic.name).collect();
                names.sort_unstable();
                Ok(names.into_iter().map(|name| Entity::new(ResourceType::Topic, name)).collect())
            }
            (true, Some(EntityType::Brokers)) => {
                let cluster = admin.describe_cluster().await.map_err(Failure::new)?;
                let brokers = cluster.brokers.into_iter().map(|broker| broker.node);
                Ok(brokers.map(|node| Entity(ConfigResource::broker(node))).collect())
            }
            _ => self.named(),
        }
    }

    fn named(&self) -> Result<Vec<Entity>, Failure> {
        let (mut topics, mut groups) = (self.topic.clone(), self.group.clone());
        let mut brokers: Vec<_> = self.broker.iter().map(i32::to_string).collect();
        let mut has_defaults = self.broker_defaults;
        match self.entity_type {
            None => {}
            Some(EntityType::Topics) if !self.entity_default && !self.entity_all => {
                topics.extend(self.entity_name.iter().cloned());
            }
            Some(EntityType::Groups) if !self.entity_default && !self.entity_all => {
                groups.extend(self.entity_name.iter().cloned());
            }
            Some(EntityType::Brokers) => {
                has_defaults |= self.entity_default;
                for name in &self.entity_name {
                    name.parse::<i32>().map_err(|_| {
                        Failure::usage(format_args!("`{name}` is no broker: they have numbers"))
                    })?;
                    brokers.push(name.clone());
                }
            }
            Some(EntityType::Topics | EntityType::Groups) => {
                let message = "only brokers have a default, and only topics and brokers are listed";
                return Err(Failure::usage(message).hint("give --entity-name"));
            }
        }
        brokers.extend(has_defaults.then(String::new));
        let kinds = [
            (ResourceType::Topic, topics),
            (ResourceType::Broker, brokers),
            (ResourceType::Group, groups),
        ];
        let entities: Vec<_> = kinds
            .into_iter()
            .flat_map(|(kind, names)| names.into_iter().map(move |name| Entity::new(kind, name)))
            .collect();
        if entities.is_empty() {
            let message = "nothing is named: give --topic, --broker, --broker-defaults or --group";
            return Err(Failure::usage(message));
        }
        Ok(entities)
    }
}

impl Entity {
    fn new(kind: ResourceType, name: impl Into<String>) -> Self {
        Self(ConfigResource { kind, name: name.into() })
    }

    /// Its kind, in Kafka's word for one of it.
    pub(super) fn kind(&self) -> &'static str {
        match self.0.kind {
            ResourceType::Topic => "topic",
            ResourceType::Broker => "broker",
            ResourceType::Group => "group",
        }
    }

    /// Its name; `None` for the default of all brokers.
    pub(super) fn name(&self) -> Option<&str> {
        (!self.0.name.is_empty()).then_some(self.0.name.as_str())
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.kind()),
            None => write!(f, "all brokers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        entity: EntityOptions,
    }

    fn named(line: &str) -> Result<Vec<String>, String> {
        let line = Line::try_parse_from(format!("x {line}").split_whitespace());
        let entity = line.map_err(|error| error.to_string())?.entity;
        let found = entity.named().map_err(|failure| failure.lines()[0].clone())?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn kafkas_way_and_the_short_one_name_the_same() {
        for (long, short) in [
            ("--entity-type topics --entity-name t", "--topic t"),
            ("--entity-type brokers --entity-name 1", "--broker 1"),
            ("--entity-type brokers --entity-default", "--broker-defaults"),
            ("--entity-type groups --entity-name g", "--group g"),
        ] {
            assert_eq!(named(long), named(short), "{long}");
            assert_eq!(named(long).unwrap().len(), 1);
        }
        let several = named("--group g --broker-defaults --broker 2 --topic b --topic a").unwrap();
        assert_eq!(several, ["topic b", "topic a", "broker 2", "all brokers", "group g"]);
    }

    #[test]
    fn a_line_that_names_nothing_that_has_settings_is_refused() {
        for line in [
            "",
            "--entity-type topics",
            "--entity-name t",
            "--entity-type topics --entity-default",
            "--entity-type groups --entity-all",
            "--entity-type brokers --entity-name one",
            "--entity-type clients --entity-name c",
            "--entity-type topics --entity-name t --entity-all",
        ] {
            assert!(named(line).is_err(), "{line}");
        }
    }
}
