//! Writes a value as sigs.k8s.io/yaml's `Marshal` writes it: sorted keys, sequences at their key's indentation, strings with
//! spaces folded behind column 80, literal blocks for text of several lines.
//!
//! A port of the parts of go-yaml v2's emitter that block output reaches; its state variables keep their names, because their
//! interplay decides about blanks. Numbers go the same way as there: through JSON text, so that `1e3` is written `1000`.
//! Reference: `sealed-secrets.md` §2.6.

use serde_json::{Number, Value};

use super::super::emitter::is_printable;
use super::super::tree::Style;
use super::number::float_text_64;
use super::order::sorted;
use super::style::{is_simple_key, style_of};

/// Plain and quoted text is folded at the first single space behind this column.
const WIDTH: usize = 80;
/// Columns for each level.
const INDENT: usize = 2;

/// The value as a YAML document without `---`, ending in a line break.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, indent: None, whitespace: true, indention: true };
    emitter.node(value, false);
    emitter.write_indent();
    emitter.out
}

/// A text in double quotes, on one line.
pub(in super::super) fn double_quoted(text: &str) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, indent: None, whitespace: true, indention: true };
    emitter.double_quoted(text, false);
    emitter.out
}

struct Emitter {
    out: String,
    /// Characters since the last line break.
    column: usize,
    /// Columns of the current level; `None` outside of all collections.
    indent: Option<usize>,
    /// Whether the last character is a blank, or an indicator that needs none after it.
    whitespace: bool,
    /// Whether the line holds nothing but indentation and indicators so far.
    indention: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, in_mapping: bool) {
        match value {
            Value::Null => self.plain_word("null"),
            Value::Bool(value) => self.plain_word(if *value { "true" } else { "false" }),
            Value::Number(number) => self.plain_word(&number_text(number)),
            Value::String(text) => self.string(text, false),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Array(items) => {
                let outer = self.indent;
                let indentless = in_mapping && !self.indention;
                if !indentless {
                    self.increase_indent();
                }
                for item in items {
                    self.write_indent();
                    self.indicator("-", true, false, true);
                    self.node(item, false);
                }
                self.indent = outer;
            }
            Value::Object(map) => {
                let outer = self.indent;
                self.increase_indent();
                for (key, value) in sorted(map) {
                    self.write_indent();
                    if is_simple_key(key) {
                        self.string(key, true);
                        self.indicator(":", false, false, false);
                    } else {
                        self.indicator("?", true, false, true);
                        self.string(key, false);
                        self.write_indent();
                        self.indicator(":", true, false, true);
                    }
                    self.node(value, true);
                }
                self.indent = outer;
            }
        }
    }

    fn increase_indent(&mut self) {
        self.indent = Some(self.indent.map_or(0, |indent| indent + INDENT));
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if needs_whitespace && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    /// A word that needs no quotes and no folding.
    fn plain_word(&mut self, text: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = false;
        self.indention = false;
    }

    fn string(&mut self, text: &str, simple_key: bool) {
        let outer = self.indent;
        self.indent = Some(self.indent.map_or(INDENT, |indent| indent + INDENT));
        match style_of(text, simple_key) {
            Style::Plain => self.plain(text, !simple_key),
            Style::SingleQuoted => self.single_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
            _ => self.double_quoted(text, !simple_key),
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str, may_fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folded(text, may_fold);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("'", true, false, false);
        self.folded(text, may_fold);
        self.indicator("'", false, false, false);
    }

    /// Text without line breaks, for plain and single-quoted scalars: a single space behind the width becomes a line break.
    /// Quotes are doubled only in quoted text: plain text may hold them anywhere but at its start, and there it is quoted.
    fn folded(&mut self, text: &str, may_fold: bool) {
        let quoted = self.out.ends_with('\'');
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let single = c == ' ' && previous.is_some_and(|c| c != ' ') && chars.peek().is_some_and(|&c| c != ' ');
            if single && may_fold && self.column > WIDTH {
                self.write_indent();
            } else {
                if c == '\'' && quoted {
                    self.put('\'');
                }
                self.put(c);
            }
            if c != ' ' {
                self.indention = false;
            }
            previous = Some(c);
        }
    }

    fn double_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true, false, false);
        // The reference asks whether the *text* begins with a byte order mark at every character, and escapes it if so.
        let escape_all = text.starts_with('\u{feff}');
        let mut previous_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if escape_all || !is_printable(c) || matches!(c, '\n' | '"' | '\\') {
                self.escaped(c);
                previous_space = false;
            } else if c == ' ' {
                let inside = at > 0 && at + 1 < text.len();
                if may_fold && !previous_space && self.column > WIDTH && inside {
                    self.write_indent();
                    if chars.peek().is_some_and(|&(_, next)| next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                previous_space = true;
            } else {
                self.put(c);
                previous_space = false;
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn escaped(&mut self, c: char) {
        let short = match c {
            '\0' => "\\0",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\x0b' => "\\v",
            '\x0c' => "\\f",
            '\r' => "\\r",
            '\x1b' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => {
                let code = u32::from(c);
                let text = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                text.chars().for_each(|c| self.put(c));
                return;
            }
        };
        short.chars().for_each(|c| self.put(c));
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with([' ', '\n']) {
            self.indicator("2", false, false, false);
        }
        if !text.ends_with('\n') {
            self.indicator("-", false, false, false);
        } else if text == "\n" || text.ends_with("\n\n") {
            self.indicator("+", false, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut at_start = true;
        for c in text.chars() {
            if c == '\n' {
                self.put_break();
                self.indention = true;
                at_start = true;
            } else {
                if at_start {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                at_start = false;
            }
        }
    }
}

/// A number as it comes out of Go's `encoding/json` and go-yaml after it: a float without a fraction is an integer while it
/// fits into 64 bits.
fn number_text(number: &Number) -> String {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    const TWO_64: f64 = 18_446_744_073_709_551_616.0;
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the range of the type")]
    if value.fract() != 0.0 {
        float_text_64(value)
    } else if (-TWO_63..TWO_63).contains(&value) {
        (value as i64).to_string()
    } else if (TWO_63..TWO_64).contains(&value) {
        (value as u64).to_string()
    } else {
        float_text_64(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn a_document_is_written_as_the_reference_writes_it() {
        let value = json!({
            "b": {"list": [1, {"x": "y", "a": []}, [true, null]], "empty": {}},
            "a": "yes",
            "text": "one\n  two\n",
            "long": format!("{} tail of the line", "word ".repeat(20)),
            "n": [1.5, 1e3, 1e21, -0.0, 123_456_789.5],
        });
        assert_eq!(
            write(&value),
            "a: \"yes\"\n\
             b:\n\x20 empty: {}\n\x20 list:\n\x20 - 1\n\x20 - a: []\n\x20   x: \"y\"\n\x20 - - true\n\x20   - null\n\
             long: word word word word word word word word word word word word word word word word\n\
             \x20 word word word word  tail of the line\n\
             \"n\":\n- 1.5\n- 1000\n- 1e+21\n- 0\n- 1.234567895e+08\n\
             text: |\n\x20 one\n\x20   two\n"
        );
    }

    #[test]
    fn roots_may_be_scalars() {
        for (value, text) in
            [(json!(null), "null\n"), (json!("a: b"), "'a: b'\n"), (json!([]), "[]\n"), (json!("x\ny"), "|-\n  x\n  y\n")]
        {
            assert_eq!(write(&value), text);
        }
    }

    #[test]
    fn awkward_keys_are_quoted_or_explicit() {
        let long = "k".repeat(129);
        assert_eq!(write(&json!({"": 1, "a b": 2, "no": 3, "a\nb": [4]})), "\"\": 1\n? |-\n  a\n  b\n: - 4\na b: 2\n\"no\": 3\n");
        assert_eq!(write(&json!({ &long: {"a": 1} })), format!("? {long}\n: a: 1\n"));
    }
}
