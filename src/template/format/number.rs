//! Numbers as `strconv` and `fmt` write them.

use super::{Flags, Printer, quote};
use crate::template::context::{Outcome, fail};

/// The shapes of `strconv.FormatFloat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floats {
    /// `-ddd.dddd`
    F,
    /// `-d.dddde±dd`
    E,
    /// The shorter of both.
    G,
}

/// `strconv.FormatFloat(f, shape, precision, 64)`; without a precision the shortest text that reads back the same.
pub(crate) fn float_text(f: f64, shape: Floats, precision: Option<usize>) -> String {
    if f.is_nan() {
        return "NaN".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match (shape, precision) {
        (Floats::F, None) => format!("{f}"),
        (Floats::F, Some(precision)) => {
            let digits = precision.min(MOST_DIGITS);
            format!("{f:.digits$}") + &"0".repeat(precision - digits)
        }
        (Floats::E, None) => exponent(&format!("{f:e}")),
        (Floats::E, Some(precision)) => {
            let digits = precision.min(MOST_DIGITS);
            let text = exponent(&format!("{f:.digits$e}"));
            let (mantissa, exp) = text.split_once('e').unwrap_or((&text, "+00"));
            format!("{mantissa}{}e{exp}", "0".repeat(precision - digits))
        }
        (Floats::G, _) => general(f, precision),
    }
}

/// `%g`: which form depends on the exponent.
fn general(f: f64, precision: Option<usize>) -> String {
    let rounded = match precision {
        None => format!("{f:e}"),
        Some(precision) => format!("{f:.0$e}", precision.clamp(1, MOST_DIGITS) - 1),
    };
    let (mantissa, exp) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exp: i64 = exp.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    while digits.len() > 1 && digits.ends_with('0') {
        digits.pop();
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let threshold = match precision {
        None => SHORTEST_EXPONENT,
        // The digits without the trailing zeros, but at least as many as stand before the point.
        Some(p) => {
            let p = i64::try_from(p.max(1)).unwrap_or(i64::MAX);
            if p > count && count > exp { count } else { p }
        }
    };
    if exp < -4 || exp >= threshold {
        let fraction = digits.split_off(1);
        let point = if fraction.is_empty() { "" } else { "." };
        return exponent(&format!("{sign}{digits}{point}{fraction}e{exp}"));
    }
    if exp < 0 {
        let zeros = "0".repeat(usize::try_from(-exp - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exp + 1).unwrap_or(0);
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    let fraction = digits.split_off(whole);
    format!("{sign}{digits}.{fraction}")
}

/// No float has more digits; what is asked for beyond is zeros, which the formatter of the standard library refuses to write.
const MOST_DIGITS: usize = 1_100;

/// From this decimal exponent on the shortest form has an `e`.
const SHORTEST_EXPONENT: i64 = 6;

/// Rust's `1.5e7` as Go's `1.5e+07`.
fn exponent(text: &str) -> String {
    let (mantissa, exp) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exp.strip_prefix('-').map_or(('+', exp), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

impl Printer<'_, '_, '_> {
    /// An integer with a verb; `false` when the verb does not fit.
    pub(super) fn integer(&mut self, n: i64, unsigned: bool, verb: char) -> Outcome<bool> {
        match verb {
            'v' if self.flags.sharp_v && unsigned => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.digits(n, 16, verb)?;
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.digits(n, 10, verb)?,
            'b' => self.digits(n, 2, verb)?,
            'o' | 'O' => self.digits(n, 8, verb)?,
            'x' | 'X' => self.digits(n, 16, verb)?,
            'c' => self.pad(rune(n).encode_utf8(&mut [0; 4]).as_bytes())?,
            'q' => {
                let text = quote::quoted(rune(n).encode_utf8(&mut [0; 4]).as_bytes(), b'\'', self.flags.plus);
                self.pad(&text)?;
            }
            'U' => self.unicode(n)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn digits(&mut self, n: i64, base: u32, verb: char) -> Outcome<()> {
        let Flags { width, precision, zero, minus, plus, space, sharp, .. } = self.flags;
        let magnitude = n.unsigned_abs();
        let mut least = 0;
        if let Some(precision) = precision {
            least = precision;
            if precision == 0 && n == 0 {
                return self.cx.put_repeated(self.out, b' ', width.unwrap_or(0));
            }
        } else if let Some(width) = width.filter(|_| zero && !minus) {
            least = width - usize::from(width > 0 && (n < 0 || plus || space));
        }
        self.cx.take(least)?;
        let digits = match base {
            2 => format!("{magnitude:b}"),
            8 => format!("{magnitude:o}"),
            16 if verb == 'X' => format!("{magnitude:X}"),
            16 => format!("{magnitude:x}"),
            _ => format!("{magnitude}"),
        };
        let mut text = "0".repeat(least.saturating_sub(digits.len()));
        text.push_str(&digits);
        if sharp {
            match base {
                2 => text.insert_str(0, "0b"),
                8 if !text.starts_with('0') => text.insert(0, '0'),
                16 => text.insert_str(0, if verb == 'X' { "0X" } else { "0x" }),
                _ => {}
            }
        }
        if verb == 'O' {
            text.insert_str(0, "0o");
        }
        if n < 0 {
            text.insert(0, '-');
        } else if plus {
            text.insert(0, '+');
        } else if space {
            text.insert(0, ' ');
        }
        self.pad_plain(text.as_bytes())
    }

    fn unicode(&mut self, n: i64) -> Outcome<()> {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        self.cx.take(digits)?;
        let hex = format!("{n:X}");
        let mut text = format!("U+{}{hex}", "0".repeat(digits.saturating_sub(hex.len())));
        if self.flags.sharp
            && let Some(c) = u32::try_from(n).ok().and_then(char::from_u32)
            && (c == ' ' || crate::template::unicode::is_print(c))
        {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_plain(text.as_bytes())
    }

    /// Pads with spaces, the zeros being in the number already.
    fn pad_plain(&mut self, text: &[u8]) -> Outcome<()> {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text)?;
        self.flags.zero = zero;
        Ok(())
    }

    /// A float with a verb; `false` when the verb does not fit.
    pub(super) fn float(&mut self, f: f64, verb: char) -> Outcome<bool> {
        let (shape, default) = match verb {
            'v' | 'g' | 'G' => (Floats::G, None),
            'e' | 'E' => (Floats::E, Some(6)),
            'f' | 'F' => (Floats::F, Some(6)),
            'b' | 'x' | 'X' => return fail(format!("printf: %{verb} of a float is not supported")),
            _ => return Ok(false),
        };
        let precision = self.flags.precision.or(default);
        self.cx.take(precision.unwrap_or(0) + 400)?;
        let mut text = if verb == 'v' || precision.is_some() || shape != Floats::G {
            float_text(f, shape, precision)
        } else {
            float_text(f, Floats::G, None)
        };
        if matches!(verb, 'G' | 'E') {
            text = text.replace('e', "E");
        }
        if !text.starts_with(['+', '-']) {
            text.insert(0, '+');
        }
        if !f.is_finite() {
            if f.is_nan() && !self.flags.space && !self.flags.plus {
                text.remove(0);
            } else if self.flags.space && !self.flags.plus && text.starts_with('+') {
                text.replace_range(0..1, " ");
            }
            return self.pad_plain(text.as_bytes()).map(|()| true);
        }
        if self.flags.sharp {
            text = with_point(&text, (shape == Floats::G).then(|| precision.unwrap_or(6)));
        }
        let signed = self.flags.plus || self.flags.space || text.starts_with('-');
        if self.flags.space && !self.flags.plus && text.starts_with('+') {
            text.replace_range(0..1, " ");
        }
        if !signed {
            text.remove(0);
        } else if self.flags.zero && !self.flags.minus && self.flags.width.is_some_and(|width| width > text.len()) {
            let sign = text.remove(0);
            self.put(&[u8::try_from(sign).unwrap_or(b'+')])?;
            let width = self.flags.width;
            self.flags.width = width.map(|width| width - 1);
            self.pad(text.as_bytes())?;
            self.flags.width = width;
            return Ok(true);
        }
        self.pad(text.as_bytes()).map(|()| true)
    }
}

fn rune(n: i64) -> char {
    u32::try_from(n).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `%#g`: always a decimal point, and the trailing zeros that `%g` drops.
fn with_point(text: &str, significant: Option<usize>) -> String {
    let (number, tail) = text.find(['e', 'E']).map_or((text, ""), |at| text.split_at(at));
    let mut number = number.to_owned();
    let digits = number.chars().filter(char::is_ascii_digit).skip_while(|&c| c == '0').count();
    let mut missing = significant.unwrap_or(0).saturating_sub(digits);
    if !number.contains('.') {
        if number.len() == 2 && number.ends_with('0') {
            missing = missing.saturating_sub(1);
        }
        number.push('.');
    }
    number.push_str(&"0".repeat(missing));
    number + tail
}
