//! Every source file says in its first lines what it is and why it exists.

use crate::tree::SourceFile;

pub(super) fn check(file: &SourceFile) -> Vec<String> {
    let body = file.text.split_once('\n').filter(|(first, _)| first.starts_with("#!/"));
    let text = body.map_or(file.text.as_str(), |(_, rest)| rest);
    let Some(opening) = expected_opening(file) else { return Vec::new() };
    // A package marker with nothing in it has nothing to explain.
    if text.is_empty() || opening.iter().any(|mark| text.starts_with(mark)) {
        return Vec::new();
    }
    vec![format!("{}:1: opens with no sentence that says what it is (`{}`)", file.path, opening[0])]
}

fn expected_opening(file: &SourceFile) -> Option<&'static [&'static str]> {
    match file.extension() {
        "rs" => Some(&["//! "]),
        "py" => Some(&["\"\"\"", "r\"\"\""]),
        "pyi" | "toml" if file.path.ends_with("/Cargo.toml") => None,
        "pyi" => Some(&["\"\"\"", "# "]),
        "js" | "mjs" | "go" => Some(&["// "]),
        "java" => Some(&["/**", "// "]),
        _ if file.is_script() => Some(&["# "]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&SourceFile { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn a_rust_file_opens_with_a_module_sentence() {
        assert_eq!(complaints("a.rs", "//! What and why.\nfn f() {}\n"), 0);
        assert_eq!(complaints("a.rs", "use std::fmt;\n"), 1);
        assert_eq!(complaints("a.rs", "// A comment is not a module sentence.\n"), 1);
    }

    #[test]
    fn a_python_file_opens_with_a_docstring() {
        assert_eq!(complaints("a.py", "\"\"\"What and why.\"\"\"\n"), 0);
        assert_eq!(complaints("a.py", "#!/usr/bin/env python3\n\"\"\"What.\"\"\"\n"), 0);
        assert_eq!(complaints("a.py", "import os\n"), 1);
        assert_eq!(complaints("__init__.py", ""), 0);
    }

    #[test]
    fn a_script_opens_with_a_comment_below_its_shebang() {
        assert_eq!(complaints(".ci/run", "#!/usr/bin/env bash\n# What.\n"), 0);
        assert_eq!(complaints(".ci/run", "#!/usr/bin/env bash\nset -e\n"), 1);
        assert_eq!(complaints("Makefile", "all:\n"), 1);
    }

    #[test]
    fn prose_and_data_need_no_header() {
        assert_eq!(complaints("a.tsv", "a\tb\n"), 0);
        assert_eq!(complaints("a.md", "# Title\n"), 0);
    }
}
