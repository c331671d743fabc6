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
        let policy = Validator::OneOfIgnoringCase(&["UPGRADE"]);
        assert!(policy.check(&Value::Text("upgrade".to_owned())).is_ok());
        assert!(Validator::NonEmpty.check(&Value::Text(String::new())).is_err());
        assert!(Validator::NonEmpty.check(&Value::Null).is_ok());
    }
}
