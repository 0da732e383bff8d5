//! INI files as SOPS reads and writes them, that is as Go's `gopkg.in/ini.v1` does.
//!
//! A document is a map of sections, `DEFAULT` first for what stands before any section, each a map of texts (sops-age.md §3.5).
//! Section names may repeat; of a repeated key the last value counts. Values may be quoted with `'`, `"`, a backtick or `"""`, go
//! on after a backslash at the end of a line, and end at `#` or `;`. A comment belongs to the section or key after it, or on
//! whose line it is; in the document it stands first in the section or after the key. Written with `=` aligned. Comments after
//! the last key are lost, as they are in sops.

use std::iter::Peekable;
use std::str::Split;

use super::{Error, display};
use crate::sops::tree::{Comment, Entry, Map, Node};

const FORMAT: &str = "INI";
/// The name of the section before all sections.
const DEFAULT: &str = "DEFAULT";

/// Reads the file's one document.
///
/// # Errors
/// [`Error::Syntax`] and [`Error::NotUtf8`].
pub fn load(text: &[u8]) -> Result<Map, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::NotUtf8)?;
    let mut reader = Reader {
        lines: text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').peekable(),
        line: 0,
        comment: String::new(),
        unnamed: 0,
    };
    reader.document()
}

struct Reader<'a> {
    lines: Peekable<Split<'a, char>>,
    /// The number of the line last read, from 1.
    line: usize,
    /// Comments that wait for the section or key that they belong to.
    comment: String,
    /// How many keys named `-` the section had.
    unnamed: usize,
}

struct Section {
    name: String,
    comment: String,
    keys: Vec<(String, String, String)>,
}

impl<'a> Reader<'a> {
    fn error(&self, message: &'static str) -> Error {
        Error::Syntax { format: FORMAT, line: self.line, column: 1, message }
    }

    /// The next line and whether a line break ends it.
    fn next_line(&mut self) -> Option<(&'a str, bool)> {
        let line = self.lines.next()?;
        self.line += 1;
        Some((line, self.lines.peek().is_some()))
    }

    fn document(&mut self) -> Result<Map, Error> {
        let mut sections = vec![Section { name: DEFAULT.to_owned(), comment: String::new(), keys: Vec::new() }];
        while let Some((line, has_break)) = self.next_line() {
            let line = line.trim_start();
            match line.chars().next() {
                None => {}
                Some('#' | ';') => {
                    self.comment.push_str(line);
                    self.comment.extend(has_break.then_some('\n'));
                }
                Some('[') => {
                    let (name, rest) =
                        line.rsplit_once(']').ok_or_else(|| self.error("a section without its closing bracket"))?;
                    let name =
                        name.get(1..).filter(|name| !name.is_empty()).ok_or_else(|| self.error("a section without a name"))?;
                    self.trailing_comment(rest);
                    sections.push(Section { name: name.to_owned(), comment: self.take_comment(), keys: Vec::new() });
                    self.unnamed = 0;
                }
                Some(_) => {
                    let (mut name, rest) = self.key(line)?;
                    if name == "-" {
                        self.unnamed += 1;
                        name = format!("#{}", self.unnamed);
                    }
                    let value = self.value(rest, has_break)?;
                    let comment = self.take_comment();
                    let Some(section) = sections.last_mut() else { continue };
                    match section.keys.iter_mut().find(|(known, ..)| *known == name) {
                        Some(key) => (key.1, key.2) = (value, comment),
                        None => section.keys.push((name, value, comment)),
                    }
                }
            }
        }
        Ok(sections.into_iter().map(|section| (section.name.clone(), Node::Map(section.into_map()))).collect())
    }

    fn take_comment(&mut self) -> String {
        std::mem::take(&mut self.comment).trim().to_owned()
    }

    fn trailing_comment(&mut self, rest: &str) {
        if let Some(at) = rest.find(['#', ';']) {
            self.comment.push_str(rest.get(at..).unwrap_or_default());
        }
    }

