//! Java's properties format: the syntax of a `server.properties` file.

use std::collections::BTreeMap;

use thiserror::Error;

/// Keys and values; of a key that comes twice the last value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    values: BTreeMap<String, String>,
}

/// A text that is not in the format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: `\\u` must be followed by four hexadecimal digits, not by `{found}`")]
pub struct InvalidProperties {
    /// The line that the property begins on, counted from 1.
    pub line: usize,
    /// What follows the `\u`.
    pub found: String,
}

impl Properties {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, InvalidProperties> {
        let mut values = BTreeMap::new();
        for (line, logical) in logical_lines(text) {
            let (key, value) = split(&logical);
            values.insert(unescape(key, line)?, unescape(value, line)?);
        }
        Ok(Self { values })
    }

    /// Sets `key`.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// All keys and values, in the keys' order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let values = pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { values }
    }
}

/// Lines without comments and blank ones, those that end in an odd number of backslashes joined
/// with the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').enumerate();
    let mut logical = Vec::new();
    while let Some((index, line)) = lines.next() {
        let mut joined = line.trim_start_matches(BLANKS).to_owned();
        if joined.is_empty() || joined.starts_with(['#', '!']) {
            continue;
        }
        while ends_in_continuation(&joined) {
            joined.pop();
            match lines.next() {
                Some((_, next)) => joined.push_str(next.trim_start_matches(BLANKS)),
                None => break,
            }
        }
        if !joined.is_empty() {
            logical.push((index + 1, joined));
        }
    }
    logical
}

const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

fn ends_in_continuation(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

/// The key ends at the first `=`, `:` or blank that no backslash stands before; blanks and one
/// separator are skipped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if !escaped && (c == '=' || c == ':' || BLANKS.contains(&c)) {
            let (key, rest) = line.split_at(at);
            let rest = rest.trim_start_matches(BLANKS);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (key, rest.trim_start_matches(BLANKS));
        }
        escaped = c == '\\' && !escaped;
    }
    (line, "")
}

fn unescape(text: &str, line: usize) -> Result<String, InvalidProperties> {
    let mut result = String::with_capacity(text.len());
    // Java's strings are UTF-16: two escapes may be one character.
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let escaped = if c == '\\' { rest.chars().next() } else { None };
        if escaped == Some('u') {
            let digits: String = rest.chars().skip(1).take(4).collect();
            let unit = u16::from_str_radix(&digits, 16);
            match unit {
                Ok(unit) if digits.chars().all(|c| c.is_ascii_hexdigit()) && digits.len() == 4 => {
                    units.push(unit);
                }
                _ => return Err(InvalidProperties { line, found: digits }),
            }
            rest = &rest[5..];
            continue;
        }
        result.push_str(&String::from_utf16_lossy(&units));
        units.clear();
        match escaped {
            None if c == '\\' => {}
            None => result.push(c),
            Some(escaped) => {
                rest = &rest[escaped.len_utf8()..];
                result.push(match escaped {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    'f' => '\u{c}',
                    other => other,
                });
            }
        }
    }
    result.push_str(&String::from_utf16_lossy(&units));
    Ok(result)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        let properties = Properties::parse(text).unwrap();
        properties.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn every_separator_and_blank_is_understood() {
        for text in ["a=b", "a:b", "a b", " a = b", "\ta\t:\tb", "a\u{c}b", "a=b\r\n", "a=b\ra=b"] {
            assert_eq!(parse(text), [("a".to_owned(), "b".to_owned())], "{text:?}");
        }
        assert_eq!(parse("a"), [("a".to_owned(), String::new())]);
        assert_eq!(parse("a==b:c "), [("a".to_owned(), "=b:c ".to_owned())]);
        assert_eq!(parse("# a=b\n!c=d\n\n   \n"), []);
    }

    #[test]
    fn a_continued_line_is_one_line_and_a_doubled_backslash_ends_it() {
        assert_eq!(parse("a=1,\\\n    2,\\\n  3"), [("a".to_owned(), "1,2,3".to_owned())]);
        assert_eq!(
            parse("a=x\\\\\nb=y"),
            [("a".to_owned(), "x\\".to_owned()), ("b".to_owned(), "y".to_owned())]
        );
        assert_eq!(parse("a=b\\"), [("a".to_owned(), "b".to_owned())]);
        assert_eq!(parse("a=b\\\n# no comment"), [("a".to_owned(), "b# no comment".to_owned())]);
    }

    #[test]
    fn escapes_are_resolved_in_keys_and_values() {
        assert_eq!(
            parse(r"a\ b\=c=\t\n\r\f\\\q\u00e9\ud83d\ude00"),
            [("a b=c".to_owned(), "\t\n\r\u{c}\\q\u{e9}\u{1f600}".to_owned())]
        );
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(parse("a=1\na=2"), [("a".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_broken_unicode_escape_is_an_error_that_names_the_line() {
        let error = Properties::parse("a=1\n\nb=\\u12").unwrap_err();
        assert_eq!(error, InvalidProperties { line: 3, found: "12".to_owned() });
        assert!(Properties::parse(r"a=\u+123").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\\\u a=:\n\r#é0-9]{0,40}") {
            let _ = Properties::parse(&text);
        }

        #[test]
        fn plain_keys_and_values_survive(key in "[a-z.]{1,20}", value in "[a-z0-9,:/=]{0,20}") {
            let properties = Properties::parse(&format!("{key}={value}")).unwrap();
            prop_assert_eq!(properties.get(&key), Some(value.as_str()));
        }
    }
}
