//! `printf`: the format string.
//!
//! Follows `doPrintf` of `fmt/print.go`, errors in the text included (`%!d(string=hi)`, `%!s(MISSING)`, `%!(EXTRA int=1)`).

use super::{Flags, Printer};
use crate::template::context::{Context, Outcome};
use crate::template::unicode;
use crate::template::value::Value;

/// Go refuses larger widths and precisions.
const LARGEST: usize = 1_000_000;

/// The state of one pass over the format.
struct Scan<'f, 'v> {
    format: &'f [u8],
    args: &'v [Value],
    at: usize,
    arg: usize,
    reordered: bool,
    good_index: bool,
    after_index: bool,
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(cx: &mut Context, format: &[u8], args: &[Value]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    let mut printer = Printer { cx, out: &mut out, flags: Flags::default(), erroring: false };
    let mut scan = Scan { format, args, at: 0, arg: 0, reordered: false, good_index: true, after_index: false };
    while scan.at < format.len() {
        let rest = format.get(scan.at..).unwrap_or(&[]);
        let plain = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
        printer.put(rest.get(..plain).unwrap_or(rest))?;
        scan.at += plain;
        if scan.at < format.len() {
            scan.at += 1;
            scan.directive(&mut printer)?;
        }
    }
    if !scan.reordered && scan.arg < args.len() {
        printer.flags = Flags::default();
        printer.put(b"%!(EXTRA ")?;
        for (n, value) in args.iter().skip(scan.arg).enumerate() {
            if n > 0 {
                printer.put(b", ")?;
            }
            if value.is_nil() {
                printer.put(b"<nil>")?;
            } else {
                printer.put(printer.cx.heap.type_name(value).as_bytes())?;
                printer.put(b"=")?;
                printer.arg(value, 'v')?;
            }
        }
        printer.put(b")")?;
    }
    Ok(out)
}

impl Scan<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Everything after one `%`.
    fn directive(&mut self, printer: &mut Printer) -> Outcome<()> {
        printer.cx.step(1)?;
        printer.flags = Flags::default();
        self.good_index = true;
        self.after_index = false;
        while let Some(flag) = self.peek() {
            match flag {
                b'#' => printer.flags.sharp = true,
                b'0' => printer.flags.zero = true,
                b'+' => printer.flags.plus = true,
                b'-' => printer.flags.minus = true,
                b' ' => printer.flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        self.index();
        self.width(printer)?;
        self.precision(printer)?;
        if !self.after_index {
            self.index();
        }
        let Some((verb, size)) = unicode::decode(self.format.get(self.at..).unwrap_or(&[])) else {
            return printer.put(b"%!(NOVERB)");
        };
        self.at += size;
        if verb == '%' {
            return printer.put(b"%");
        }
        let complaint: &[u8] = if !self.good_index {
            b"(BADINDEX)"
        } else if self.arg >= self.args.len() {
            b"(MISSING)"
        } else {
            b""
        };
        if !complaint.is_empty() {
            printer.put(b"%!")?;
            printer.cx.put_char(printer.out, verb)?;
            return printer.put(complaint);
        }
        if verb == 'v' {
            printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
            printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
        }
        let value = self.args.get(self.arg).cloned().unwrap_or(Value::Nil);
        self.arg += 1;
        printer.arg(&value, verb)
    }

    fn width(&mut self, printer: &mut Printer) -> Outcome<()> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            let width = self.int_arg();
            match width {
                None => printer.put(b"%!(BADWIDTH)")?,
                Some(width) => {
                    if width < 0 {
                        printer.flags.minus = true;
                        printer.flags.zero = false;
                    }
                    printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
            }
            self.after_index = false;
        } else {
            printer.flags.width = self.number();
            if self.after_index && printer.flags.width.is_some() {
                self.good_index = false;
            }
        }
        Ok(())
    }

    fn precision(&mut self, printer: &mut Printer) -> Outcome<()> {
        if self.peek() != Some(b'.') {
            return Ok(());
        }
        self.at += 1;
        if self.after_index {
            self.good_index = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            printer.flags.precision = self.int_arg().and_then(|n| usize::try_from(n).ok());
            if printer.flags.precision.is_none() {
                printer.put(b"%!(BADPREC)")?;
            }
            self.after_index = false;
        } else {
            printer.flags.precision = Some(self.number().unwrap_or(0));
        }
        Ok(())
    }

    /// A number in the format; one that is too large swallows the rest, as in Go.
    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        let mut n = 0_usize;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            if n > LARGEST {
                self.at = self.format.len();
                return None;
            }
            n = n * 10 + usize::from(digit - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(n)
    }

    /// `*`: the next operand, if it is an integer of a sensible size.
    fn int_arg(&mut self) -> Option<i64> {
        let value = self.args.get(self.arg)?;
        self.arg += 1;
        match value {
            Value::Int(_, n) if n.unsigned_abs() <= LARGEST as u64 => Some(*n),
            _ => None,
        }
    }

    /// `[3]`: which operand comes next.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or(&[]);
        let close = if rest.len() < 3 { None } else { rest.iter().position(|&b| b == b']') };
        let Some(close) = close else {
            self.good_index = false;
            self.at += 1;
            return;
        };
        let digits = rest.get(1..close).unwrap_or(&[]);
        let index =
            std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse().ok());
        self.at += close + 1;
        match index {
            Some(n @ 1..=LARGEST) if n <= self.args.len() => {
                self.arg = n - 1;
                self.after_index = true;
            }
            found => {
                self.good_index = false;
                self.after_index = found.is_some();
            }
        }
    }
}
