//! Durations as `java.time.Duration` reads them, which is what Kafka takes for
//! `auto.offset.reset=by_duration:` (KIP-1106).
//!
//! ```text
//! [+-] P [[+-]n D] [ T [[+-]n H] [[+-]n M] [[+-]n [(.|,) up to 9 digits] S] ]
//! ```
//! in any case; something has to follow the P, and the T if there is one.

use std::time::Duration;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// The digits of a fraction of a second.
const FRACTION_DIGITS_MAX: usize = 9;

/// The duration, unless the text is none or it is negative.
pub(super) fn iso_duration(text: &str) -> Option<Duration> {
    let text = text.to_ascii_uppercase();
    let (sign, rest) = sign(&text);
    let rest = rest.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    let (of_days, left) = whole(days, 'D', 86_400)?;
    let (of_hours, time) = whole(time, 'H', 3_600)?;
    let (of_minutes, time) = whole(time, 'M', 60)?;
    let of_seconds = seconds(time)?;
    if !left.is_empty() {
        return None;
    }
    let nanos = of_days.checked_add(of_hours)?.checked_add(of_minutes)?.checked_add(of_seconds)?;
    let nanos = u128::try_from(sign.checked_mul(nanos)?).ok()?;
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND.unsigned_abs()).ok()?;
    Some(Duration::new(seconds, (nanos % NANOS_PER_SECOND.unsigned_abs()) as u32))
}

/// So many of a unit, in nanoseconds, and what follows; nothing if the unit is not there.
fn whole(text: &str, unit: char, unit_seconds: i128) -> Option<(i128, &str)> {
    let Some((number, rest)) = text.split_once(unit) else { return Some((0, text)) };
    Some((signed(number)?.checked_mul(unit_seconds * NANOS_PER_SECOND)?, rest))
}

/// Seconds and their fraction, which has the sign of the seconds: `-0.5` is less than nothing.
fn seconds(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let number = text.strip_suffix('S')?;
    let Some((number, fraction)) = number.split_once(['.', ',']) else {
        return signed(number)?.checked_mul(NANOS_PER_SECOND);
    };
    if fraction.len() > FRACTION_DIGITS_MAX || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    let (sign, _) = sign(number);
    signed(number)?.checked_mul(NANOS_PER_SECOND)?.checked_add(sign * nanos)
}

fn signed(text: &str) -> Option<i128> {
    let (sign, digits) = sign(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // What does not fit into Java's long is no number there either.
    let number = digits.parse::<i64>().ok().filter(|_| is_number)?;
    Some(sign * i128::from(number))
}

fn sign(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_java_reads_them() {
        for (text, nanos) in [
            ("PT1H", 3_600_000_000_000),
            ("pt10m30s", 630_000_000_000),
            ("P1DT2H3M4.5S", 93_784_500_000_000),
            ("P2D", 172_800_000_000_000),
            ("PT0.000000001S", 1),
            ("PT1,5S", 1_500_000_000),
            ("PT1.S", 1_000_000_000),
            ("PT0S", 0),
            ("PT+1H-30M", 1_800_000_000_000),
            ("-PT-1M", 60_000_000_000),
            ("+PT90000000H", 324_000_000_000_000_000_000),
        ] {
            let read = iso_duration(text).map(|duration| duration.as_nanos());
            assert_eq!(read, Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_java_does_not_read_and_what_is_negative_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "1H",
            "T1H",
            "P1H",
            "PT1D",
            "PT1M1H",
            "PTH",
            "PT1.5H",
            "PT.5S",
            "P1W",
            "PT1H ",
            "PT1.0000000001S",
            "PT1.5.5S",
            "PT--1H",
            "P1DT",
            "PT99999999999999999999S",
            "PT-1H",
            "-PT1H",
            "PT1H1H",
            "PT-0.5S",
        ] {
            assert_eq!(iso_duration(text), None, "{text}");
        }
    }
}
