//! Anomalies as sentences: what happened, told by whom, and why it cannot be.

use std::fmt::{self, Display, Formatter};

use crate::anomaly::{
    Absence, Anomaly, AnomalyKind, CommittedOffset, CyclePart, Dependency, NamedRecord, Part,
    Place, Undone,
};
use crate::operation::OperationId;

impl Display for Anomaly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind())?;
        match self {
            Self::LostWrite { send, record, offset, absence } => {
                lost_write(f, *send, record, *offset, absence)
            }
            Self::Duplicate { record, places } => duplicate(f, record, places),
            Self::AbortedRead { poll, record, offset, undone } => {
                write!(f, "{poll} was given {record} at offset {offset}, but {undone}")
            }
            Self::EarlyRead { poll, record, offset, transaction } => write!(
                f,
                "{poll} was given {record} at offset {offset} before anybody had asked to commit \
                 its transaction {transaction}"
            ),
            Self::TornTransaction { transaction, seen, missing } => {
                torn_transaction(f, *transaction, seen, missing)
            }
            Self::UnseenRecord { send, record, offset, end } => write!(
                f,
                "{record}, sent by {send} and promised at offset {offset}, lies below the high \
                 watermark {end}, and no consumer has come so far"
            ),
            Self::InconsistentOffset { partition, offset, values } => {
                let values = list(values, " and ", |(value, by)| format!("{value} (told by {by})"));
                write!(f, "at offset {offset} of {partition} lies {values}")
            }
            Self::PhantomRecord { poll, record, offset } => {
                write!(f, "{poll} was given {record} at offset {offset}, which nobody has sent")
            }
            Self::PollSkip { poll, from, to, skipped, offset, seen_by, count } => {
                write!(f, "{poll} stood at offset {from} and {}", went_on(*to))?;
                write!(f, ", but at offset {offset} lies {skipped}, which {seen_by} was given")?;
                f.write_str(&more(*count))
            }
            Self::NonMonotonicPoll { first, stood_at, second, record, offset } => {
                write!(f, "{second} was given {record} at offset {offset}, but the consumer ")?;
                f.write_str(&came_to(*first, *stood_at))
            }
            Self::NonMonotonicSend { first, second, partition } => write!(
                f,
                "{} was sent to {partition} before {}, but lies at offset {}, behind offset {}",
                first.0, second.0, first.1, second.1
            ),
            Self::WriteCycle { steps } => {
                let steps = list(steps, "; ", ToString::to_string);
                write!(f, "transactions are before each other: {steps}")
            }
            Self::StaleOffset { fetch, found, commit, committed } => {
                write!(f, "{fetch} found {found}, though {commit} had committed {committed} before")
            }
            Self::StrayOffset { fetch, found, undone } => stray_offset(f, *fetch, found, *undone),
            Self::ConsumedTwice { group, partition, offset, first, second, count } => {
                write!(f, "the committed transactions {first} and {second} have both consumed ")?;
                write!(f, "offset {offset} of {partition} for group {group}{}", more(*count))
            }
        }
    }
}

fn lost_write(
    f: &mut Formatter<'_>,
    send: OperationId,
    record: &NamedRecord,
    offset: Option<i64>,
    absence: &Absence,
) -> fmt::Result {
    let place = offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    write!(f, "{record}, sent by {send} and promised{place}, is gone: {absence}")
}

fn duplicate(f: &mut Formatter<'_>, record: &NamedRecord, places: &[Place]) -> fmt::Result {
    let place = |place: &Place| format!("at offset {} (told by {})", place.offset, place.told_by);
    write!(f, "{record} was sent once and lies {}", list(places, " and ", place))
}

fn torn_transaction(
    f: &mut Formatter<'_>,
    transaction: OperationId,
    seen: &[Part],
    missing: &[(Part, Absence)],
) -> fmt::Result {
    let seen = list(seen, ", ", ToString::to_string);
    let missing = list(missing, ", ", |(part, absence)| format!("{part} ({absence})"));
    write!(f, "of the committed transaction {transaction} there is {seen}, but not {missing}")
}

fn stray_offset(
    f: &mut Formatter<'_>,
    fetch: OperationId,
    found: &CommittedOffset,
    undone: Option<OperationId>,
) -> fmt::Result {
    write!(f, "{fetch} found {found}, which ")?;
    match undone {
        None => f.write_str("nobody has committed"),
        Some(undone) => write!(f, "only {undone} tried to commit, and it failed"),
    }
}

fn went_on(to: Option<i64>) -> String {
    match to {
        Some(to) => format!("was given offset {to}"),
        None => "went on without a record".to_owned(),
    }
}

fn came_to(poll: Option<OperationId>, stood_at: i64) -> String {
    match poll {
        Some(poll) => format!("had come to offset {stood_at} with {poll}"),
        None => format!("was positioned at offset {stood_at}"),
    }
}

