//! Regular expressions that clients send, of RE2's syntax: bounded, and over whole names.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// The longest expression. It is compiled on the shard's own time.
const EXPRESSION_BYTES_MAX: usize = 8 * 1024;
/// The most memory that a compiled expression may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Why an expression is of no use.
#[derive(Debug, Error)]
pub(crate) enum ExpressionError {
    /// It is too long to be looked at.
    #[error("it is longer than {EXPRESSION_BYTES_MAX} bytes")]
    Long,
    /// It is none, or takes too much memory.
    #[error("{0}")]
    Invalid(regex::Error),
}

/// Compiles an expression that has to match a whole name.
pub(crate) fn whole_match(expression: &str) -> Result<Regex, ExpressionError> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(ExpressionError::Long);
    }
    let build = |text: &str| {
        let regex = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        regex.map_err(ExpressionError::Invalid)
    };
    // An expression that is none by itself, such as `a)|(?:b`, must not become one here.
    build(expression)?;
    build(&format!("^(?:{expression})$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_whole_names() {
        let regex = whole_match("a|b.*").unwrap();
        assert!(regex.is_match("a") && regex.is_match("bcd"));
        assert!(!regex.is_match("ab") && !regex.is_match("cb"));
    }

    #[test]
    fn what_is_no_expression_by_itself_does_not_become_one() {
        for none in ["(", "a)|(?:b", &"a".repeat(EXPRESSION_BYTES_MAX + 1)] {
            assert!(whole_match(none).is_err(), "{none:.10}");
        }
    }
}
