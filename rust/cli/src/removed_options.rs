//! What Kafka's tools once took or take elsewhere, and what says the same here: looked for before
//! the line is parsed, so that nobody is told of something else that is missing first.

use std::ffi::OsString;

use clap::Command;

use crate::failure::Failure;

/// An option, and what to do instead.
const REMOVED: [(&str, &str); 4] = [
    ("--zookeeper", "brokers have answered for themselves since Kafka 4: give --bootstrap-server"),
    ("--broker-list", "it was renamed: give --bootstrap-server"),
    ("--whitelist", "it was renamed: give --include"),
    ("--new-consumer", "there is no other consumer any more: leave it out"),
];

/// Fails if the line has an option that is not one any more, or, as `--list`, is a command of
/// `ottla`'s.
pub(crate) fn check(ottla: &Command, arguments: &[OsString]) -> Result<(), Failure> {
    let mut words = Vec::new();
    for argument in arguments.iter().skip(1).map(|argument| argument.to_string_lossy()) {
        if argument == "--" {
            break; // what follows are names
        }
        words.push(argument.into_owned());
    }
    for word in &words {
        let option = word.split('=').next().unwrap_or(word);
        if let Some((name, instead)) = REMOVED.iter().find(|(name, _)| *name == option) {
            return Err(Failure::usage(format_args!("{name} is not taken: {instead}")));
        }
    }
    let [command, option, ..] = words.as_slice() else { return Ok(()) };
    let action = option.strip_prefix("--").unwrap_or_default();
    if ottla.find_subcommand(command).and_then(|found| found.find_subcommand(action)).is_none() {
        return Ok(());
    }
    let spelling = format_args!("{option} is a command here: `ottla {command} {action}`");
    Err(Failure::usage(spelling))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(line: &str) -> Result<(), Failure> {
        let arguments: Vec<_> = line.split(' ').map(OsString::from).collect();
        let topics = Command::new("topics").subcommand(Command::new("list"));
        let ottla = Command::new("ottla").subcommand(topics).subcommand(Command::new("produce"));
        check(&ottla, &arguments)
    }

    #[test]
    fn a_removed_option_names_what_to_use_wherever_it_stands() {
        for line in ["ottla topics --zookeeper z:2181 --list", "ottla topics list --zookeeper=z"] {
            let failure = checked(line).unwrap_err();
            assert!(failure.lines()[0].contains("--bootstrap-server"), "{failure:?}");
        }
        assert!(checked("ottla produce t --broker-list b:9092").is_err());
        assert_eq!(checked("ottla produce t -- --broker-list"), Ok(()));
        assert_eq!(checked("ottla produce t --bootstrap-server --x"), Ok(()));
    }

    #[test]
    fn an_action_that_is_an_option_of_kafkas_names_the_command() {
        let failure = checked("ottla topics --list").unwrap_err();
        assert_eq!(failure.lines(), ["--list is a command here: `ottla topics list`"]);
        assert_eq!(checked("ottla topics --help"), Ok(()));
        assert_eq!(checked("ottla produce --list"), Ok(()));
        assert_eq!(checked("ottla"), Ok(()));
    }
}
