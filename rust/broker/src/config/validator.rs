//! What a value must satisfy beyond its type; written out exactly as Kafka writes it in its
//! reference.

use std::fmt;

use super::value::Value;

/// A condition on a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validator {
    /// Anything of the type.
    Any,
    /// A number not below this.
    AtLeast(i64),
    /// A number between these, both included.
    Between(i64, i64),
    /// One of these texts; for a list, each of its items.
    OneOf(&'static [&'static str]),
    /// One of these texts, in any case.
    OneOfIgnoringCase(&'static [&'static str]),
    /// A text that is not empty.
    NonEmpty,
    /// A text; it may be empty.
    NonNull,
    /// A list with at least one item, if it is set.
    NonEmptyList,
    /// A gzip level, or -1 for the library's own.
    GzipLevel,
    /// `*`, or partitions and brokers of a throttled replication.
    ThrottledReplicas,
    /// Where a share group begins: at an end, or so long ago (KIP-1106).
    AutoOffsetReset,
}

impl Validator {
    /// Whether `value` satisfies the condition; if not, what it must be.
    pub fn check(self, value: &Value) -> Result<(), String> {
        let satisfied = match (self, value) {
            (_, Value::Null) | (Self::Any | Self::NonNull, _) => true,
            (Self::AtLeast(min), Value::Integer(number)) => *number >= min,
            (Self::AtLeast(min), Value::Double(number)) => *number >= min as f64,
            (Self::Between(min, max), Value::Integer(number)) => (min..=max).contains(number),
            (Self::Between(min, max), Value::Double(number)) => {
                (min as f64..=max as f64).contains(number)
            }
            (Self::OneOf(allowed), Value::Text(text)) => allowed.contains(&text.as_str()),
            (Self::OneOf(allowed), Value::List(items)) => items
                .iter()
                .enumerate()
                .all(|(at, item)| allowed.contains(&item.as_str()) && !items[..at].contains(item)),
            (Self::OneOfIgnoringCase(allowed), Value::Text(text)) => {
                allowed.iter().any(|name| name.eq_ignore_ascii_case(text))
            }
            (Self::NonEmpty, Value::Text(text)) => !text.is_empty(),
            (Self::NonEmptyList, Value::List(items)) => {
                !items.is_empty() && items.iter().all(|item| !item.is_empty())
            }
            (Self::GzipLevel, Value::Integer(level)) => *level == -1 || (1..=9).contains(level),
            (Self::ThrottledReplicas, Value::List(items)) => {
                matches!(items.as_slice(), [all] if all == "*")
                    || items.iter().all(|item| is_throttled_replica(item))
            }
            (Self::AutoOffsetReset, Value::Text(text)) => is_auto_offset_reset(text),
            // A condition that does not fit the key's type is a mistake in the table.
            _ => false,
        };
        if satisfied { Ok(()) } else { Err(format!("it must be {self}")) }
    }
}

/// `partition:broker`, both numbers.
fn is_throttled_replica(item: &str) -> bool {
    item.split_once(':').is_some_and(|(partition, broker)| {
        [partition, broker].iter().all(|number| number.trim().parse::<u32>().is_ok())
    })
}

/// An end, in any case, or `by_duration:` and a duration of ISO 8601 that is not negative, in days
/// and less.
fn is_auto_offset_reset(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("by_duration:") {
        Some(duration) => is_duration(duration),
        None => matches!(lower.as_str(), "latest" | "earliest"),
    }
}

/// `pnDtnHnMn.nS`, of which any part may be missing, but not all.
fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('p') else { return false };
    let (days, time) = match text.split_once('t') {
        Some((_, "")) => return false,
        Some((days, time)) => (days, time),
        None => (text, ""),
    };
    let mut has_parts = false;
    let mut take = |text: &mut &str, unit: char, may_be_fraction: bool| {
        let Some((number, rest)) = text.split_once(unit) else { return true };
        *text = rest;
        has_parts = true;
        let is_number = number.parse::<u64>().is_ok();
        is_number
            || (may_be_fraction && number.parse::<f64>().is_ok_and(|n| n.is_finite() && n >= 0.0))
    };
    let (mut days, mut time) = (days, time);
    let are_numbers = take(&mut days, 'd', false)
        && take(&mut time, 'h', false)
        && take(&mut time, 'm', false)
        && take(&mut time, 's', true);
    are_numbers && has_parts && days.is_empty() && time.is_empty()
}

