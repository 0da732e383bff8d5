//! The methods that Go's values have and templates may call: `(now).Year`, `(semver "1.2.3").Major`, `(duration).Hours`.
//!
//! Those of `time.Time`, `time.Duration`, `time.Month`, `time.Weekday` and `*semver.Version` whose results a template can use.

use super::context::{Outcome, fail};
use super::dates::{Civil, Moment, SECOND, Zone, duration_text, month_name, weekday_name};
use super::funcs::{Args, Body, Function, function};
use super::layout;
use super::semver::{Version, valid_prerelease};
use super::value::{IntKind, Value};

/// The method of that name of that value. Its first operand is the value itself.
pub(super) fn find(receiver: &Value, name: &str) -> Option<&'static Function> {
    let table = match receiver {
        Value::Time(_) => TIME,
        Value::Int(IntKind::Duration, _) => DURATION,
        Value::Int(IntKind::Month, _) => MONTH,
        Value::Int(IntKind::Weekday, _) => WEEKDAY,
        Value::Version(_) => VERSION,
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

/// The receiver of a method of `time.Time`.
fn moment(args: Args<'_>) -> Outcome<&Moment> {
    match args.any(0) {
        Value::Time(moment) => Ok(moment),
        _ => fail("not a time"),
    }
}

fn other(args: Args<'_>) -> Outcome<&Moment> {
    match args.any(1) {
        Value::Time(moment) => Ok(moment),
        _ => fail("not a time"),
    }
}

fn version(args: Args<'_>, n: usize) -> Outcome<&Version> {
    match args.any(n) {
        Value::Version(version) => Ok(version),
        _ => fail("not a version"),
    }
}

macro_rules! clock {
    ($name:literal, $field:ident) => {
        function($name, "", |_, args| Ok(Value::int(moment(args)?.civil().$field)))
    };
}

const TIME: &[Function] = &[
    clock!("Year", year),
    clock!("Day", day),
    clock!("Hour", hour),
    clock!("Minute", minute),
    clock!("Second", second),
    clock!("YearDay", year_day),
    function("Month", "", |_, args| Ok(Value::Int(IntKind::Month, moment(args)?.civil().month))),
    function("Weekday", "", |_, args| Ok(Value::Int(IntKind::Weekday, moment(args)?.civil().weekday))),
    function("Nanosecond", "", |_, args| Ok(Value::int(moment(args)?.nanos.into()))),
    function("Unix", "", |_, args| Ok(Value::int64(moment(args)?.secs))),
    function("UnixMilli", "", |_, args| unix(args, 1_000)),
    function("UnixMicro", "", |_, args| unix(args, 1_000_000)),
    function("UnixNano", "", |_, args| unix(args, SECOND)),
    function("Format", "s", |cx, args| {
        cx.take(args.text(1).len() * 8)?;
        Ok(Value::str(layout::format(moment(args)?, args.text(1))))
    }),
    function("String", "", |cx, args| cx.string(moment(args)?.to_text())),
    function("UTC", "", |_, args| Ok(Value::Time(moment(args)?.in_zone(Zone::Utc)))),
    function("Local", "", |_, args| Ok(Value::Time(moment(args)?.in_zone(Zone::Utc)))),
    function("IsZero", "", |_, args| Ok(Value::Bool(moment(args)?.is_zero()))),
    function("Add", "d", |_, args| Ok(Value::Time(moment(args)?.add(args.int(1))))),
    function("AddDate", "iii", |_, args| {
        let moment = moment(args)?;
        let limit = |n: i64| n.clamp(-1_000_000, 1_000_000);
        let c = moment.civil();
        let later = Civil {
            year: c.year + limit(args.int(1)),
            month: c.month + limit(args.int(2)),
            day: c.day + limit(args.int(3)),
            ..c
        };
        Ok(Value::Time(Moment::from_civil(later, moment.nanos, moment.zone.clone())))
    }),
    function("Sub", "t", |_, args| Ok(Value::Int(IntKind::Duration, moment(args)?.since(other(args)?)))),
    function("Before", "t", |_, args| Ok(Value::Bool(moment(args)?.order(other(args)?).is_lt()))),
    function("After", "t", |_, args| Ok(Value::Bool(moment(args)?.order(other(args)?).is_gt()))),
    function("Equal", "t", |_, args| Ok(Value::Bool(moment(args)?.order(other(args)?).is_eq()))),
    function("Compare", "t", |_, args| Ok(Value::int(moment(args)?.order(other(args)?) as i64))),
    function("Truncate", "d", |_, args| {
        let unit = args.int(1);
        let moment = moment(args)?;
        if unit <= 0 {
            return Ok(Value::Time(moment.clone()));
        }
        let since_year_one = i128::from(moment.secs + 62_135_596_800) * i128::from(SECOND) + i128::from(moment.nanos);
        let rest = since_year_one.rem_euclid(i128::from(unit));
        Ok(Value::Time(moment.add(-i64::try_from(rest).unwrap_or(0))))
    }),
];

fn unix(args: Args, per_second: i64) -> Outcome {
    let moment = moment(args)?;
    let below = i64::from(moment.nanos) / (SECOND / per_second);
    Ok(Value::int64(moment.secs.wrapping_mul(per_second).wrapping_add(below)))
}

#[expect(clippy::cast_precision_loss, reason = "Go computes whole and fraction apart, and so do we")]
fn in_units(args: Args, unit: i64) -> Outcome {
    let nanos = args.int(0);
    Ok(Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64))
}

