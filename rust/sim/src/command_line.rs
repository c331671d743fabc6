//! What is asked for on the command line.

use std::ops::Range;

use crate::weakness::Weakness;

const USAGE: &str =
    "usage: sim SEED [--trace] [--weakness NAME], or sim FIRST..END [--weakness NAME]";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) seeds: Seeds,
    pub(crate) weakness: Option<Weakness>,
    pub(crate) is_traced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seeds {
    One(u64),
    Many(Range<u64>),
}

impl CommandLine {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let seeds = words.next().and_then(|word| parse_seeds(&word)).ok_or(USAGE)?;
        let mut parsed = Self { seeds, weakness: None, is_traced: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--trace" if matches!(parsed.seeds, Seeds::One(_)) => parsed.is_traced = true,
                "--weakness" => parsed.weakness = Some(words.next().ok_or(USAGE)?.parse()?),
                _ => return Err(format!("`{word}` is not expected; {USAGE}")),
            }
        }
        Ok(parsed)
    }
}

fn parse_seeds(word: &str) -> Option<Seeds> {
    match word.split_once("..") {
        Some((first, end)) => Some(Seeds::Many(first.parse().ok()?..end.parse().ok()?)),
        None => word.parse().ok().map(Seeds::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<CommandLine, String> {
        CommandLine::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn seeds_a_weakness_and_the_trace_are_understood() {
        let one = CommandLine { seeds: Seeds::One(7), weakness: None, is_traced: true };
        assert_eq!(parse("7 --trace"), Ok(one));
        let weakness = Some(Weakness::LyingDisk);
        let many = CommandLine { seeds: Seeds::Many(3..9), weakness, is_traced: false };
        assert_eq!(parse("3..9 --weakness lying-disk"), Ok(many));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in ["", "x", "1..", "7 --weakness", "7 --weakness none", "7 9", "1..2 --trace"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
