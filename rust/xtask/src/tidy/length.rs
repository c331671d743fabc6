//! Files and functions stay short; what is too long already may only shrink (the ratchet).

use crate::tree::SourceFile;
use serde::Deserialize;
use std::collections::BTreeMap;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// The lengths that are tolerated above the rules, by path or by `path::function`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ratchet {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

impl Ratchet {
    pub(super) fn committed() -> Ratchet {
        let text = include_str!("../../ratchet.toml");
        toml::from_str(text).expect("ratchet.toml has the shape of `Ratchet`")
    }
}

pub(super) fn check(files: &[SourceFile], ratchet: &Ratchet) -> Vec<String> {
    let code = || files.iter().filter(|file| file.is_code() && !file.is_generated());
    let file_lines = code().map(|file| (file.path.clone(), file.text.lines().count()));
    let function_lines = code().flat_map(|file| {
        functions(file).into_iter().map(|(name, lines)| (format!("{}::{name}", file.path), lines))
    });
    let mut complaints = too_long(file_lines, FILE_LINES_MAX, &ratchet.files);
    complaints.extend(too_long(function_lines, FUNCTION_LINES_MAX, &ratchet.functions));
    complaints
}

fn too_long(
    measured: impl Iterator<Item = (String, usize)>,
    lines_max: usize,
    tolerated: &BTreeMap<String, usize>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut longest = BTreeMap::new();
    for (name, lines) in measured {
        let most = longest.entry(name.clone()).or_insert(0);
        *most = lines.max(*most);
        let allowed = tolerated.get(&name).copied().unwrap_or(lines_max);
        if lines > allowed {
            complaints.push(format!("{name}: {lines} lines; {allowed} is the most: split it"));
        }
    }
    for (name, allowed) in tolerated {
        let lines = longest.get(name).copied().unwrap_or(0);
        if lines <= lines_max {
            complaints
                .push(format!("{name}: {lines} lines are within the rules: drop its ratchet"));
        } else if lines < *allowed {
            complaints.push(format!("{name}: has shrunk to {lines} lines: lower its ratchet"));
        }
    }
    complaints
}

/// The functions of a file with their lengths. Formatters make the layout tell it: a function ends
/// at the first line that stands at its own depth again (Rust: the closing brace; Python: the next
/// statement).
fn functions(file: &SourceFile) -> Vec<(String, usize)> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let depth = line.len() - line.trim_start().len();
        let length = match file.extension() {
            "rs" if !line.trim_end().ends_with(';') => rust_function_lines(&lines[start..], depth),
            "py" => Some(python_function_lines(&lines[start..], depth)),
            _ => continue,
        };
        if let (Some(name), Some(length)) = (function_name(line, file.extension()), length) {
            found.push((name, length));
        }
    }
    found
}

fn function_name(line: &str, extension: &str) -> Option<String> {
    const RUST_QUALIFIERS: [&str; 5] = ["async ", "const ", "unsafe ", "extern \"C\" ", "default "];
    let mut rest = line.trim_start();
    if extension == "rs" {
        if let Some(after) = rest.strip_prefix("pub") {
            let after = after
                .strip_prefix('(')
                .map_or(after, |scope| scope.split_once(')').map_or(scope, |(_, after)| after));
            rest = after.trim_start();
        }
        while let Some(after) = RUST_QUALIFIERS.iter().find_map(|word| rest.strip_prefix(word)) {
            rest = after;
        }
        rest = rest.strip_prefix("fn ")?;
    } else {
        rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("def ")?;
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// From the signature to the closing brace at the same depth; nothing for a declaration without a
/// body.
fn rust_function_lines(lines: &[&str], depth: usize) -> Option<usize> {
    let first = lines.first()?;
    if first.trim_end().ends_with('}') {
        return Some(1);
    }
    let end = lines.iter().skip(1).position(|line| {
        line.len() - line.trim_start().len() == depth
            && (line.trim() == "}" || line.trim_start().starts_with(") ") && line.ends_with(';'))
    })?;
    (lines[end + 1].trim() == "}").then_some(end + 2)
}

/// From `def` to the last line that is deeper than it; a signature's closing parenthesis stands at
/// its depth.
fn python_function_lines(lines: &[&str], depth: usize) -> usize {
    let mut length = 1;
    for (index, line) in lines.iter().enumerate().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        let is_deeper = line.len() - line.trim_start().len() > depth;
        if !is_deeper && !line.trim_start().starts_with(')') {
            break;
        }
        length = index + 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn rust_function(lines: usize) -> SourceFile {
        let body = "        call();\n".repeat(lines - 2);
        file(
            "a.rs",
            &format!("impl A {{\n    pub(crate) async fn long(&self) {{\n{body}    }}\n}}\n"),
        )
    }

    #[test]
    fn a_function_of_seventy_lines_fits_and_one_more_does_not() {
        assert!(check(&[rust_function(70)], &Ratchet::default()).is_empty());
        assert_eq!(
            check(&[rust_function(71)], &Ratchet::default()),
            ["a.rs::long: 71 lines; 70 is the most: split it"]
        );
    }

    #[test]
    fn a_signature_over_several_lines_counts_and_a_declaration_does_not() {
        let text = "trait A {\n    fn declared(\n        &self,\n    ) -> u8;\n\n\
                    \x20   fn given(\n        &self,\n    ) -> u8 {\n        1\n    }\n}\n\
                    fn short() -> u8 { 1 }\n";
        let expected = [("given".to_owned(), 5), ("short".to_owned(), 1)];
        assert_eq!(functions(&file("a.rs", text)), expected);
    }

    #[test]
    fn a_python_function_ends_before_the_next_statement_of_its_depth() {
        let text = "def f(\n    a,\n):\n    if a:\n        return 1\n\n    return 2\n\n\nx = 1\n";
        assert_eq!(functions(&file("a.py", text)), [("f".to_owned(), 7)]);
    }

    #[test]
    fn a_file_of_eight_hundred_lines_fits_and_one_more_does_not() {
        assert!(check(&[file("a.rs", &"\n".repeat(800))], &Ratchet::default()).is_empty());
        assert_eq!(check(&[file("a.rs", &"\n".repeat(801))], &Ratchet::default()).len(), 1);
    }

    #[test]
    fn the_ratchet_only_turns_one_way() {
        let allowing = |lines| Ratchet {
            functions: BTreeMap::from([("a.rs::long".to_owned(), lines)]),
            ..Ratchet::default()
        };
        assert!(check(&[rust_function(90)], &allowing(90)).is_empty());
        assert_eq!(check(&[rust_function(91)], &allowing(90)).len(), 1, "grown");
        assert_eq!(check(&[rust_function(89)], &allowing(90)).len(), 1, "shrunk");
        assert_eq!(check(&[rust_function(60)], &allowing(90)).len(), 1, "no longer needed");
        assert_eq!(check(&[], &allowing(90)).len(), 1, "gone");
    }
}
