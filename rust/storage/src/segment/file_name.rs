//! The names of a segment's files: its base offset in twenty digits, and what the file holds.

use std::path::{Path, PathBuf};

use base::Offset;

/// Record batches.
pub(crate) const LOG: &str = "log";
/// Where batches lie, by offset.
pub(crate) const OFFSET_INDEX: &str = "index";
/// Which offsets have which timestamps.
pub(crate) const TIME_INDEX: &str = "timeindex";
/// Which transactions were aborted.
pub(crate) const TRANSACTION_INDEX: &str = "txnindex";
/// All that lie beside the batches; those of them that are there.
pub(crate) const INDEXES: [&str; 3] = [OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX];
/// The producers at the base offset.
pub(crate) const SNAPSHOT: &str = "snapshot";
/// Behind the name of a file that is about to go.
pub(crate) const DELETED: &str = ".deleted";
/// Behind the name of a file that the cleaner is writing.
pub(crate) const CLEANED: &str = ".cleaned";
/// Behind the name of a file that the cleaner has written, and that takes the place of others.
pub(crate) const SWAP: &str = ".swap";
/// Behind the name of a file that is about to take the place of another.
pub(crate) const TEMPORARY: &str = ".tmp";

/// The path of the file `<base>.<extension>`.
pub(crate) fn path(directory: &Path, base: Offset, extension: &str) -> PathBuf {
    directory.join(format!("{:020}.{extension}", base.0))
}

/// The base offset and the extension in a name; `None` for names of other files.
pub(crate) fn parse(name: &str) -> Option<(Offset, &str)> {
    let (base, extension) = name.split_once('.')?;
    let digits = base.len() == 20 && base.bytes().all(|byte| byte.is_ascii_digit());
    let base = base.parse().ok().filter(|_| digits)?;
    Some((Offset(base), extension))
}

/// The name that the file gets when it is about to go.
pub(crate) fn deleted(path: &Path) -> PathBuf {
    with_suffix(path, DELETED)
}

/// The name with `suffix` behind it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_twenty_digits_and_what_the_file_holds() {
        let path = path(Path::new("/d"), Offset(4711), LOG);
        assert_eq!(path, Path::new("/d/00000000000000004711.log"));
        assert_eq!(parse("00000000000000004711.timeindex"), Some((Offset(4711), TIME_INDEX)));
        assert_eq!(parse("00000000000000000000.log.deleted"), Some((Offset(0), "log.deleted")));
        assert_eq!(deleted(&path), Path::new("/d/00000000000000004711.log.deleted"));
        for other in ["", "log", "1.log", "0000000000000000471x.log", "99999999999999999999.log"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
