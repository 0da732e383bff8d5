//! Go's time layouts: `2006-01-02T15:04:05Z07:00`, written and read.
//!
//! Follows `time/format.go` of Go 1.26. A layout is cut into literal text and elements; the same cutting serves both ways.

use std::rc::Rc;

use super::dates::{Civil, MONTHS, Moment, WEEKDAYS, Zone, days_in, month_name, weekday_name};

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Name,
    Offset(OffsetForm),
    /// Digits after the point; `trim` drops trailing zeros.
    Fraction {
        digits: usize,
        trim: bool,
        separator: u8,
    },
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetForm {
    /// `Z` for UTC.
    z: bool,
    colon: bool,
    minutes: bool,
    seconds: bool,
}

const OFFSETS: [(&[u8], OffsetForm); 5] = [
    (b"070000", OffsetForm { z: false, colon: false, minutes: true, seconds: true }),
    (b"07:00:00", OffsetForm { z: false, colon: true, minutes: true, seconds: true }),
    (b"0700", OffsetForm { z: false, colon: false, minutes: true, seconds: false }),
    (b"07:00", OffsetForm { z: false, colon: true, minutes: true, seconds: false }),
    (b"07", OffsetForm { z: false, colon: false, minutes: false, seconds: false }),
];

/// The text before the first element, the element and its length, and what follows.
fn next_part(layout: &[u8]) -> (&[u8], Option<Part>, &[u8]) {
    for at in 0..layout.len() {
        let rest = layout.get(at..).unwrap_or(&[]);
        if let Some((part, skip, width)) = part_at(rest) {
            return (layout.get(..at + skip).unwrap_or(layout), Some(part), layout.get(at + skip + width..).unwrap_or(&[]));
        }
    }
    (layout, None, &[])
}

/// The element at the start of `rest`: what it is, how much text precedes it, how long it is.
fn part_at(rest: &[u8]) -> Option<(Part, usize, usize)> {
    let lower_follows = |at: usize| rest.get(at).is_some_and(u8::is_ascii_lowercase);
    let simple = |part: Part, width: usize| Some((part, 0, width));
    match rest {
        [b'J', b'a', b'n', ..] => {
            if rest.starts_with(b"January") {
                simple(Part::LongMonth, 7)
            } else if lower_follows(3) {
                None
            } else {
                simple(Part::Month, 3)
            }
        }
        [b'M', b'o', b'n', ..] => {
            if rest.starts_with(b"Monday") {
                simple(Part::LongWeekday, 6)
            } else if lower_follows(3) {
                None
            } else {
                simple(Part::Weekday, 3)
            }
        }
        [b'M', b'S', b'T', ..] => simple(Part::Name, 3),
        [b'0', b'0', b'2', ..] => simple(Part::ZeroYearDay, 3),
        [b'0', b'1', ..] => simple(Part::ZeroMonth, 2),
        [b'0', b'2', ..] => simple(Part::ZeroDay, 2),
        [b'0', b'3', ..] => simple(Part::ZeroHour12, 2),
        [b'0', b'4', ..] => simple(Part::ZeroMinute, 2),
        [b'0', b'5', ..] => simple(Part::ZeroSecond, 2),
        [b'0', b'6', ..] => simple(Part::Year, 2),
        [b'1', b'5', ..] => simple(Part::Hour, 2),
        [b'1', ..] => simple(Part::NumMonth, 1),
        [b'2', b'0', b'0', b'6', ..] => simple(Part::LongYear, 4),
        [b'2', ..] => simple(Part::Day, 1),
        [b'_', b'2', b'0', b'0', b'6', ..] => Some((Part::LongYear, 1, 4)),
        [b'_', b'2', ..] => simple(Part::UnderDay, 2),
        [b'_', b'_', b'2', ..] => simple(Part::UnderYearDay, 3),
        [b'3', ..] => simple(Part::Hour12, 1),
        [b'4', ..] => simple(Part::Minute, 1),
        [b'5', ..] => simple(Part::Second, 1),
        [b'P', b'M', ..] => simple(Part::UpperPm, 2),
        [b'p', b'm', ..] => simple(Part::LowerPm, 2),
        [sign @ (b'-' | b'Z'), after @ ..] => OFFSETS
            .iter()
            .find(|(text, _)| after.starts_with(text))
            .map(|(text, form)| (Part::Offset(OffsetForm { z: *sign == b'Z', ..*form }), 0, text.len() + 1)),
        [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] => {
            let digits = rest.iter().skip(1).take_while(|&b| b == digit).count();
            let ended = !rest.get(1 + digits).is_some_and(u8::is_ascii_digit);
            let part = Part::Fraction { digits, trim: *digit == b'9', separator: *separator };
            ended.then_some((part, 0, 1 + digits))
        }
        _ => None,
    }
}

