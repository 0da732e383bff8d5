//! Tokens of a template: text, delimiters with trim markers, and what stands inside `{{ … }}`.
//!
//! Follows `text/template/parse/lex.go` of Go 1.26 token by token, because where a space counts (between operands) and what
//! ends a word decide which templates parse at all. The whole text is cut up before parsing; a lexical error is the last
//! token, so the parser meets it in its place and reports the line.

/// What a token is. `Error` carries the lexer's complaint and ends the stream, as `Eof` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error(&'static str),
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Assign,
    Declare,
    Pipe,
    Char,
    CharConstant,
    Complex,
    Number,
    Bool,
    Field,
    Dot,
    Identifier,
    Variable,
    LeftParen,
    RightParen,
    Str,
    RawStr,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// A token and the bytes of the template it covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    tokens: Vec<Token>,
    parens: usize,
}

/// Cuts `text` into tokens; the last is `Eof` or `Error`.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, pos: 0, tokens: Vec::new(), parens: 0 };
    if let Err(message) = lexer.run() {
        lexer.push(Kind::Error(message), lexer.pos);
    }
    lexer.tokens
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(b: Option<&u8>) -> bool {
    matches!(b, Some(b' ' | b'\t' | b'\r' | b'\n'))
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && (super::unicode::is_letter(c) || super::unicode::is_digit(c)))
}

type Step = Result<(), &'static str>;

