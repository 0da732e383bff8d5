//! Go's `encoding/json` for template values: `toJson` and its relatives, `fromJson`.
//!
//! Marshalling follows Go to the byte: sorted keys, `<`, `>` and `&` escaped unless raw, U+2028 and U+2029 always, floats as in
//! JavaScript, invalid UTF-8 as U+FFFD, nil slices as `null`. Reading gives `float64`, `map[string]interface{}` and
//! `[]interface{}`; nesting is limited to [`MAX_DEPTH`] (Go: 10,000).

use std::collections::BTreeMap;

use super::context::{Context, Outcome, fail};
use super::format::{Floats, float_text};
use super::unicode;
use super::value::{Str, Value};

/// Deepest nesting of JSON that is read.
const MAX_DEPTH: usize = 200;

/// `json.Marshal`; with `html` the escapes that make it safe in HTML.
pub(super) fn write(cx: &mut Context, out: &mut Vec<u8>, value: &Value, html: bool) -> Outcome<()> {
    cx.enter()?;
    match value {
        Value::Invalid | Value::Nil => cx.put(out, b"null")?,
        Value::Bool(b) => cx.put(out, if *b { b"true" } else { b"false" })?,
        Value::Int(_, n) => cx.put(out, n.to_string().as_bytes())?,
        Value::Float(f) => {
            let text = float(*f)?;
            cx.put(out, text.as_bytes())?;
        }
        Value::Complex(..) => return fail("json: unsupported type: complex128"),
        Value::Str(text) => string(cx, out, text, html)?,
        Value::List(id) => {
            let list = cx.heap.list(*id);
            if list.nil {
                cx.put(out, b"null")?;
            } else {
                cx.put(out, b"[")?;
                for (n, item) in list.items.iter().enumerate() {
                    if n > 0 {
                        cx.put(out, b",")?;
                    }
                    write(cx, out, item, html)?;
                }
                cx.put(out, b"]")?;
            }
        }
        Value::Map(id) => {
            let entries = cx.heap.map(*id).entries.clone();
            cx.take(entries.len() * 64)?;
            cx.put(out, b"{")?;
            for (n, (key, value)) in entries.iter().enumerate() {
                if n > 0 {
                    cx.put(out, b",")?;
                }
                string(cx, out, key, html)?;
                cx.put(out, b":")?;
                write(cx, out, value, html)?;
            }
            cx.put(out, b"}")?;
        }
        Value::Time(moment) => {
            let text = super::layout::format(moment, b"2006-01-02T15:04:05.999999999Z07:00");
            string(cx, out, &text, html)?;
        }
        Value::Version(version) => string(cx, out, version.text().as_bytes(), html)?,
        Value::Certificate(pair) => {
            cx.put(out, b"{\"Cert\":")?;
            string(cx, out, &pair.0, html)?;
            cx.put(out, b",\"Key\":")?;
            string(cx, out, &pair.1, html)?;
            cx.put(out, b"}")?;
        }
    }
    cx.leave();
    Ok(())
}

/// As JavaScript prints numbers.
fn float(f: f64) -> Outcome<String> {
    if !f.is_finite() {
        return fail("json: unsupported value: not a finite number");
    }
    let magnitude = f.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // `1e-09` is `1e-9`.
        return Ok(float_text(f, Floats::E, None).replace("e-0", "e-"));
    }
    Ok(float_text(f, Floats::F, None))
}

fn string(cx: &mut Context, out: &mut Vec<u8>, text: &[u8], html: bool) -> Outcome<()> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    quoted.push(b'"');
    let mut rest = text;
    while let Some((c, width)) = unicode::decode(rest) {
        let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        match c {
            '"' => quoted.extend_from_slice(b"\\\""),
            '\\' => quoted.extend_from_slice(b"\\\\"),
            '\x08' => quoted.extend_from_slice(b"\\b"),
            '\x0c' => quoted.extend_from_slice(b"\\f"),
            '\n' => quoted.extend_from_slice(b"\\n"),
            '\r' => quoted.extend_from_slice(b"\\r"),
            '\t' => quoted.extend_from_slice(b"\\t"),
            '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                quoted.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            '<' | '>' | '&' if html => quoted.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            char::REPLACEMENT_CHARACTER if width == 1 => quoted.extend_from_slice(b"\\ufffd"),
            _ => quoted.extend_from_slice(head),
        }
        rest = tail;
    }
    quoted.push(b'"');
    cx.put(out, &quoted)
}