/// `Time.Format`.
pub(super) fn format(moment: &Moment, layout: &[u8]) -> Vec<u8> {
    let c = moment.civil();
    let (offset, name) = moment.offset();
    let mut out = Vec::with_capacity(layout.len() + 10);
    let mut rest = layout;
    while !rest.is_empty() {
        let (literal, part, after) = next_part(rest);
        out.extend_from_slice(literal);
        let Some(part) = part else { break };
        rest = after;
        let hour12 = if c.hour % 12 == 0 { 12 } else { c.hour % 12 };
        let text = match part {
            Part::Year => padded(c.year.abs() % 100, 2),
            Part::LongYear => padded(c.year, 4),
            Part::Month => month_name(c.month).chars().take(3).collect(),
            Part::LongMonth => month_name(c.month).to_owned(),
            Part::NumMonth => c.month.to_string(),
            Part::ZeroMonth => padded(c.month, 2),
            Part::Weekday => weekday_name(c.weekday).chars().take(3).collect(),
            Part::LongWeekday => weekday_name(c.weekday).to_owned(),
            Part::Day => c.day.to_string(),
            Part::UnderDay => format!("{:>2}", c.day),
            Part::ZeroDay => padded(c.day, 2),
            Part::UnderYearDay => format!("{:>3}", c.year_day),
            Part::ZeroYearDay => padded(c.year_day, 3),
            Part::Hour => padded(c.hour, 2),
            Part::Hour12 => hour12.to_string(),
            Part::ZeroHour12 => padded(hour12, 2),
            Part::Minute => c.minute.to_string(),
            Part::ZeroMinute => padded(c.minute, 2),
            Part::Second => c.second.to_string(),
            Part::ZeroSecond => padded(c.second, 2),
            Part::UpperPm => if c.hour >= 12 { "PM" } else { "AM" }.to_owned(),
            Part::LowerPm => if c.hour >= 12 { "pm" } else { "am" }.to_owned(),
            Part::Offset(form) => offset_text(offset, form),
            Part::Name if !name.is_empty() => {
                out.extend_from_slice(&name);
                continue;
            }
            Part::Name => offset_text(offset, OffsetForm { z: false, colon: false, minutes: true, seconds: false }),
            Part::Fraction { digits, trim, separator } => fraction(moment.nanos, digits, trim, separator),
        };
        out.extend_from_slice(text.as_bytes());
    }
    out
}

fn padded(n: i64, width: usize) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{:0width$}", n.unsigned_abs())
}

fn offset_text(offset: i64, form: OffsetForm) -> String {
    if form.z && offset == 0 {
        return "Z".to_owned();
    }
    let minutes = (offset / 60).abs();
    let sign = if offset / 60 < 0 { '-' } else { '+' };
    let colon = if form.colon { ":" } else { "" };
    let mut text = format!("{sign}{:02}", minutes / 60);
    if form.minutes {
        text.push_str(&format!("{colon}{:02}", minutes % 60));
    }
    if form.seconds {
        text.push_str(&format!("{colon}{:02}", offset.abs() % 60));
    }
    text
}

fn fraction(nanos: u32, digits: usize, trim: bool, separator: u8) -> String {
    if trim && (digits == 0 || nanos == 0) {
        return String::new();
    }
    // More digits than nine are nine: nanoseconds are all there is.
    let all = format!("{nanos:09}");
    let mut text: String = all.chars().take(digits).collect();
    if trim {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    text.insert(0, char::from(separator));
    text
}

/// What a text says so far.
#[derive(Default)]
struct Read {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i64>,
    name: Option<Vec<u8>>,
}

/// `time.Parse` with UTC as the local zone.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Option<Moment> {
    let mut read = Read::default();
    let (mut layout, mut value) = (layout, value);
    loop {
        let (literal, part, after) = next_part(layout);
        value = skip(value, literal)?;
        let Some(part) = part else {
            return if value.is_empty() { read.finish() } else { None };
        };
        layout = after;
        value = read.part(part, value, layout)?;
    }
}

fn skip<'v>(mut value: &'v [u8], mut literal: &[u8]) -> Option<&'v [u8]> {
    while let Some((&expected, rest)) = literal.split_first() {
        if expected == b' ' {
            if value.first().is_some_and(|&b| b != b' ') {
                return None;
            }
            literal = cut_space(literal);
            value = cut_space(value);
        } else {
            value = value.strip_prefix(&[expected])?;
            literal = rest;
        }
    }
    Some(value)
}

fn cut_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&b| b == b' ').count();
    text.get(spaces..).unwrap_or(&[])
}

