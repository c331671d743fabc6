//! A history as lines of JSON, one an entry, so that a run that went wrong can be kept, read by
//! people, written by clients in any language, and checked again.

use std::io::{self, BufRead, Write};

use crate::history::{Entry, History};

/// A history that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableLine {
    /// The bytes did not come.
    #[error("the history could not be read: {0}")]
    Io(#[from] io::Error),
    /// A line that is no entry.
    #[error("line {line} of the history is no entry: {reason}")]
    NoEntry {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        reason: serde_json::Error,
    },
}

impl History {
    /// Writes every entry as a line.
    pub fn write_lines(&self, mut to: impl Write) -> io::Result<()> {
        for entry in self.entries() {
            entry.write_line(&mut to)?;
        }
        Ok(())
    }

    /// Reads what [`Self::write_lines`] has written; empty lines are passed over. A last line that
    /// is cut off was never written: its client was killed before it asked, or before it could
    /// tell.
    pub fn read_lines(mut from: impl BufRead) -> Result<Self, UnreadableLine> {
        let mut history = Self::new();
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            if from.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&bytes) {
                Ok(entry) => history.push(entry),
                Err(_) if !bytes.ends_with(b"\n") => break,
                Err(reason) => return Err(UnreadableLine::NoEntry { line, reason }),
            }
        }
        Ok(history)
    }
}

impl Entry {
    /// Writes this entry as a line and at once, for those who keep a history while it happens, and
    /// may be killed.
    pub fn write_line(&self, mut to: impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        to.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use base::TopicPartition;

    use super::*;
    use crate::history::Event;
    use crate::operation::{
        Answer, IsolationLevel, Operation, PartitionOffset, PartitionPosition, PolledRecord,
        Process,
    };

    /// One of each.
    fn everything() -> History {
        let orders = TopicPartition::new("orders", 0);
        let offsets = || vec![PartitionOffset::new(&orders, 7)];
        let group = || "g".to_owned();
        let polled = PolledRecord { partition: orders.clone(), offset: 6, value: "a\nb".into() };
        let told = [
            (
                Operation::Send { partition: orders.clone(), value: "a".into() },
                Event::Ok(Answer::Sent { offset: Some(6) }),
            ),
            (
                Operation::Poll { isolation: IsolationLevel::ReadCommitted },
                Event::Ok(Answer::Polled { records: vec![polled], positions: offsets() }),
            ),
            (
                Operation::CommitOffsets { group: group(), offsets: offsets() },
                Event::Failed("fenced".to_owned()),
            ),
            (
                Operation::FetchOffsets { group: group() },
                Event::Ok(Answer::Fetched { offsets: vec![PartitionPosition::new(&orders, None)] }),
            ),
            (Operation::Begin, Event::Ok(Answer::Done)),
            (
                Operation::SendOffsets { group: group(), offsets: offsets() },
                Event::Ok(Answer::Done),
            ),
            (Operation::Commit, Event::Unknown("timed out".to_owned())),
            (Operation::Abort, Event::Ok(Answer::Done)),
            (Operation::EndOffsets, Event::Ok(Answer::Ends { ends: offsets() })),
        ];
        let mut history = History::new();
        let process = Process(3);
        history.position(1, process, vec![PartitionPosition::new(&orders, Some(0))]);
        for (at_us, (operation, event)) in (2..).zip(told) {
            let id = history.invoke(at_us, process, operation);
            history.push(Entry { at_us, process, number: id.number, event });
        }
        history
    }

    #[test]
    fn every_kind_of_entry_is_read_back_as_it_was() {
        let mut bytes = Vec::new();
        everything().write_lines(&mut bytes).unwrap();
        assert_eq!(History::read_lines(&bytes[..]).unwrap(), everything());
    }

    #[test]
    fn a_line_reads_as_it_has_always_been_written() {
        let mut bytes = Vec::new();
        everything().write_lines(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let expected = [
            concat!(
                r#"{"at_us":1,"process":3,"number":0,"#,
                r#""position":[{"partition":"orders-0","offset":0}]}"#
            ),
            concat!(
                r#"{"at_us":2,"process":3,"number":0,"#,
                r#""invoke":{"send":{"partition":"orders-0","value":"a"}}}"#
            ),
            r#"{"at_us":2,"process":3,"number":0,"ok":{"sent":{"offset":6}}}"#,
            concat!(
                r#"{"at_us":3,"process":3,"number":1,"#,
                r#""invoke":{"poll":{"isolation":"read_committed"}}}"#
            ),
        ];
        assert_eq!(lines[..4], expected);
        assert_eq!(lines[9], r#"{"at_us":6,"process":3,"number":4,"invoke":"begin"}"#);
        assert_eq!(lines[10], r#"{"at_us":6,"process":3,"number":4,"ok":"done"}"#);
        assert_eq!(lines[14], r#"{"at_us":8,"process":3,"number":6,"unknown":"timed out"}"#);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let lines = b"\n{\"at_us\":1,\"process\":3,\"number\":0,\"invoke\":\"dance\"}\n";
        let error = History::read_lines(&lines[..]).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the history is no entry"), "{error}");
    }

    #[test]
    fn a_last_line_that_was_cut_off_is_passed_over_wherever_the_cut_is() {
        let mut history = everything();
        let id = history.invoke(9, Process(3), Operation::Begin);
        history.failed(9, id, "für immer");
        let mut bytes = Vec::new();
        history.write_lines(&mut bytes).unwrap();
        let whole = history.entries().len();
        let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for cut in last..bytes.len() {
            let history = History::read_lines(&bytes[..cut]).unwrap();
            // Without its end, but with all else, a line is whole.
            let expected = if cut == bytes.len() - 1 { whole } else { whole - 1 };
            assert_eq!(history.entries().len(), expected, "{cut}");
        }
    }
}
