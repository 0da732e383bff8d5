//! Go's regular expressions, rewritten for the regex crate.
//!
//! Both are RE2's children, but the same text can mean other things: `\d`, `\w`, `\s` and `\b` are ASCII in Go; `[a&&b]` is a set
//! operation in Rust; `{,3}` is literal in Go; Rust has flags and escapes that Go refuses. So a pattern is read by Go's grammar
//! (`regexp/syntax` of Go 1.26) and written anew with everything literal escaped. On the way its size is estimated, which limits
//! both compiling and matching.

use regex::bytes::{Regex, RegexBuilder};

/// Largest estimate of states.
const MOST_STATES: usize = 20_000;
/// Go's limit of `{n,m}`.
const MOST_REPEATS: usize = 1_000;
/// Deepest nesting of groups.
const MOST_NESTING: usize = 100;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// The name of every group, from the whole match (none) on. Go allows the same name twice, the crate does not.
    pub(super) names: Vec<Option<String>>,
    /// About how many states it has.
    pub(super) states: usize,
    /// `\B` is only right on ASCII text.
    pub(super) ascii_only: bool,
    pub(super) empty: bool,
}

type Parsed<T> = Result<T, &'static str>;

impl Pattern {
    /// Reads a pattern as Go does.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub(super) fn new(pattern: &str) -> Parsed<Self> {
        let mut rewriter = Rewriter::over(pattern);
        rewriter.run()?;
        let states = rewriter.total;
        let regex =
            RegexBuilder::new(&rewriter.out).size_limit(1 << 20).dfa_size_limit(1 << 20).nest_limit(250).build().map_err(
                |error| match error {
                    regex::Error::CompiledTooBig(_) => "limit: the regular expression is too large",
                    _ => "error parsing regexp",
                },
            )?;
        Ok(Self { regex, names: rewriter.names, states, ascii_only: rewriter.ascii_only, empty: pattern.is_empty() })
    }
}

struct Rewriter<'p> {
    rest: &'p str,
    out: String,
    /// Of each open group: the states before it, and in its current alternative list.
    groups: Vec<usize>,
    names: Vec<Option<String>>,
    total: usize,
    /// States of the last operand, if a repetition may follow.
    last: Option<usize>,
    ascii_only: bool,
}

const MISSING: &str = "missing argument to repetition operator";
const BAD_ESCAPE: &str = "invalid escape sequence";