    /// The key's name and what follows its `=` or `:`.
    fn key(&self, line: &'a str) -> Result<(String, &'a str), Error> {
        let missing = || self.error("a line must be a section, a comment or a key with `=` or `:`");
        let quote = match line.as_bytes() {
            [b'"', b'"', b'"', _, _, _, _, ..] => "\"\"\"",
            [b'"', ..] => "\"",
            [b'`', ..] => "`",
            _ => "",
        };
        let (name, rest) = if quote.is_empty() {
            line.split_at_checked(line.find(['=', ':']).ok_or_else(missing)?).unwrap_or((line, ""))
        } else {
            let inside = line.strip_prefix(quote).unwrap_or_default();
            let (name, rest) = inside.split_once(quote).ok_or_else(|| self.error("a key without its closing quote"))?;
            (name, rest.get(rest.find(['=', ':']).ok_or_else(missing)?..).unwrap_or_default())
        };
        let name = name.trim();
        if name.is_empty() {
            return Err(self.error("a key without a name"));
        }
        Ok((name.to_owned(), rest.get(1..).unwrap_or_default()))
    }

    fn value(&mut self, text: &str, has_break: bool) -> Result<String, Error> {
        let line = text.trim_start();
        if line.is_empty() {
            return Ok(String::new());
        }
        // What ini.v1 asks of a line that begins a long string: one byte more than the quotes, the line break included.
        let long = line.starts_with("\"\"\"") && line.len() + usize::from(has_break) > 3;
        if long || line.starts_with('`') {
            let quote = if long { "\"\"\"" } else { "`" };
            let inside = line.strip_prefix(quote).unwrap_or_default();
            return match inside.rsplit_once(quote) {
                Some((value, _)) => Ok(value.to_owned()),
                None => self.long_value(inside, quote, has_break),
            };
        }
        let mut line = line.trim_end();
        if let Some(start) = line.strip_suffix('\\') {
            return Ok(self.continued(start));
        }
        if let Some((value, _)) = line.split_once(['#', ';']) {
            self.trailing_comment(line);
            line = value.trim();
        }
        for quote in ['\'', '"'] {
            let inside = line.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inside) = inside.filter(|inside| !inside.contains(quote)) {
                return Ok(inside.to_owned());
            }
        }
        Ok(line.to_owned())
    }

    fn long_value(&mut self, first: &str, quote: &str, has_break: bool) -> Result<String, Error> {
        let mut value = first.to_owned();
        value.extend(has_break.then_some('\n'));
        while let Some((line, has_break)) = self.next_line() {
            if let Some((end, rest)) = line.rsplit_once(quote)
                && !rest.trim().ends_with('\\')
            {
                value.push_str(end);
                let rest = line.get(end.len()..).unwrap_or_default();
                self.trailing_comment(rest.trim_end());
                return Ok(value);
            }
            value.push_str(line);
            value.extend(has_break.then_some('\n'));
        }
        Err(self.error("a value without its closing quote"))
    }

    fn continued(&mut self, first: &str) -> String {
        let mut value = first.to_owned();
        while let Some((line, _)) = self.next_line() {
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            match line.strip_suffix('\\') {
                Some(line) => value.push_str(line),
                None => {
                    value.push_str(line);
                    break;
                }
            }
        }
        value
    }
}

impl Section {
    fn into_map(self) -> Map {
        let comment = |text: &str| (!text.is_empty()).then(|| Entry::Comment(Comment::new(strip_mark(text))));
        let mut map = Map(comment(&self.comment).into_iter().collect());
        for (name, value, after) in self.keys {
            map.push(name, Node::text(value));
            map.0.extend(comment(&after));
        }
        map
    }
}

/// A comment without the mark of its first line; the marks of further lines stay, as in sops.
fn strip_mark(comment: &str) -> &str {
    match comment.chars().next() {
        Some(';') => comment.trim_start_matches([';', ' ']),
        Some('#') => comment.trim_start_matches(['#', ' ']),
        _ => comment,
    }
}

