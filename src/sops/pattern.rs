//! Go's regular expressions (RE2), which SOPS uses for its rules, on Rust's `regex`.
//!
//! The two are the same family and differ in details that decide whether a value is encrypted: in Go `\w`, `\d`, `\s` and `\b`
//! know ASCII only, a brace that begins no repetition is a literal, `\Q…\E` quotes, `[` inside a class is a literal, and any
//! escaped punctuation stands for itself; some forms that Rust accepts are errors there. A pattern is translated piece by piece,
//! and what Go refuses is refused here: a rule must mean the same to every reader of the file, or not exist.
//!
//! Two differences remain: `\B` is refused, because its ASCII meaning cannot be had; and *nested* repetitions that multiply to
//! more than 1,000 copies, which Go refuses, are accepted.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Highest count in a repetition such as `a{1000}`, as in RE2.
const MAX_REPEAT: u32 = 1000;
/// The names that Go knows between `[:` and `:]`.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit",
];
/// Memory in bytes that a compiled pattern may take.
const SIZE_LIMIT: usize = 4 << 20;

/// A pattern that Go's `regexp` would not compile, or not as this one reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid regular expression `{pattern}`: {reason}")]
pub struct Error {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A compiled pattern. It matches anywhere in the text unless anchored.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern written for Go.
    ///
    /// # Errors
    /// [`Error`] for every pattern that Go refuses, and for the few forms named at the top of this module.
    pub fn new(source: &str) -> Result<Self, Error> {
        let error = |reason: String| Error { pattern: source.to_owned(), reason };
        let translated = Translation::of(source).map_err(error)?;
        let regex = regex::RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).build().map_err(|cause| {
            // The last line of the crate's multi-line text names the cause; the others draw the translated pattern.
            let text = cause.to_string();
            error(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        })?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it matches anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// What came just before, to refuse `a**` as Go does.
    after_repeat: bool,
}

impl<'a> Translation<'a> {
    fn of(source: &'a str) -> Result<String, String> {
        let mut this =
            Self { rest: source.chars().peekable(), out: String::with_capacity(source.len() + 16), after_repeat: false };
        while let Some(char) = this.rest.next() {
            this.piece(char)?;
        }
        Ok(this.out)
    }

    fn piece(&mut self, char: char) -> Result<(), String> {
        match char {
            '*' | '+' | '?' => return self.repeat(&char.to_string()),
            '{' => {
                if let Some(counted) = self.counted_repeat()? {
                    return self.repeat(&counted);
                }
                self.out.push_str(r"\{");
            }
            '\\' => self.escape(false)?,
            '[' => self.class()?,
            '(' => self.group()?,
            // `#`, `&`, `~` and `-` are plain here; only inside a class or in verbose mode would they mean anything.
            other => self.out.push(other),
        }
        self.after_repeat = false;
        Ok(())
    }

