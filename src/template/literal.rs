//! Go's literals: numbers (`0x1F`, `1_000`, `1e3`, `0x1p-2`, `'a'`, `1+2i`) and quoted strings.
//!
//! Follows `strconv` and `text/template/parse/node.go` of Go 1.26.

use super::ast::Number;

type Parsed<T> = Result<T, &'static str>;

const BAD_NUMBER: &str = "illegal number syntax";

/// `strconv.Unquote` of `"…"` or a raw string, to the bytes it stands for.
pub(super) fn unquote(text: &str) -> Parsed<Vec<u8>> {
    let inner = text.get(1..text.len().saturating_sub(1)).ok_or("invalid syntax")?;
    if text.starts_with('`') {
        return Ok(inner.bytes().filter(|&b| b != b'\r').collect());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let (unit, after) = escape(rest, '"')?;
            match unit {
                Unit::Byte(b) => out.push(b),
                Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            rest = after;
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        }
    }
    Ok(out)
}

enum Unit {
    Byte(u8),
    Char(char),
}

/// One escape at the start of `text`, and what follows it.
fn escape(text: &str, quote: char) -> Parsed<(Unit, &str)> {
    const BAD: &str = "invalid syntax";
    let mut chars = text.chars();
    chars.next();
    let kind = chars.next().ok_or(BAD)?;
    let rest = chars.as_str();
    let plain = |b: u8| Ok((Unit::Byte(b), rest));
    let digits = |count: usize, radix: u32, from: &'_ str| -> Parsed<u32> {
        let digits = from.get(..count).ok_or(BAD)?;
        if !digits.bytes().all(|b| char::from(b).is_digit(radix)) {
            return Err(BAD);
        }
        u32::from_str_radix(digits, radix).map_err(|_| BAD)
    };
    match kind {
        'a' => plain(7),
        'b' => plain(8),
        'f' => plain(12),
        'n' => plain(b'\n'),
        'r' => plain(b'\r'),
        't' => plain(b'\t'),
        'v' => plain(11),
        '\\' => plain(b'\\'),
        '\'' | '"' if kind == quote => plain(if kind == '"' { b'"' } else { b'\'' }),
        'x' => Ok((Unit::Byte(u8::try_from(digits(2, 16, rest)?).map_err(|_| BAD)?), rest.get(2..).unwrap_or(""))),
        'u' | 'U' => {
            let count = if kind == 'u' { 4 } else { 8 };
            let c = char::from_u32(digits(count, 16, rest)?).ok_or(BAD)?;
            Ok((Unit::Char(c), rest.get(count..).unwrap_or("")))
        }
        '0'..='7' => {
            let from = text.get(1..).unwrap_or("");
            Ok((Unit::Byte(u8::try_from(digits(3, 8, from)?).map_err(|_| BAD)?), from.get(3..).unwrap_or("")))
        }
        _ => Err(BAD),
    }
}

/// `'a'`: the code point as every kind of number.
pub(super) fn char_constant(text: &str) -> Parsed<Number> {
    const BAD: &str = "malformed character constant";
    let inner = text.get(1..).ok_or(BAD)?;
    let first = inner.chars().next().ok_or(BAD)?;
    let (rune, rest) = match first {
        '\'' | '\n' => return Err(BAD),
        '\\' => match escape(inner, '\'')? {
            (Unit::Byte(b), rest) => (u32::from(b), rest),
            (Unit::Char(c), rest) => (u32::from(c), rest),
        },
        c => (u32::from(c), inner.get(c.len_utf8()..).unwrap_or("")),
    };
    if rest != "'" {
        return Err(BAD);
    }
    Ok(Number { int: Some(i64::from(rune)), uint: Some(u64::from(rune)), float: Some(f64::from(rune)), ..Number::default() })
}

/// A number token. `complex` marks the form `1+2i`.
pub(super) fn number(text: &str, complex: bool) -> Parsed<Number> {
    if let Some(body) = text.strip_suffix('i') {
        let split = if complex {
            let at = body.rfind(['+', '-']).filter(|&at| at > 0).ok_or(BAD_NUMBER)?;
            // The sign of an exponent is not the sign of the imaginary part.
            if body.get(..at).is_some_and(|b| b.ends_with(['e', 'E', 'p', 'P'])) {
                body.get(..at - 1).and_then(|b| b.rfind(['+', '-'])).filter(|&at| at > 0).ok_or(BAD_NUMBER)?
            } else {
                at
            }
        } else {
            0
        };
        let real = if complex { parse_float(body.get(..split).unwrap_or("")).ok_or(BAD_NUMBER)? } else { 0.0 };
        let imaginary = parse_float(body.get(split..).unwrap_or("")).ok_or(BAD_NUMBER)?;
        let mut n = Number { complex: Some((real, imaginary)), ..Number::default() };
        if imaginary == 0.0 {
            n.float = Some(real);
            n.int = exact_int(real);
            n.uint = exact_uint(real);
        }
        return Ok(n);
    }
    let mut n = Number { looks_float: looks_float(text), ..Number::default() };
    n.uint = parse_uint(text, 0);
    n.int = parse_int(text, 0);
    if n.int == Some(0) {
        n.uint = Some(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "Go promotes the same way")]
    if let Some(i) = n.int {
        n.float = Some(i as f64);
    } else if let Some(u) = n.uint {
        n.float = Some(u as f64);
    } else if let Some(f) = parse_float(text) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err("integer overflow");
        }
        n.float = Some(f);
        n.int = exact_int(f);
        n.uint = exact_uint(f);
    } else {
        return Err(BAD_NUMBER);
    }
    Ok(n)
}

