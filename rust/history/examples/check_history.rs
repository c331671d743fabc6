//! Reads histories from files of lines and prints what is wrong with each: `cargo run --package
//! history --example check_history -- [--serializable] FILE...`.
//!
//! Several files are taken as one history by several clients of one clock.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::process::ExitCode;

use history::{History, check, check_serializable};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, files): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let check = match options[..] {
        [] => check,
        [option] if option == "--serializable" => check_serializable,
        _ => return Err("usage: check_history [--serializable] FILE...".into()),
    };
    let mut histories = Vec::new();
    for file in files {
        let lines =
            File::open(file).map_err(|error| format!("{file} cannot be opened: {error}"))?;
        let history = History::read_lines(BufReader::new(lines));
        histories.push(history.map_err(|error| format!("{file}: {error}"))?);
    }
    let history = match <[History; 1]>::try_from(histories) {
        Ok([history]) => history,
        Err(several) => History::merged(several),
    };
    let report = check(&history)?;
    writeln!(io::stdout(), "{report}")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
