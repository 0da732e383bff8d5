//! The values that flags take, as Go writes them: durations, booleans, times, lists. Text in, value or reason out.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::args::{Cutoff, List, Networks, Pairs};
use super::config::{KeyOrder, LogFormat};

/// Longest `--key-prefix`: Kubernetes appends five characters, and object names end at 253 with room to spare.
const MAX_PREFIX: usize = 245;
/// Units of a Go duration, in nanoseconds.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
/// Go counts nanoseconds in 64 bits: 292 years.
const MAX_NANOSECONDS: f64 = i64::MAX as f64;

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

/// A duration as Go writes it: `1h30m`, `90s`, `1.5h`, `0`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("a negative duration makes no sense here".to_owned());
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || {
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
        match days.and_then(|days| days.checked_mul(24)) {
            Some(hours) => format!("there is no unit for days; write {hours}h"),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                format!("the unit is missing, as in {text}s or {text}h")
            }
            None => "not a duration such as 90s, 5m or 720h".to_owned(),
        }
    };
    let (mut rest, mut nanoseconds) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        nanoseconds += number * factor;
        rest = next;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    if nanoseconds >= MAX_NANOSECONDS {
        return Err("longer than 292 years".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: not negative and below i64::MAX")]
    Ok(Duration::from_nanos(nanoseconds.round() as u64))
}

/// A duration that is not zero.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|value| if value.is_zero() { Err("it cannot be zero".to_owned()) } else { Ok(value) })
}

/// The time of `--key-cutoff-time`: as `date -R` writes it, or RFC 3339; empty for none.
pub(super) fn cutoff(text: &str) -> Result<Cutoff, String> {
    if text.is_empty() {
        return Ok(Cutoff(None));
    }
    OffsetDateTime::parse(text, &Rfc2822)
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .map(|time| Cutoff(Some(time)))
        .map_err(|_| "not a time as `date -R` writes it: Mon, 02 Jan 2006 15:04:05 -0700".to_owned())
}

/// `--key-prefix`.
pub(super) fn key_prefix(text: &str) -> Result<String, String> {
    if text.len() > MAX_PREFIX {
        return Err(format!("{} characters; at most {MAX_PREFIX}", text.len()));
    }
    match text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        Some(c) => Err(format!("{c:?} cannot stand in it; small letters, digits and - can")),
        None if text.is_empty() => Err("it cannot be empty".to_owned()),
        None if text.starts_with('-') => Err("it cannot begin with -".to_owned()),
        None => Ok(text.to_owned()),
    }
}

/// `--key-order-priority`.
pub(super) fn key_order(text: &str) -> Result<KeyOrder, String> {
    match text {
        "CertNotBefore" => Ok(KeyOrder::CertNotBefore),
        "SecretCreationTimestamp" => Ok(KeyOrder::SecretCreationTimestamp),
        _ => Err("neither CertNotBefore nor SecretCreationTimestamp".to_owned()),
    }
}

/// `--log-level`: a level of Go's slog in any case, with or without an offset such as `INFO+2`.
pub(super) fn log_level(text: &str) -> Result<i32, String> {
    let wrong = || "none of DEBUG, INFO, WARN, ERROR".to_owned();
    let (name, offset) = match text.find(['+', '-']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default().parse::<i32>().map_err(|_| wrong())?),
        None => (text, 0),
    };
    let base = match name.to_ascii_uppercase().as_str() {
        "DEBUG" => -4,
        "INFO" => 0,
        "WARN" => 4,
        "ERROR" => 8,
        _ => return Err(wrong()),
    };
    Ok(offset.saturating_add(base))
}

/// `--log-format`.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("neither text nor json".to_owned()),
    }
}

/// `--kubeclient-qps`.
pub(super) fn rate(text: &str) -> Result<f32, String> {
    text.parse::<f32>().ok().filter(|rate| rate.is_finite()).ok_or_else(|| "not a number".to_owned())
}

/// An address to listen on: `host:port`, `:port`, `[::1]:port`.
pub(super) fn address(text: &str) -> Result<String, String> {
    let wrong = || "not an address such as :8080 or 127.0.0.1:8080".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if port.parse::<u16>().is_err() || (host.contains(':') && !bracketed) {
        return Err(wrong());
    }
    Ok(text.to_owned())
}

