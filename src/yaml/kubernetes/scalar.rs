//! What a scalar means: the `resolve` function of go-yaml v2, YAML 1.1 with Go's number syntax.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::tree::{Kind, Node, Style};
use super::super::{Error, Position};
use super::timestamp::is_timestamp;

const CORE: &str = "tag:yaml.org,2002:";

/// A scalar's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text(Cow<'t, str>),
    /// Text too, but the writer must quote it.
    Timestamp,
}

/// The value of a scalar node, by its tag, its style and its text.
pub(super) fn resolve_node(node: Node<'_>) -> Result<Scalar<'_>, Error> {
    let text = node.text().unwrap_or_default();
    let plain = matches!(node.kind(), Kind::Scalar(Style::Plain));
    let tag = match node.tag() {
        None if !plain => return Ok(Scalar::Text(text.into())),
        tag => tag,
    };
    let Some(tag) = tag else { return Ok(as_text(resolve_plain(text), text)) };
    let Some(core) = tag.strip_prefix(CORE) else { return Ok(Scalar::Text(text.into())) };
    if core == "binary" {
        return binary(text, node.position()).map(|text| Scalar::Text(text.into()));
    }
    if !matches!(core, "str" | "bool" | "int" | "float" | "null" | "timestamp") || core == "str" {
        return Ok(Scalar::Text(text.into()));
    }
    let value = if core == "timestamp" { resolve_plain(text) } else { resolve_without_time(text) };
    match (core, value) {
        ("bool", value @ Scalar::Bool(_)) => Ok(value),
        ("int", value @ (Scalar::Int(_) | Scalar::Uint(_))) => Ok(value),
        ("float", value @ Scalar::Float(_)) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "the reference converts the same way")]
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        ("null", Scalar::Null) => Ok(Scalar::Null),
        ("timestamp", Scalar::Timestamp) => Ok(Scalar::Text(text.into())),
        _ => Err(Error::Tag { position: node.position(), tag: format!("!!{core}") }),
    }
}

fn as_text<'t>(value: Scalar<'t>, text: &'t str) -> Scalar<'t> {
    match value {
        Scalar::Timestamp => Scalar::Text(text.into()),
        value => value,
    }
}

fn binary(text: &str, position: Position) -> Result<String, Error> {
    // Go's decoder skips line breaks and nothing else.
    let compact: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| Error::Binary { position, reason: "is not base64" })?;
    String::from_utf8(bytes)
        .map_err(|_| Error::Binary { position, reason: "holds bytes that are not UTF-8, which JSON cannot carry" })
}

/// What a plain scalar without a tag means.
pub(super) fn resolve_plain(text: &str) -> Scalar<'_> {
    // A timestamp begins with a digit, and nothing else that does is both.
    if is_timestamp(text) { Scalar::Timestamp } else { resolve_without_time(text) }
}

fn resolve_without_time(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => dotted_float(text).map(Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => None,
    }
    .unwrap_or_else(|| Scalar::Text(text.into()))
}

fn number(text: &str) -> Option<Scalar<'static>> {
    let plain = text.replace('_', "");
    if let Some(value) = parse_int(&plain) {
        return Some(Scalar::Int(value));
    }
    if let Some(value) = parse_uint(&plain) {
        return Some(Scalar::Uint(value));
    }
    if is_float(&plain) {
        // Go fails where Rust gives infinity; the text stays text then.
        if let Some(value) = plain.parse::<f64>().ok().filter(|value| value.is_finite()) {
            return Some(Scalar::Float(value));
        }
    }
    // go-yaml's own binary syntax, which lets a sign stand after the prefix.
    if let Some(digits) = plain.strip_prefix("0b") {
        return i64::from_str_radix(digits, 2).ok().map(Scalar::Int);
    }
    let digits = plain.strip_prefix("-0b")?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("-{digits}"), 2).ok().map(Scalar::Int)
}

/// Go's `strconv.ParseInt(text, 0, 64)`, for a text without underscores.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let size = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -size } else { size }).ok()
}

/// Go's `strconv.ParseUint(text, 0, 64)`, for a text without underscores: `0x`, `0o`, `0b`, and a leading `0` for octal.
fn parse_uint(text: &str) -> Option<u64> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &text[2..]),
        [b'0'] => return Some(0),
        [b'0', ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // Rust would accept a `+` here.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    mantissa_fits && exponent_fits
}

/// Go's `strconv.ParseFloat` for a text that begins with a dot: here an underscore may stand between two digits.
fn dotted_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('_') {
        let digit = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        if !digit(at.checked_sub(1)) || !digit(Some(at + 1)) {
            return None;
        }
    }
    let plain = text.replace('_', "");
    if !is_float(&plain) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_resolve_by_yaml_1_1_and_go_syntax() {
        use Scalar::{Bool, Float, Int, Null, Uint};
        for (text, value) in [
            ("yes", Bool(true)),
            ("On", Bool(true)),
            ("n", Bool(false)),
            ("~", Null),
            ("", Null),
            ("0644", Int(420)),
            ("0o17", Int(15)),
            ("0x1F", Int(31)),
            ("-0x1f", Int(-31)),
            ("0b101", Int(5)),
            ("0b-101", Int(-5)),
            ("-0b101", Int(-5)),
            ("1_000", Int(1000)),
            ("1__0", Int(10)),
            ("+12", Int(12)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("18446744073709551615", Uint(u64::MAX)),
            ("18446744073709551616", Float(18_446_744_073_709_551_616.0)),
            ("08", Float(8.0)),
            ("1.10", Float(1.1)),
            ("1.", Float(1.0)),
            (".5_0", Float(0.5)),
            ("1e3", Float(1000.0)),
            ("-.inf", Float(f64::NEG_INFINITY)),
            ("2001-01-01", Scalar::Timestamp),
        ] {
            assert_eq!(resolve_plain(text), value, "{text}");
        }
        for text in [
            "yEs", "1:20", "1e999", "0x", "0b", "0b+-1", "-0b-1", "--1", "+", "-", ".", "._5", ".5_", "1e", "e1", "0x1.8p1", "<<",
        ] {
            assert_eq!(resolve_plain(text), Scalar::Text(text.into()), "{text}");
        }
    }
}