/// What is said of several of which one was told.
fn more(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

/// How much of a list is told.
const LISTED_MAX: usize = 8;

fn list<T>(items: &[T], separator: &str, told: impl Fn(&T) -> String) -> String {
    let listed: Vec<String> = items.iter().take(LISTED_MAX).map(told).collect();
    let listed = listed.join(separator);
    match items.len().checked_sub(LISTED_MAX) {
        None | Some(0) => listed,
        Some(more) => format!("{listed} and {more} more"),
    }
}

impl Display for AnomalyKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LostWrite => "lost write",
            Self::Duplicate => "duplicate",
            Self::AbortedRead => "aborted read",
            Self::EarlyRead => "early read",
            Self::TornTransaction => "torn transaction",
            Self::UnseenRecord => "unseen record",
            Self::InconsistentOffset => "inconsistent offset",
            Self::PhantomRecord => "phantom record",
            Self::PollSkip => "poll skip",
            Self::NonMonotonicPoll => "non-monotonic poll",
            Self::NonMonotonicSend => "non-monotonic send",
            Self::WriteCycle => "write cycle",
            Self::StaleOffset => "stale offset",
            Self::StrayOffset => "stray offset",
            Self::ConsumedTwice => "consumed twice",
        })
    }
}

impl Display for NamedRecord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.value, self.partition)
    }
}

impl Display for CommittedOffset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { group, partition, offset } = self;
        match offset {
            Some(offset) => write!(f, "offset {offset} of group {group} in {partition}"),
            None => write!(f, "no offset of group {group} in {partition}"),
        }
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => record.fmt(f),
            Self::Offset(offset) => offset.fmt(f),
        }
    }
}

impl Display for Absence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedBy { poll } => write!(f, "{poll} went past its place"),
            Self::ReadWhole { poll } => {
                write!(f, "it was nowhere when {poll} had read the whole partition")
            }
            Self::Cut { end, asked } => {
                write!(f, "the log ends at {end}, as {asked} was told afterwards")
            }
            Self::Fetched { offset: Some(offset), fetch } => {
                write!(f, "{fetch} found {offset} afterwards")
            }
            Self::Fetched { offset: None, fetch } => write!(f, "{fetch} found none afterwards"),
        }
    }
}

impl Display for Undone {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { send } => write!(f, "{send}, which sent it, has failed"),
            Self::Aborted { transaction } => {
                write!(f, "its transaction {transaction} was not committed")
            }
        }
    }
}

impl Display for CyclePart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { from, to, dependency } = self;
        match dependency {
            Dependency::WriteWrite { first, second } => {
                let (value, partition) = (&first.value, &first.partition);
                write!(f, "{from} wrote {value} to {partition} before {to} wrote {}", second.value)
            }
            Dependency::WriteRead { record, poll } => {
                write!(f, "{from} wrote {record}, which {to} was given (by {poll})")
            }
            Dependency::ReadWrite { poll, record } => {
                write!(f, "{from} was not given {record} (by {poll}), which {to} wrote")
            }
            Dependency::RealTime => write!(f, "{from} was committed before {to} began"),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::TopicPartition;

    use super::*;
    use crate::operation::Process;

    fn id(process: u32, number: u64) -> OperationId {
        OperationId { process: Process(process), number }
    }

    fn record(value: &str) -> NamedRecord {
        NamedRecord { partition: TopicPartition::new("orders", 0), value: value.into() }
    }

    #[test]
    fn a_lost_write_says_who_was_promised_what_and_how_it_is_known_to_be_gone() {
        let absence = Absence::PassedBy { poll: id(2, 7) };
        let lost =
            Anomaly::LostWrite { send: id(1, 3), record: record("a"), offset: Some(5), absence };
        assert_eq!(
            lost.to_string(),
            "lost write: \"a\" in orders-0, sent by 1/3 and promised at offset 5, is gone: 2/7 \
             went past its place"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let seen = (0..11).map(|n| Part::Record(record(&n.to_string()))).collect();
        let missing = vec![(
            Part::Offset(CommittedOffset {
                group: "g".to_owned(),
                partition: TopicPartition::new("orders", 1),
                offset: Some(9),
            }),
            Absence::Fetched { offset: None, fetch: id(4, 4) },
        )];
        let torn = Anomaly::TornTransaction { transaction: id(1, 0), seen, missing }.to_string();
        assert!(
            torn.contains("\"7\" in orders-0 and 3 more, but not offset 9 of group g"),
            "{torn}"
        );
        assert!(torn.ends_with("(4/4 found none afterwards)"), "{torn}");
    }

    #[test]
    fn a_circle_tells_every_step() {
        let steps = vec![
            CyclePart {
                from: id(1, 0),
                to: id(2, 0),
                dependency: Dependency::WriteWrite { first: record("a"), second: record("b") },
            },
            CyclePart { from: id(2, 0), to: id(1, 0), dependency: Dependency::RealTime },
        ];
        assert_eq!(
            Anomaly::WriteCycle { steps }.to_string(),
            "write cycle: transactions are before each other: 1/0 wrote \"a\" to orders-0 before \
             2/0 wrote \"b\"; 2/0 was committed before 1/0 began"
        );
    }
}
