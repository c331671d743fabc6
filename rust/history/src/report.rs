//! What a check has found.

use std::collections::BTreeMap;
use std::fmt;

use crate::anomaly::{Anomaly, AnomalyKind};

/// How many anomalies of a kind are printed; the others are counted.
const PRINTED_MAX: usize = 10;

/// The anomalies of a history, those of a kind together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    anomalies: Vec<Anomaly>,
}

impl Report {
    pub(crate) fn new(mut anomalies: Vec<Anomaly>) -> Self {
        anomalies.sort_by_key(Anomaly::kind);
        Self { anomalies }
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.anomalies.is_empty()
    }

    /// Everything that is wrong.
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.anomalies
    }

    /// How many of each kind there are.
    pub fn kinds(&self) -> BTreeMap<AnomalyKind, usize> {
        let mut kinds = BTreeMap::new();
        for anomaly in &self.anomalies {
            *kinds.entry(anomaly.kind()).or_insert(0) += 1;
        }
        kinds
    }

    /// The same without what was not promised: a producer that is not idempotent may repeat and
    /// reorder, say.
    #[must_use]
    pub fn without(mut self, kinds: &[AnomalyKind]) -> Self {
        self.anomalies.retain(|anomaly| !kinds.contains(&anomaly.kind()));
        self
    }
}

/// A line an anomaly; of many of a kind the first ones.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("no anomaly");
        }
        let mut is_first = true;
        for of_one_kind in self.anomalies.chunk_by(|a, b| a.kind() == b.kind()) {
            for anomaly in of_one_kind.iter().take(PRINTED_MAX) {
                f.write_str(if is_first { "" } else { "\n" })?;
                is_first = false;
                anomaly.fmt(f)?;
            }
            if let Some(more @ 1..) = of_one_kind.len().checked_sub(PRINTED_MAX) {
                write!(f, "\n{}: and {more} more", of_one_kind[0].kind())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::TopicPartition;

    use super::*;
    use crate::anomaly::NamedRecord;
    use crate::operation::{OperationId, Process};

    fn phantoms(count: i64) -> Vec<Anomaly> {
        let phantom = |offset| Anomaly::PhantomRecord {
            poll: OperationId { process: Process(1), number: 0 },
            record: NamedRecord { partition: TopicPartition::new("orders", 0), value: "a".into() },
            offset,
        };
        (0..count).map(phantom).collect()
    }

    #[test]
    fn of_many_anomalies_the_first_are_printed_and_all_are_counted() {
        let report = Report::new(phantoms(12));
        let text = report.to_string();
        assert_eq!(text.lines().count(), PRINTED_MAX + 1);
        assert!(text.ends_with("phantom record: and 2 more"), "{text}");
        assert_eq!(report.kinds(), BTreeMap::from([(AnomalyKind::PhantomRecord, 12)]));
    }

    #[test]
    fn what_was_not_promised_is_left_out() {
        let report = Report::new(phantoms(1));
        assert!(!report.is_clean());
        assert!(report.clone().without(&[AnomalyKind::PhantomRecord]).is_clean());
        assert_eq!(report.clone().without(&[AnomalyKind::Duplicate]), report);
    }
}