/// `json.Indent` with two spaces, of JSON made above.
pub(super) fn indent(cx: &mut Context, json: &[u8]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    let (mut depth, mut in_string, mut escaped, mut opened) = (0_usize, false, false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            cx.put(&mut out, &[byte])?;
            continue;
        }
        if std::mem::take(&mut opened) && !matches!(byte, b']' | b'}') {
            depth += 1;
            line(cx, &mut out, depth)?;
        } else if matches!(byte, b']' | b'}') && !matches!(out.last(), Some(b'[' | b'{')) {
            depth -= 1;
            line(cx, &mut out, depth)?;
        }
        cx.put(&mut out, &[byte])?;
        match byte {
            b'{' | b'[' => opened = true,
            b',' => line(cx, &mut out, depth)?,
            b':' => cx.put(&mut out, b" ")?,
            b'"' => in_string = true,
            _ => {}
        }
    }
    Ok(out)
}

fn line(cx: &mut Context, out: &mut Vec<u8>, depth: usize) -> Outcome<()> {
    cx.put(out, b"\n")?;
    cx.put_repeated(out, b' ', depth * 2)
}

const BAD: &str = "the text is not JSON";

/// `json.Unmarshal` into an interface.
pub(super) fn read(cx: &mut Context, text: &[u8]) -> Outcome {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(cx, 0)?;
    reader.space();
    if reader.at == text.len() { Ok(value) } else { fail(BAD) }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, word: &[u8]) -> Outcome<()> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return fail(BAD);
        }
        self.at += word.len();
        Ok(())
    }

    fn value(&mut self, cx: &mut Context, depth: usize) -> Outcome {
        cx.step(1)?;
        if depth > MAX_DEPTH {
            return fail("limit: JSON nested too deep");
        }
        self.space();
        match self.peek() {
            Some(b'n') => self.expect(b"null").map(|()| Value::Nil),
            Some(b't') => self.expect(b"true").map(|()| Value::Bool(true)),
            Some(b'f') => self.expect(b"false").map(|()| Value::Bool(false)),
            Some(b'"') => {
                let text = self.string(cx)?;
                Ok(Value::Str(text))
            }
            Some(b'[') => self.array(cx, depth),
            Some(b'{') => self.object(cx, depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => fail(BAD),
        }
    }

    /// Whether the list goes on after an element.
    fn more(&mut self, close: u8) -> Outcome<bool> {
        self.space();
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(true),
            Some(byte) if byte == close => Ok(false),
            _ => fail(BAD),
        }
    }

    fn array(&mut self, cx: &mut Context, depth: usize) -> Outcome {
        self.at += 1;
        self.space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return cx.list(items);
        }
        loop {
            items.push(self.value(cx, depth + 1)?);
            if !self.more(b']')? {
                return cx.list(items);
            }
        }
    }

    fn object(&mut self, cx: &mut Context, depth: usize) -> Outcome {
        self.at += 1;
        self.space();
        let mut entries = BTreeMap::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return cx.map(entries);
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return fail(BAD);
            }
            let key = self.string(cx)?;
            self.space();
            self.expect(b":")?;
            let value = self.value(cx, depth + 1)?;
            entries.insert(key, value);
            if !self.more(b'}')? {
                return cx.map(entries);
            }
        }
    }

    fn number(&mut self) -> Outcome {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        let first = self.text.get(self.at - whole).copied();
        if whole == 0 || (whole > 1 && first == Some(b'0')) {
            return fail(BAD);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return fail(BAD);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return fail(BAD);
            }
        }
        let text = self.text.get(start..self.at).and_then(|t| std::str::from_utf8(t).ok());
        match text.and_then(|t| t.parse::<f64>().ok()).filter(|f| f.is_finite()) {
            Some(f) => Ok(Value::Float(f)),
            None => fail(BAD),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self, cx: &mut Context) -> Outcome<Str> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let Some((c, width)) = self.text.get(self.at..).and_then(unicode::decode) else { return fail(BAD) };
            self.at += width;
            match c {
                '"' => break,
                '\\' => {
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                '\0'..='\x1f' => return fail(BAD),
                _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        cx.take(out.len())?;
        Ok(Str::new(out))
    }

    fn escape(&mut self) -> Outcome<char> {
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex4()?;
                let low = if (0xd800..0xdc00).contains(&unit) && self.text.get(self.at..).is_some_and(|t| t.starts_with(b"\\u")) {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        self.at = before;
                    }
                    Some(low)
                } else {
                    None
                };
                match low {
                    Some(low) if (0xdc00..0xe000).contains(&low) => {
                        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    _ => char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
                }
            }
            _ => return fail(BAD),
        })
    }

    fn hex4(&mut self) -> Outcome<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let parsed = digits.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        parsed.map_or_else(|| fail(BAD), Ok)
    }
}