impl fmt::Display for Validator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(min) => write!(formatter, "[{min},...]"),
            Self::Between(min, max) => write!(formatter, "[{min},...,{max}]"),
            Self::OneOf(allowed) => write!(formatter, "[{}]", allowed.join(", ")),
            Self::OneOfIgnoringCase(allowed) => {
                write!(formatter, "(case insensitive) [{}]", allowed.join(", "))
            }
            Self::NonEmpty => formatter.write_str("non-empty string"),
            Self::NonNull => formatter.write_str("non-null string"),
            Self::NonEmptyList => formatter.write_str("non-empty list"),
            Self::GzipLevel => formatter.write_str("[1,...,9] or -1"),
            Self::ThrottledReplicas => {
                formatter.write_str("[partitionId]:[brokerId],[partitionId]:[brokerId],...")
            }
            Self::AutoOffsetReset => {
                formatter.write_str("[latest, earliest, by_duration:PnDTnHnMn.nS]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn bounds_are_part_of_the_range() {
        let level = Validator::Between(1, 17);
        assert!(
            level.check(&Value::Integer(1)).is_ok() && level.check(&Value::Integer(17)).is_ok()
        );
        assert_eq!(level.check(&Value::Integer(18)), Err("it must be [1,...,17]".to_owned()));
        assert!(Validator::AtLeast(-2).check(&Value::Integer(-3)).is_err());
        let ratio = Validator::Between(0, 1);
        assert!(
            ratio.check(&Value::Double(1.0)).is_ok() && ratio.check(&Value::Double(1.01)).is_err()
        );
    }

    #[test]
    fn each_item_of_a_list_is_checked_and_none_may_come_twice() {
        let policy = Validator::OneOf(&["compact", "delete"]);
        assert!(policy.check(&list(&["delete", "compact"])).is_ok());
        assert!(policy.check(&list(&[])).is_ok());
        assert!(policy.check(&list(&["delete", "delete"])).is_err());
        assert!(policy.check(&list(&["delete", "shred"])).is_err());
        assert!(Validator::NonEmptyList.check(&list(&[""])).is_err());
    }

    #[test]
    fn special_conditions_hold() {
        for (level, valid) in
            [(-2, false), (-1, true), (0, false), (1, true), (9, true), (10, false)]
        {
            assert_eq!(
                Validator::GzipLevel.check(&Value::Integer(level)).is_ok(),
                valid,
                "{level}"
            );
        }
        for (items, valid) in
            [(&["*"][..], true), (&["0:1", "2:3"], true), (&["0"], false), (&["a:1"], false)]
        {
            assert_eq!(
                Validator::ThrottledReplicas.check(&list(items)).is_ok(),
                valid,
                "{items:?}"
            );
        }
        for (reset, valid) in [
            ("latest", true),
            ("Earliest", true),
            ("by_duration:P7D", true),
            ("by_duration:PT1H30M", true),
            ("by_duration:P1DT0.5S", true),
            ("none", false),
            ("by_duration:", false),
            ("by_duration:P", false),
            ("by_duration:P1DT", false),
            ("by_duration:PT1M1H", false),
            ("by_duration:P-1D", false),
            ("by_duration:PTinfS", false),
        ] {
            let reset = Value::Text(reset.to_owned());
            assert_eq!(Validator::AutoOffsetReset.check(&reset).is_ok(), valid, "{reset}");
        }
        let policy = Validator::OneOfIgnoringCase(&["UPGRADE"]);
        assert!(policy.check(&Value::Text("upgrade".to_owned())).is_ok());
        assert!(Validator::NonEmpty.check(&Value::Text(String::new())).is_err());
        assert!(Validator::NonEmpty.check(&Value::Null).is_ok());
    }
}
