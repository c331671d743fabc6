//! Where groups are to go on, as a file: the CSV that Kafka's tool exports and reads.
//!
//! ```text
//! topic,partition,offset            of the one group that the command names
//! group,topic,partition,offset      of several
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use base::TopicPartition;
use csv::{QuoteStyle, ReaderBuilder, StringRecord, WriterBuilder};
use thiserror::Error;

/// By group; without a name where it is the command that names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResetPlan(BTreeMap<Option<String>, Offsets>);

type Offsets = BTreeMap<TopicPartition, i64>;

/// Why a file is no plan.
#[derive(Debug, Error)]
pub(super) enum PlanError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// It is no CSV.
    #[error("is no CSV: {0}")]
    NoCsv(#[from] csv::Error),
    /// A line says something else.
    #[error("line {line}: expected {expected}")]
    Unexpected {
        /// Counted from 1.
        line: u64,
        /// The columns.
        expected: &'static str,
    },
    /// A partition would have to go to two places.
    #[error("line {line}: {name} has an offset already")]
    Twice {
        /// Counted from 1.
        line: u64,
        /// The partition.
        name: TopicPartition,
    },
    /// There is not one line.
    #[error("names no offsets")]
    Empty,
}

/// What a plan does not say.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum NotPlanned {
    /// Several groups cannot take what is for one.
    #[error("the file is for one group: several need lines of {OF_SEVERAL}")]
    ForOne,
    /// It is about others.
    #[error("the file names no offset of it")]
    Unknown,
}

const BYTE_ORDER_MARK: char = '\u{feff}';
const OF_ONE: &str = "topic,partition,offset";
const OF_SEVERAL: &str = "group,topic,partition,offset";

impl ResetPlan {
    pub(super) fn read(file: &Path) -> Result<Self, PlanError> {
        Self::parse(&std::fs::read(file).map_err(PlanError::Unreadable)?)
    }

    /// The first line says which of the two it is.
    fn parse(text: &[u8]) -> Result<Self, PlanError> {
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let mut plan: BTreeMap<Option<String>, Offsets> = BTreeMap::new();
        let mut expected = None;
        for row in reader.records() {
            let row = row?;
            let line = row.position().map_or(0, csv::Position::line);
            let columns = *expected.get_or_insert(if row.len() == 3 { OF_ONE } else { OF_SEVERAL });
            let (group, name, offset) =
                read(&row, columns).ok_or(PlanError::Unexpected { line, expected: columns })?;
            if plan.entry(group).or_default().insert(name.clone(), offset).is_some() {
                return Err(PlanError::Twice { line, name });
            }
        }
        if plan.is_empty() { Err(PlanError::Empty) } else { Ok(Self(plan)) }
    }

    /// What it says of a group, which is the only one that the command names or not.
    pub(super) fn of(&self, group: &str, is_only: bool) -> Result<&Offsets, NotPlanned> {
        match self.0.get(&None) {
            Some(offsets) if is_only => Ok(offsets),
            Some(_) => Err(NotPlanned::ForOne),
            None => self.0.get(&Some(group.to_owned())).ok_or(NotPlanned::Unknown),
        }
    }
}

/// Lines for [`ResetPlan::read`]: topics, partitions and offsets, behind their groups if there is
/// more than one.
pub(super) fn write<'a>(
    rows: impl IntoIterator<Item = (Option<&'a str>, &'a str, i32, i64)>,
) -> Result<String, std::io::Error> {
    let mut rows = rows.into_iter().peekable();
    // Without a quote before it, this would be the mark that some editors begin a file with.
    let begins_with_mark = rows
        .peek()
        .is_some_and(|(group, ..)| group.is_some_and(|it| it.starts_with(BYTE_ORDER_MARK)));
    let style = if begins_with_mark { QuoteStyle::NonNumeric } else { QuoteStyle::Necessary };
    let mut writer =
        WriterBuilder::new().has_headers(false).quote_style(style).from_writer(Vec::new());
    for (group, topic, partition, offset) in rows {
        let numbers = [partition.to_string(), offset.to_string()];
        let columns = [topic, &numbers[0], &numbers[1]];
        writer.write_record(group.into_iter().chain(columns))?;
    }
    let written = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    String::from_utf8(written).map_err(std::io::Error::other)
}

