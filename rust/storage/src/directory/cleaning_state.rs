//! What the cleaners of a directory know together: how far each log is clean, which of them are
//! being cleaned, and which cannot be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Offset, TopicPartition};

use super::command::LogKey;
use crate::log::Log;

#[derive(Debug, Default)]
pub(crate) struct CleaningState {
    /// Never above what is true: a record that is taken for clean is never compared with others.
    cleaned: BTreeMap<LogKey, Offset>,
    in_progress: BTreeSet<LogKey>,
    /// A batch in them is damaged.
    uncleanable: BTreeSet<LogKey>,
}

impl CleaningState {
    /// What a checkpoint file says about the logs that are there. What it cannot mean is forgotten:
    /// such a log is dirty as a whole.
    pub(crate) fn of(
        logs: &BTreeMap<LogKey, Arc<Log>>,
        checkpoint: &BTreeMap<TopicPartition, Offset>,
    ) -> Self {
        let cleaned = logs.iter().filter_map(|(&key, log)| {
            let cleaned = *checkpoint.get(log.topic_partition())?;
            (cleaned <= log.offsets().log_end).then_some((key, cleaned))
        });
        Self { cleaned: cleaned.collect(), ..Self::default() }
    }

    /// The number of logs that were ever cleaned.
    pub(crate) fn len(&self) -> usize {
        self.cleaned.len()
    }

    /// The number of logs that cannot be cleaned.
    pub(crate) fn uncleanable(&self) -> usize {
        self.uncleanable.len()
    }

    /// Up to where a log is clean.
    pub(crate) fn cleaned(&self, key: LogKey) -> Option<Offset> {
        self.cleaned.get(&key).copied()
    }

    /// Whether nobody cleans the log, and somebody may.
    pub(crate) fn is_free(&self, key: LogKey) -> bool {
        !self.in_progress.contains(&key) && !self.uncleanable.contains(&key)
    }

    /// Somebody is about to clean the log. No if somebody else does.
    pub(crate) fn begin(&mut self, key: LogKey) -> bool {
        self.is_free(key) && self.in_progress.insert(key)
    }

    /// The cleaning has ended; the log is clean up to there if it came to its end.
    pub(crate) fn end(&mut self, key: LogKey, cleaned: Option<Offset>) {
        self.in_progress.remove(&key);
        if let Some(cleaned) = cleaned {
            self.cleaned.insert(key, cleaned);
        }
    }

    /// The log cannot be cleaned.
    pub(crate) fn give_up(&mut self, key: LogKey) {
        self.in_progress.remove(&key);
        self.uncleanable.insert(key);
    }

    /// The log was cut off at `log_end`. Whether that was known to be clean.
    pub(crate) fn cut(&mut self, key: LogKey, log_end: Offset) -> bool {
        match self.cleaned.get_mut(&key) {
            Some(cleaned) if *cleaned > log_end => {
                *cleaned = log_end;
                true
            }
            _ => false,
        }
    }

    /// The log is deleted. Whether anything was known of it.
    pub(crate) fn forget(&mut self, key: LogKey) -> bool {
        self.uncleanable.remove(&key);
        self.cleaned.remove(&key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use base::{PartitionIndex, TopicId};

    use super::*;

    const KEY: LogKey = LogKey { topic_id: TopicId::ZERO, partition: PartitionIndex(0) };

    #[test]
    fn a_log_is_cleaned_by_one_cleaner_at_a_time_and_no_more_once_it_is_damaged() {
        let mut state = CleaningState::default();
        assert!(state.begin(KEY) && !state.begin(KEY) && !state.is_free(KEY));
        state.end(KEY, Some(Offset(5)));
        assert_eq!((state.cleaned(KEY), state.len()), (Some(Offset(5)), 1));
        assert!(state.begin(KEY));
        state.end(KEY, None);
        assert_eq!(state.cleaned(KEY), Some(Offset(5)));
        assert!(state.begin(KEY));
        state.give_up(KEY);
        assert!(!state.begin(KEY));
        assert_eq!(state.uncleanable(), 1);
        assert!(state.forget(KEY) && !state.forget(KEY) && state.is_free(KEY));
        assert_eq!(state.uncleanable(), 0);
    }

    #[test]
    fn what_is_cut_off_is_not_clean_any_more() {
        let mut state = CleaningState::default();
        assert!(!state.cut(KEY, Offset(1)));
        state.end(KEY, Some(Offset(5)));
        assert!(!state.cut(KEY, Offset(5)));
        assert!(state.cut(KEY, Offset(3)));
        assert_eq!(state.cleaned(KEY), Some(Offset(3)));
    }
}