impl<'p> Rewriter<'p> {
    fn over(rest: &'p str) -> Self {
        Self { rest, out: String::new(), groups: Vec::new(), names: vec![None], total: 0, last: None, ascii_only: false }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or("");
        Some(c)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn operand(&mut self, states: usize) -> Parsed<()> {
        self.total += states;
        self.last = Some(states);
        if self.total > MOST_STATES { Err("limit: the regular expression is too large") } else { Ok(()) }
    }

    fn literal(&mut self, c: char) -> Parsed<()> {
        push_literal(&mut self.out, c);
        self.operand(1)
    }

    fn run(&mut self) -> Parsed<()> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => {
                    let before = self.groups.pop().ok_or("unexpected )")?;
                    self.out.push(')');
                    self.last = Some(self.total - before);
                }
                '|' => {
                    self.out.push('|');
                    self.last = None;
                }
                '*' | '+' | '?' => self.repeat(&c.to_string(), 1)?,
                '{' => match self.bounds()? {
                    Some((text, times)) => self.repeat(&text, times)?,
                    None => self.literal('{')?,
                },
                '.' | '^' | '$' => {
                    self.out.push(c);
                    self.operand(if c == '.' { 8 } else { 1 })?;
                }
                _ => self.literal(c)?,
            }
        }
        if self.groups.is_empty() { Ok(()) } else { Err("missing closing )") }
    }

    fn repeat(&mut self, operator: &str, times: usize) -> Parsed<()> {
        let states = self.last.take().ok_or(MISSING)?;
        self.out.push_str(operator);
        if self.eat("?") {
            self.out.push('?');
        }
        // `a**` is an error in Go.
        let again = self.peek().is_some_and(|c| matches!(c, '*' | '+' | '?'));
        if again || (self.rest.starts_with('{') && Rewriter::over(self.rest).bounds_at_brace()?) {
            return Err("invalid nested repetition operator");
        }
        let more = states.saturating_mul(times.saturating_sub(1));
        self.operand(more)?;
        self.last = Some(states.saturating_add(more));
        Ok(())
    }

    fn bounds_at_brace(mut self) -> Parsed<bool> {
        self.next();
        self.bounds().map(|bounds| bounds.is_some())
    }

    /// `n}`, `n,}` or `n,m}` after a brace; `None` leaves the brace literal.
    fn bounds(&mut self) -> Parsed<Option<(String, usize)>> {
        let Some(end) = self.rest.find('}') else { return Ok(None) };
        let inner = self.rest.get(..end).unwrap_or("");
        let (least, most) = inner.split_once(',').map_or((inner, None), |(least, most)| (least, Some(most)));
        let number = |text: &str| -> Option<usize> {
            let valid =
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !(text.len() > 1 && text.starts_with('0'));
            valid.then(|| text.parse().unwrap_or(usize::MAX))
        };
        let Some(low) = number(least) else { return Ok(None) };
        let high = match most {
            None => Some(low),
            Some("") => None,
            Some(text) => match number(text) {
                Some(high) => Some(high),
                None => return Ok(None),
            },
        };
        if low > MOST_REPEATS || high.is_some_and(|high| high > MOST_REPEATS || high < low) {
            return Err("invalid repeat count");
        }
        let text = format!("{{{inner}}}");
        self.rest = self.rest.get(end + 1..).unwrap_or("");
        Ok(Some((text, high.unwrap_or(low).max(1))))
    }

    fn open(&mut self) -> Parsed<()> {
        if self.groups.len() >= MOST_NESTING {
            return Err("limit: the regular expression is nested too deep");
        }
        self.last = None;
        if !self.eat("?") {
            self.out.push('(');
            self.names.push(None);
            self.groups.push(self.total);
            return Ok(());
        }
        if self.eat("P<") || self.eat("<") {
            let (name, rest) = self.rest.split_once('>').ok_or("invalid named capture")?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err("invalid named capture");
            }
            self.out.push('(');
            self.names.push(Some(name.to_owned()));
            self.rest = rest;
            self.groups.push(self.total);
            return Ok(());
        }
        let end = self.rest.find([':', ')']).ok_or("missing argument to group")?;
        let flags = self.rest.get(..end).unwrap_or("");
        let valid = flags.bytes().all(|b| b"imsU-".contains(&b)) && flags.matches('-').count() <= 1 && !flags.ends_with('-');
        let scoped = self.rest.get(end..).is_some_and(|rest| rest.starts_with(':'));
        if !valid || (flags.is_empty() && !scoped) {
            return Err("invalid or unsupported Perl syntax");
        }
        self.out.push_str(&format!("(?{flags}{}", if scoped { ":" } else { ")" }));
        self.rest = self.rest.get(end + 1..).unwrap_or("");
        if scoped {
            self.groups.push(self.total);
        }
        Ok(())
    }

    /// After a backslash outside of a class.
    fn escape(&mut self) -> Parsed<()> {
        match self.peek().ok_or("trailing backslash at end of expression")? {
            'Q' => {
                self.next();
                let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                for c in text.chars() {
                    self.literal(c)?;
                }
                return Ok(());
            }
            'A' | 'z' => {
                let c = self.next().unwrap_or('z');
                self.out.push('\\');
                self.out.push(c);
                return self.operand(1);
            }
            'b' => {
                self.next();
                self.out.push_str(r"(?-u:\b)");
                return self.operand(1);
            }
            'B' => {
                self.next();
                self.ascii_only = true;
                self.out.push_str(r"(?-u:\B)");
                return self.operand(1);
            }
            _ => {}
        }
        if let Some(set) = self.shorthand()? {
            self.out.push('[');
            self.out.push_str(&set);
            self.out.push(']');
            return self.operand(if set.starts_with("\\p") || set.starts_with("\\P") { 100 } else { 8 });
        }
        let c = self.escaped_char()?;
        self.literal(c)
    }

    /// `\d`, `\pL` and the like, as the inside of a class.
    fn shorthand(&mut self) -> Parsed<Option<String>> {
        let set = match self.peek() {
            Some('d') => "0-9",
            Some('D') => r"^0-9",
            Some('s') => r"\t\n\f\r\x20",
            Some('S') => r"^\t\n\f\r\x20",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "^0-9A-Za-z_",
            Some('p' | 'P') => return self.property().map(Some),
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(set.to_owned()))
    }

    fn property(&mut self) -> Parsed<String> {
        const BAD: &str = "invalid character class range";
        let mut negated = self.next() == Some('P');
        let name = if self.eat("{") {
            let (name, rest) = self.rest.split_once('}').ok_or(BAD)?;
            self.rest = rest;
            match name.strip_prefix('^') {
                Some(name) => {
                    negated = !negated;
                    name.to_owned()
                }
                None => name.to_owned(),
            }
        } else {
            self.next().ok_or(BAD)?.to_string()
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(BAD);
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }

    /// An escape that stands for one character.
    fn escaped_char(&mut self) -> Parsed<char> {
        let c = self.next().ok_or("trailing backslash at end of expression")?;
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '1'..='7' if !self.peek().is_some_and(|c| ('0'..='7').contains(&c)) => return Err(BAD_ESCAPE),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    match self.peek().and_then(|c| c.to_digit(8)) {
                        Some(digit) => code = code * 8 + digit,
                        None => break,
                    }
                    self.next();
                }
                char::from_u32(code).ok_or(BAD_ESCAPE)?
            }
            'x' => {
                let digits = if self.eat("{") {
                    let (digits, rest) = self.rest.split_once('}').ok_or(BAD_ESCAPE)?;
                    self.rest = rest;
                    digits.to_owned()
                } else {
                    let digits = self.rest.get(..2).ok_or(BAD_ESCAPE)?.to_owned();
                    self.rest = self.rest.get(2..).unwrap_or("");
                    digits
                };
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(BAD_ESCAPE);
                }
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or(BAD_ESCAPE)?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(BAD_ESCAPE),
        })
    }

    fn class(&mut self) -> Parsed<()> {
        const UNCLOSED: &str = "missing closing ]";
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        let mut states = 8;
        loop {
            if !std::mem::take(&mut first) && self.eat("]") {
                break;
            }
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                let name = self.rest.get(2..end).unwrap_or("");
                let plain = name.strip_prefix('^').unwrap_or(name);
                const NAMES: [&str; 14] = [
                    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
                    "word", "xdigit",
                ];
                if !NAMES.contains(&plain) {
                    return Err("invalid character class range");
                }
                self.out.push_str(&format!("[:{name}:]"));
                self.rest = self.rest.get(end + 2..).unwrap_or("");
                continue;
            }
            if self.rest.starts_with('\\') {
                let before = self.rest;
                self.next();
                if let Some(set) = self.shorthand()? {
                    states += 100;
                    self.out.push('[');
                    self.out.push_str(&set);
                    self.out.push(']');
                    continue;
                }
                self.rest = before;
            }
            let low = self.class_char().ok_or(UNCLOSED)??;
            push_class_char(&mut self.out, low);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
                self.next();
                let high = self.class_char().ok_or(UNCLOSED)??;
                if high < low {
                    return Err("invalid character class range");
                }
                self.out.push('-');
                push_class_char(&mut self.out, high);
            }
        }
        self.out.push(']');
        self.operand(states)
    }

    /// `None` at the end of the pattern.
    fn class_char(&mut self) -> Option<Parsed<char>> {
        match self.next()? {
            '\\' => Some(self.escaped_char()),
            c => Some(Ok(c)),
        }
    }
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

