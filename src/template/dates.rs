//! Points in time as Go's `time.Time`, durations as `time.Duration`.
//!
//! The local zone is UTC, as in the controller's image; other zones come from the IANA tables compiled into the program, so
//! the machine's own do not matter. Reading the clock is the caller's: «now» is an argument of the rendering.

use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::OffsetDateTime;

/// Where the zero `time.Time` is: the first second of year 1.
const ZERO: i64 = -62_135_596_800;
const DAY: i64 = 86_400;
pub(super) const SECOND: i64 = 1_000_000_000;

/// A time zone.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    Utc,
    /// An offset in seconds, and the name it was written with.
    Fixed(Rc<[u8]>, i32),
    Named(Rc<TimeZone>),
}

/// A point in time and the zone it is shown in.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Seconds since 1970 in UTC.
    pub(super) secs: i64,
    pub(super) nanos: u32,
    pub(super) zone: Zone,
}

/// A moment on the calendar and the clock of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// 1 to 366.
    pub(super) year_day: i64,
    /// 0 is Sunday.
    pub(super) weekday: i64,
}

impl Zone {
    /// `time.LoadLocation`, or UTC where it would fail.
    pub(super) fn load(name: &[u8]) -> Self {
        let Ok(name) = std::str::from_utf8(name) else { return Self::Utc };
        if matches!(name, "" | "UTC" | "Local") {
            return Self::Utc;
        }
        match jiff::tz::db().get(name) {
            // The tables are searched without regard to case, files are not.
            Ok(zone) if zone.iana_name() == Some(name) => Self::Named(Rc::new(zone)),
            _ => Self::Utc,
        }
    }

    /// Seconds east of UTC at that moment, and the zone's abbreviation then.
    fn at(&self, secs: i64) -> (i64, Vec<u8>) {
        match self {
            Self::Utc => (0, b"UTC".to_vec()),
            Self::Fixed(name, offset) => (i64::from(*offset), name.to_vec()),
            Self::Named(zone) => {
                let clamped = Timestamp::from_second(secs).unwrap_or(if secs < 0 { Timestamp::MIN } else { Timestamp::MAX });
                let info = zone.to_offset_info(clamped);
                (i64::from(info.offset().seconds()), info.abbreviation().as_bytes().to_vec())
            }
        }
    }
}

impl Moment {
    pub(super) fn of(now: OffsetDateTime) -> Self {
        Self { secs: now.unix_timestamp(), nanos: now.nanosecond(), zone: Zone::Utc }
    }

    pub(super) fn unix(secs: i64) -> Self {
        Self { secs, nanos: 0, zone: Zone::Utc }
    }

    pub(super) fn zero() -> Self {
        Self::unix(ZERO)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.secs == ZERO && self.nanos == 0
    }

    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// Seconds east of UTC and the abbreviation.
    pub(super) fn offset(&self) -> (i64, Vec<u8>) {
        self.zone.at(self.secs)
    }

    pub(super) fn civil(&self) -> Civil {
        let local = self.secs.saturating_add(self.offset().0);
        let days = local.div_euclid(DAY);
        let clock = local.rem_euclid(DAY);
        let (year, month, day) = date_of_days(days);
        Civil {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            year_day: days - days_of_date(year, 1, 1) + 1,
            weekday: (days + 4).rem_euclid(7),
        }
    }

    /// `time.Date`: fields out of range carry over.
    pub(super) fn from_civil(civil: Civil, nanos: u32, zone: Zone) -> Self {
        let months = civil.month - 1;
        let year = civil.year + months.div_euclid(12);
        let days = days_of_date(year, months.rem_euclid(12) + 1, 1) + civil.day - 1;
        let local = days.saturating_mul(DAY).saturating_add(civil.hour * 3600 + civil.minute * 60 + civil.second);
        // The offset is that of the result; one correction is what Go does too.
        let first = zone.at(local.saturating_sub(zone.at(local).0)).0;
        Self { secs: local.saturating_sub(first), nanos, zone }
    }

    /// `Time.Add`.
    pub(super) fn add(&self, nanos: i64) -> Self {
        let sum = i64::from(self.nanos) + nanos.rem_euclid(SECOND);
        let carry = sum.div_euclid(SECOND);
        Self {
            secs: self.secs.saturating_add(nanos.div_euclid(SECOND)).saturating_add(carry),
            nanos: u32::try_from(sum.rem_euclid(SECOND)).unwrap_or(0),
            zone: self.zone.clone(),
        }
    }

    /// `Time.Sub`: the distance in nanoseconds, kept within a duration's range.
    pub(super) fn since(&self, earlier: &Self) -> i64 {
        let distance = (i128::from(self.secs) - i128::from(earlier.secs)) * i128::from(SECOND) + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        i64::try_from(distance).unwrap_or(if distance < 0 { i64::MIN } else { i64::MAX })
    }

