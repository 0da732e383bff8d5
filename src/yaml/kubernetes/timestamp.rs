//! Which texts go-yaml v2 takes for a timestamp. They stay text when read, but are quoted when written, and `!!timestamp`
//! accepts nothing else. Follows `parseTimestamp` of go-yaml and the leniency of Go's `time.Parse`.

/// Whether the text is a date, or a date and a time, in one of go-yaml's four layouts.
pub(super) fn is_timestamp(text: &str) -> bool {
    // go-yaml's quick check: exactly four digits and a dash.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 4 || text.as_bytes().get(4) != Some(&b'-') {
        return false;
    }
    layout(text, Some('T')) || layout(text, Some('t')) || layout(text, Some(' ')) || layout(text, None)
}

fn layout(text: &str, separator: Option<char>) -> bool {
    let mut rest = Cursor(text.as_bytes());
    let Some(year) = rest.digits(4, 4) else { return false };
    let (Some(()), Some(month)) = (rest.literal(b'-'), rest.digits(1, 2)) else { return false };
    let (Some(()), Some(day)) = (rest.literal(b'-'), rest.digits(1, 2)) else { return false };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return false;
    }
    let Some(separator) = separator else { return rest.0.is_empty() };
    if separator == ' ' {
        // A blank in a layout matches any number of blanks.
        let blanks = rest.0.iter().take_while(|&&b| b == b' ').count();
        if blanks == 0 {
            return false;
        }
        rest.0 = &rest.0[blanks..];
    } else if rest.literal(separator as u8).is_none() {
        return false;
    }
    let Some(hour) = rest.digits(1, 2) else { return false };
    let (Some(()), Some(minute)) = (rest.literal(b':'), rest.digits(1, 2)) else { return false };
    let (Some(()), Some(second)) = (rest.literal(b':'), rest.digits(1, 2)) else { return false };
    if hour > 23 || minute > 59 || second > 59 {
        return false;
    }
    rest.fraction();
    (separator == ' ' || rest.zone()) && rest.0.is_empty()
}

struct Cursor<'t>(&'t [u8]);

impl Cursor<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// From `least` to `most` digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// `.5` or `,5`, any number of digits, if there.
    fn fraction(&mut self) {
        if matches!(self.0, [b'.' | b',', digit, ..] if digit.is_ascii_digit()) {
            let count = self.0[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            self.0 = &self.0[1 + count..];
        }
    }

    /// `Z` or `+hh:mm`. Go accepts an offset of 24 hours or 60 minutes.
    fn zone(&mut self) -> bool {
        if self.literal(b'Z').is_some() {
            return true;
        }
        if self.literal(b'+').is_none() && self.literal(b'-').is_none() {
            return false;
        }
        let (Some(hours), Some(()), Some(minutes)) = (self.digits(2, 2), self.literal(b':'), self.digits(2, 2)) else {
            return false;
        };
        hours <= 24 && minutes <= 60
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::is_timestamp;

    #[test]
    fn dates_and_times_in_the_four_layouts() {
        for text in [
            "2001-01-01",
            "2001-1-1",
            "2000-02-29",
            "2001-1-1T1:2:3Z",
            "2001-1-1t01:02:03.5+24:60",
            "2001-1-1   1:2:3,25",
            "0000-01-01",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2001-02-29",
            "1900-02-29",
            "2001-13-01",
            "2001-1",
            "2001-01-01 ",
            "2001-1-1T1:2:3",
            "2001-1-1 1:2:3Z",
            "20010-1-1",
            "2001-1-1T24:00:00Z",
            "2001-1-1T1:2:3+1:00",
            "2001-01-01T00:00:00z",
            "x",
            "",
            "2001-01-01T1:1:1.Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
