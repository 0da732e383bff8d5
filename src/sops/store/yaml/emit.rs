//! Writing documents as go-yaml v3's emitter does under sops: block style, no folding, comments above, beside and below.
//!
//! The state variables keep the names that they have there, because their interplay decides about blanks and breaks: comments
//! wait in `head`, `line`, `foot` and `tail` until the emitter comes to a place where it writes such comments. One deliberate
//! difference: the indentation hint of a literal block is the true one, where the reference writes one that it cannot read
//! again (sops-age.md §8.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::room;
use super::style::{Style, is_simple_key, style_of};
use crate::sops::go;
use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::sops::value::Scalar;
use crate::yaml::emitter::is_printable;

/// Length of a line of `!!binary`.
const BINARY_LINE: usize = 70;

/// Writes documents, `---` between them. `indent` is 2 to 9.
pub(super) fn documents(documents: &[Map], indent: usize) -> String {
    let mut emitter = Emitter::new(indent);
    // Room for all of it, or growing would leave pieces of plaintext behind.
    emitter.out.reserve(documents.iter().map(|document| room::for_map(document, 0, indent)).sum());
    for (at, document) in documents.iter().enumerate() {
        emitter.document(document, at == 0);
    }
    emitter.out
}

/// Writes one value alone, with a line break at its end.
pub(super) fn value(node: &Node, indent: usize) -> String {
    let mut emitter = Emitter::new(indent);
    emitter.node(&Shape::of(node), Within::Root);
    emitter.write_indent();
    emitter.out
}

/// A text in double quotes.
pub(super) fn double_quoted(text: &str) -> String {
    let mut emitter = Emitter::new(2);
    emitter.double_quoted(text);
    emitter.out
}

/// A value with the comments that sops puts on its YAML node.
struct Shape<'a> {
    kind: Kind<'a>,
    head: String,
    line: String,
    foot: String,
}