impl<'a> Lexer<'a> {
    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, start, end: self.pos });
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn run(&mut self) -> Step {
        loop {
            let start = self.pos;
            let Some(found) = self.rest().find("{{") else {
                self.pos = self.text.len();
                if self.pos > start {
                    self.push(Kind::Text, start);
                }
                self.push(Kind::Eof, self.pos);
                return Ok(());
            };
            let delim = start + found;
            let after = self.text.as_bytes().get(delim + 2..).unwrap_or(&[]);
            let trim = after.first() == Some(&b'-') && is_space_byte(after.get(1));
            let text = self.text.get(start..delim).unwrap_or("");
            let kept = if trim { text.trim_end_matches(is_space) } else { text };
            if !kept.is_empty() {
                self.tokens.push(Token { kind: Kind::Text, start, end: start + kept.len() });
            }
            self.pos = delim + 2;
            let marker = if trim { 2 } else { 0 };
            if self.text.as_bytes().get(self.pos + marker..).is_some_and(|t| t.starts_with(b"/*")) {
                self.pos += marker;
                self.comment()?;
                continue;
            }
            self.push(Kind::LeftDelim, delim);
            self.pos += marker;
            self.parens = 0;
            self.action()?;
        }
    }

    fn comment(&mut self) -> Step {
        let Some(close) = self.text.get(self.pos + 2..).and_then(|t| t.find("*/")) else { return Err("unclosed comment") };
        self.pos += 2 + close + 2;
        match self.right_delim() {
            None => Err("comment ends before closing delimiter"),
            Some(trim) => {
                self.pos += if trim { 4 } else { 2 };
                self.trim_after(trim);
                Ok(())
            }
        }
    }

    /// Whether the action ends here, and if so whether the text after it is trimmed.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest().as_bytes();
        if is_space_byte(rest.first()) && rest.get(1..).is_some_and(|t| t.starts_with(b"-}}")) {
            return Some(true);
        }
        rest.starts_with(b"}}").then_some(false)
    }

    fn trim_after(&mut self, trim: bool) {
        if trim {
            let rest = self.rest();
            self.pos += rest.len() - rest.trim_start_matches(is_space).len();
        }
    }

    /// Everything up to and with the closing delimiter.
    fn action(&mut self) -> Step {
        loop {
            if let Some(trim) = self.right_delim() {
                if self.parens > 0 {
                    return Err("unclosed left paren");
                }
                let start = self.pos;
                self.pos += if trim { 4 } else { 2 };
                self.push(Kind::RightDelim, start);
                self.trim_after(trim);
                return Ok(());
            }
            let start = self.pos;
            let Some(c) = self.next() else { return Err("unclosed action") };
            match c {
                _ if is_space(c) => self.space(start),
                '=' => self.push(Kind::Assign, start),
                ':' => {
                    if self.next() != Some('=') {
                        return Err("expected :=");
                    }
                    self.push(Kind::Declare, start);
                }
                '|' => self.push(Kind::Pipe, start),
                '"' => self.quoted(start, '"', Kind::Str, "unterminated quoted string")?,
                '\'' => self.quoted(start, '\'', Kind::CharConstant, "unterminated character constant")?,
                '`' => {
                    let Some(close) = self.rest().find('`') else { return Err("unterminated raw quoted string") };
                    self.pos += close + 1;
                    self.push(Kind::RawStr, start);
                }
                '$' => self.word(start, Kind::Variable)?,
                '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => self.word(start, Kind::Field)?,
                '.' | '+' | '-' | '0'..='9' => self.number(start)?,
                _ if is_word(c) => self.word(start, Kind::Identifier)?,
                '(' => {
                    self.parens += 1;
                    self.push(Kind::LeftParen, start);
                }
                ')' => {
                    self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                    self.push(Kind::RightParen, start);
                }
                ' '..='~' => self.push(Kind::Char, start),
                _ => return Err("unrecognized character in action"),
            }
        }
    }

    fn space(&mut self, start: usize) {
        while self.peek().is_some_and(is_space) {
            self.next();
        }
        // The last space may belong to a trim marker: ` -}}`.
        if self.text.as_bytes().get(self.pos..).is_some_and(|t| t.starts_with(b"-}}")) {
            self.pos -= 1;
            if self.pos == start {
                return;
            }
        }
        self.push(Kind::Space, start);
    }

    fn quoted(&mut self, start: usize, quote: char, kind: Kind, unterminated: &'static str) -> Step {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.next();
                }
                None | Some('\n' | '\\') => return Err(unterminated),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.push(kind, start);
        Ok(())
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) => is_space(c) || matches!(c, '.' | ',' | '|' | ':' | ')' | '(') || self.rest().starts_with("}}"),
        }
    }

    fn word(&mut self, start: usize, kind: Kind) -> Step {
        if kind != Kind::Identifier && self.at_terminator() {
            self.push(if kind == Kind::Variable { kind } else { Kind::Dot }, start);
            return Ok(());
        }
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        if !self.at_terminator() {
            return Err("bad character in a word");
        }
        let kind = match (kind, self.text.get(start..self.pos).unwrap_or("")) {
            (Kind::Identifier, word) => keyword(word),
            (other, _) => other,
        };
        self.push(kind, start);
        Ok(())
    }

    fn number(&mut self, start: usize) -> Step {
        self.pos = start;
        if !self.scan_number() {
            return Err("bad number syntax");
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || self.text.as_bytes().get(self.pos - 1) != Some(&b'i') {
                return Err("bad number syntax");
            }
            self.push(Kind::Complex, start);
        } else {
            self.push(Kind::Number, start);
        }
        Ok(())
    }

    fn accept(&mut self, valid: &str) -> bool {
        let hit = self.peek().is_some_and(|c| valid.contains(c));
        if hit {
            self.next();
        }
        hit
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        if (digits.len() == 11 && self.accept("eE")) || (digits.len() == 23 && self.accept("pP")) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        !self.peek().is_some_and(is_word)
    }
}

fn keyword(word: &str) -> Kind {
    match word {
        "block" => Kind::Block,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "define" => Kind::Define,
        "else" => Kind::Else,
        "end" => Kind::End,
        "if" => Kind::If,
        "range" => Kind::Range,
        "nil" => Kind::Nil,
        "template" => Kind::Template,
        "with" => Kind::With,
        "true" | "false" => Kind::Bool,
        _ => Kind::Identifier,
    }
}
