//! The files of the project as git sees them: tracked, or new and not ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file of the project; `path` is relative to the root, with `/` between its parts.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// Everything after the last dot of the file's name; empty without one.
    pub(crate) fn extension(&self) -> &str {
        let name = self.name();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Written by a program: people do not shape its lines.
    pub(crate) fn is_generated(&self) -> bool {
        let mark = concat!("@", "generated");
        self.name() == "Cargo.lock"
            || matches!(self.extension(), "tsv" | "ipynb" | "svg")
            || self.text.lines().take(5).any(|line| line.contains(mark))
    }

    /// Something that is executed or compiled, as opposed to prose and data.
    pub(crate) fn is_code(&self) -> bool {
        matches!(self.extension(), "rs" | "py" | "pyi" | "sh" | "js" | "mjs" | "go" | "java")
            || self.is_script()
    }

    /// A file whose comments start with `#` and that is run by its name.
    pub(crate) fn is_script(&self) -> bool {
        self.name() == "Makefile" || self.extension() == "sh" || self.text.starts_with("#!/")
    }
}

pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).expect("this crate lies two levels below the root");
    root.to_path_buf()
}

/// Every text file; files that are not UTF-8 are data and have no style.
pub(crate) fn source_files() -> Vec<SourceFile> {
    let root = root();
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git lists the project's files: it must be installed");
    assert!(listing.status.success(), "git ls-files failed: run the checks inside a git clone");
    let mut files: Vec<SourceFile> = String::from_utf8_lossy(&listing.stdout)
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            Some(SourceFile { path: path.to_owned(), text })
        })
        .collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files.dedup_by(|left, right| left.path == right.path);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_listing_holds_this_very_file() {
        assert!(source_files().iter().any(|file| file.path == "rust/xtask/src/tree.rs"));
    }

    #[test]
    fn a_shebang_makes_a_script() {
        assert!(file(".ci/run", "#!/usr/bin/env bash\n").is_script());
        assert!(file("Makefile", "all:\n").is_code());
        assert!(!file("README.md", "# Title\n").is_code());
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot_of_the_name() {
        assert_eq!(file("a.b/c", "").extension(), "");
        assert_eq!(file("a/b.tar.gz", "").extension(), "gz");
    }
}
