//! The console script: the command line of the Rust binary, run inside the interpreter.

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::{Python, pyfunction};

/// Runs the `ottla` command with these arguments, the program's name first, and answers the status
/// to exit with.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let code = py.detach(|| cli::run(arguments));
    // An exit code can be compared, but not read.
    (0..=u8::MAX).find(|status| ExitCode::from(*status) == code).unwrap_or(1)
}