/// Writes one document.
///
/// # Errors
/// [`Error::Unrepresentable`] for anything but two levels, and for names that would not be read again.
pub fn emit(document: &Map) -> Result<Vec<u8>, Error> {
    let mut out = String::new();
    let mut sections = document.pairs().peekable();
    let mut first = true;
    while let Some((name, node)) = sections.next() {
        let problem = |what| Error::Unrepresentable { format: FORMAT, key: name.to_owned(), what };
        let Node::Map(section) = node else { return Err(problem("a value outside of a section")) };
        if name.is_empty() || name.contains('\n') {
            return Err(problem("this section name"));
        }
        let is_last = sections.peek().is_none();
        let written = write_section(section, name)?;
        // Only a first section of this name needs no header; if it is empty it is nothing at all.
        let unnamed = std::mem::take(&mut first) && name.eq_ignore_ascii_case(DEFAULT);
        out.push_str(&written.comment);
        if !unnamed {
            out.push_str(&format!("[{name}]\n"));
        } else if written.keys.is_empty() {
            continue;
        }
        out.push_str(&written.keys);
        if !is_last {
            out.push('\n');
        }
    }
    Ok(out.into_bytes())
}

#[derive(Default)]
struct Written {
    comment: String,
    keys: String,
}

fn write_section(section: &Map, name: &str) -> Result<Written, Error> {
    let mut written = Written::default();
    let mut entries = section.0.as_slice();
    if let [Entry::Comment(comment), rest @ ..] = entries {
        written.comment = comment_lines(comment, name, false)?;
        entries = rest;
    }
    // A comment belongs to the key before it; of several the last counts, and one before all keys is lost: as in sops.
    let mut keys: Vec<(String, String, String)> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Comment(comment) => {
                if let Some(key) = keys.last_mut() {
                    key.2 = comment_lines(comment, name, true)?;
                }
            }
            Entry::Pair(key, node) => {
                let value = value_text(key, node)?;
                match keys.iter_mut().find(|(known, ..)| known == key) {
                    Some(known) => known.1 = value,
                    None => keys.push((key.clone(), value, String::new())),
                }
            }
        }
    }
    let is_delimited = |key: &str| key.contains(['"', '=', ':']);
    let width = |key: &str| {
        key.len()
            + if is_delimited(key) {
                2
            } else if key.contains('`') {
                6
            } else {
                0
            }
    };
    let widest = keys.iter().map(|(key, ..)| width(key)).max().unwrap_or(0);
    for (key, value, comment) in &keys {
        let unreadable =
            key.is_empty() || key != key.trim() || key.contains('\n') || key.starts_with(['#', ';', '[']) || key == "-";
        if unreadable || (is_delimited(key) && key.contains('`')) {
            return Err(Error::Unrepresentable { format: FORMAT, key: key.clone(), what: "this key" });
        }
        let shown = match is_delimited(key) {
            true => format!("`{key}`"),
            false if key.contains('`') => format!("\"\"\"{key}\"\"\""),
            false => key.clone(),
        };
        written.keys.push_str(comment);
        let padding = widest.saturating_sub(shown.len());
        written.keys.push_str(&format!("{shown}{:padding$} = {value}\n", ""));
    }
    Ok(written)
}

/// The value with the quotes that ini.v1 gives it.
fn value_text(key: &str, node: &Node) -> Result<String, Error> {
    let problem = |what| Error::Unrepresentable { format: FORMAT, key: key.to_owned(), what };
    let value = match node {
        Node::Null => "<nil>".to_owned(),
        Node::Leaf(leaf) => {
            let text = display(leaf);
            std::str::from_utf8(text.expose()).map_err(|_| problem("text that is not UTF-8"))?.to_owned()
        }
        _ => return Err(problem("more than two levels")),
    };
    Ok(if value.contains(['\n', '`']) {
        format!("\"\"\"{value}\"\"\"")
    } else if value.contains(['#', ';']) {
        format!("`{value}`")
    } else if value.trim() != value {
        format!("\"{value}\"")
    } else {
        value
    })
}

