//! The rules that no compiler knows: headers, widths, lengths, words and names, one file a rule.

mod columns;
mod header;
mod length;
mod markdown;
mod names;
mod words;

use crate::tree::{self, SourceFile};

pub(crate) use columns::COLUMNS_MAX;

/// Every breach in the tree, one complaint a line, as `path:line: what is wrong`.
pub(crate) fn check() -> Vec<String> {
    let rules: [fn(&SourceFile) -> Vec<String>; 5] =
        [header::check, columns::check, markdown::check, names::check, words::check];
    let files = tree::source_files();
    let mut complaints: Vec<String> =
        files.iter().flat_map(|file| rules.iter().flat_map(move |rule| rule(file))).collect();
    complaints.extend(length::check(&files, &length::Ratchet::committed()));
    complaints
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(super::check(), Vec::<String>::new());
    }
}
