//! `cargo xtask wrap`: breaks comments that are wider than the tree allows, which the stable
//! formatter leaves alone. Tables, drawings, code blocks and trailing comments stay as they are.

use crate::tidy::COLUMNS_MAX;
use crate::tree::{self, SourceFile};

/// Rewrites every Rust file that holds a comment too wide; says nothing of those it leaves.
pub(crate) fn rewrite() -> Vec<String> {
    let rust_files = tree::source_files().into_iter().filter(|file| file.extension() == "rs");
    rust_files
        .filter_map(|SourceFile { path, text }| {
            let wrapped = wrap(&text);
            if wrapped == text {
                return None;
            }
            let written = std::fs::write(tree::root().join(&path), wrapped);
            written.err().map(|error| format!("{path}: cannot be written: {error}"))
        })
        .collect()
}

fn wrap(text: &str) -> String {
    // Backwards, so that the next line to look at is the last one.
    let mut ahead: Vec<String> = text.lines().rev().map(str::to_owned).collect();
    let mut wrapped = String::with_capacity(text.len());
    let mut is_fenced = false;
    while let Some(line) = ahead.pop() {
        let comment = Comment::parse(&line);
        is_fenced ^= comment.as_ref().is_some_and(|comment| comment.words.starts_with("```"));
        let broken = comment.filter(|_| !is_fenced).and_then(|comment| comment.break_off());
        if let Some((head, rest)) = broken {
            push_rest(&mut ahead, &rest);
            wrapped.push_str(&head);
        } else {
            wrapped.push_str(&line);
        }
        wrapped.push('\n');
    }
    wrapped
}

/// What was broken off goes before the next line, if that goes on with the same prose.
fn push_rest(ahead: &mut Vec<String>, rest: &Comment<'_>) {
    let next = ahead.last().and_then(|line| Comment::parse(line)).filter(|next| {
        next.indent == rest.indent && next.mark == rest.mark && !next.starts_something_new()
    });
    let joined = next.map(|next| format!("{} {}", rest.words, next.words));
    if joined.is_some() {
        ahead.pop();
    }
    let words = joined.as_deref().unwrap_or(rest.words);
    ahead.push(format!("{}{}{}{words}", rest.indent, rest.mark, rest.gap));
}

/// A line that is nothing but a comment: `indent`, `//` or `///` or `//!`, blanks, words.
struct Comment<'line> {
    indent: &'line str,
    mark: &'line str,
    gap: String,
    words: &'line str,
}

impl<'line> Comment<'line> {
    fn parse(line: &'line str) -> Option<Comment<'line>> {
        let rest = line.trim_start();
        let indent = &line[..line.len() - rest.len()];
        let mark = ["//!", "///", "//"].into_iter().find(|mark| rest.starts_with(mark))?;
        let words = rest[mark.len()..].trim_start();
        let gap = rest[mark.len()..rest.len() - words.len()].to_owned();
        (!words.is_empty() && !gap.is_empty()).then_some(Comment { indent, mark, gap, words })
    }

    /// The line up to the last blank that fits, and the rest as a comment below it.
    fn break_off(&self) -> Option<(String, Comment<'line>)> {
        let prefix = format!("{}{}{}", self.indent, self.mark, self.gap);
        let room = COLUMNS_MAX.checked_sub(prefix.chars().count())?;
        if self.words.chars().count() <= room || self.is_drawn() {
            return None;
        }
        let edge = self.words.char_indices().nth(room).map_or(self.words.len(), |(at, _)| at);
        // One past the edge: a blank may stand just there.
        let blank = self.words[..edge].rfind(' ').filter(|_| !self.words[edge..].starts_with(' '));
        let blank = blank.or_else(|| self.words[edge..].starts_with(' ').then_some(edge))?;
        let gap = format!("{}{}", self.gap, " ".repeat(self.bullet_width()));
        let rest = Comment { gap, words: self.words[blank..].trim_start(), ..*self };
        (blank > self.bullet_width())
            .then(|| (format!("{prefix}{}", self.words[..blank].trim_end()), rest))
    }

    fn bullet_width(&self) -> usize {
        let first = self.words.split(' ').next().unwrap_or("");
        let is_number = first.strip_suffix('.').is_some_and(|n| n.parse::<u32>().is_ok());
        if matches!(first, "-" | "*") || is_number { first.len() + 1 } else { 0 }
    }

    fn starts_something_new(&self) -> bool {
        self.bullet_width() > 0
            || self.is_drawn()
            || self.words.starts_with(['#', '[', '>'])
            || self.words.starts_with("```")
    }

    /// Columns of a table or a drawing: what stands where matters.
    fn is_drawn(&self) -> bool {
        let marks = ['|', '+', '│', '┌', '└', '├', '='];
        self.words.starts_with(marks) || self.words.contains("  ") || self.gap.len() > 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: usize) -> String {
        vec!["word"; count].join(" ")
    }

    #[test]
    fn a_wide_comment_is_broken_where_it_fits() {
        let wrapped = wrap(&format!("    /// {}\n    fn f();\n", words(30)));
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= COLUMNS_MAX));
        assert_eq!(lines[0].len(), 97, "as much as fits");
        assert_eq!(lines[2], "    fn f();");
        assert_eq!(wrapped.matches("word").count(), 30);
    }

    #[test]
    fn the_rest_joins_the_prose_that_follows() {
        let wrapped = wrap(&format!("/// {}\n/// tail\n", words(20)));
        assert!(wrapped.ends_with("\n/// word tail\n"), "{wrapped}");
    }

    #[test]
    fn the_rest_of_a_list_item_is_indented_and_does_not_join_the_next_item() {
        let wrapped = wrap(&format!("/// - {}\n/// - next\n", words(20)));
        assert!(wrapped.ends_with("\n///   word\n/// - next\n"), "{wrapped}");
    }

    #[test]
    fn a_word_that_ends_at_the_edge_stays() {
        let exact = format!("// {} 123456", words(18));
        assert_eq!(exact.len(), 99);
        let wrapped = wrap(&format!("{exact}7 more\n"));
        assert_eq!(wrapped, format!("{exact}7\n// more\n"));
    }

    #[test]
    fn drawings_code_and_trailing_comments_stay() {
        let wide = "x".repeat(60);
        for line in [
            format!("/// | {wide} | {wide} |"),
            format!("/// {wide}  {wide}"),
            format!("/// ```\n/// {wide} {wide}\n/// ```"),
            format!("let a = 1; // {wide} {wide}"),
            format!("// {wide}{wide}"),
        ] {
            assert_eq!(wrap(&format!("{line}\n")), format!("{line}\n"));
        }
    }
}
