//! Numbers, booleans and times in the exact text form that Go's standard library gives them.
//!
//! SOPS encrypts and authenticates the *text* of a value, so `1.50` and `1.5` must become the same bytes here as there:
//! `strconv.FormatFloat` in the forms `f`, `g` and `G`, `encoding/json`'s numbers, `ParseBool`, `ParseFloat`, and RFC 3339 with
//! nanoseconds. Facts: sops-age.md §1.2, §3.5, §8.2. No YAML or JSON syntax here, only single scalars.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// `FormatFloat(value, 'f', -1, 64)`: the shortest digits that read back the same, never an exponent; `+Inf`, `-Inf`, `NaN`.
#[must_use]
pub fn float_f(value: f64) -> String {
    special_float(value).map_or_else(|| value.to_string(), str::to_owned)
}

/// `FormatFloat(value, 'g', -1, 64)`: with an exponent, of two digits at least, where that is below -4 or above 5.
#[must_use]
pub fn float_g(value: f64) -> String {
    general(value, 'e')
}

/// A float in dotenv, INI and environment variables: as `g` but with `E`, and never mistaken for an integer (`1.0`, `1E+06`).
#[must_use]
pub fn float_display(value: f64) -> String {
    let text = general(value, 'E');
    if text.contains(['.', 'E']) || !value.is_finite() { text } else { format!("{text}.0") }
}

/// A float as `encoding/json` writes it, or `None` for infinities and NaN, which JSON cannot hold.
///
/// Negative zero is written `-0.0`: Go's `-0` would be read back as the integer 0, and the MAC would no longer hold.
#[must_use]
pub fn float_json(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 && value.is_sign_negative() {
        return Some("-0.0".to_owned());
    }
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return Some(value.to_string());
    }
    let (mantissa, exponent) = scientific(value);
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{mantissa}e{sign}{}", exponent.unsigned_abs()))
}

fn general(value: f64, letter: char) -> String {
    if let Some(text) = special_float(value) {
        return text.to_owned();
    }
    let (mantissa, exponent) = scientific(value);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.unsigned_abs())
}

/// Mantissa and decimal exponent of the shortest form: `1500.0` is `("1.5", 3)`.
fn scientific(value: f64) -> (String, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn special_float(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// `ParseFloat` of decimal text, infinities and NaN. Text beyond the range of a float is refused, as there.
///
/// Hexadecimal floats, which no writer of SOPS files makes, are not read.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let spelled_out = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (value.is_finite() || value.is_nan() || spelled_out).then_some(value)
}

/// `ParseBool`: `1 t T TRUE true True` and `0 f F FALSE false False`.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A boolean as SOPS encrypts and hashes it.
#[must_use]
pub fn bool_title(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// RFC 3339 with as many digits of the second's fraction as needed, and `Z` for every zone at offset zero.
#[must_use]
pub fn time_nano(time: OffsetDateTime) -> String {
    let mut text = seconds(time);
    if time.nanosecond() != 0 {
        text.push_str(format!(".{:09}", time.nanosecond()).trim_end_matches('0'));
    }
    text + &zone(time.offset())
}

/// RFC 3339 to the second, as in the metadata's `lastmodified` (the fraction is cut, not rounded).
#[must_use]
pub fn time_seconds(time: OffsetDateTime) -> String {
    seconds(time) + &zone(time.offset())
}

fn seconds(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month))
}

fn zone(offset: UtcOffset) -> String {
    let minutes = offset.whole_minutes();
    if minutes == 0 {
        return "Z".to_owned();
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
}

/// Reads `2006-01-02T15:04:05[.fraction](Z|±hh:mm)`: two digits everywhere, years 0000 to 9999, nothing around it. Digits of
/// the fraction beyond nanoseconds are dropped.
#[must_use]
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = text.split_once('T')?;
    let date = parse_date(date)?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let offset = parse_zone(zone)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    if parts.next().is_some() {
        return None;
    }
    let nanosecond = fraction.map_or(Some(0), parse_fraction)?;
    let time = Time::from_hms_nano(hour, minute, second, nanosecond).ok()?;
    Some(OffsetDateTime::new_in_offset(date, time, offset))
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    if parts.next().is_some() || year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::from_calendar_date(year.parse().ok()?, Month::try_from(month).ok()?, day).ok()
}

