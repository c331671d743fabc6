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
}

const NAMES: [(&str, Weakness); 3] = [
    ("lying-disk", Weakness::LyingDisk),
    ("page-cache", Weakness::PageCache),
    ("plain-producer", Weakness::PlainProducer),
];

impl FromStr for Weakness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, weakness)| *weakness).ok_or_else(|| {
            format!("`{text}` is no weakness: try lying-disk, page-cache or plain-producer")
        })
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, weakness)| weakness == self).map(|(name, _)| *name);
        f.write_str(name.expect("every weakness has a name"))
    }
}