fn push_class_char(out: &mut String, c: char) {
    out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_s_meaning_is_kept_where_the_crate_s_differs() {
        let found = |pattern: &str, text: &str| Pattern::new(pattern).map(|p| p.regex.is_match(text.as_bytes()));
        assert_eq!(found(r"^\d$", "٣"), Ok(false));
        assert_eq!(found(r"^[a&&b]$", "&"), Ok(true));
        assert_eq!(found("^a{,3}$", "a{,3}"), Ok(true));
        assert_eq!(found(r"^\Qa.b\E$", "axb"), Ok(false));
        assert_eq!(found("^[]a]$", "]"), Ok(true));
        assert_eq!(found(r"^\p{^Greek}$", "a"), Ok(true));
        assert_eq!(found("(?i)straSSe", "STRASSE"), Ok(true));
        for bad in
            ["a**", "a{2}{3}", "(?x)a b", "(", "[a", r"\8", r"\1", "*", "a{1001}", "(?P<>a)", r"\p{Nosuch}", "a|*", "[b-a]"]
        {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_that_explode_are_refused() {
        assert!(Pattern::new("(a{1000}){1000}").is_err());
        assert!(Pattern::new(&"(".repeat(20_000)).is_err());
        assert!(Pattern::new(&format!("{}a{}", "(".repeat(101), ")".repeat(101))).is_err());
    }
}
