//! sprig's dates and durations.
//!
//! Follows sprig v3.3.0 `date.go`. The local zone is UTC, as in the controller's image.

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::dates::{Moment, SECOND, Zone, duration_text, parse_duration};
use crate::template::layout;
use crate::template::literal::parse_int;
use crate::template::value::{IntKind, Value};

pub(super) const TABLE: &[Function] = &[
    function("now", "", |cx, _| Ok(Value::Time(Moment::of(cx.now)))),
    function("date", "sa", |cx, args| in_zone(cx, args.text(0), args.any(1), b"Local")),
    function("dateInZone", "sas", |cx, args| in_zone(cx, args.text(0), args.any(1), args.text(2))),
    function("date_in_zone", "sas", |cx, args| in_zone(cx, args.text(0), args.any(1), args.text(2))),
    function("htmlDate", "a", |cx, args| in_zone(cx, b"2006-01-02", args.any(0), b"Local")),
    function("htmlDateInZone", "as", |cx, args| in_zone(cx, b"2006-01-02", args.any(0), args.text(1))),
    function("dateModify", "st", |_, args| Ok(modified(args).unwrap_or_else(|| args.any(1).clone()))),
    function("date_modify", "st", |_, args| Ok(modified(args).unwrap_or_else(|| args.any(1).clone()))),
    function("mustDateModify", "st", |_, args| modified(args).map_or_else(|| fail("invalid duration"), Ok)),
    function("must_date_modify", "st", |_, args| modified(args).map_or_else(|| fail("invalid duration"), Ok)),
    function("toDate", "ss", |_, args| Ok(Value::Time(layout::parse(args.text(0), args.text(1)).unwrap_or_else(Moment::zero)))),
    function("mustToDate", "ss", |_, args| match layout::parse(args.text(0), args.text(1)) {
        Some(moment) => Ok(Value::Time(moment)),
        None => fail("the text is not a date in that layout"),
    }),
    function("unixEpoch", "t", |cx, args| match args.any(0) {
        Value::Time(moment) => cx.string(moment.secs.to_string().into_bytes()),
        _ => fail("not a time"),
    }),
    function("ago", "a", |cx, args| {
        let now = Moment::of(cx.now);
        let then = match args.any(0) {
            Value::Time(moment) => moment.clone(),
            Value::Int(IntKind::Int | IntKind::Int64, secs) => Moment::unix(*secs),
            _ => now.clone(),
        };
        cx.string(duration_text(round_to(now.since(&then), SECOND)).into_bytes())
    }),
    function("duration", "a", |cx, args| {
        let seconds = match args.any(0) {
            Value::Str(text) => std::str::from_utf8(text).ok().and_then(|t| parse_int(t, 10)).unwrap_or(0),
            Value::Int(IntKind::Int64, seconds) => *seconds,
            _ => 0,
        };
        cx.string(duration_text(seconds.wrapping_mul(SECOND)).into_bytes())
    }),
    function("durationRound", "a", |cx, args| {
        let nanos = match args.any(0) {
            Value::Str(text) => parse_duration(text).unwrap_or(0),
            Value::Int(IntKind::Int64, nanos) => *nanos,
            Value::Time(moment) => Moment::of(cx.now).since(moment),
            _ => 0,
        };
        cx.string(rounded(nanos.unsigned_abs()).into_bytes())
    }),
];

fn in_zone(cx: &mut Context, format: &[u8], date: &Value, zone: &[u8]) -> Outcome {
    let moment = match date {
        Value::Time(moment) => moment.clone(),
        Value::Int(IntKind::Int | IntKind::Int64, secs) => Moment::unix(*secs),
        _ => Moment::of(cx.now),
    };
    cx.take(format.len() * 8)?;
    Ok(Value::str(layout::format(&moment.in_zone(Zone::load(zone)), format)))
}

fn modified(args: Args) -> Option<Value> {
    match args.any(1) {
        Value::Time(moment) => parse_duration(args.text(0)).map(|nanos| Value::Time(moment.add(nanos))),
        _ => None,
    }
}

/// `Duration.Round`: half away from zero.
pub(in crate::template) fn round_to(nanos: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return nanos;
    }
    let rest = nanos % unit;
    let down = nanos - rest;
    if rest.unsigned_abs().saturating_mul(2) < unit.unsigned_abs() {
        down
    } else if nanos < 0 {
        down.checked_sub(unit).unwrap_or(i64::MIN)
    } else {
        down.checked_add(unit).unwrap_or(i64::MAX)
    }
}

/// The largest whole unit.
fn rounded(nanos: u64) -> String {
    let hour = 3_600 * SECOND.unsigned_abs();
    for (unit, name) in [
        (hour * 24 * 365, "y"),
        (hour * 24 * 30, "mo"),
        (hour * 24, "d"),
        (hour, "h"),
        (hour / 60, "m"),
        (SECOND.unsigned_abs(), "s"),
    ] {
        if nanos > unit {
            return format!("{}{name}", nanos / unit);
        }
    }
    "0s".to_owned()
}