/// One or two digits, two if `fixed`.
fn number(value: &[u8], fixed: bool) -> Option<(i64, &[u8])> {
    match value {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some((i64::from(a - b'0') * 10 + i64::from(b - b'0'), rest)),
        [a @ b'0'..=b'9', rest @ ..] if !fixed => Some((i64::from(a - b'0'), rest)),
        _ => None,
    }
}

fn lookup<'v>(names: &[&str], length: Option<usize>, value: &'v [u8]) -> Option<(i64, &'v [u8])> {
    names.iter().enumerate().find_map(|(n, name)| {
        let name = name.get(..length.unwrap_or(name.len()))?;
        let head = value.get(..name.len())?;
        head.eq_ignore_ascii_case(name.as_bytes()).then_some((i64::try_from(n).ok()?, value.get(name.len()..)?))
    })
}

fn nanoseconds(value: &[u8], width: usize) -> Option<(u32, &[u8])> {
    let digits = value.get(1..width)?;
    if !matches!(value.first(), Some(b'.' | b',')) || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let shown: String = digits.iter().take(9).map(|&b| char::from(b)).collect();
    Some((format!("{shown:0<9}").parse().ok()?, value.get(width..)?))
}

impl Read {
    fn part<'v>(&mut self, part: Part, value: &'v [u8], layout: &[u8]) -> Option<&'v [u8]> {
        let in_range = |n: i64, most: i64| (0..=most).contains(&n);
        let rest = match part {
            Part::Year => {
                let (n, rest) = number(value, true)?;
                self.year = if n >= 69 { n + 1900 } else { n + 2000 };
                rest
            }
            Part::LongYear => {
                let digits = value.get(..4).filter(|d| d.iter().all(u8::is_ascii_digit))?;
                self.year = std::str::from_utf8(digits).ok()?.parse().ok()?;
                value.get(4..)?
            }
            Part::Month | Part::LongMonth => {
                let (n, rest) = lookup(&MONTHS, (part == Part::Month).then_some(3), value)?;
                self.month = Some(n + 1);
                rest
            }
            Part::NumMonth | Part::ZeroMonth => {
                let (n, rest) = number(value, part == Part::ZeroMonth).filter(|(n, _)| (1..=12).contains(n))?;
                self.month = Some(n);
                rest
            }
            Part::Weekday | Part::LongWeekday => lookup(&WEEKDAYS, (part == Part::Weekday).then_some(3), value)?.1,
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                let value = if part == Part::UnderDay { value.strip_prefix(b" ").unwrap_or(value) } else { value };
                let (n, rest) = number(value, part == Part::ZeroDay)?;
                self.day = Some(n);
                rest
            }
            Part::UnderYearDay | Part::ZeroYearDay => self.read_year_day(part, value)?,
            Part::Hour => {
                let (n, rest) = number(value, false).filter(|(n, _)| in_range(*n, 23))?;
                self.hour = n;
                rest
            }
            Part::Hour12 | Part::ZeroHour12 => {
                let (n, rest) = number(value, part == Part::ZeroHour12).filter(|(n, _)| in_range(*n, 12))?;
                self.hour = n;
                rest
            }
            Part::Minute | Part::ZeroMinute => {
                let (n, rest) = number(value, part == Part::ZeroMinute).filter(|(n, _)| in_range(*n, 59))?;
                self.minute = n;
                rest
            }
            Part::Second | Part::ZeroSecond => {
                let (n, rest) = number(value, part == Part::ZeroSecond).filter(|(n, _)| in_range(*n, 59))?;
                self.second = n;
                self.fraction_unasked(rest, layout)?
            }
            Part::UpperPm | Part::LowerPm => {
                let (pm, am): (&[u8], &[u8]) = if part == Part::UpperPm { (b"PM", b"AM") } else { (b"pm", b"am") };
                self.pm |= value.starts_with(pm);
                self.am |= value.starts_with(am);
                if !value.starts_with(pm) && !value.starts_with(am) {
                    return None;
                }
                value.get(2..)?
            }
            Part::Offset(form) => self.read_offset(form, value)?,
            Part::Name => {
                if let Some(rest) = value.strip_prefix(b"UTC") {
                    self.utc = true;
                    return Some(rest);
                }
                let width = zone_name(value)?;
                self.name = Some(value.get(..width)?.to_vec());
                value.get(width..)?
            }
            Part::Fraction { digits, trim: false, .. } => {
                let (nanos, rest) = nanoseconds(value, 1 + digits)?;
                self.nanos = nanos;
                rest
            }
            Part::Fraction { .. } => {
                let digits = value.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
                if !matches!(value.first(), Some(b'.' | b',')) || digits == 0 {
                    return Some(value);
                }
                let (nanos, rest) = nanoseconds(value, 1 + digits)?;
                self.nanos = nanos;
                rest
            }
        };
        Some(rest)
    }

    /// A fraction after the seconds is read even where the layout has none.
    fn fraction_unasked<'v>(&mut self, value: &'v [u8], layout: &[u8]) -> Option<&'v [u8]> {
        let digits = value.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
        if !matches!(value.first(), Some(b'.' | b','))
            || digits == 0
            || matches!(next_part(layout).1, Some(Part::Fraction { .. }))
        {
            return Some(value);
        }
        let (nanos, rest) = nanoseconds(value, 1 + digits)?;
        self.nanos = nanos;
        Some(rest)
    }

    fn read_year_day<'v>(&mut self, part: Part, value: &'v [u8]) -> Option<&'v [u8]> {
        let mut value = value;
        if part == Part::UnderYearDay {
            value = value.strip_prefix(b" ").unwrap_or(value);
            value = value.strip_prefix(b" ").unwrap_or(value);
        }
        let digits = value.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || (part == Part::ZeroYearDay && digits != 3) {
            return None;
        }
        self.year_day = Some(std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()?);
        value.get(digits..)
    }

    fn read_offset<'v>(&mut self, form: OffsetForm, value: &'v [u8]) -> Option<&'v [u8]> {
        if form.z
            && let Some(rest) = value.strip_prefix(b"Z")
        {
            self.utc = true;
            return Some(rest);
        }
        let (sign, mut rest) = match value.split_first()? {
            (b'+', rest) => (1, rest),
            (b'-', rest) => (-1, rest),
            _ => return None,
        };
        let mut total = 0;
        let units = [(true, 3600, 24), (form.minutes, 60, 60), (form.seconds, 1, 60)];
        for (n, (wanted, seconds, most)) in units.into_iter().enumerate() {
            if wanted {
                if n > 0 && form.colon {
                    rest = rest.strip_prefix(b":")?;
                }
                let (part, after) = number(rest, true).filter(|(part, _)| *part <= most)?;
                total += part * seconds;
                rest = after;
            }
        }
        self.offset = Some(sign * total);
        Some(rest)
    }

    fn finish(mut self) -> Option<Moment> {
        if self.pm && self.hour < 12 {
            self.hour += 12;
        } else if self.am && self.hour == 12 {
            self.hour = 0;
        }
        if let Some(year_day) = self.year_day {
            let length = if days_in(self.year, 2) == 29 { 366 } else { 365 };
            if !(1..=length).contains(&year_day) {
                return None;
            }
            let (mut month, mut day) = (1, year_day);
            while day > days_in(self.year, month) {
                day -= days_in(self.year, month);
                month += 1;
            }
            if self.month.is_some_and(|m| m != month) || self.day.is_some_and(|d| d != day) {
                return None;
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day < 1 || day > days_in(self.year, month) {
            return None;
        }
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour: self.hour,
            minute: self.minute,
            second: self.second,
            year_day: 0,
            weekday: 0,
        };
        let utc = Moment::from_civil(civil, self.nanos, Zone::Utc);
        if self.utc {
            return Some(utc);
        }
        let name = self.name.unwrap_or_default();
        let offset = match self.offset {
            Some(offset) => offset,
            None if name.is_empty() => return Some(utc),
            // `GMT+3` says its offset; any other name is taken as zero, as Go does for a name it does not know.
            None => {
                let hours = name.strip_prefix(b"GMT").and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| h.parse().ok());
                let shown: Rc<[u8]> = name.into();
                let offset = hours.unwrap_or(0_i32) * 3600;
                return Some(Moment { zone: Zone::Fixed(shown, offset), ..utc });
            }
        };
        if offset == 0 && (name.is_empty() || name == b"UTC") {
            return Some(utc);
        }
        Some(Moment { secs: utc.secs - offset, zone: Zone::Fixed(name.into(), i32::try_from(offset).ok()?), nanos: utc.nanos })
    }
}

/// How many bytes of `value` are a zone's abbreviation.
fn zone_name(value: &[u8]) -> Option<usize> {
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    let signed = |text: &[u8]| -> usize {
        let digits = text.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
        let hours = text.get(1..=digits).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse::<u64>().ok());
        if matches!(text.first(), Some(b'+' | b'-')) && hours.is_some_and(|h| h <= 23) { digits + 1 } else { 0 }
    };
    if let Some(after) = value.strip_prefix(b"GMT") {
        return Some(3 + signed(after));
    }
    if value.len() >= 3 && matches!(value.first(), Some(b'+' | b'-')) {
        return Some(signed(value)).filter(|width| *width > 0);
    }
    let upper = value.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    match upper {
        5 if value.get(4) == Some(&b'T') => Some(5),
        4 if value.get(3) == Some(&b'T') || value.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}