    /// Which comes first.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        (self.secs, self.nanos).cmp(&(other.secs, other.nanos))
    }

    /// Go's `String`, without the reading of the monotonic clock.
    pub(super) fn to_text(&self) -> Vec<u8> {
        super::layout::format(self, b"2006-01-02 15:04:05.999999999 -0700 MST")
    }
}

/// Days since 1970 of a date; month 1 to 12, any day.
pub(super) fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// Days of a month.
pub(super) fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of_date(next_year, next, 1) - days_of_date(year, month, 1)
}

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|n| MONTHS.get(n)).copied().unwrap_or("")
}

pub(super) fn weekday_name(day: i64) -> &'static str {
    usize::try_from(day).ok().and_then(|n| WEEKDAYS.get(n)).copied().unwrap_or("")
}

/// `Duration.String`: `1h2m3.5s`, `1.5ms`.
pub(super) fn duration_text(nanos: i64) -> String {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = |whole: u64, rest: u64, digits: usize| -> String {
        if rest == 0 {
            return whole.to_string();
        }
        let tail = format!("{rest:0digits$}");
        format!("{whole}.{}", tail.trim_end_matches('0'))
    };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < 1_000 {
        return format!("{sign}{magnitude}ns");
    }
    if magnitude < 1_000_000 {
        return format!("{sign}{}µs", fraction(magnitude / 1_000, magnitude % 1_000, 3));
    }
    if magnitude < 1_000_000_000 {
        return format!("{sign}{}ms", fraction(magnitude / 1_000_000, magnitude % 1_000_000, 6));
    }
    let whole = magnitude / 1_000_000_000;
    let seconds = fraction(whole % 60, magnitude % 1_000_000_000, 9);
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// Go's `time.ParseDuration`, in nanoseconds: `1h2m3.5s`, `-300ms`, `0`. `None` for anything else, and for more than 292 years.
#[must_use]
pub fn parse_duration(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    const MOST: u64 = 1 << 63;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, unit_on) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = unit_on.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(unit_on.len());
        let unit: u64 = match unit_on.get(..unit_end)? {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut value = whole.checked_mul(unit).filter(|v| *v <= MOST)?;
        value = value.checked_add(part_of(fraction, unit)).filter(|v| *v <= MOST)?;
        total = total.checked_add(value).filter(|v| *v <= MOST)?;
        rest = unit_on.get(unit_end..)?;
    }
    if negative {
        return Some(if total == MOST { i64::MIN } else { -i64::try_from(total).ok()? });
    }
    i64::try_from(total).ok()
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// What the digits after the point are worth; digits that a `uint64` cannot hold no longer count.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as Go computes it")]
fn part_of(fraction: &str, unit: u64) -> u64 {
    let (mut digits, mut scale) = (0_u64, 1_f64);
    for digit in fraction.bytes() {
        if digits > (u64::MAX >> 1) / 10 {
            break;
        }
        digits = digits * 10 + u64::from(digit - b'0');
        scale *= 10.0;
    }
    (digits as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_holds_for_leap_years_and_far_dates() {
        for (secs, want) in [
            (0, (1970, 1, 1, 1, 4)),
            (951_782_400, (2000, 2, 29, 60, 2)),
            (4_107_542_400, (2100, 3, 1, 60, 1)),
            (ZERO, (1, 1, 1, 1, 1)),
            (-1, (1969, 12, 31, 365, 3)),
        ] {
            let c = Moment::unix(secs).civil();
            assert_eq!((c.year, c.month, c.day, c.year_day, c.weekday), want, "{secs}");
        }
    }

    #[test]
    fn durations_read_and_write_as_go_does() {
        for (text, nanos, shown) in [
            ("1h2m3.5s", 3_723_500_000_000, "1h2m3.5s"),
            ("-1.5h", -5_400_000_000_000, "-1h30m0s"),
            ("1500us", 1_500_000, "1.5ms"),
            ("0", 0, "0s"),
            (".5s", 500_000_000, "500ms"),
        ] {
            assert_eq!(parse_duration(text.as_bytes()), Some(nanos), "{text}");
            assert_eq!(duration_text(nanos), shown);
        }
        for bad in ["", "1", "1x", ".s", "-", "9223372036854775808ns", "1h-2m"] {
            assert_eq!(parse_duration(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn zones_come_from_the_compiled_tables() {
        let berlin = Moment::unix(1_782_000_000).in_zone(Zone::load(b"Europe/Berlin"));
        assert_eq!(berlin.to_text(), b"2026-06-21 02:00:00 +0200 CEST");
        assert!(matches!(Zone::load(b"europe/berlin"), Zone::Utc));
        assert!(matches!(Zone::load(b"../etc/passwd"), Zone::Utc));
    }
}