fn read(row: &StringRecord, columns: &str) -> Option<(Option<String>, TopicPartition, i64)> {
    let mut fields = row.iter();
    let group = if columns == OF_SEVERAL { Some(fields.next()?.to_owned()) } else { None };
    let topic = fields.next().filter(|topic| !topic.is_empty())?;
    let partition = number(fields.next()?)?;
    let offset = number(fields.next()?)?;
    let partition = i32::try_from(partition).ok()?;
    fields.next().is_none().then(|| (group, TopicPartition::new(topic, partition), offset))
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        ResetPlan::parse(text.as_bytes()).unwrap_err().to_string()
    }

    fn offsets(rows: &[(&str, i32, i64)]) -> Offsets {
        rows.iter().map(|&(topic, number, at)| (TopicPartition::new(topic, number), at)).collect()
    }

    /// Kafka's tool quotes every text of more than 24 characters.
    #[test]
    fn a_plan_of_one_group_is_whosever_the_command_names() {
        let text = b"orders,0,5\n\"a-topic-of-more-than-24-characters\",1,7\n\n";
        let plan = ResetPlan::parse(text).unwrap();
        let expected = offsets(&[("orders", 0, 5), ("a-topic-of-more-than-24-characters", 1, 7)]);
        assert_eq!(plan.of("any", true), Ok(&expected));
        assert_eq!(plan.of("any", false), Err(NotPlanned::ForOne));
    }

    #[test]
    fn a_plan_of_several_groups_has_some_for_each() {
        let plan = ResetPlan::parse(b"a,orders,0,5\r\n\"b,c\",orders,0,7\r\n").unwrap();
        assert_eq!(plan.of("a", false), Ok(&offsets(&[("orders", 0, 5)])));
        assert_eq!(plan.of("b,c", true), Ok(&offsets(&[("orders", 0, 7)])));
        assert_eq!(plan.of("d", true), Err(NotPlanned::Unknown));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        assert_eq!(refused(""), "names no offsets");
        assert_eq!(refused("orders,0,5\norders,x,5"), format!("line 2: expected {OF_ONE}"));
        assert_eq!(refused("orders,0,5\na,orders,0,5"), format!("line 2: expected {OF_ONE}"));
        assert_eq!(refused("a,orders,0,5\norders,0,5"), format!("line 2: expected {OF_SEVERAL}"));
        for wrong in ["orders", "orders,0", "a,b,c,0,5"] {
            assert_eq!(refused(wrong), format!("line 1: expected {OF_SEVERAL}"), "{wrong}");
        }
        for wrong in [",0,5", "orders,-1,5", "orders,0,-1", "orders,2147483648,5"] {
            assert_eq!(refused(wrong), format!("line 1: expected {OF_ONE}"), "{wrong}");
        }
        let twice = "line 2: orders-0 has an offset already";
        assert_eq!(refused("orders,0,5\norders,0,5"), twice);
        assert!(ResetPlan::parse(b"\xff,0,5").unwrap_err().to_string().starts_with("is no CSV: "));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in proptest::collection::btree_map(
                (".*", "[a-zA-Z0-9._-]{1,40}", 0..i32::MAX), 0..i64::MAX, 1..20
            ),
        ) {
            let lines = rows.iter().map(|((group, topic, number), offset)| {
                (Some(group.as_str()), topic.as_str(), *number, *offset)
            });
            let plan = ResetPlan::parse(write(lines).unwrap().as_bytes()).unwrap();
            let mut read = 0;
            for ((group, topic, number), offset) in &rows {
                let offsets = plan.of(group, false).unwrap();
                prop_assert_eq!(offsets[&TopicPartition::new(topic.as_str(), *number)], *offset);
                read += 1;
            }
            prop_assert_eq!(plan.0.values().map(BTreeMap::len).sum::<usize>(), read);
        }
    }

    #[test]
    fn a_name_that_begins_with_a_byte_order_mark_keeps_it() {
        let written = write([(Some("\u{feff}a"), "orders", 0, 5)]).unwrap();
        let plan = ResetPlan::parse(written.as_bytes()).unwrap();
        assert_eq!(plan.of("\u{feff}a", false), Ok(&offsets(&[("orders", 0, 5)])));
    }

    #[test]
    fn lines_of_one_group_do_not_name_it() {
        let written = write([(None, "orders", 0, 5), (None, "orders", 1, 7)]).unwrap();
        assert_eq!(written, "orders,0,5\norders,1,7\n");
    }
}
