//! Go's `fmt`: `%v` and its relatives for template values, `print`, `println` and `printf`.
//!
//! Follows `fmt/print.go` and `fmt/format.go` of Go 1.26. Everything goes through [`Context::put`], so output is limited however
//! wide the width and however shared the lists.

mod number;
mod printf;
mod quote;

pub(super) use number::{Floats, float_text};
pub(super) use printf::sprintf;
pub(super) use quote::quote;

use super::context::{Context, Outcome, fail};
use super::unicode;
use super::value::{IntKind, Value};

/// The flags between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp_v: bool,
    plus_v: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Printer<'c, 'l, 'o> {
    cx: &'c mut Context<'l>,
    out: &'o mut Vec<u8>,
    flags: Flags,
    /// A wrong verb is being reported: methods are not called again.
    erroring: bool,
}

/// `fmt.Fprint` of one value.
pub(super) fn print_value(cx: &mut Context, out: &mut Vec<u8>, value: &Value) -> Outcome<()> {
    Printer { cx, out, flags: Flags::default(), erroring: false }.arg(value, 'v')
}

/// `fmt.Sprint`: a space between two operands when neither is a string.
pub(super) fn sprint(cx: &mut Context, args: &[Value]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    let mut previous_string = true;
    for (n, value) in args.iter().enumerate() {
        let string = matches!(value, Value::Str(_));
        if n > 0 && !string && !previous_string {
            cx.put(&mut out, b" ")?;
        }
        print_value(cx, &mut out, value)?;
        previous_string = string;
    }
    Ok(out)
}

/// `fmt.Sprintln`: spaces between all operands.
pub(super) fn sprintln(cx: &mut Context, args: &[Value]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    for (n, value) in args.iter().enumerate() {
        if n > 0 {
            cx.put(&mut out, b" ")?;
        }
        print_value(cx, &mut out, value)?;
    }
    cx.put(&mut out, b"\n")?;
    Ok(out)
}

/// sprig's `strval`: strings as they are, everything else as `%v`.
pub(super) fn text_of(cx: &mut Context, value: &Value) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    match value {
        Value::Str(text) => cx.put(&mut out, text)?,
        other => print_value(cx, &mut out, other)?,
    }
    Ok(out)
}