enum Kind<'a> {
    Null,
    Leaf(&'a Scalar),
    List(Vec<Shape<'a>>),
    Map(Vec<Pair<'a>>),
}

struct Pair<'a> {
    key: &'a str,
    head: String,
    foot: String,
    value: Shape<'a>,
}

/// Comments on their way to the next item.
#[derive(Default)]
struct Waiting {
    own_lines: Vec<String>,
    inline: Vec<String>,
}

impl Waiting {
    fn add(&mut self, comment: &Comment) {
        let text = String::from_utf8_lossy(comment.text.expose()).into_owned();
        if comment.inline { &mut self.inline } else { &mut self.own_lines }.push(text);
    }

    fn take_own_lines(&mut self) -> String {
        joined(std::mem::take(&mut self.own_lines))
    }

    fn take_inline(&mut self) -> String {
        joined(std::mem::take(&mut self.inline))
    }

    fn take_all(&mut self) -> String {
        let inline = std::mem::take(&mut self.inline);
        self.own_lines.extend(inline);
        self.take_own_lines()
    }
}

fn joined(comments: Vec<String>) -> String {
    if comments.is_empty() { String::new() } else { format!("#{}", comments.join("\n#")) }
}

fn above(first: String, then: &str) -> String {
    match (first.is_empty(), then.is_empty()) {
        (true, _) => then.to_owned(),
        (false, true) => first,
        (false, false) => format!("{first}\n{then}"),
    }
}

impl<'a> Shape<'a> {
    fn of(node: &'a Node) -> Self {
        match node {
            Node::Map(map) => Self::of_map(map),
            Node::List(items) => Self::of_list(items),
            Node::Leaf(leaf) => Self::bare(Kind::Leaf(leaf)),
            Node::Null | Node::Comment(_) => Self::bare(Kind::Null),
        }
    }

    fn bare(kind: Kind<'a>) -> Self {
        Self { kind, head: String::new(), line: String::new(), foot: String::new() }
    }

    fn of_map(map: &'a Map) -> Self {
        let (mut pairs, mut waiting, mut head): (Vec<Pair<'a>>, _, _) = (Vec::new(), Waiting::default(), String::new());
        for entry in &map.0 {
            match entry {
                Entry::Comment(comment) => waiting.add(comment),
                Entry::Pair(key, node) => {
                    // What stands before the first key is the map's own.
                    if pairs.is_empty() {
                        head = waiting.take_own_lines();
                    }
                    let mut value = Self::of(node);
                    let own = waiting.take_own_lines();
                    value.line = waiting.take_inline();
                    pairs.push(Pair { key, head: own, foot: String::new(), value });
                }
            }
        }
        let rest = waiting.take_all();
        match pairs.last_mut() {
            Some(last) => last.foot = rest,
            None => head = rest,
        }
        Self { kind: Kind::Map(pairs), head, line: String::new(), foot: String::new() }
    }

    fn of_list(nodes: &'a [Node]) -> Self {
        let (mut items, mut waiting, mut head): (Vec<Shape<'a>>, _, _) = (Vec::new(), Waiting::default(), String::new());
        for node in nodes {
            if let Node::Comment(comment) = node {
                waiting.add(comment);
                continue;
            }
            if items.is_empty() {
                head = waiting.take_own_lines();
            }
            let mut item = Self::of(node);
            item.head = above(waiting.take_own_lines(), &item.head);
            item.line = above(waiting.take_inline(), &item.line);
            items.push(item);
        }
        let rest = waiting.take_all();
        match items.last_mut() {
            Some(last) => last.foot = above(std::mem::take(&mut last.foot), &rest),
            None => head = rest,
        }
        Self { kind: Kind::List(items), head, line: String::new(), foot: String::new() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Root,
    List,
    Map,
    Key,
}

struct Emitter {
    out: String,
    column: usize,
    best_indent: usize,
    indent: Option<usize>,
    whitespace: bool,
    indention: bool,
    /// The level of the last foot comment: a blank line follows before anything else at that level.
    foot_indent: Option<usize>,
    head: String,
    line: String,
    foot: String,
    tail: String,
}

impl Emitter {
    fn new(best_indent: usize) -> Self {
        Self {
            out: String::new(),
            column: 0,
            best_indent,
            indent: None,
            whitespace: true,
            indention: true,
            foot_indent: None,
            head: String::new(),
            line: String::new(),
            foot: String::new(),
            tail: String::new(),
        }
    }

    fn document(&mut self, map: &Map, first: bool) {
        if !first {
            self.write_indent();
            self.indicator("---", true, false, false);
            self.write_indent();
        }
        let shape = Shape::of_map(map);
        set(&mut self.head, &shape.head);
        self.process_head();
        self.node(&Shape { head: String::new(), ..shape }, Within::Root);
        self.process_line();
        self.process_foot();
        self.foot_indent = Some(0);
        self.process_foot();
        self.foot_indent = None;
        self.write_indent();
    }

    /// Writes a value; its `head` has been set aside by the caller where the caller writes heads.
    fn node(&mut self, shape: &Shape<'_>, within: Within) {
        match &shape.kind {
            Kind::Null => self.word("null", within, shape),
            Kind::Leaf(leaf) => self.leaf(leaf, within, shape),
            Kind::Map(pairs) => {
                set(&mut self.head, &shape.head);
                self.map(pairs, within, shape);
            }
            Kind::List(items) => {
                set(&mut self.head, &shape.head);
                self.list(items, within, shape);
            }
        }
    }

    fn map(&mut self, pairs: &[Pair<'_>], within: Within, shape: &Shape<'_>) {
        let outer = self.indent;
        if pairs.is_empty() {
            self.indicator("{", true, true, false);
            self.increase_indent(true, within);
            set(&mut self.line, &shape.line);
            set(&mut self.foot, &shape.foot);
            self.process_head();
            self.indent = outer;
            self.indicator("}", false, false, false);
            self.process_line();
            self.process_foot();
            return;
        }
        self.increase_indent(false, within);
        let mut tail = "";
        for pair in pairs {
            set(&mut self.head, &pair.head);
            set(&mut self.tail, tail);
            tail = &pair.foot;
            self.process_head();
            self.write_indent();
            if is_simple_key(pair.key) {
                self.string(pair.key, Within::Key);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(pair.key, Within::Map);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(&pair.value, Within::Map);
            self.process_line();
            self.process_foot();
        }
        set(&mut self.tail, tail);
        set(&mut self.line, &shape.line);
        set(&mut self.foot, &shape.foot);
        self.process_head();
        self.indent = outer;
    }

    fn list(&mut self, items: &[Shape<'_>], within: Within, shape: &Shape<'_>) {
        let outer = self.indent;
        if items.is_empty() {
            self.indicator("[", true, true, false);
            set(&mut self.line, &shape.line);
            set(&mut self.foot, &shape.foot);
            if self.column == 0 {
                self.write_indent();
            }
            self.indicator("]", false, false, false);
            self.process_line();
            self.process_foot();
            return;
        }
        self.increase_indent(false, within);
        for item in items {
            set(&mut self.head, &item.head);
            self.process_head();
            self.write_indent();
            self.indicator("-", true, false, true);
            // The head has been written above the dash.
            match &item.kind {
                Kind::Null => self.word("null", Within::List, item),
                Kind::Leaf(leaf) => self.leaf(leaf, Within::List, item),
                Kind::Map(pairs) => self.map(pairs, Within::List, item),
                Kind::List(items) => self.list(items, Within::List, item),
            }
            self.process_line();
            self.process_foot();
        }
        set(&mut self.line, &shape.line);
        set(&mut self.foot, &shape.foot);
        self.indent = outer;
    }

    fn increase_indent(&mut self, flow: bool, within: Within) {
        self.indent = Some(match self.indent {
            None if flow => self.best_indent,
            None => 0,
            // Inside a list item the first level only skips the `- `.
            Some(indent) if within == Within::List => indent + 2,
            Some(indent) => (indent / self.best_indent + 1) * self.best_indent,
        });
    }

    fn leaf(&mut self, leaf: &Scalar, within: Within, shape: &Shape<'_>) {
        match leaf {
            Scalar::Text(text) | Scalar::Comment(text) => {
                set(&mut self.line, &shape.line);
                set(&mut self.foot, &shape.foot);
                match std::str::from_utf8(text.expose()) {
                    Ok(text) => self.string(text, within),
                    Err(_) => self.binary(text.expose(), within),
                }
            }
            Scalar::Int(value) => self.word(&value.to_string(), within, shape),
            Scalar::Bool(value) => self.word(if *value { "true" } else { "false" }, within, shape),
            Scalar::Time(value) => self.word(&go::time_nano(*value), within, shape),
            Scalar::Float(value) => {
                let text = match go::float_g(*value).as_str() {
                    "+Inf" => ".inf".to_owned(),
                    "-Inf" => "-.inf".to_owned(),
                    "NaN" => ".nan".to_owned(),
                    other => other.to_owned(),
                };
                self.word(&text, within, shape);
            }
        }
    }

    /// A scalar that is no string.
    fn word(&mut self, word: &str, _within: Within, shape: &Shape<'_>) {
        set(&mut self.line, &shape.line);
        set(&mut self.foot, &shape.foot);
        self.plain(word);
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() && !self.whitespace {
            self.put(' ');
        }
        self.put_text(text);
        self.whitespace &= text.is_empty();
        self.indention = false;
    }

    fn string(&mut self, text: &str, within: Within) {
        match style_of(text, within == Within::Key) {
            Style::Plain => self.plain(text),
            Style::SingleQuoted => {
                self.indicator("'", true, false, false);
                self.put_text(&text.replace('\'', "''"));
                self.indicator("'", false, false, false);
                (self.whitespace, self.indention) = (false, false);
            }
            Style::DoubleQuoted => self.double_quoted(text),
            Style::Literal => self.literal(text, within),
        }
    }

    fn binary(&mut self, bytes: &[u8], within: Within) {
        self.indicator("!!binary", true, false, false);
        let encoded = STANDARD.encode(bytes);
        if encoded.len() < BINARY_LINE {
            return self.plain(&encoded);
        }
        let mut lines = String::new();
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(BINARY_LINE));
            lines.extend([line, "\n"]);
            rest = after;
        }
        self.literal(&lines, within);
    }

    fn double_quoted(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        let escape_all = text.starts_with('\u{feff}');
        for char in text.chars() {
            if is_printable(char) && !escape_all && !matches!(char, '\n' | '"' | '\\') {
                self.put(char);
                continue;
            }
            let escape = match char {
                '\0' => "\\0".to_owned(),
                '\x07' => "\\a".to_owned(),
                '\x08' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\x0b' => "\\v".to_owned(),
                '\x0c' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '\x1b' => "\\e".to_owned(),
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\u{85}' => "\\N".to_owned(),
                '\u{a0}' => "\\_".to_owned(),
                '\u{2028}' => "\\L".to_owned(),
                '\u{2029}' => "\\P".to_owned(),
                other => match u32::from(other) {
                    code @ 0..=0xff => format!("\\x{code:02X}"),
                    code @ 0x100..=0xffff => format!("\\u{code:04X}"),
                    code => format!("\\U{code:08X}"),
                },
            };
            self.put_text(&escape);
        }
        self.indicator("\"", false, false, false);
        (self.whitespace, self.indention) = (false, false);
    }

    fn literal(&mut self, text: &str, within: Within) {
        let outer = self.indent;
        self.increase_indent(true, within);
        self.indicator("|", true, false, false);
        if text.starts_with([' ', '\n']) {
            let hint = self.indent.unwrap_or(0) - outer.unwrap_or(0);
            self.indicator(&hint.to_string(), false, false, false);
        }
        let chomp = match text.strip_suffix('\n') {
            None => "-",
            Some(before) if before.is_empty() || before.ends_with('\n') => "+",
            Some(_) => "",
        };
        if !chomp.is_empty() {
            self.indicator(chomp, false, false, false);
        }
        if self.line.is_empty() {
            self.put_break();
        } else {
            self.process_line();
        }
        self.whitespace = true;
        let mut breaks = true;
        for char in text.chars() {
            if char == '\n' {
                self.put_break();
                breaks = true;
            } else {
                if std::mem::take(&mut breaks) {
                    self.write_indent();
                }
                self.put(char);
                self.indention = false;
            }
        }
        self.indent = outer;
    }

    fn process_head(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.write_indent();
            self.comment(&tail);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
        let head = std::mem::take(&mut self.head);
        if !head.is_empty() {
            self.write_indent();
            self.comment(&head);
        }
    }

    fn process_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            if !self.whitespace {
                self.put(' ');
            }
            self.comment(&line);
        }
    }

    fn process_foot(&mut self) {
        let foot = std::mem::take(&mut self.foot);
        if !foot.is_empty() {
            self.write_indent();
            self.comment(&foot);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
    }

    fn comment(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.write_indent();
            }
            self.put_text(line);
            self.indention = false;
            self.put_break();
        }
        self.whitespace = true;
    }

    fn put(&mut self, char: char) {
        self.out.push(char);
        self.column += 1;
    }

    /// A text without line breaks.
    fn put_text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.foot_indent = None;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.put_text(text);
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }
}

/// A comment of an event takes the place of one that still waits, if there is one at all.
fn set(waiting: &mut String, comment: &str) {
    if !comment.is_empty() {
        comment.clone_into(waiting);
    }
}
