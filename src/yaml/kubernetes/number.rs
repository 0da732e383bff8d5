//! Numbers as Go writes them: `strconv.FormatFloat` with format `g` and the shortest digits, and as text of a string field.

use serde_json::Value;

/// How sigs.k8s.io/yaml turns a number or boolean into the text of a string field: `true`, decimal integers, and floats **with
/// the precision of a 32-bit float** (`1.23456789` becomes `1.2345679`, `1000000.0` becomes `1e+06`). `None` for anything else.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Some(number.to_string()),
            (_, Some(number), _) => Some(number.to_string()),
            (.., Some(number)) => Some(float_text_32(number)),
            _ => None,
        },
        _ => None,
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 32)`: `NaN` and `+Inf` included.
#[expect(clippy::cast_possible_truncation, reason = "the reference rounds to 32 bits")]
pub(super) fn float_text_32(value: f64) -> String {
    let value = value as f32;
    special(f64::from(value)).unwrap_or_else(|| {
        let shortest = format!("{value:e}");
        let even = format!("{value:.*e}", decimals(&shortest));
        general(if even.parse() == Ok(value) { &even } else { &shortest })
    })
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`.
pub(super) fn float_text_64(value: f64) -> String {
    special(value).unwrap_or_else(|| {
        let shortest = format!("{value:e}");
        let even = format!("{value:.*e}", decimals(&shortest));
        general(if even.parse() == Ok(value) { &even } else { &shortest })
    })
}

/// Digits after the point of `d.ddde±x`. Where two shortest texts are equally near, Go takes the even one, as Rust does when
/// the number of digits is given, but not when it looks for the shortest.
fn decimals(scientific: &str) -> usize {
    let mantissa = scientific.split_once('e').map_or(scientific, |(mantissa, _)| mantissa);
    mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        Some("NaN".into())
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" }.into())
    } else {
        None
    }
}

/// Go's `g` from Rust's shortest `d.ddde±x`: exponent form when the exponent is below -4 or above 5.
fn general(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|&c| c != '.').collect();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if !(-4..6).contains(&exponent) {
        let point = if digits.len() > 1 { format!("{}.{}", &digits[..1], &digits[1..]) } else { digits };
        let (mark, size) = if exponent < 0 { ('-', -exponent) } else { ('+', exponent) };
        return format!("{sign}{point}e{mark}{size:02}");
    }
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)));
    }
    if exponent + 1 >= count {
        return format!("{sign}{digits}{}", "0".repeat(usize::try_from(exponent + 1 - count).unwrap_or(0)));
    }
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        // Each line as Go's strconv.FormatFloat prints it with 64 and 32 bits.
        for (value, wide, narrow) in [
            (1e3, "1000", "1000"),
            (123_456.0, "123456", "123456"),
            (1_234_567.0, "1.234567e+06", "1.234567e+06"),
            (1e21, "1e+21", "1e+21"),
            (123_456_789.0, "1.23456789e+08", "1.2345679e+08"),
            (0.0001, "0.0001", "0.0001"),
            (0.000_01, "1e-05", "1e-05"),
            (12_345_678_901_234_567_890.0, "1.2345678901234567e+19", "1.2345679e+19"),
            (999_999.5, "999999.5", "999999.5"),
            (1_000_000.5, "1.0000005e+06", "1.0000005e+06"),
            (1.234_567_89, "1.23456789", "1.2345679"),
            (-0.0, "-0", "-0"),
            (1e300, "1e+300", "+Inf"),
            (-1.853_777_246_772_578e6, "-1.853777246772578e+06", "-1.8537772e+06"),
        ] {
            assert_eq!((float_text_64(value).as_str(), float_text_32(value).as_str()), (wide, narrow));
        }
        assert_eq!(float_text_32(f64::NAN), "NaN");
        assert_eq!(float_text_64(f64::NEG_INFINITY), "-Inf");
    }

    #[test]
    fn only_numbers_and_booleans_have_a_text() {
        assert_eq!(text_of(&serde_json::json!(true)).as_deref(), Some("true"));
        assert_eq!(text_of(&serde_json::json!(u64::MAX)).as_deref(), Some("18446744073709551615"));
        assert_eq!(text_of(&serde_json::json!(1e6)).as_deref(), Some("1e+06"));
        assert_eq!(text_of(&serde_json::json!("x")), None);
        assert_eq!(text_of(&Value::Null), None);
    }
}
