//! What a command answers: a table for people, one JSON value for programs, once or again and
//! again.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::moment;
use crate::session;

/// The cursor to the upper left corner, and everything from there on wiped.
const WIPE: &str = "\x1b[H\x1b[J";
const WATCH_SECONDS: &str = "2";

/// How a command shows what it has found.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ReportOptions {
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// How often a command shows what it finds.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct WatchOptions {
    /// Look again every so many seconds, until Ctrl-C.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = WATCH_SECONDS,
        value_parser = interval
    )]
    watch: Option<Duration>,
}

impl ReportOptions {
    /// Prints it once.
    pub(crate) fn print(self, report: &(impl Serialize + Display)) -> Result<(), Failure> {
        let text = self.text(report)?;
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// What is printed: one line of JSON, or the text as it is.
    fn text(self, report: &(impl Serialize + Display)) -> Result<String, Failure> {
        if !self.json {
            return Ok(report.to_string());
        }
        let mut text = serde_json::to_string(report).map_err(io::Error::from)?;
        text.push('\n');
        Ok(text)
    }
}

impl WatchOptions {
    /// Runs a command that [`Self::show`]s something: Ctrl-C is the end of one that watches, and
    /// interrupts one that does not.
    pub(crate) fn run(self, work: impl AsyncFnOnce() -> Result<(), Failure>) -> ExitCode {
        match self.watch {
            Some(_) => session::run_until_stopped(work),
            None => session::run_to_end(work),
        }
    }

    /// Prints what `look` finds, once or again and again. On a terminal it takes the place of what
    /// was there; elsewhere it follows, with JSON in a line each.
    pub(crate) async fn show<R: Serialize + Display>(
        self,
        options: ReportOptions,
        mut look: impl AsyncFnMut() -> Result<R, Failure>,
    ) -> Result<(), Failure> {
        let redraws = self.watch.is_some() && !options.json && io::stdout().is_terminal();
        loop {
            let text = options.text(&look().await?)?;
            {
                let mut out = io::stdout().lock();
                if redraws {
                    write!(out, "{WIPE}{}\n\n", moment::iso(moment::now_unix_ms()))?;
                }
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            match self.watch {
                Some(interval) => tokio::time::sleep(interval).await,
                None => return Ok(()),
            }
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    const SECONDS_MAX: f64 = 86_400.0;
    let seconds = text.parse::<f64>().ok().filter(|s| (0.1..=SECONDS_MAX).contains(s));
    seconds.map(Duration::from_secs_f64).ok_or("expected seconds, 0.1 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        report: ReportOptions,
        #[command(flatten)]
        watch: WatchOptions,
    }

    #[derive(Serialize)]
    struct Answer {
        topic: &'static str,
    }

    impl fmt::Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            writeln!(f, "TOPIC\n{}", self.topic)
        }
    }

    fn parse(arguments: &[&str]) -> Result<Line, clap::Error> {
        Line::try_parse_from(["report"].iter().chain(arguments))
    }

    #[test]
    fn people_get_text_and_programs_one_line_of_json() {
        let text = |arguments: &[&str]| {
            parse(arguments).unwrap().report.text(&Answer { topic: "a\nb" }).unwrap()
        };
        assert_eq!(text(&[]), "TOPIC\na\nb\n");
        assert_eq!(text(&["--json"]), "{\"topic\":\"a\\nb\"}\n");
    }

    #[test]
    fn watching_needs_no_interval_and_takes_one() {
        let watch = |arguments: &[&str]| parse(arguments).map(|line| line.watch.watch);
        assert_eq!(watch(&[]).unwrap(), None);
        assert_eq!(watch(&["--watch"]).unwrap(), Some(Duration::from_secs(2)));
        assert_eq!(watch(&["--watch=0.5"]).unwrap(), Some(Duration::from_millis(500)));
        for wrong in ["--watch=0", "--watch=-1", "--watch=x", "--watch=NaN", "--watch=1e300"] {
            assert!(watch(&[wrong]).is_err(), "{wrong}");
        }
    }
}