fn looks_float(text: &str) -> bool {
    let hex = text.len() > 2 && text.as_bytes().first() == Some(&b'0') && matches!(text.as_bytes().get(1), Some(b'x' | b'X'));
    let hex_int = hex && !text.contains(['p', 'P']);
    !hex_int && text.contains(['.', 'e', 'E', 'p', 'P'])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::float_cmp, reason = "checked by the way back")]
fn exact_int(f: f64) -> Option<i64> {
    let i = f as i64;
    (i as f64 == f && i != i64::MAX).then_some(i)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "checked by the way back"
)]
fn exact_uint(f: f64) -> Option<u64> {
    let u = f as u64;
    (f >= 0.0 && u as f64 == f && u != u64::MAX).then_some(u)
}

/// `strconv.ParseUint(text, base, 64)`; base 0 reads the prefixes and allows underscores between digits.
pub(super) fn parse_uint(text: &str, base: u32) -> Option<u64> {
    if text.is_empty() || text.starts_with(['+', '-']) {
        return None;
    }
    if base != 0 {
        return u64::from_str_radix(text, base).ok();
    }
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if text.contains('_') && !underscores_ok(text) {
        return None;
    }
    let clean: String = digits.chars().filter(|&c| c != '_').collect();
    if clean.is_empty() || clean.starts_with('+') {
        return None;
    }
    u64::from_str_radix(&clean, radix).ok()
}

/// `strconv.ParseInt(text, base, 64)`.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i64> {
    if let Some(digits) = text.strip_prefix('-') {
        let magnitude = parse_uint(digits, base)?;
        return if magnitude == 1 << 63 { Some(i64::MIN) } else { i64::try_from(magnitude).ok().map(|m| -m) };
    }
    i64::try_from(parse_uint(text.strip_prefix('+').unwrap_or(text), base)?).ok()
}

/// Underscores only between digits, or between a base prefix and a digit.
fn underscores_ok(text: &str) -> bool {
    let bytes = text.trim_start_matches(['+', '-']).as_bytes();
    let hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let (prefixed, bytes) = match bytes {
        [b'0', b'x' | b'X' | b'b' | b'B' | b'o' | b'O', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let mut previous = if prefixed { b'0' } else { b'^' };
    for &b in bytes {
        let class = match b {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' | b'A'..=b'F' if hex => b'0',
            b'_' if previous != b'0' => return false,
            b'_' => b'_',
            _ if previous == b'_' => return false,
            _ => b'!',
        };
        previous = class;
    }
    previous != b'_'
}

/// `strconv.ParseFloat(text, 64)`, with overflow refused as Go does.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let clean = if lower.contains('_') {
        // Underscores are allowed only where a base prefix announces Go syntax.
        if !(lower.starts_with("0x") && underscores_ok(&lower)) {
            return None;
        }
        lower.replace('_', "")
    } else {
        lower
    };
    if let Some(hex) = clean.strip_prefix("0x") {
        return hex_float(hex).map(|f| sign * f);
    }
    if !clean.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !clean.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let parsed: f64 = clean.parse().ok()?;
    parsed.is_finite().then_some(sign * parsed)
}

/// `1.8p3`: hexadecimal mantissa and a mandatory binary exponent.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 13 {
        return None;
    }
    let bits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len() * 4).ok()?)?;
    #[expect(clippy::cast_precision_loss, reason = "13 hexadecimal digits are 52 bits")]
    let value = bits as f64 * 2f64.powi(shift);
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_read_every_base_and_underscores_as_go_does() {
        for (text, want) in [
            ("0x1F", Some(31)),
            ("0b101", Some(5)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("1_000", Some(1000)),
            ("0x_1", Some(1)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("08", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("+-1", None),
        ] {
            assert_eq!(parse_int(text, 0), want, "{text}");
        }
    }

    #[test]
    fn strings_unquote_to_bytes_not_only_to_text() {
        assert_eq!(unquote(r#""a\n\xff\u00e9\101""#), Ok(b"a\n\xff\xc3\xa9A".to_vec()));
        assert_eq!(unquote("`a\\n\r`"), Ok(b"a\\n".to_vec()));
        assert!(unquote(r#""\q""#).is_err());
        assert!(unquote(r#""\'""#).is_err());
    }

    #[test]
    fn complex_and_hexadecimal_floats_are_numbers() {
        assert_eq!(number("1+2i", true).ok().and_then(|n| n.complex), Some((1.0, 2.0)));
        assert_eq!(number("1e+3-2i", true).ok().and_then(|n| n.complex), Some((1000.0, -2.0)));
        assert_eq!(number("0x1p-2", false).ok().and_then(|n| n.float), Some(0.25));
    }
}
