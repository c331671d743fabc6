//! Topics on the command line: by place, or by Kafka's option.

use clap::Args;

use crate::failure::Failure;

/// Topics, named in either way.
#[derive(Clone, Debug, Args)]
pub(crate) struct TopicNames {
    /// The topics.
    #[arg(value_name = "TOPIC")]
    names: Vec<String>,
    /// The same, as Kafka's tools take it.
    #[arg(long = "topic", value_name = "TOPIC", value_delimiter = ',')]
    options: Vec<String>,
}

impl TopicNames {
    /// Those that were given, each once, in the order of the line.
    pub(crate) fn given(&self) -> Vec<&str> {
        let mut given = Vec::new();
        for name in self.names.iter().chain(&self.options) {
            if !given.contains(&name.as_str()) {
                given.push(name.as_str());
            }
        }
        given
    }

    /// The same; none is an error.
    pub(crate) fn required(&self) -> Result<Vec<&str>, Failure> {
        let given = self.given();
        if given.is_empty() {
            return Err(Failure::usage(
                "no topic is named: give its name, or --topic and its name",
            ));
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        topics: TopicNames,
    }

    #[test]
    fn topics_are_named_in_either_way_and_count_once() {
        let line = Line::parse_from(["x", "a", "--topic", "b,c", "b", "--topic", "a"]);
        assert_eq!(line.topics.given(), ["a", "b", "c"]);
        assert!(Line::parse_from(["x"]).topics.required().is_err());
    }
}
