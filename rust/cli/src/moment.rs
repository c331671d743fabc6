//! Times as people say them: how long ago (`10m`), or when (`2026-11-21T10:00:00Z`).

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use thiserror::Error;

const UNITS: [(&str, f64); 6] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0), ("w", 604_800.0)];

/// A time, some of them relative to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long ago.
    Ago(Duration),
    /// In milliseconds since 1970.
    At(i64),
}

/// A text that names no time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected how long ago, as 90s, 10m, 2h or 7d, or a time, as 2026-11-21T10:00:00Z")]
pub(crate) struct NoMoment;

impl Moment {
    /// In milliseconds since 1970, for somebody to whom it is `now_ms`.
    pub(crate) fn unix_ms(self, now_ms: i64) -> i64 {
        match self {
            Self::Ago(ago) => {
                now_ms.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)).max(0)
            }
            Self::At(unix_ms) => unix_ms,
        }
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        duration(text.strip_prefix('-').unwrap_or(text))
            .map(Self::Ago)
            .or_else(|| time(text).map(Self::At))
            .ok_or(NoMoment)
    }
}

/// A number and a unit: `1.5h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, unit_seconds) = UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..])?;
    let is_plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = digits.parse().ok().filter(|_| is_plain)?;
    Duration::try_from_secs_f64(number * unit_seconds).ok()
}

/// A duration of ISO 8601, as Kafka's tools take it: `P1DT2H30M0.5S`, days being the longest unit.
pub(crate) fn iso_duration(text: &str) -> Option<Duration> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    let parts = [(days, "D", 86_400.0), (time, "HMS", 0.0)];
    let mut seconds = 0.0;
    for (part, units, day_seconds) in parts {
        let (mut rest, mut units) = (part, units);
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let unit = rest[end..].chars().next()?;
            units = &units[units.find(unit)? + 1..]; // each once, the longest first
            let unit_seconds = match unit {
                'H' => 3600.0,
                'M' => 60.0,
                'S' => 1.0,
                _ => day_seconds,
            };
            let is_plain = rest[..end].chars().all(|c| c.is_ascii_digit() || c == '.');
            let number: f64 = rest[..end].parse().ok().filter(|_| is_plain)?;
            seconds += number * unit_seconds;
            rest = &rest[end + 1..];
        }
    }
    let is_something = !(days.is_empty() && time.is_empty());
    Duration::try_from_secs_f64(seconds).ok().filter(|_| is_something)
}

/// ISO 8601, the parts from the minutes on left out or not; of UTC unless it says of where, as
/// Kafka's tools read it.
fn time(text: &str) -> Option<i64> {
    let text = text.trim().replacen(' ', "T", 1);
    if let Ok(date) = NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        return Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        for zone in ["%:z", "%z"] {
            let zoned = text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}+0000"));
            if let Ok(time) = DateTime::parse_from_str(&zoned, &format!("{format}{zone}")) {
                return Some(time.timestamp_millis());
            }
        }
        if let Ok(time) = NaiveDateTime::parse_from_str(&text, format) {
            return Some(time.and_utc().timestamp_millis());
        }
    }
    None
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time as ISO 8601 of UTC; the number itself where no calendar goes so far.
pub(crate) fn iso(unix_ms: i64) -> String {
    DateTime::from_timestamp_millis(unix_ms).map_or_else(
        || unix_ms.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn at(text: &str) -> Result<i64, NoMoment> {
        text.parse().map(|moment: Moment| moment.unix_ms(NOW_MS))
    }

    #[test]
    fn how_long_ago_is_a_number_and_a_unit() {
        assert_eq!(at("10m"), Ok(NOW_MS - 600_000));
        assert_eq!(at("-10m"), Ok(NOW_MS - 600_000));
        assert_eq!(at("1.5h"), Ok(NOW_MS - 5_400_000));
        assert_eq!(at("250ms"), Ok(NOW_MS - 250));
        assert_eq!(at("2w"), Ok(NOW_MS - 1_209_600_000));
        assert_eq!(at("90000w"), Ok(0), "before there were milliseconds");
    }

    #[test]
    fn when_is_a_time_of_utc_unless_it_says_of_where() {
        let ten = 1_795_255_200_000;
        for text in [
            "2026-11-21T10:00:00Z",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00",
            "2026-11-21 10:00:00.000",
            "2026-11-21T10:00Z",
            "2026-11-21T12:00:00+02:00",
            "2026-11-21T12:00:00.000+0200",
        ] {
            assert_eq!(at(text), Ok(ten), "{text}");
        }
        assert_eq!(at("2026-11-21"), Ok(ten - 36_000_000));
        assert_eq!(at("2026-11-21T10:00:00.123Z"), Ok(ten + 123));
        assert_eq!(iso(ten), "2026-11-21T10:00:00.000Z");
        assert_eq!(iso(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_duration_of_iso_8601_has_days_and_a_time() {
        let seconds = |text| iso_duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!(seconds("P7D"), Some(604_800.0));
        assert_eq!(seconds("PT10M"), Some(600.0));
        assert_eq!(seconds("P1DT2H30M0.5S"), Some(95_400.5));
        for text in ["", "P", "PT", "P1DT", "P1H", "PT1D", "PT1M1H", "PT1M1M", "P-1D", "PD", "P1Y"]
        {
            assert_eq!(iso_duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "10", "m", "10 m", "1e3s", "10y", "infs", "NaNs", "--1m", "2026-13-01"] {
            assert_eq!(at(text), Err(NoMoment), "{text}");
        }
    }
}
