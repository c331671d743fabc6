//! A document has one title, and it is its first line.

use crate::tree::SourceFile;

pub(super) fn check(file: &SourceFile) -> Vec<String> {
    if file.extension() != "md" {
        return Vec::new();
    }
    let mut is_fenced = false;
    let mut titles = Vec::new();
    // What a program wrote says so above its title.
    let note = file.text.split_once("-->").filter(|(note, _)| note.starts_with("<!--"));
    let above = note.map_or(0, |(note, rest)| {
        note.lines().count() + rest.lines().skip(1).take_while(|line| line.is_empty()).count()
    });
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced && line.starts_with("# ") {
            titles.push(index + 1);
        }
    }
    match titles.as_slice() {
        [first] if *first == above + 1 => Vec::new(),
        [] => vec![format!("{}: has no `# Title`", file.path)],
        [first] => vec![format!("{}:{first}: the title is not the first line", file.path)],
        [.., last] => vec![format!("{}:{last}: a second title", file.path)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> usize {
        check(&SourceFile { path: "a.md".to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn one_title_on_the_first_line_is_right() {
        assert_eq!(complaints("# Title\n\n## Part\n"), 0);
    }

    #[test]
    fn no_title_a_late_one_and_two_are_wrong() {
        assert_eq!(complaints("words\n"), 1);
        assert_eq!(complaints("words\n# Title\n"), 1);
        assert_eq!(complaints("# Title\n# Again\n"), 1);
    }

    #[test]
    fn a_note_may_stand_above_the_title() {
        assert_eq!(complaints("<!-- Written\n  by a test. -->\n# Title\n"), 0);
        assert_eq!(complaints("<!-- Written. -->\n\n# Title\n"), 0);
    }

    #[test]
    fn a_comment_in_a_code_block_is_no_title() {
        assert_eq!(complaints("# Title\n```sh\n# a comment\n```\n"), 0);
    }
}
