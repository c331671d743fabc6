//! How much memory the ids take that were handed out and are not used yet (KIP-394): anybody can
//! ask for one, in any group.

use std::collections::BTreeMap;

/// The most that the ids of one shard may take.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// What an id takes besides its name and that of its group, each of which is kept twice: by the
/// group and by a timer.
const OVERHEAD_BYTES: usize = 256;
const COPIES: usize = 2;

/// The bytes that are taken, by group. No group in it has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingBytes {
    by_group: BTreeMap<String, usize>,
    taken: usize,
}

/// What one id takes.
pub(crate) fn pending_bytes(group: &str, id: &str) -> usize {
    OVERHEAD_BYTES + COPIES * (group.len() + id.len())
}

impl PendingBytes {
    /// How much is left.
    pub(crate) fn left(&self) -> usize {
        BYTES_MAX.saturating_sub(self.taken)
    }

    /// Takes note of what a group has now.
    pub(crate) fn set(&mut self, group: &str, bytes: usize) {
        self.taken = self.taken + bytes - self.by_group.get(group).copied().unwrap_or(0);
        if bytes == 0 {
            self.by_group.remove(group);
        } else if let Some(known) = self.by_group.get_mut(group) {
            *known = bytes;
        } else {
            self.by_group.insert(group.to_owned(), bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_no_group_has_taken() {
        let mut pending = PendingBytes::default();
        for (group, bytes) in [("a", 5), ("b", 7), ("a", 9), ("c", BYTES_MAX)] {
            pending.set(group, bytes);
        }
        assert_eq!(pending.left(), 0);
        for group in ["c", "never"] {
            pending.set(group, 0);
        }
        assert_eq!(BYTES_MAX - pending.left(), 16);
        pending.set("a", 0);
        pending.set("b", 0);
        assert_eq!((pending.left(), pending.by_group.len()), (BYTES_MAX, 0));
    }
}
