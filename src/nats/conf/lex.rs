//! Characters and scalar values of the configuration: where a word ends, what a bare word is.

use super::{Form, Value};
use crate::secret::SecretString;

/// What went wrong at a line. Never holds text of the file: it may be a secret.
pub(super) struct Wrong {
    pub(super) line: u32,
    pub(super) what: &'static str,
    pub(super) fix: &'static str,
}

/// A place in the text.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

/// The server's white space between keys: Unicode's.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

pub(super) fn is_newline(c: char) -> bool {
    c == '\n' || c == '\r'
}

pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// What ends a bare word or number.
fn ends_word(c: char) -> bool {
    is_newline(c) || is_blank(c) || matches!(c, ';' | ',' | ']' | '}')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character. A NUL ends the text, as it does for the server.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next().filter(|c| *c != '\0')
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.line += u32::from(c == '\n');
        Some(c)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let is = self.peek() == Some(wanted);
        if is {
            self.next();
        }
        is
    }

    /// Everything up to the first character that `ends`.
    pub(super) fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|c| !ends(c)) {
            self.next();
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn blanks(&mut self) {
        self.until(|c| !is_blank(c));
    }

    pub(super) fn spaces(&mut self) {
        self.until(|c| !is_space(c));
    }

    /// Passes over a comment, if one begins here.
    pub(super) fn comment(&mut self) -> bool {
        let is = self.rest().starts_with('#') || self.rest().starts_with("//");
        if is {
            self.until(is_newline);
        }
        is
    }

    pub(super) fn wrong<T>(&self, what: &'static str, fix: &'static str) -> Result<T, Wrong> {
        Err(Wrong { line: self.line, what, fix })
    }

    /// A key and whether it is the word `include`, which counts only without quotes and before white space.
    pub(super) fn key(&mut self) -> Result<(String, bool), Wrong> {
        match self.peek() {
            Some('=' | ':') => self.wrong("a separator where a key belongs", "put the key in front of `:`"),
            Some(quote @ ('"' | '\'')) => {
                self.next();
                let key = self.until(|c| c == quote).to_owned();
                if !self.eat(quote) {
                    return self.wrong("a quoted key that does not end", "add the closing quote");
                }
                Ok((key, false))
            }
            _ => {
                let key = self.until(|c| is_space(c) || c == '=' || c == ':');
                let before_space = self.peek().is_some_and(is_space);
                Ok((key.to_owned(), before_space && key.eq_ignore_ascii_case("include")))
            }
        }
    }

    /// The path behind `include`.
    pub(super) fn include_path(&mut self) -> Result<String, Wrong> {
        self.blanks();
        match self.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.next();
                let path = self.until(|c| c == quote).to_owned();
                if self.eat(quote) { Ok(path) } else { self.wrong("a quoted path that does not end", "add the closing quote") }
            }
            None => self.wrong("`include` without a path", "name a file behind it"),
            Some(c) if is_newline(c) => self.wrong("`include` without a path", "name a file behind it"),
            Some(c) if c.is_numeric() || matches!(c, '[' | '{' | '(' | '-' | '\\') => {
                self.wrong("`include` takes one path", "one file, in quotes if its name begins like this")
            }
            Some(_) => {
                let path = self.until(|c| is_newline(c) || is_blank(c) || matches!(c, ';' | '}' | '\'')).to_owned();
                self.eat('\'');
                Ok(path)
            }
        }
    }

    /// A scalar: anything that is no map and no list. The cursor stands on its first character.
    pub(super) fn scalar(&mut self) -> Result<(Value, Form), Wrong> {
        match self.peek() {
            Some('"') => {
                self.next();
                self.double_quoted().map(|text| (Value::Text(text), Form::Quoted))
            }
            Some('\'') => {
                self.next();
                let text = SecretString::new(self.until(|c| c == '\'').to_owned());
                if self.eat('\'') {
                    Ok((Value::Text(text), Form::Quoted))
                } else {
                    self.wrong("a quoted text that does not end", "add the closing quote")
                }
            }
            Some('(') => self.block().map(|text| (Value::Text(text), Form::Quoted)),
            Some('.') => self.wrong("a value that begins with `.`", "put it between double quotes"),
            Some('-') => {
                let start = self.at;
                self.next();
                if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    return self.wrong("a value that begins with `-` and is no number", "put it between double quotes");
                }
                self.number(start, true)
            }
            Some(c) if c.is_ascii_digit() => self.number(self.at, false),
            Some(c) if is_newline(c) => self.wrong("a key without a value", "put the value on the key's line"),
            _ => self.bare(self.at),
        }
    }

    /// `( … )`, its end on a line by itself.
    fn block(&mut self) -> Result<SecretString, Wrong> {
        self.next();
        let rest = self.rest();
        let end = rest.match_indices("\n)").map(|(at, _)| at + 1).find(|at| {
            let after = rest.get(at + 1..).unwrap_or_default();
            after.is_empty() || after.starts_with('\n')
        });
        let Some(end) = end else {
            return self.wrong("a block `(` that does not end", "put `)` on a line by itself");
        };
        let text = rest.get(..end).unwrap_or_default();
        self.line += u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        self.at += end + 1;
        Ok(SecretString::new(text.to_owned()))
    }

    fn double_quoted(&mut self) -> Result<SecretString, Wrong> {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(self.rest().find('"').unwrap_or(0)));
        loop {
            match self.next() {
                None => return self.wrong("a quoted text that does not end", "add the closing quote"),
                Some('"') => return Ok(SecretString::new(String::from_utf8_lossy(&bytes).into_owned())),
                Some('\\') => bytes.push(self.escape()?),
                Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// The byte of an escape whose backslash is behind the cursor.
    fn escape(&mut self) -> Result<u8, Wrong> {
        match self.next() {
            Some('t') => Ok(b'\t'),
            Some('n') => Ok(b'\n'),
            Some('r') => Ok(b'\r'),
            Some('"') => Ok(b'"'),
            Some('\\') => Ok(b'\\'),
            Some('x') => {
                let digit = |c: Option<char>| c.and_then(|c| c.to_digit(16));
                match (digit(self.next()), digit(self.next())) {
                    (Some(high), Some(low)) => Ok(u8::try_from(high * 16 + low).unwrap_or_default()),
                    _ => self.wrong("`\\x` without two hexadecimal digits", "write `\\x` and two digits"),
                }
            }
            _ => self.wrong("an escape that the server does not know", "only \\xHH, \\t, \\n, \\r, \\\" and \\\\ exist"),
        }
    }

    /// A word without quotes, from `start`: text, `true`, `$NAME`.
    fn bare(&mut self, start: usize) -> Result<(Value, Form), Wrong> {
        let mut escaped: Option<zeroize::Zeroizing<Vec<u8>>> = None;
        let text = loop {
            match self.peek() {
                Some('\\') => {
                    let so_far = self.text.get(start..self.at).unwrap_or_default().as_bytes();
                    let bytes = escaped.get_or_insert_with(|| zeroize::Zeroizing::new(so_far.to_vec()));
                    self.next();
                    let byte = self.escape()?;
                    bytes.push(byte);
                }
                Some('\'') => {
                    let text = self.text.get(start..self.at).unwrap_or_default();
                    self.next();
                    // A quote ends the word, and it is text whatever it looks like.
                    let text = escaped.map_or_else(|| text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
                    return Ok((Value::Text(SecretString::new(text)), Form::Bare));
                }
                Some(c) if !ends_word(c) => {
                    self.next();
                    if let Some(bytes) = &mut escaped {
                        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                _ => break self.text.get(start..self.at).unwrap_or_default(),
            }
        };
        if let Some(bytes) = escaped {
            return Ok((Value::Text(SecretString::new(String::from_utf8_lossy(&bytes).into_owned())), Form::Bare));
        }
        let switch = match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        };
        if let Some(on) = switch {
            return Ok((Value::Switch(on), Form::Bare));
        }
        let form = match text.strip_prefix('$') {
            Some(name) if name.starts_with("2a$") => Form::BareHash,
            Some(name) => Form::Variable(name.to_owned()),
            None => Form::Bare,
        };
        Ok((Value::Text(SecretString::new(text.to_owned())), form))
    }

    /// What begins with a digit: a number with or without suffix, a date, an address, or text after all.
    fn number(&mut self, start: usize, negative: bool) -> Result<(Value, Form), Wrong> {
        self.until(|c| !c.is_ascii_digit());
        let digits_end = self.at;
        match self.peek() {
            Some('-') if !negative => return self.date(start),
            Some('.') => {
                self.next();
                if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    return self.wrong("a number that ends with `.`", "put text between double quotes");
                }
                self.until(|c| !c.is_ascii_digit());
                if self.peek() == Some('.') {
                    self.until(|c| !c.is_ascii_digit() && !matches!(c, '.' | ':' | '-'));
                    let text = self.text.get(start..self.at).unwrap_or_default().to_owned();
                    return Ok((Value::Text(SecretString::new(text)), Form::Bare));
                }
                let text = self.text.get(start..self.at).unwrap_or_default();
                return match text.parse() {
                    Ok(number) => Ok((Value::Float(number), Form::Bare)),
                    Err(_) => self.wrong("a number out of range", "put text between double quotes"),
                };
            }
            Some('k' | 'K' | 'm' | 'M' | 'g' | 'G' | 't' | 'T' | 'p' | 'P' | 'e' | 'E') => {
                self.next();
                self.until(|c| !matches!(c, 'b' | 'B' | 'i' | 'I'));
                if self.peek().is_some_and(|c| !ends_word(c) || c == ']') {
                    return self.bare(start);
                }
            }
            // The server takes the first character behind the digits for part of the word, whatever it is.
            Some(c) if !negative && (!ends_word(c) || c == ']') => {
                self.next();
                return self.bare(start);
            }
            _ => {}
        }
        let digits = self.text.get(start..digits_end).unwrap_or_default();
        let suffix = self.text.get(digits_end..self.at).unwrap_or_default().to_ascii_lowercase();
        let (letter, binary) = match suffix.strip_suffix("ib").or(suffix.strip_suffix('b')).or(suffix.strip_suffix('i')) {
            Some(letter) => (letter, true),
            None => (suffix.as_str(), false),
        };
        let power = ["", "k", "m", "g", "t", "p", "e"].iter().position(|known| *known == letter);
        let base: i64 = if binary { 1024 } else { 1000 };
        let factor = power.and_then(|power| base.checked_pow(u32::try_from(power).ok()?));
        let Some(factor) = factor else { return self.wrong("a number with an unknown suffix", "put text between double quotes") };
        match digits.parse::<i64>() {
            // The server's arithmetic wraps around as well.
            Ok(number) => Ok((Value::Integer(number.wrapping_mul(factor)), Form::Bare)),
            Err(_) => self.wrong("a number out of range", "put text between double quotes"),
        }
    }

    /// `2006-01-02T15:04:05Z`, whose year has been passed over.
    fn date(&mut self, start: usize) -> Result<(Value, Form), Wrong> {
        const SHAPE: &str = "0000-00-00T00:00:00Z";
        let text = self.text.get(start..start + SHAPE.len()).unwrap_or_default();
        let fits = text.len() == SHAPE.len()
            && SHAPE
                .bytes()
                .zip(text.bytes())
                .all(|(shape, byte)| if shape == b'0' { byte.is_ascii_digit() } else { shape == byte });
        if !fits {
            return self.wrong("a value that begins with digits and `-` and is no date", "put it between double quotes");
        }
        self.at = start + SHAPE.len();
        Ok((Value::Date(text.to_owned()), Form::Bare))
    }
}