fn comment_lines(comment: &Comment, name: &str, trim: bool) -> Result<String, Error> {
    let what = "a comment that is not UTF-8";
    let text = std::str::from_utf8(comment.text.expose());
    let text = text.map_err(|_| Error::Unrepresentable { format: FORMAT, key: name.to_owned(), what })?;
    let mut lines = String::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let (mark, rest) = match line.split_at_checked(1) {
            Some((mark @ ("#" | ";"), rest)) => (mark, rest.trim()),
            _ => (";", if trim { line.trim() } else { line }),
        };
        lines.push_str(&format!("{mark} {rest}\n"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        String::from_utf8(emit(&load(text.as_bytes()).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn sections_keys_and_comments_are_written_as_in_sops() {
        let text =
            "; top\nroot = 1\n\n# first\n; more\n[a] ; side\nlong_key: x # why\nk=\"quoted\"\n[b]\n[a]\nk = again\n; lost\n";
        let expected =
            "; top\nroot = 1\n\n; first\n; more\n; side\n[a]\n; why\nlong_key = x\nk        = quoted\n\n[b]\n\n[a]\nk = again\n";
        assert_eq!(rewritten(text), expected);
        assert_eq!(rewritten(&rewritten(text)), expected);
    }

    #[test]
    fn values_are_read_as_ini_v1_reads_them() {
        let text = "[s]\na = 'x'\nb = \"\"\"one\n two # no\n\"\"\" # yes\nc = `#;`\nd = one \\\n  two \\\n three\ne = \"a\" b\nf=\n`g=h` = 1\n\"i\" : 2\n- = 3\nj = \"x#y\"\n";
        let map = load(text.as_bytes()).unwrap();
        let Some(Node::Map(section)) = map.get("s") else { panic!("a section") };
        let get = |key: &str| section.get(key).and_then(Node::as_str).unwrap();
        assert_eq!((get("a"), get("b"), get("c")), ("x", "one\n two # no\n", "#;"));
        assert_eq!((get("d"), get("e"), get("f")), ("one two three", "\"a\" b", ""));
        assert_eq!((get("g=h"), get("i"), get("#1"), get("j")), ("1", "2", "3", "\"x"));
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let section = Map::from_iter([
            ("lines", Node::text("a\nb")),
            ("tick", Node::text("`")),
            ("mark", Node::text("a;b")),
            ("space", Node::text(" x ")),
            ("a=b", Node::text("")),
            ("null", Node::Null),
        ]);
        let text = emit(&Map::from_iter([("s", Node::Map(section.clone()))])).unwrap();
        let expected =
            "[s]\nlines = \"\"\"a\nb\"\"\"\ntick  = \"\"\"`\"\"\"\nmark  = `a;b`\nspace = \" x \"\n`a=b` = \nnull  = <nil>\n";
        assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
        let Some(Node::Map(back)) = load(&text).unwrap().get("s").cloned() else { panic!("a section") };
        assert_eq!(back.0[..5], section.0[..5]);
    }

    #[test]
    fn of_a_repeated_key_the_last_value_counts() {
        assert_eq!(rewritten("[s]\na = 1\nb = 2\na = 3\n"), "[s]\na = 3\nb = 2\n");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let error = |text: &str| load(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error("[a]\nx"),
            "line 2, column 1: not valid INI: a line must be a section, a comment or a key with `=` or `:`"
        );
        assert_eq!(error("[a\n"), "line 1, column 1: not valid INI: a section without its closing bracket");
        assert_eq!(error("[]\n"), "line 1, column 1: not valid INI: a section without a name");
        assert_eq!(error("= x\n"), "line 1, column 1: not valid INI: a key without a name");
        assert_eq!(error("a = \"\"\"x\n\n"), "line 3, column 1: not valid INI: a value without its closing quote");
        let error = |map: Map| emit(&map).unwrap_err().to_string();
        assert_eq!(error(Map::from_iter([("a", Node::text("x"))])), "`a`: INI cannot hold a value outside of a section");
        let deep = Map::from_iter([("k", Node::Map(Map::default()))]);
        assert_eq!(error(Map::from_iter([("a", Node::Map(deep))])), "`k`: INI cannot hold more than two levels");
        let unread = Map::from_iter([("#k", Node::text(""))]);
        assert_eq!(error(Map::from_iter([("a", Node::Map(unread))])), "`#k`: INI cannot hold this key");
    }
}
