//! The reference page of the command line, written from what the commands say of themselves.

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use crate::Cli;

const HEAD: &str = include_str!("reference_head.md");
const CANNOT_FAIL: &str = "a string takes all that is written";
/// The options that all commands of a heading share: told once.
const SHARED: &str = "Connection";

fn reference_page() -> String {
    let mut ottla = Cli::command();
    ottla.build();
    let mut page = HEAD.to_owned();
    let topics = ottla.find_subcommand("topics").expect("the command is there");
    let list = topics.find_subcommand("list").expect("the command is there");
    writeln!(page, "\n## Connection options\n").expect(CANNOT_FAIL);
    writeln!(page, "Every command takes these but `broker` and `demo`.\n").expect(CANNOT_FAIL);
    options(&mut page, list.get_arguments().filter(|arg| is_shared(arg)));
    for command in ottla.get_subcommands().filter(|command| command.get_name() != "help") {
        if command.has_subcommands() {
            let leaves = command.get_subcommands().filter(|leaf| leaf.get_name() != "help");
            leaves.for_each(|leaf| section(&mut page, leaf));
        } else {
            section(&mut page, command);
        }
    }
    page
}

fn section(page: &mut String, command: &Command) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    writeln!(page, "\n## {name}\n\n{about}.").expect(CANNOT_FAIL);
    let own = |arg: &&Arg| !is_shared(arg) && !arg.is_hide_set() && arg.get_id() != "help";
    if command.get_arguments().any(|arg| own(&arg)) {
        page.push('\n');
        options(page, command.get_arguments().filter(own));
    }
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    writeln!(page, "| option | what it does |\n| --- | --- |").expect(CANNOT_FAIL);
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let mut help = help.replace('\n', " ");
        if !help.ends_with('.') && !help.ends_with("...") {
            help.push('.');
        }
        let values: Vec<_> = argument
            .get_possible_values()
            .iter()
            .filter(|_| argument.get_action().takes_values())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        if !values.is_empty() {
            write!(help, " One of {}.", values.join(", ")).expect(CANNOT_FAIL);
        }
        let aliases = argument.get_all_aliases().unwrap_or_default();
        if !aliases.is_empty() {
            let aliases: Vec<_> = aliases.iter().map(|alias| format!("`--{alias}`")).collect();
            write!(help, " Also {}.", aliases.join(", ")).expect(CANNOT_FAIL);
        }
        let spelled = spelled(argument).replace('|', "\\|");
        writeln!(page, "| `{spelled}` | {} |", help.replace('|', "\\|")).expect(CANNOT_FAIL);
    }
}

fn spelled(argument: &Arg) -> String {
    let names: Vec<_> = argument.get_value_names().unwrap_or_default().iter().collect();
    let value = names.first().map(ToString::to_string).unwrap_or_default();
    match argument.get_long() {
        None if argument.get_num_args().is_some_and(|count| count.max_values() > 1) => {
            format!("{value}...")
        }
        None => value,
        Some(long) if !argument.get_action().takes_values() => format!("--{long}"),
        Some(long) if argument.is_require_equals_set() => format!("--{long}[={value}]"),
        Some(long) => format!("--{long} {value}"),
    }
}

fn is_shared(argument: &Arg) -> bool {
    argument.get_help_heading() == Some(SHARED)
}

#[test]
fn the_reference_page_says_what_the_commands_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/command-line.md");
    if std::env::var_os("OTTLA_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, reference_page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference_page(),
        "docs/reference/command-line.md is stale; write it anew with \
         OTTLA_WRITE_REFERENCE=1 cargo test -p cli the_reference_page"
    );
}