    fn repeat(&mut self, operator: &str) -> Result<(), String> {
        if self.after_repeat {
            return Err(format!("nested repetition operator `{operator}`"));
        }
        self.out.push_str(operator);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.after_repeat = true;
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` after an opening brace; anything else leaves the brace a literal.
    fn counted_repeat(&mut self) -> Result<Option<String>, String> {
        let inside: String = self.rest.clone().take_while(|char| *char != '}').collect();
        let closed = self.rest.clone().nth(inside.chars().count()) == Some('}');
        let (low, high) = inside.split_once(',').map_or((inside.as_str(), None), |(low, high)| (low, Some(high)));
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = |text: &str| text.len() > 1 && text.starts_with('0');
        if !closed
            || !number(low)
            || leading_zero(low)
            || high.is_some_and(|high| !high.is_empty() && (!number(high) || leading_zero(high)))
        {
            return Ok(None);
        }
        let counts = [Some(low), high.filter(|high| !high.is_empty())].map(|text| text.map(str::parse::<u32>));
        if counts.iter().flatten().any(|count| !matches!(count, Ok(0..=MAX_REPEAT))) {
            return Err(format!("repetition of more than {MAX_REPEAT}"));
        }
        for _ in 0..=inside.chars().count() {
            self.rest.next();
        }
        Ok(Some(format!("{{{inside}}}")))
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let char = self.rest.next().ok_or("trailing backslash at the end")?;
        let wrap = |class: &str| if in_class { class.to_owned() } else { format!("[{class}]") };
        match char {
            'd' => self.out.push_str(&wrap("0-9")),
            'w' => self.out.push_str(&wrap("0-9A-Za-z_")),
            's' => self.out.push_str(&wrap(r"\t\n\x0C\r ")),
            'D' => self.out.push_str("[^0-9]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            'S' => self.out.push_str(r"[^\t\n\x0C\r ]"),
            'b' if !in_class => self.out.push_str(r"(?-u:\b)"),
            'B' if !in_class => return Err(r"`\B` is not supported".to_owned()),
            'A' | 'z' if !in_class => self.out.extend(['\\', char]),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => self.out.extend(['\\', char]),
            'x' | 'p' | 'P' => self.argument(char)?,
            'Q' if !in_class => self.quoted(),
            '0'..='7' => self.octal(char)?,
            other if other.is_ascii_punctuation() || other == ' ' => self.literal(other),
            other => return Err(format!(r"invalid escape sequence `\{other}`")),
        }
        Ok(())
    }

    fn literal(&mut self, char: char) {
        // Only what has a meaning to the crate: `\<`, for one, would be the start of a word.
        if r"\.+*?()|[]{}^$#&-~".contains(char) {
            self.out.push('\\');
        }
        self.out.push(char);
    }

    /// The argument of `\x`, `\p` or `\P`: braces with anything inside, two digits, or one letter.
    fn argument(&mut self, char: char) -> Result<(), String> {
        self.out.extend(['\\', char]);
        let braced = self.rest.peek() == Some(&'{');
        for _ in 0..if char == 'x' && !braced { 2 } else { 1 } {
            self.out.push(self.rest.next().ok_or("incomplete escape sequence at the end")?);
        }
        if braced {
            loop {
                let inside = self.rest.next().ok_or("missing closing brace")?;
                self.out.push(inside);
                if inside == '}' {
                    break;
                }
            }
        }
        Ok(())
    }

    /// `\0`, `\012`, `\12`; a lone digit other than zero would be a backreference, which RE2 does not have.
    fn octal(&mut self, first: char) -> Result<(), String> {
        let is_octal = |char: &char| ('0'..='7').contains(char);
        if first != '0' && !self.rest.peek().is_some_and(is_octal) {
            return Err(format!(r"invalid escape sequence `\{first}`"));
        }
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.rest.next_if(is_octal) else { break };
            code = code * 8 + digit.to_digit(8).unwrap_or(0);
        }
        self.out.push_str(&format!(r"\x{{{code:X}}}"));
        Ok(())
    }

    /// `\Q…\E` outside a class: everything up to `\E` or the end, literally.
    fn quoted(&mut self) {
        while let Some(char) = self.rest.next() {
            if char == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(char);
        }
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let char = self.rest.next().ok_or("missing closing ]")?;
            if char == ']' && !first {
                break;
            }
            first = false;
            if char == '[' && self.rest.peek() == Some(&':') && self.posix_class()? {
                continue;
            }
            if char == '\\' && self.rest.peek().is_some_and(|next| "dDsSwWpP".contains(*next)) {
                self.escape(true)?;
                continue;
            }
            self.class_char(char)?;
            // A range, unless the hyphen is the last character of the class.
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|char| char != ']') {
                self.rest.next();
                self.out.push('-');
                let high = self.rest.next().ok_or("missing closing ]")?;
                if high == '\\' && self.rest.peek().is_some_and(|next| "dDsSwWpP".contains(*next)) {
                    return Err("a class cannot end a range".to_owned());
                }
                self.class_char(high)?;
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn class_char(&mut self, char: char) -> Result<(), String> {
        if char == '\\' {
            return self.escape(true);
        }
        self.literal(char);
        Ok(())
    }

    /// `[:alpha:]` inside a class, after its first bracket; `false` if it is no such thing.
    fn posix_class(&mut self) -> Result<bool, String> {
        let name: String = self.rest.clone().skip(1).take_while(|char| *char != ':' && *char != ']').collect();
        if self.rest.clone().skip(name.chars().count() + 1).take(2).collect::<String>() != ":]" {
            return Ok(false);
        }
        if !POSIX_CLASSES.contains(&name.trim_start_matches('^')) {
            return Err(format!("unknown class `[:{name}:]`"));
        }
        for _ in 0..name.chars().count() + 3 {
            self.rest.next();
        }
        self.out.push_str(&format!("[:{name}:]"));
        Ok(true)
    }

    /// `(`, `(?P<name>`, `(?<name>` or `(?flags` with the flags that Go has. Names are dropped: Go takes some that the crate
    /// does not, and no one asks for them here.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        if matches!(self.rest.peek(), Some('P' | '<')) {
            self.rest.next_if_eq(&'P');
            self.rest.next_if_eq(&'<').ok_or("invalid named group")?;
            let name: String =
                std::iter::from_fn(|| self.rest.next_if(|char| *char == '_' || char.is_ascii_alphanumeric())).collect();
            let closed = self.rest.next_if_eq(&'>').is_some();
            return if closed && !name.is_empty() { Ok(()) } else { Err("invalid named group".to_owned()) };
        }
        let flags: String = std::iter::from_fn(|| self.rest.next_if(|char| *char != ')' && *char != ':')).collect();
        if let Some(flag) = flags.chars().find(|flag| !"imsU-".contains(*flag)) {
            return Err(format!("invalid group flag `{flag}`"));
        }
        let end = self.rest.next().ok_or("missing closing )")?;
        // `(?)` changes nothing, and the crate does not take it.
        let colon = if flags.is_empty() && end == ')' { ":" } else { "" };
        self.out.push_str(&format!("?{flags}{colon}{end}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        subjects: Vec<String>,
        patterns: Vec<Row>,
    }

    #[derive(serde::Deserialize)]
    struct Row {
        pattern: String,
        /// One digit for each subject, or nothing if Go refuses the pattern.
        matches: Option<String>,
    }

    #[test]
    fn patterns_match_what_they_match_in_go() {
        let vectors: Vectors = serde_json::from_str(include_str!("../../tests/it/vectors/go-regexp.json")).unwrap();
        let mut wrong = Vec::new();
        for row in vectors.patterns {
            let ours = Pattern::new(&row.pattern).ok().map(|pattern| {
                vectors.subjects.iter().map(|subject| if pattern.is_match(subject) { '1' } else { '0' }).collect::<String>()
            });
            if ours != row.matches && row.pattern != r"\B" {
                wrong.push((row.pattern, row.matches, ours));
            }
        }
        assert!(wrong.is_empty(), "pattern, Go, ours: {wrong:#?}");
    }

    #[test]
    fn an_invalid_pattern_is_an_error_that_shows_it() {
        let error = Pattern::new("^(?!data)").unwrap_err();
        assert_eq!(error.to_string(), "invalid regular expression `^(?!data)`: invalid group flag `!`");
        assert_eq!(Pattern::new("(").unwrap_err().to_string(), "invalid regular expression `(`: unclosed group");
    }
}
