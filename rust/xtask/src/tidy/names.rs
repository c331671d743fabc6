//! A module is named after the one thing it holds; a drawer for everything has no name.

use crate::tree::SourceFile;

const BANNED_MODULES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "type", "types", "misc"];

pub(super) fn check(file: &SourceFile) -> Vec<String> {
    if !matches!(file.extension(), "rs" | "py" | "pyi" | "go" | "js" | "mjs" | "java") {
        return Vec::new();
    }
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    parts
        .filter(|part| BANNED_MODULES.contains(part))
        .map(|part| format!("{}: `{part}` names a drawer, not a thing", file.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str) -> usize {
        check(&SourceFile { path: path.to_owned(), text: String::new() }).len()
    }

    #[test]
    fn a_drawer_is_found_as_file_and_as_folder() {
        assert_eq!(complaints("rust/wire/src/utils.rs"), 1);
        assert_eq!(complaints("rust/wire/src/common/mod.rs"), 1);
        assert_eq!(complaints("python/ottla/types.py"), 1);
    }

    #[test]
    fn a_thing_is_left_alone() {
        assert_eq!(complaints("rust/wire/src/frame.rs"), 0);
        assert_eq!(complaints("docs/common/readme.md"), 0);
    }
}