/// `Z` or `±hh:mm`.
pub(super) fn parse_zone(text: &str) -> Option<UtcOffset> {
    if text == "Z" {
        return Some(UtcOffset::UTC);
    }
    let (negative, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (false, digits),
        ("-", digits) => (true, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    UtcOffset::from_whole_seconds(if negative { -seconds } else { seconds }).ok()
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn parse_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: String = text.chars().chain("000000000".chars()).take(9).collect();
    nanoseconds.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value, then `f`, `g` and `encoding/json` of it, printed by a Go program (but for JSON's negative zero).
    const FLOATS: &[(f64, &str, &str, &str)] = &[
        (0.0, "0", "0", "0"),
        (-0.0, "-0", "-0", "-0.0"),
        (1.0, "1", "1", "1"),
        (1.5, "1.5", "1.5", "1.5"),
        (100000.0, "100000", "100000", "100000"),
        (999999.5, "999999.5", "999999.5", "999999.5"),
        (1000000.0, "1000000", "1e+06", "1000000"),
        (1000000.5, "1000000.5", "1.0000005e+06", "1000000.5"),
        (123456789.0, "123456789", "1.23456789e+08", "123456789"),
        (1e20, "100000000000000000000", "1e+20", "100000000000000000000"),
        (1e21, "1000000000000000000000", "1e+21", "1e+21"),
        (0.0001, "0.0001", "0.0001", "0.0001"),
        (0.00001, "0.00001", "1e-05", "0.00001"),
        (0.000001, "0.000001", "1e-06", "0.000001"),
        (0.0000001, "0.0000001", "1e-07", "1e-7"),
        (1.0 / 3.0, "0.3333333333333333", "0.3333333333333333", "0.3333333333333333"),
        (-2.5e-10, "-0.00000000025", "-2.5e-10", "-2.5e-10"),
    ];

    #[test]
    fn floats_print_as_go_prints_them() {
        for &(value, f, g, json) in FLOATS {
            assert_eq!((float_f(value), float_g(value), float_json(value)), (f.into(), g.into(), Some(json.into())));
        }
        assert_eq!((float_g(5e-324), float_json(5e-324)), ("5e-324".into(), Some("5e-324".into())));
        assert_eq!(float_g(f64::MAX), "1.7976931348623157e+308");
        for (value, text) in [(f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf"), (f64::NAN, "NaN")] {
            assert_eq!((float_f(value), float_g(value), float_json(value)), (text.into(), text.into(), None));
            assert_eq!(parse_float(text).map(f64::to_bits), Some(value.to_bits()));
        }
    }

    #[test]
    fn floats_for_the_environment_are_never_integers() {
        for (value, text) in [(1.0, "1.0"), (100000.0, "100000.0"), (1e6, "1E+06"), (1.25, "1.25"), (-0.0, "-0.0")] {
            assert_eq!(float_display(value), text);
        }
        assert_eq!(float_display(f64::INFINITY), "+Inf");
    }

    #[test]
    fn floats_out_of_range_are_refused() {
        assert_eq!(parse_float("1e400"), None);
        assert_eq!(parse_float("1_0"), None);
        assert_eq!(parse_float(""), None);
        assert_eq!(parse_float("-.5e1"), Some(-5.0));
        assert_eq!(parse_float("-Infinity"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn booleans_are_read_as_go_reads_them() {
        assert_eq!(["1", "T", "True", "tRUE", "yes", ""].map(parse_bool), [Some(true), Some(true), Some(true), None, None, None]);
        assert_eq!(["0", "f", "FALSE"].map(parse_bool), [Some(false); 3]);
    }

    #[test]
    fn times_survive_reading_and_writing() {
        for text in
            ["2024-01-01T00:00:00Z", "2024-02-29T23:59:59.5+02:30", "0001-01-01T00:00:00.000000001Z", "1999-12-31T12:00:00-11:00"]
        {
            assert_eq!(time_nano(parse_time(text).unwrap()), text);
        }
        assert_eq!(time_nano(parse_time("2024-01-01T00:00:40.1234567899+00:00").unwrap()), "2024-01-01T00:00:40.123456789Z");
        assert_eq!(time_seconds(parse_time("2024-01-01T00:00:40.9+00:00").unwrap()), "2024-01-01T00:00:40Z");
    }

    #[test]
    fn loose_times_are_refused() {
        for text in [
            "2024-01-01",
            "2024-1-01T00:00:00Z",
            "2024-01-01T0:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00,5Z",
            "2024-01-01T00:00:00Zx",
            "x2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00:00Z",
            "",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
