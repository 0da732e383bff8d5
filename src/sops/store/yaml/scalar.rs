//! What a YAML scalar means to SOPS: the table of go-yaml v3.
//!
//! Close to YAML 1.2: only `true` and `false` in three casings are booleans, `yes` is text. Numbers may have underscores and the
//! prefixes `0x`, `0o`, `0b`; `0644` is octal, `08` a float; dates are times (sops-age.md §8.1). Shared by the reader, and by the
//! writer to see what must be quoted.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::sops::go;
use crate::yaml::emitter::is_base_60;

/// What a plain scalar resolves to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer between 2⁶³ and 2⁶⁴, which SOPS cannot hold.
    TooLarge,
    Float(f64),
    Time(OffsetDateTime),
    /// `<<`
    Merge,
    Text,
}

/// The meaning of a plain scalar.
pub(super) fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        "<<" => return Resolved::Merge,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => dotted(text),
        Some(b'+' | b'-' | b'0'..=b'9') => parse_timestamp(text).map_or_else(|| number(text), Resolved::Time),
        _ => Resolved::Text,
    }
}

/// Text that begins with a dot is handed to Go's `ParseFloat` as it is.
fn dotted(text: &str) -> Resolved {
    let is_float = text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    go::parse_float(text).filter(|_| is_float).map_or(Resolved::Text, Resolved::Float)
}

fn number(text: &str) -> Resolved {
    let plain = text.replace('_', "");
    if let Some(resolved) = integer(&plain) {
        return resolved;
    }
    if is_float(&plain) { go::parse_float(&plain).map_or(Resolved::Text, Resolved::Float) } else { Resolved::Text }
}

/// Go's `ParseInt` and `ParseUint` with base 0, underscores gone.
fn integer(plain: &str) -> Option<Resolved> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match (lower.get(..2), lower.get(2..)) {
        (Some("0x"), Some(rest)) => (rest, 16),
        (Some("0o"), Some(rest)) => (rest, 8),
        (Some("0b"), Some(rest)) => (rest, 2),
        _ if lower.len() > 1 && lower.starts_with('0') => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match i128::from(magnitude) * if negative { -1 } else { 1 } {
        value if i64::try_from(value).is_ok() => Some(Resolved::Int(i64::try_from(value).ok()?)),
        // `ParseUint` takes no sign at all.
        _ if !plain.starts_with(['+', '-']) => Some(Resolved::TooLarge),
        _ => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(left, right)| (left, Some(right)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    whole && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

/// The timestamps that go-yaml knows: RFC 3339 with short fields and `T` or `t`, with a space and no zone, and dates.
pub(super) fn parse_timestamp(text: &str) -> Option<OffsetDateTime> {
    let year = text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let mut rest = text.get(4..)?.strip_prefix('-')?;
    let month = short(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = short(&mut rest)?;
    let date = Date::from_calendar_date(year.parse().ok()?, Month::try_from(month).ok()?, day).ok()?;
    let separator = match rest.chars().next() {
        None => return Some(OffsetDateTime::new_utc(date, Time::MIDNIGHT)),
        Some(separator @ ('T' | 't' | ' ')) => separator,
        Some(_) => return None,
    };
    rest = rest.get(1..)?;
    let hour = short(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let minute = short(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let second = short(&mut rest)?;
    let mut nanosecond = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ','])
        && fraction.starts_with(|char: char| char.is_ascii_digit())
    {
        let end = fraction.find(|char: char| !char.is_ascii_digit()).unwrap_or(fraction.len());
        let (digits, after) = fraction.split_at_checked(end)?;
        nanosecond = digits.chars().chain("000000000".chars()).take(9).collect::<String>().parse().ok()?;
        rest = after;
    }
    let time = Time::from_hms_nano(hour, minute, second, nanosecond).ok()?;
    let offset =
        if separator == ' ' { if rest.is_empty() { UtcOffset::UTC } else { return None } } else { go::parse_zone(rest)? };
    Some(OffsetDateTime::new_in_offset(date, time, offset))
}

/// One or two digits.
fn short(rest: &mut &str) -> Option<u8> {
    let count = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits.parse().ok()
}

/// Whether text must be quoted to stay text, here or for readers of YAML 1.1.
pub(super) fn needs_quotes(text: &str) -> bool {
    const OLD_BOOLEANS: [&str; 16] =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    resolve(text) != Resolved::Text || OLD_BOOLEANS.contains(&text) || is_base_60(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_to_go_yaml_v3() {
        for (text, meaning) in [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("nUll", Resolved::Text),
            ("yes", Resolved::Text),
            ("True", Resolved::Bool(true)),
            ("0644", Resolved::Int(420)),
            ("0o17", Resolved::Int(15)),
            ("0x1F", Resolved::Int(31)),
            ("-0b11", Resolved::Int(-3)),
            ("1_000", Resolved::Int(1000)),
            ("+5", Resolved::Int(5)),
            ("08", Resolved::Float(8.0)),
            ("1e3", Resolved::Float(1000.0)),
            (".5", Resolved::Float(0.5)),
            ("5.", Resolved::Float(5.0)),
            ("-.5", Resolved::Float(-0.5)),
            ("1e400", Resolved::Text),
            ("9223372036854775807", Resolved::Int(i64::MAX)),
            ("9223372036854775808", Resolved::TooLarge),
            ("18446744073709551616", Resolved::Float(18446744073709551616.0)),
            ("-9223372036854775808", Resolved::Int(i64::MIN)),
            ("-9223372036854775809", Resolved::Float(-9223372036854775808.0)),
            ("12:30:45", Resolved::Text),
            ("1.2.3", Resolved::Text),
            (".e5", Resolved::Text),
            (".", Resolved::Text),
            ("-", Resolved::Text),
            ("0x", Resolved::Text),
            ("<<", Resolved::Merge),
            ("2024-13-01", Resolved::Text),
            ("0", Resolved::Int(0)),
            ("-0", Resolved::Int(0)),
            ("0b", Resolved::Text),
        ] {
            assert_eq!(resolve(text), meaning, "{text}");
        }
    }

    #[test]
    fn dates_are_times() {
        let time = |text| parse_timestamp(text).map(go::time_nano);
        assert_eq!(time("2024-1-5").as_deref(), Some("2024-01-05T00:00:00Z"));
        assert_eq!(time("2024-01-05t6:7:8.50+02:00").as_deref(), Some("2024-01-05T06:07:08.5+02:00"));
        assert_eq!(time("2024-01-05 06:07:08").as_deref(), Some("2024-01-05T06:07:08Z"));
        for text in ["2024-01-05 06:07:08Z", "2024-01-05T06:07:08", "2024-01", "2023-02-29", "2024-01-05T06:07Z", "24-01-05"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn old_booleans_and_base_60_are_quoted() {
        assert!(["y", "Off", "1:20", "1_0:59:59.5", "null", "7", "2024-01-01", ""].into_iter().all(needs_quotes));
        assert!(!["yEs", "1:60", "a", "1:2:"].into_iter().any(needs_quotes));
    }
}