impl Printer<'_, '_, '_> {
    fn put(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.cx.put(self.out, bytes)
    }

    /// `printArg`: one operand with one verb.
    fn arg(&mut self, value: &Value, verb: char) -> Outcome<()> {
        self.cx.enter()?;
        self.arg_inner(value, verb)?;
        self.cx.leave();
        Ok(())
    }

    fn arg_inner(&mut self, value: &Value, verb: char) -> Outcome<()> {
        if verb == 'T' {
            return self.pad(self.cx.heap.type_name(value).as_bytes());
        }
        if verb == 'p' && matches!(value, Value::List(_) | Value::Map(_) | Value::Version(_)) {
            return fail("%p prints an address, which a template has no use for");
        }
        match value {
            Value::Invalid | Value::Nil => match verb {
                'v' => self.pad(b"<nil>"),
                _ => self.bad_verb(value, verb),
            },
            Value::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(kind, n) => self.int(value, *kind, *n, verb),
            Value::Float(f) => {
                if self.float(*f, verb)? {
                    Ok(())
                } else {
                    self.bad_verb(value, verb)
                }
            }
            Value::Complex(re, im) => self.complex(value, *re, *im, verb),
            Value::Str(text) => self.string(value, text, verb),
            Value::List(id) => self.list(*id, verb),
            Value::Map(id) => self.map(*id, verb),
            Value::Certificate(pair) => self.certificate(&pair.0, &pair.1, verb),
            Value::Time(moment) => self.stringer(value, &moment.to_text(), verb),
            Value::Version(version) => self.stringer(value, version.text().as_bytes(), verb),
        }
    }

    fn int(&mut self, value: &Value, kind: IntKind, n: i64, verb: char) -> Outcome<()> {
        if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.erroring && !self.flags.sharp_v {
            let text = match kind {
                IntKind::Duration => Some(super::dates::duration_text(n)),
                IntKind::Month => Some(super::dates::month_name(n).to_owned()),
                IntKind::Weekday => Some(super::dates::weekday_name(n).to_owned()),
                _ => None,
            };
            if let Some(text) = text {
                return self.string(value, text.as_bytes(), verb);
            }
        }
        if self.integer(n, super::exec::is_unsigned(kind), verb)? { Ok(()) } else { self.bad_verb(value, verb) }
    }

    fn complex(&mut self, value: &Value, re: f64, im: f64, verb: char) -> Outcome<()> {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        let plus = self.flags.plus;
        self.put(b"(")?;
        self.float(re, verb)?;
        self.flags.plus = true;
        self.float(im, verb)?;
        self.put(b"i)")?;
        self.flags.plus = plus;
        Ok(())
    }

    /// A value with a `String` method: only string verbs call it.
    fn stringer(&mut self, value: &Value, text: &[u8], verb: char) -> Outcome<()> {
        if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') || self.flags.sharp_v {
            return fail(format!("cannot print a {} with %{verb}", self.cx.heap.type_name(value)));
        }
        self.string(value, text, verb)
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Outcome<()> {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => {
                let cut = self.truncate(text);
                self.pad(cut)
            }
            'q' => self.quoted(text),
            'x' | 'X' => self.hex(text, verb == 'X'),
            _ => self.bad_verb(value, verb),
        }
    }

    /// At most the precision's number of runes.
    fn truncate<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(limit) = self.flags.precision else { return text };
        let mut end = 0;
        for _ in 0..limit {
            match unicode::decode(text.get(end..).unwrap_or(&[])) {
                Some((_, width)) => end += width,
                None => break,
            }
        }
        text.get(..end).unwrap_or(text)
    }

    fn quoted(&mut self, text: &[u8]) -> Outcome<()> {
        let text = self.truncate(text);
        self.cx.take(text.len())?;
        let quoted = if self.flags.sharp && quote::can_backquote(text) {
            [b"`", text, b"`"].concat()
        } else {
            quote::quoted(text, b'"', self.flags.plus)
        };
        self.pad(&quoted)
    }

    fn hex(&mut self, text: &[u8], upper: bool) -> Outcome<()> {
        let text = match self.flags.precision {
            Some(limit) if limit < text.len() => text.get(..limit).unwrap_or(text),
            _ => text,
        };
        self.cx.take(text.len() * 6)?;
        let prefix: &[u8] = if upper { b"0X" } else { b"0x" };
        let mut hex = Vec::with_capacity(text.len() * 6);
        for (n, byte) in text.iter().enumerate() {
            if self.flags.space && n > 0 {
                hex.push(b' ');
            }
            if self.flags.sharp && (self.flags.space || n == 0) {
                hex.extend_from_slice(prefix);
            }
            hex.extend_from_slice(if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.as_bytes());
        }
        self.pad(&hex)
    }

    fn list(&mut self, id: super::value::ListId, verb: char) -> Outcome<()> {
        let list = self.cx.heap.list(id);
        let sharp = self.flags.sharp_v;
        if sharp {
            self.put(self.cx.heap.type_name(&Value::List(id)).as_bytes())?;
            if list.nil {
                return self.put(b"(nil)");
            }
        }
        self.put(if sharp { b"{" } else { b"[" })?;
        for (n, item) in list.items.iter().enumerate() {
            if n > 0 {
                self.put(if sharp { b", " } else { b" " })?;
            }
            self.arg_or_nil(item, verb)?;
        }
        self.put(if sharp { b"}" } else { b"]" })
    }

    fn map(&mut self, id: super::value::MapId, verb: char) -> Outcome<()> {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.put(self.cx.heap.type_name(&Value::Map(id)).as_bytes())?;
            self.put(b"{")?;
        } else {
            self.put(b"map[")?;
        }
        self.cx.take(self.cx.heap.map(id).entries.len() * 64)?;
        let entries: Vec<_> = self.cx.heap.map(id).entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (n, (key, value)) in entries.into_iter().enumerate() {
            if n > 0 {
                self.put(if sharp { b", " } else { b" " })?;
            }
            self.arg(&Value::Str(key), verb)?;
            self.put(b":")?;
            self.arg_or_nil(&value, verb)?;
        }
        self.put(if sharp { b"}" } else { b"]" })
    }

    /// A nil inside a list or map prints `<nil>` whatever the verb, without padding.
    fn arg_or_nil(&mut self, value: &Value, verb: char) -> Outcome<()> {
        if !value.is_nil() {
            return self.arg(value, verb);
        }
        self.put(if self.flags.sharp_v { b"interface {}(nil)" } else { b"<nil>" })
    }

    fn certificate(&mut self, cert: &[u8], key: &[u8], verb: char) -> Outcome<()> {
        let named = self.flags.plus_v || self.flags.sharp_v;
        if self.flags.sharp_v {
            self.put(b"sprig.certificate")?;
        }
        self.put(b"{")?;
        for (n, (name, text)) in [("Cert", cert), ("Key", key)].into_iter().enumerate() {
            if n > 0 {
                self.put(if self.flags.sharp_v { b", " } else { b" " })?;
            }
            if named {
                self.put(name.as_bytes())?;
                self.put(b":")?;
            }
            self.string(&Value::str(text), text, verb)?;
        }
        self.put(b"}")
    }

    /// `%!d(string=hi)`.
    fn bad_verb(&mut self, value: &Value, verb: char) -> Outcome<()> {
        if self.erroring {
            return fail("printf: a verb that does not fit the value");
        }
        self.erroring = true;
        self.put(b"%!")?;
        self.cx.put_char(self.out, verb)?;
        self.put(b"(")?;
        if value.is_nil() {
            self.put(b"<nil>")?;
        } else {
            self.put(self.cx.heap.type_name(value).as_bytes())?;
            self.put(b"=")?;
            self.arg(value, 'v')?;
        }
        self.put(b")")?;
        self.erroring = false;
        Ok(())
    }

    /// Writes with the padding that width and flags ask for; the width counts runes.
    fn pad(&mut self, text: &[u8]) -> Outcome<()> {
        let width = match self.flags.width {
            Some(width) => width.saturating_sub(unicode::runes(text).count()),
            None => 0,
        };
        if width == 0 {
            return self.put(text);
        }
        if self.flags.minus {
            self.put(text)?;
            return self.cx.put_repeated(self.out, b' ', width);
        }
        self.cx.put_repeated(self.out, if self.flags.zero { b'0' } else { b' ' }, width)?;
        self.put(text)
    }
}
