//! What stands between two fields of a line, as it can be given on a command line.

/// A few bytes, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Separator(Vec<u8>);

impl Separator {
    /// Of this text, as it is.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// `\t`, `\n`, `\r`, `\0` and `\\` stand for what they do in most languages, since few shells
    /// pass a tab on; any other backslash stands for itself.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let escaped = [("\\t", '\t'), ("\\n", '\n'), ("\\r", '\r'), ("\\0", '\0')];
            let escaped = escaped.iter().chain(&[("\\\\", '\\')]);
            let known = escaped.copied().find(|(escape, _)| rest.starts_with(escape));
            let (taken, meant) = match known {
                Some((escape, meant)) => (escape.len(), meant),
                None => rest.chars().next().map_or((rest.len(), ' '), |c| (c.len_utf8(), c)),
            };
            bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[taken..];
        }
        if bytes.is_empty() {
            return Err("expected at least one character".to_owned());
        }
        Ok(Self(bytes))
    }

    /// Where it stands first in `line`.
    pub(crate) fn find(&self, line: &[u8]) -> Option<usize> {
        line.windows(self.0.len()).position(|window| window == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_what_shells_do_not_pass_on() {
        let parse = |text| Separator::parse(text).map(|separator| separator.0);
        assert_eq!(parse(r"\t"), Ok(b"\t".to_vec()));
        assert_eq!(parse(r"a\\t\n"), Ok(b"a\\t\n".to_vec()));
        assert_eq!(parse(r"\d→"), Ok("\\d→".into()));
        assert!(parse("").is_err());
    }

    #[test]
    fn a_separator_is_found_where_it_stands_first() {
        let separator = Separator::of("::");
        assert_eq!(separator.find(b"a:b::c::d"), Some(3));
        assert_eq!(separator.find(b"a:b"), None);
        assert_eq!(separator.find(b":"), None);
    }
}
