//! Words that may not be committed: unfinished code, tests that do not run, paths of somebody's
//! machine.

use crate::tree::SourceFile;

/// Each is put together here, so that this file does not hold what it forbids.
const UNFINISHED: [(&str, &[&str]); 7] = [
    (concat!("to", "do!("), &["rs"]),
    (concat!("unimpl", "emented!("), &["rs"]),
    (concat!("db", "g!("), &["rs"]),
    (concat!("#[ign", "ore"), &["rs"]),
    (concat!("pytest.mark.", "skip"), &["py"]),
    (concat!("pytest.mark.", "xfail"), &["py"]),
    (concat!("pytest.", "skip("), &["py"]),
];

const MACHINE_PATHS: [&str; 3] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

pub(super) fn check(file: &SourceFile) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let unfinished = UNFINISHED
            .iter()
            .filter(|(_, extensions)| extensions.contains(&file.extension()))
            .map(|(word, _)| *word);
        for word in unfinished.chain(MACHINE_PATHS).filter(|word| line.contains(word)) {
            complaints.push(format!("{}:{}: `{word}` may not be committed", file.path, index + 1));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&SourceFile { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn unfinished_code_is_found() {
        for (word, extensions) in UNFINISHED {
            let path = format!("a.{}", extensions[0]);
            assert_eq!(complaints(&path, &format!("x\n    {word}\n")), 1, "{word}");
            assert_eq!(complaints("a.md", word), 0, "{word}");
        }
    }

    #[test]
    fn a_path_of_somebodys_machine_is_found_in_any_file() {
        assert_eq!(complaints("a.md", concat!("see /ho", "me/franz/log")), 1);
        assert_eq!(complaints("a.md", "see /tmp/log"), 0);
    }
}
