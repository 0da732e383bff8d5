//! JSON as SOPS reads and writes it.
//!
//! Keys keep their order and may repeat; whole numbers within 64 bits are integers, all others floats (sops-age.md §3.5). What
//! follows the closing brace is ignored, as sops ignores it. Written text is Go's `encoding/json`: `<`, `>`, `&` escaped, tabs
//! unless told otherwise. Comments have no place and are dropped. Text that is not UTF-8 is an error, where Go would replace it.

use super::Error;
use crate::manifest::write_json_text;
use crate::sops::go;
use crate::sops::tree::{MAX_DEPTH, Map, Node};
use crate::sops::value::Scalar;

const FORMAT: &str = "JSON";

/// Reads the object at the start of the text.
///
/// # Errors
/// [`Error::Syntax`] with the line and column, [`Error::TopLevel`], [`Error::TooDeep`].
pub fn load(text: &[u8]) -> Result<Map, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::NotUtf8)?;
    let mut reader = Reader { text, at: 0 };
    match reader.next_byte() {
        Some(b'{') => {}
        Some(_) => return Err(Error::TopLevel { format: FORMAT }),
        None => return Err(reader.error("the file is empty")),
    }
    match reader.value(0)? {
        Node::Map(map) => Ok(map),
        _ => Err(Error::TopLevel { format: FORMAT }),
    }
}

/// Reads one value of any kind that fills the whole text, such as the argument of `set`.
///
/// # Errors
/// As [`load`]; also for anything but space after the value.
pub fn load_value(text: &str) -> Result<Node, Error> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    if reader.next_byte().is_some() {
        return Err(reader.error("unexpected text after the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, message: &'static str) -> Error {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::Syntax { format: FORMAT, line, column, message }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, without taking it.
    fn next_byte(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        match self.next_byte() {
            Some(b'{') => self.object(depth).map(Node::Map),
            Some(b'[') => self.array(depth).map(Node::List),
            Some(b'"') => Ok(Node::text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Leaf(Scalar::Bool(true))),
            Some(b'f') => self.word("false", Node::Leaf(Scalar::Bool(false))),
            Some(b'n') => self.word("null", Node::Null),
            Some(_) => Err(self.error("a value was expected")),
            None => Err(self.error("the file ends too early")),
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.error("a value was expected"));
        }
        self.at += word.len();
        Ok(node)
    }

    fn object(&mut self, depth: usize) -> Result<Map, Error> {
        self.at += 1;
        let mut map = Map::default();
        if self.take(b'}') {
            return Ok(map);
        }
        loop {
            if self.next_byte() != Some(b'"') {
                return Err(self.error("a key in double quotes was expected"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("`:` was expected"));
            }
            map.push(key, self.value(depth + 1)?);
            if self.take(b'}') {
                return Ok(map);
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `}` was expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(items);
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `]` was expected"));
            }
        }
    }

    fn number(&mut self) -> Result<Node, Error> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if let Ok(value) = text.parse() {
            return Ok(Node::Leaf(Scalar::Int(value)));
        }
        let value = go::parse_float(text).ok_or_else(|| self.error("the number is too large"))?;
        Ok(Node::Leaf(Scalar::Float(value)))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit was expected")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, Error> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.find(|char: char| char == '"' || char == '\\' || char < ' ').unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("a control character inside a string")),
                None => return Err(self.error("the file ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let byte = self.byte().ok_or_else(|| self.error("the file ends inside a string"))?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                let mut unit = u32::from(first);
                if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
                    let before = self.at;
                    self.at += 2;
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        unit = 0x10000 + ((unit - 0xd800) << 10) + (u32::from(second) - 0xdc00);
                    } else {
                        self.at = before;
                    }
                }
                // Half of a surrogate pair alone becomes the replacement character, as in Go.
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.error("an escape sequence that JSON does not have")),
        })
    }

    fn hex(&mut self) -> Result<u16, Error> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(unit)
    }
}

/// Writes one document, with a newline at its end. `indent` is the number of spaces for each level, `None` for one tab.
///
/// # Errors
/// [`Error::Unrepresentable`] for infinities, NaN and text that is not UTF-8.
pub fn emit(document: &Map, indent: Option<usize>) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(indent);
    writer.map(document, 0)?;
    writer.out.push('\n');
    Ok(writer.out.into_bytes())
}

/// Writes one value as [`emit`] would inside a document, without a newline at its end.
///
/// # Errors
/// As [`emit`].
pub fn emit_value(node: &Node, indent: Option<usize>) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(indent);
    writer.node(node, 0)?;
    Ok(writer.out.into_bytes())
}

struct Writer {
    out: String,
    indent: String,
    key: String,
}

impl Writer {
    fn new(indent: Option<usize>) -> Self {
        let indent = indent.map_or_else(|| "\t".to_owned(), |spaces| " ".repeat(spaces));
        Self { out: String::new(), indent, key: String::new() }
    }

