//! Faults that are built in on purpose: each breaks a promise, and the invariants must notice.

use std::fmt;
use std::str::FromStr;

/// What is wrong with the system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// The data disk says that it has synced and has not.
    LyingDisk,
    /// Acknowledged from the page cache: `ottla.durability=os`, which promises less.
    PageCache,
    /// The producer retries without sequence numbers.
    PlainProducer,
    /// Who reads what is committed is shown everything.
    DirtyReads,
}

const NAMES: [(&str, Weakness); 4] = [
    ("lying-disk", Weakness::LyingDisk),
    ("page-cache", Weakness::PageCache),
    ("plain-producer", Weakness::PlainProducer),
    ("dirty-reads", Weakness::DirtyReads),
];

impl FromStr for Weakness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, weakness)| *weakness).ok_or_else(|| {
            let known = NAMES.map(|(name, _)| name).join(", ");
            format!("`{text}` is no weakness: try one of {known}")
        })
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, weakness)| weakness == self).map(|(name, _)| *name);
        f.write_str(name.expect("every weakness has a name"))
    }
}
