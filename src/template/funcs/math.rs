//! sprig's numbers.
//!
//! Follows sprig v3.3.0 `numeric.go` and cast 1.7.0: what is not a number counts as zero. Integers wrap as Go's do.

use super::decimal::Decimal;
use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::format;
use crate::template::literal::{parse_float, parse_int};
use crate::template::value::Value;

pub(super) const TABLE: &[Function] = &[
    function("atoi", "s", |_, args| {
        let text = std::str::from_utf8(args.text(0)).unwrap_or("");
        Ok(Value::int(saturating_int(text)))
    }),
    function("int", "a", |_, args| Ok(Value::int(to_int(args.any(0))))),
    function("int64", "a", |_, args| Ok(Value::int64(to_int(args.any(0))))),
    function("float64", "a", |_, args| Ok(Value::Float(to_float(args.any(0))))),
    function("toDecimal", "a", |cx, args| {
        let text = format::sprint(cx, args.0)?;
        let octal = std::str::from_utf8(&text).ok().and_then(|text| parse_int(text, 8));
        Ok(Value::int64(octal.unwrap_or(0)))
    }),
    function("add1", "a", |_, args| Ok(Value::int64(to_int(args.any(0)).wrapping_add(1)))),
    function("add", "a*", |_, args| Ok(Value::int64(args.0.iter().map(to_int).fold(0, i64::wrapping_add)))),
    function("sub", "aa", |_, args| Ok(Value::int64(to_int(args.any(0)).wrapping_sub(to_int(args.any(1)))))),
    function("div", "aa", |_, args| divided(args, i64::wrapping_div)),
    function("mod", "aa", |_, args| divided(args, i64::wrapping_rem)),
    function("mul", "aa*", |_, args| Ok(Value::int64(args.0.iter().map(to_int).fold(1, i64::wrapping_mul)))),
    function("max", "aa*", |_, args| Ok(Value::int64(args.0.iter().map(to_int).max().unwrap_or(0)))),
    function("biggest", "aa*", |_, args| Ok(Value::int64(args.0.iter().map(to_int).max().unwrap_or(0)))),
    function("min", "aa*", |_, args| Ok(Value::int64(args.0.iter().map(to_int).min().unwrap_or(0)))),
    function("maxf", "aa*", |_, args| Ok(Value::Float(extreme(args, f64::max)))),
    function("minf", "aa*", |_, args| Ok(Value::Float(extreme(args, f64::min)))),
    function("floor", "a", |_, args| Ok(Value::Float(to_float(args.any(0)).floor()))),
    function("ceil", "a", |_, args| Ok(Value::Float(to_float(args.any(0)).ceil()))),
    function("round", "aif*", |_, args| Ok(Value::Float(round(args)))),
    function("add1f", "a", |cx, args| decimals(cx, args.any(0), &[Value::int(1)], Decimal::add)),
    function("addf", "a*", |cx, args| decimals(cx, &Value::Float(0.0), args.0, Decimal::add)),
    function("subf", "aa*", |cx, args| decimals(cx, args.any(0), args.rest(1), Decimal::sub)),
    function("mulf", "aa*", |cx, args| decimals(cx, args.any(0), args.rest(1), Decimal::mul)),
    function("divf", "aa*", |cx, args| decimals(cx, args.any(0), args.rest(1), Decimal::div)),
];

/// `i, _ := strconv.Atoi(text)`: out of range is the nearest number, anything else wrong is zero.
fn saturating_int(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// cast's `trimZeroDecimal`: `1.00` is an integer.
fn trim_zero_decimal(text: &str) -> &str {
    match text.rfind('.') {
        Some(at) if text.len() > at + 1 && text.bytes().skip(at + 1).all(|b| b == b'0') => text.get(..at).unwrap_or(text),
        _ => text,
    }
}

/// `cast.ToInt64`.
#[expect(clippy::cast_possible_truncation, reason = "Go truncates too")]
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        // cast knows no `time.Duration`.
        Value::Int(crate::template::value::IntKind::Duration, _) => 0,
        Value::Int(_, n) => *n,
        // What does not fit is the smallest integer on the processors that Go runs on here.
        Value::Float(f) if *f >= -9.3e18 && *f < 9.223_372_036_854_776e18 => *f as i64,
        Value::Float(_) => i64::MIN,
        Value::Bool(b) => i64::from(*b),
        Value::Str(text) => std::str::from_utf8(text).ok().and_then(|t| parse_int(trim_zero_decimal(t), 0)).unwrap_or(0),
        _ => 0,
    }
}

/// `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(crate::template::value::IntKind::Duration, _) => 0.0,
        Value::Int(_, n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(text) => std::str::from_utf8(text).ok().and_then(parse_float).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn divided(args: Args, by: fn(i64, i64) -> i64) -> Outcome {
    match to_int(args.any(1)) {
        0 => fail("runtime error: integer divide by zero"),
        divisor => Ok(Value::int64(by(to_int(args.any(0)), divisor))),
    }
}

/// Go's `math.Max` and `math.Min` give NaN as soon as one is.
fn extreme(args: Args, pick: fn(f64, f64) -> f64) -> f64 {
    let numbers: Vec<f64> = args.0.iter().map(to_float).collect();
    if numbers.iter().any(|f| f.is_nan()) {
        return f64::NAN;
    }
    numbers.into_iter().reduce(pick).unwrap_or(0.0)
}

#[expect(clippy::cast_possible_truncation, reason = "places are few; Go's Pow takes a float")]
fn round(args: Args) -> f64 {
    let on = if args.0.len() > 2 { args.float(2) } else { 0.5 };
    let value = to_float(args.any(0));
    let places = args.int(1).clamp(-400, 400);
    let pow = if (0..=22).contains(&places) { 10f64.powi(places as i32) } else { format!("1e{places}").parse().unwrap_or(0.0) };
    let digit = pow * value;
    let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
    rounded / pow
}

fn decimals(
    cx: &mut Context,
    first: &Value,
    others: &[Value],
    operation: fn(&Decimal, &Decimal) -> Result<Decimal, &'static str>,
) -> Outcome {
    let number = |value: &Value| Decimal::of(to_float(value)).map_or_else(fail, Ok);
    let mut sum = number(first)?;
    for other in others {
        cx.step(sum.weight())?;
        sum = operation(&sum, &number(other)?).or_else(fail)?;
    }
    Ok(Value::Float(sum.to_float()))
}
