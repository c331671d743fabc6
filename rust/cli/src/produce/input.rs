//! Standard input, read on a thread of its own: whoever waits for the next line of a terminal or a
//! pipe can be interrupted nowhere else.

use std::io::{self, Read};

use tokio::sync::mpsc;

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// How many reads may wait for the sender.
const CHUNKS_MAX: usize = 4;
/// No line is longer; no broker takes a record of more than 2^31 - 1 bytes.
const LINE_BYTES_MAX: usize = 1 << 30;

/// Whole lines, as they came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Each line without what ended it.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// The lines of `input`, as they come.
pub(super) fn lines(input: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Lines>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    // It ends with the input, with the receiver, or with the process.
    std::thread::spawn(move || {
        let mut reader = LineReader { input, rest: Vec::new() };
        while let Some(lines) = reader.next().transpose() {
            let is_last = lines.is_err();
            if sender.blocking_send(lines).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

struct LineReader<R> {
    input: R,
    /// A line of which the end has not come.
    rest: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// At least one line; `None` at the end of the input.
    fn next(&mut self) -> io::Result<Option<Lines>> {
        loop {
            let before = self.rest.len();
            self.rest.resize(before + READ_BYTES, 0);
            let read = self.input.read(&mut self.rest[before..]);
            self.rest.truncate(before + read.as_ref().map_or(0, |bytes| *bytes));
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(0) => {
                    let last = std::mem::take(&mut self.rest);
                    return Ok((!last.is_empty()).then_some(Lines(last)));
                }
                Ok(_) => {
                    let new = &self.rest[before..];
                    if let Some(end) = new.iter().rposition(|byte| *byte == b'\n') {
                        let rest = self.rest.split_off(before + end + 1);
                        return Ok(Some(Lines(std::mem::replace(&mut self.rest, rest))));
                    }
                    if self.rest.len() > LINE_BYTES_MAX {
                        let message = format!("a line is longer than {LINE_BYTES_MAX} bytes");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most so many bytes at once.
    struct Dripping(Vec<u8>, usize);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let rest = self.0.split_off(count);
            buffer[..count].copy_from_slice(&std::mem::replace(&mut self.0, rest));
            Ok(count)
        }
    }

    fn all(input: impl Read + Send + 'static) -> Vec<Vec<u8>> {
        let mut receiver = lines(input);
        let mut all = Vec::new();
        while let Some(lines) = receiver.blocking_recv() {
            all.extend(lines.unwrap().iter().map(<[u8]>::to_vec));
        }
        all
    }

    #[test]
    fn lines_end_with_a_newline_or_with_the_input() {
        assert_eq!(all(&b"a\n\nb\r\nc"[..]), [&b"a"[..], b"", b"b", b"c"]);
        assert_eq!(all(&b"a\n"[..]), [b"a"]);
        assert!(all(&b""[..]).is_empty());
    }

    #[test]
    fn an_input_that_fails_says_so_and_ends() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let mut receiver = lines(Failing);
        assert!(receiver.blocking_recv().unwrap().is_err());
        assert!(receiver.blocking_recv().is_none());
    }

    proptest! {
        #[test]
        fn no_line_is_lost_or_cut_however_the_input_drips(
            lines in proptest::collection::vec("[a-c]{0,9}", 0..20), at_once in 1_usize..12,
        ) {
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            let expected: Vec<_> = lines.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(all(Dripping(text.into_bytes(), at_once)), expected);
        }
    }
}