/// Namespaces with commas between them; blanks around them do not count.
pub(super) fn namespaces(text: &str) -> Result<List, String> {
    let mut list: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !crate::seal::is_valid_namespace(name) {
            return Err(format!("{name:?} is no name of a namespace"));
        }
        if !list.iter().any(|known| known == name) {
            list.push(name.to_owned());
        }
    }
    Ok(List(list))
}

/// `--trusted-proxies`.
pub(super) fn networks(text: &str) -> Result<Networks, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect::<Result<_, _>>().map(Networks)
}

/// `--privatekey-annotations`. Text after a second `=` belongs to the value.
pub(super) fn annotations(text: &str) -> Result<Pairs, String> {
    let mut pairs = Vec::new();
    for entry in text.split(',').filter(|entry| !entry.trim().is_empty()) {
        let (name, value) = entry.split_once('=').ok_or_else(|| format!("{entry:?} is not name=value"))?;
        let name = name.trim();
        if !is_qualified_name(name) {
            return Err(format!("{name:?} is no name of a label or annotation"));
        }
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(Pairs(pairs))
}

/// `--privatekey-labels`, whose values are names too.
pub(super) fn labels(text: &str) -> Result<Pairs, String> {
    let pairs = annotations(text)?;
    match pairs.0.iter().find(|(_, value)| !value.is_empty() && !is_name_part(value)) {
        Some((name, value)) => Err(format!("{value:?} cannot be the value of the label {name}")),
        None => Ok(pairs),
    }
}

/// `name` or `prefix/name`, as Kubernetes takes them for labels and annotations.
fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => crate::seal::is_valid_name(prefix) && is_name_part(name),
        None => is_name_part(text),
    }
}

fn is_name_part(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 63 && edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, seconds) in [
            ("0", 0.0),
            ("90s", 90.0),
            ("1h30m", 5400.0),
            ("1.5h", 5400.0),
            ("87600h", 315_360_000.0),
            ("250ms", 0.25),
            ("+1m", 60.0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        assert_eq!(duration("30d").unwrap_err(), "there is no unit for days; write 720h");
        assert_eq!(duration("30").unwrap_err(), "the unit is missing, as in 30s or 30h");
        for text in ["", "-1h", "h", "1x", "1h2", "..s", "1e3s", "9999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0").is_err());
    }

    #[test]
    fn the_cutoff_is_what_date_r_writes() {
        let time = time::macros::datetime!(2020-01-02 03:04:05 +2);
        for text in ["Thu, 02 Jan 2020 03:04:05 +0200", "2020-01-02T03:04:05+02:00"] {
            assert_eq!(cutoff(text), Ok(Cutoff(Some(time))));
        }
        assert_eq!(cutoff(""), Ok(Cutoff(None)));
        assert!(cutoff("yesterday").unwrap_err().contains("date -R"));
    }

    #[test]
    fn prefixes_pairs_and_namespaces_are_checked() {
        assert!(key_prefix(&"a".repeat(245)).is_ok());
        for text in ["", "A", "a_b", "-a", &"a".repeat(246)] {
            assert!(key_prefix(text).is_err(), "{text}");
        }
        let pairs = annotations("a=b,x.y/c=d=e,a=f").unwrap().0;
        assert_eq!(pairs, [("x.y/c".into(), "d=e".into()), ("a".to_owned(), "f".to_owned())]);
        assert!(annotations("a").unwrap_err().contains("name=value"));
        assert!(labels("a=b c").is_err() && labels("a=").is_ok());
        assert_eq!(namespaces(" a, b,a,").unwrap().0, ["a", "b"]);
        assert!(namespaces("A").is_err());
    }

    #[test]
    fn levels_are_slogs() {
        for (text, level) in [("DEBUG", -4), ("info", 0), ("Warn", 4), ("ERROR", 8), ("INFO+2", 2), ("warn-1", 3)] {
            assert_eq!(log_level(text), Ok(level), "{text}");
        }
        for text in ["", "TRACE", "INFO+", "INFO+x"] {
            assert!(log_level(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_have_a_port() {
        for text in [":8080", "127.0.0.1:0", "[::1]:8080", "localhost:80"] {
            assert!(address(text).is_ok(), "{text}");
        }
        for text in ["8080", ":", ":http", "::1:8080", ":99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
