//! `cargo xtask`: the project's own checks, as commands; `cargo test -p xtask` runs the same.

mod layers;
mod tidy;
mod tree;
mod wrap;

use std::process::ExitCode;

fn main() -> ExitCode {
    let checks: &[fn() -> Vec<String>] = match std::env::args().nth(1).as_deref() {
        Some("tidy") => &[tidy::check],
        Some("layers") => &[layers::check],
        Some("wrap") => &[wrap::rewrite],
        None => &[tidy::check, layers::check],
        Some(other) => return complain(&[format!("there is no {other}: tidy, layers or wrap")]),
    };
    complain(&checks.iter().flat_map(|check| check()).collect::<Vec<_>>())
}

#[expect(clippy::print_stderr, reason = "a command speaks to the person who called it")]
fn complain(complaints: &[String]) -> ExitCode {
    for complaint in complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
