//! Which names a topic may have.

use base::ErrorCode;
use base::limits::TOPIC_NAME_LENGTH_MAX;

use super::decision::Rejection;
use crate::image::MetadataImage;

/// The metadata log itself looks like a topic, and is none.
const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Whether a topic may have this name at all: it is also the name of a directory.
pub fn validate_topic_name(name: &str) -> Result<(), Rejection> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.encode_utf16().count() > TOPIC_NAME_LENGTH_MAX {
        format!(
            "the length of '{name}' is longer than the max allowed length {TOPIC_NAME_LENGTH_MAX}"
        )
    } else if !name.chars().all(legal) {
        format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
            and '-'"
        )
    } else {
        return Ok(());
    };
    let message = format!("Topic name is invalid: {reason}");
    Err(Rejection::new(ErrorCode::InvalidTopicException, message))
}

/// Whether a new topic may have this name beside those that exist.
pub(super) fn check_new_topic_name(image: &MetadataImage, name: &str) -> Result<(), Rejection> {
    if name == CLUSTER_METADATA_TOPIC {
        let message = format!("Creation of internal topic {name} is prohibited.");
        return Err(Rejection::new(ErrorCode::InvalidRequest, message));
    }
    if image.topic_by_name(name).is_some() {
        let message = format!("Topic '{name}' already exists.");
        return Err(Rejection::new(ErrorCode::TopicAlreadyExists, message));
    }
    validate_topic_name(name)?;
    check_collision(image, name)
}

/// Names that differ only in `.` and `_` are one name in Kafka's metrics, so they do not exist side
/// by side.
fn check_collision(image: &MetadataImage, name: &str) -> Result<(), Rejection> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let unified = |name: &str| name.replace('.', "_");
    let own = unified(name);
    let colliding = |other: &str| other.len() == own.len() && unified(other) == own;
    match image.topics().find(|topic| colliding(&topic.name)) {
        None => Ok(()),
        Some(topic) => {
            let message = format!("Topic '{name}' collides with existing topic: {}", topic.name);
            Err(Rejection::new(ErrorCode::InvalidTopicException, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_refused_with_the_reason_that_kafka_gives() {
        let long = "x".repeat(250);
        for (name, reason) in [
            ("", "the empty string is not allowed"),
            (".", "'.' is not allowed"),
            ("..", "'..' is not allowed"),
            (
                "a b",
                "'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' \
                and '-'",
            ),
            ("caf\u{e9}", "characters other than ASCII"),
            ("../etc", "characters other than ASCII"),
            (&long, "is longer than the max allowed length 249"),
        ] {
            let rejection = validate_topic_name(name).expect_err(name);
            assert_eq!(rejection.code, ErrorCode::InvalidTopicException);
            assert!(rejection.message.contains(reason), "{}", rejection.message);
        }
        for name in ["a", "...", "A-z_0.9", &long[1..]] {
            assert_eq!(validate_topic_name(name), Ok(()), "{name}");
        }
    }
}
