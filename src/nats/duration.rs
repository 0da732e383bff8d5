//! Durations as NATS's configuration has them: Go's spelling (`5s`, `1m30s`, `500ms`), or a bare number of seconds.
//!
//! The server takes a bare `2m` for the number two million, so durations are always written between quotes.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::template::parse_duration;

/// Reads Go's spelling: `1h2m3.5s`, no sign. `None` for anything else, and for more than 292 years.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let nanos = parse_duration(text.as_bytes()).filter(|_| !text.starts_with(['+', '-']))?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// The duration in Go's spelling, in the largest unit that divides it.
#[must_use]
pub fn text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    for (unit, factor) in
        [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
    {
        if nanos >= factor && nanos.is_multiple_of(factor) {
            return format!("{}{unit}", nanos / factor);
        }
    }
    if nanos == 0 { "0s".to_owned() } else { format!("{nanos}ns") }
}

/// A duration in a declarative file: `5s`, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `5s` or `1m30s`, or a number of seconds")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                parse(text).map(Span).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                Ok(Span(Duration::from_secs(seconds)))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                let seconds = u64::try_from(seconds).map_err(|_| E::invalid_value(de::Unexpected::Signed(seconds), &self))?;
                self.visit_u64(seconds)
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Span, E> {
                Duration::try_from_secs_f64(seconds)
                    .map(Span)
                    .map_err(|_| E::invalid_value(de::Unexpected::Float(seconds), &self))
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

/// The form of a duration in JSON Schema.
#[cfg(feature = "cli")]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum SpanSchema {
    /// `5s`, `1m30s`
    Text(String),
    /// Seconds
    Seconds(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write_as_go_does() {
        for (written, millis) in
            [("5s", 5_000), ("1m", 60_000), ("1m30s", 90_000), ("1.5s", 1_500), ("500ms", 500), ("2h", 7_200_000), ("0", 0)]
        {
            assert_eq!(parse(written), Some(Duration::from_millis(millis)), "{written}");
        }
        for bad in ["", "5", "s", "5 s", "-5s", "5x", "1..5s", ".s", "5s5", "99999999999h"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for (millis, written) in [(90_000, "90s"), (60_000, "1m"), (1_500, "1500ms"), (0, "0s")] {
            assert_eq!(text(Duration::from_millis(millis)), written);
        }
        assert_eq!(parse("1us"), Some(Duration::from_nanos(1_000)));
    }

    #[test]
    fn a_file_has_seconds_or_text() {
        let read = |json: &str| serde_json::from_str::<Span>(json).map(|span| span.0.as_millis());
        assert_eq!(read("2").unwrap(), 2_000);
        assert_eq!(read("0.5").unwrap(), 500);
        assert_eq!(read("\"1m\"").unwrap(), 60_000);
        assert!(read("\"2\"").is_err() && read("-1").is_err() && read("true").is_err());
    }
}