const fn whole(name: &'static str, body: Body) -> Function {
    function(name, "", body)
}

const DURATION: &[Function] = &[
    whole("Hours", |_, args| in_units(args, 3_600 * SECOND)),
    whole("Minutes", |_, args| in_units(args, 60 * SECOND)),
    whole("Seconds", |_, args| in_units(args, SECOND)),
    whole("Milliseconds", |_, args| Ok(Value::int64(args.int(0) / 1_000_000))),
    whole("Microseconds", |_, args| Ok(Value::int64(args.int(0) / 1_000))),
    whole("Nanoseconds", |_, args| Ok(Value::int64(args.int(0)))),
    whole("String", |cx, args| cx.string(duration_text(args.int(0)).into_bytes())),
    whole("Abs", |_, args| Ok(Value::Int(IntKind::Duration, args.int(0).checked_abs().unwrap_or(i64::MAX)))),
    function("Round", "d", |_, args| Ok(Value::Int(IntKind::Duration, super::funcs::round_duration(args.int(0), args.int(1))))),
    function("Truncate", "d", |_, args| {
        let unit = args.int(1);
        let kept = if unit <= 0 { args.int(0) } else { args.int(0) - args.int(0) % unit };
        Ok(Value::Int(IntKind::Duration, kept))
    }),
];

const MONTH: &[Function] = &[whole("String", |cx, args| cx.string(month_name(args.int(0)).into()))];

const WEEKDAY: &[Function] = &[whole("String", |cx, args| cx.string(weekday_name(args.int(0)).into()))];

fn number(n: u64) -> Outcome {
    i64::try_from(n).map(|n| Value::Int(IntKind::Uint64, n)).or_else(|_| fail("a version number that is too large"))
}

fn bumped(args: Args, change: fn(&mut Version)) -> Outcome {
    let next = version(args, 0)?.with(|next| {
        change(next);
        next.pre.clear();
        next.metadata.clear();
    });
    Ok(Value::Version(next.into()))
}

const VERSION: &[Function] = &[
    whole("Major", |_, args| number(version(args, 0)?.major)),
    whole("Minor", |_, args| number(version(args, 0)?.minor)),
    whole("Patch", |_, args| number(version(args, 0)?.patch)),
    whole("Prerelease", |cx, args| cx.string(version(args, 0)?.pre.clone().into())),
    whole("Metadata", |cx, args| cx.string(version(args, 0)?.metadata.clone().into())),
    whole("Original", |cx, args| cx.string(version(args, 0)?.original.clone().into())),
    whole("String", |cx, args| cx.string(version(args, 0)?.text().into())),
    whole("IncMajor", |_, args| bumped(args, |v| (v.major, v.minor, v.patch) = (v.major.saturating_add(1), 0, 0))),
    whole("IncMinor", |_, args| bumped(args, |v| (v.minor, v.patch) = (v.minor.saturating_add(1), 0))),
    whole("IncPatch", |_, args| {
        bumped(args, |v| {
            if v.pre.is_empty() {
                v.patch = v.patch.saturating_add(1);
            }
        })
    }),
    function("SetPrerelease", "s", |_, args| {
        let pre = String::from_utf8_lossy(args.text(1)).into_owned();
        if !valid_prerelease(&pre) {
            return fail("Invalid Prerelease string");
        }
        Ok(Value::Version(version(args, 0)?.with(|v| v.pre = pre).into()))
    }),
    function("SetMetadata", "s", |_, args| {
        let metadata = String::from_utf8_lossy(args.text(1)).into_owned();
        if !metadata.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            return fail("Invalid Metadata string");
        }
        Ok(Value::Version(version(args, 0)?.with(|v| v.metadata = metadata).into()))
    }),
    function("Compare", "p", |_, args| Ok(Value::int(version(args, 0)?.compare(version(args, 1)?) as i64))),
    function("Equal", "p", |_, args| Ok(Value::Bool(version(args, 0)?.compare(version(args, 1)?).is_eq()))),
    function("LessThan", "p", |_, args| Ok(Value::Bool(version(args, 0)?.compare(version(args, 1)?).is_lt()))),
    function("LessThanEqual", "p", |_, args| Ok(Value::Bool(version(args, 0)?.compare(version(args, 1)?).is_le()))),
    function("GreaterThan", "p", |_, args| Ok(Value::Bool(version(args, 0)?.compare(version(args, 1)?).is_gt()))),
    function("GreaterThanEqual", "p", |_, args| Ok(Value::Bool(version(args, 0)?.compare(version(args, 1)?).is_ge()))),
];