    fn line(&mut self, depth: usize) {
        self.out.push('\n');
        for _ in 0..depth {
            self.out.push_str(&self.indent);
        }
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<(), Error> {
        self.out.push('{');
        let mut empty = true;
        for (key, value) in map.pairs() {
            self.separate(&mut empty, depth + 1);
            write_json_text(&mut self.out, key);
            self.out.push_str(": ");
            key.clone_into(&mut self.key);
            self.node(value, depth + 1)?;
        }
        self.close('}', empty, depth);
        Ok(())
    }

    fn separate(&mut self, empty: &mut bool, depth: usize) {
        if !std::mem::replace(empty, false) {
            self.out.push(',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: char, empty: bool, depth: usize) {
        if !empty {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn node(&mut self, node: &Node, depth: usize) -> Result<(), Error> {
        match node {
            Node::Null | Node::Comment(_) => self.out.push_str("null"),
            Node::Map(map) => self.map(map, depth)?,
            Node::List(items) => {
                self.out.push('[');
                let mut empty = true;
                for item in items.iter().filter(|item| !matches!(item, Node::Comment(_))) {
                    self.separate(&mut empty, depth + 1);
                    self.node(item, depth + 1)?;
                }
                self.close(']', empty, depth);
            }
            Node::Leaf(leaf) => self.leaf(leaf)?,
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &Scalar) -> Result<(), Error> {
        let problem = |key: &str, what| Error::Unrepresentable { format: FORMAT, key: key.to_owned(), what };
        match leaf {
            Scalar::Text(text) | Scalar::Comment(text) => {
                let text = std::str::from_utf8(text.expose()).map_err(|_| problem(&self.key, "text that is not UTF-8"))?;
                write_json_text(&mut self.out, text);
            }
            Scalar::Int(value) => self.out.push_str(&value.to_string()),
            Scalar::Float(value) => {
                let text = go::float_json(*value).ok_or_else(|| problem(&self.key, "an infinite number or NaN"))?;
                self.out.push_str(&text);
            }
            Scalar::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Scalar::Time(value) => write_json_text(&mut self.out, &go::time_nano(*value)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        String::from_utf8(emit(&load(text.as_bytes()).unwrap(), None).unwrap()).unwrap()
    }

    #[test]
    fn text_is_written_as_go_writes_it() {
        let text = r#" {"b":1,"a":[1.50,-0,1e400000e,"x"]} "#.replace("1e400000e", "12345678901234567890");
        assert_eq!(
            rewritten(&text),
            "{\n\t\"b\": 1,\n\t\"a\": [\n\t\t1.5,\n\t\t0,\n\t\t12345678901234567000,\n\t\t\"x\"\n\t]\n}\n"
        );
        assert_eq!(
            rewritten(r#"{"e":{},"l":[],"n":null,"t":true}"#),
            "{\n\t\"e\": {},\n\t\"l\": [],\n\t\"n\": null,\n\t\"t\": true\n}\n"
        );
        let escapes = r#"{"a":"<&>\u2028\u0001\u007f\b\f\n\r\t\"\\\/\ud83d\ude00\ud83d"}"#;
        let expected = "{\n\t\"a\": \"\\u003c\\u0026\\u003e\\u2028\\u0001\u{7f}\\b\\f\\n\\r\\t\\\"\\\\/\u{1f600}\u{fffd}\"\n}\n";
        assert_eq!(rewritten(escapes), expected);
    }

    #[test]
    fn indentation_can_be_spaces_or_nothing() {
        let map = load(br#"{"a":[1]}"#).unwrap();
        assert_eq!(emit(&map, Some(2)).unwrap(), b"{\n  \"a\": [\n    1\n  ]\n}\n");
        assert_eq!(emit(&map, Some(0)).unwrap(), b"{\n\"a\": [\n1\n]\n}\n");
        assert_eq!(emit_value(map.get("a").unwrap(), None).unwrap(), b"[\n\t1\n]");
    }

    #[test]
    fn order_and_duplicates_stay_and_what_follows_is_ignored() {
        assert_eq!(rewritten("{\"b\":1,\"a\":2,\"b\":3} trailing {"), "{\n\t\"b\": 1,\n\t\"a\": 2,\n\t\"b\": 3\n}\n");
    }

    #[test]
    fn numbers_get_the_type_that_sops_gives_them() {
        let map = load(br#"{"a":9223372036854775807,"b":9223372036854775808,"c":1.0,"d":-0,"e":1E2}"#).unwrap();
        let leaves: Vec<_> = map.pairs().map(|(_, node)| node.clone()).collect();
        let float = |value| Node::Leaf(Scalar::Float(value));
        let int = |value| Node::Leaf(Scalar::Int(value));
        assert_eq!(leaves, [int(i64::MAX), float(9223372036854775808.0), float(1.0), int(0), float(100.0)]);
    }

    #[test]
    fn broken_json_is_refused_with_its_place() {
        let place = |text: &str| load(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(place("{\n \"a\": tru}"), "line 2, column 7: not valid JSON: a value was expected");
        assert_eq!(place("{\"a\":1"), "line 1, column 7: not valid JSON: `,` or `}` was expected");
        assert_eq!(place("{\"a\":1,}"), "line 1, column 8: not valid JSON: a key in double quotes was expected");
        assert_eq!(place("{\"a\":01}"), "line 1, column 7: not valid JSON: `,` or `}` was expected");
        assert_eq!(place("{\"a\":1e999}"), "line 1, column 11: not valid JSON: the number is too large");
        assert_eq!(place("{\"a\":\"\t\"}"), "line 1, column 7: not valid JSON: a control character inside a string");
        assert_eq!(place("[1]"), "the top level of a JSON file must be a map");
        assert_eq!(place(""), "line 1, column 1: not valid JSON: the file is empty");
        let deep = format!("{{\"a\":{}", "[".repeat(10_000));
        assert_eq!(place(&deep), "nested deeper than 400 levels");
    }

    #[test]
    fn what_json_cannot_hold_is_an_error_that_names_the_key() {
        let error = |node| emit(&Map::from_iter([("k", node)]), None).unwrap_err().to_string();
        assert_eq!(error(Node::Leaf(Scalar::Float(f64::NAN))), "`k`: JSON cannot hold an infinite number or NaN");
        assert_eq!(error(Node::text(vec![0xff])), "`k`: JSON cannot hold text that is not UTF-8");
    }
}
