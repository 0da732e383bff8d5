//! The plain part of YAML in one pass over the lines: what nearly every file of values is made of.
//!
//! Block maps and lists, scalars on one line, literal blocks, comments, `---`. Everything else (flow style, anchors, tags, escapes, text
//! over several lines, tabs, CR, absent documents), and everything wrong, is [`None`]: the whole text then goes to the full parser, which
//! alone says what is an error. What is read here is the same tree to the last byte: node numbers, spans, positions, comments. The tests
//! hold that over every combination of a few dozen lines. The full parser costs five times as much, and a file of SOPS is
//! read several times before anything is written.

use std::sync::Arc;

use memchr::{memchr, memchr_iter, memchr2_iter};
use zeroize::Zeroizing;

use super::super::error::Position;
use super::super::tree::{Comment, Content, Document, NodeData, Style, Text};

/// Deepest nesting read here; the full parser knows the limit and its error.
const MAX_DEPTH: usize = 64;
/// Most nodes that room is made for before they are there.
const MAX_RESERVED: usize = 1 << 16;
/// Longest key read here: YAML has a limit of 1024 characters.
const MAX_KEY: usize = 512;

/// Reads a text of the plain kind; `None` for every other.
pub(super) fn parse(text: &str) -> Option<Vec<Document>> {
    let is_ascii = text.is_ascii();
    let usual = if is_ascii { text.as_bytes().chunks(64).all(is_usual_ascii) } else { text.chars().all(is_usual) };
    if !usual {
        return None;
    }
    let mut lines = Lines {
        text,
        bytes: text.as_bytes(),
        is_ascii,
        at: 0,
        end: 0,
        number: 1,
        nodes: Vec::with_capacity((2 * memchr_iter(b'\n', text.as_bytes()).count()).min(MAX_RESERVED)),
        open: Vec::new(),
        root: None,
        start: None,
        comments: Vec::new(),
        documents: Vec::new(),
        source: Arc::new(Zeroizing::new(text.to_owned())),
    };
    while lines.at < text.len() {
        lines.end = lines.end_of_line(lines.at);
        lines.line()?;
        lines.at = lines.end + 1;
        lines.number += 1;
    }
    lines.end_document()?;
    Some(lines.documents)
}

/// Whether a piece of ASCII is all of usual characters; without branches, because every text goes through it.
fn is_usual_ascii(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |odd, byte| odd | ((*byte < b' ') & (*byte != b'\n')) | (*byte == 0x7f))
}

/// Characters that mean the same to every reader, tabs not among them.
fn is_usual(c: char) -> bool {
    matches!(
        c,
        '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'..
    )
}

/// Whether a plain scalar may begin so, wherever it stands. There are more such characters; these need no second look.
fn begins_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'$' | b'+' | b'(' | b'=' | b'<' | b'~' | b'^' | b';')
}

/// A map or list that is still open.
struct Open {
    id: usize,
    column: usize,
    is_map: bool,
    /// The key that waits for its value, and the end of its colon.
    waits: Option<(usize, Position)>,
}

/// A scalar on one line.
struct Word {
    start: usize,
    end: usize,
    style: Style,
    follows: Follows,
}

/// What stands behind a scalar on its line.
enum Follows {
    Nothing,
    /// A comment, with its first byte.
    Comment(usize),
    /// A colon, which makes the scalar a key, with its place.
    Colon(usize),
}

struct Lines<'t> {
    text: &'t str,
    bytes: &'t [u8],
    is_ascii: bool,
    /// The line being read, and its number from 1.
    at: usize,
    end: usize,
    number: usize,
    nodes: Vec<NodeData>,
    open: Vec<Open>,
    root: Option<usize>,
    /// The document's `---`.
    start: Option<usize>,
    comments: Vec<Comment>,
    documents: Vec<Document>,
    /// A copy of the text for the documents, instead of one of every scalar.
    source: Arc<Zeroizing<String>>,
}

impl Lines<'_> {
    fn end_of_line(&self, from: usize) -> usize {
        memchr(b'\n', self.bytes.get(from..).unwrap_or_default()).map_or(self.bytes.len(), |length| from + length)
    }

    /// The byte at a place of the line; a line break at its end.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    fn spaces(&self, from: usize) -> usize {
        self.bytes.get(from..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count()
    }

    fn position(&self, at: usize) -> Position {
        let before = self.text.get(self.at..at).unwrap_or_default();
        let column = if self.is_ascii { before.len() } else { before.chars().count() };
        Position { offset: at, line: self.number, column: column + 1 }
    }

    fn line(&mut self) -> Option<()> {
        let first = self.at + self.spaces(self.at);
        if first == self.end {
            return Some(());
        }
        if self.byte(first) == b'#' {
            self.comment(first, false);
            return Some(());
        }
        if first == self.at {
            let line = self.bytes.get(first..self.end)?;
            if line == b"---" {
                if self.root.is_some() {
                    self.end_document()?;
                } else if self.start.is_some() {
                    return None;
                }
                self.start = Some(first);
                return Some(());
            }
            if line.starts_with(b"---") || line.starts_with(b"...") {
                return None;
            }
        }
        self.content(first)
    }

    fn comment(&mut self, at: usize, trailing: bool) {
        let position = self.position(at);
        self.comments.push(Comment { span: at..self.end, position, trailing });
    }

    /// `-` with a blank behind it. A dash alone on its line is not of the plain kind.
    fn is_dash(&self, at: usize) -> bool {
        self.byte(at) == b'-' && matches!(self.byte(at + 1), b' ' | b'\n')
    }

    /// A line that is neither blank nor a comment alone.
    fn content(&mut self, first: usize) -> Option<()> {
        let column = first - self.at;
        let mut dash = self.is_dash(first);
        if let Some(top) = self.open.last()
            && top.waits.is_some()
            && column <= top.column
            && !(column == top.column && dash)
        {
            self.absent();
        }
        while let Some(top) = self.open.last()
            && (top.column > column || (top.column == column && !top.is_map && !dash))
        {
            self.close();
        }
        let begins = match self.open.last() {
            None if self.root.is_none() && column == 0 => true,
            None => return None,
            Some(top) if top.waits.is_some() => true,
            Some(top) if top.column == column && top.is_map != dash => false,
            Some(_) => return None,
        };
        if begins && dash {
            self.begin(first, false)?;
        }
        let mut at = first;
        while dash {
            at += 1 + self.spaces(at + 1);
            dash = self.is_dash(at);
            if dash {
                self.begin(at, false)?;
            }
        }
        if at == first && !begins {
            return self.entry(at);
        }
        let is_key = self.word(at).is_some_and(|word| matches!(word.follows, Follows::Colon(_)));
        if is_key {
            self.begin(at, true)?;
            return self.entry(at);
        }
        // A scalar below its key, or alone in a document, is not of the plain kind.
        if at == first { None } else { self.value(at) }
    }

    /// A key, its colon, and its value if that stands on the line.
    fn entry(&mut self, at: usize) -> Option<()> {
        let word = self.word(at)?;
        let Follows::Colon(colon) = word.follows else { return None };
        if word.end - word.start > MAX_KEY {
            return None;
        }
        let key = self.scalar(&word);
        let behind = self.position(colon + 1);
        self.open.last_mut()?.waits = Some((key, behind));
        let value = colon + 1 + self.spaces(colon + 1);
        match self.byte(value) {
            b'\n' => Some(()),
            b'#' => {
                self.comment(value, true);
                Some(())
            }
            _ => self.value(value),
        }
    }

    /// A value on the line of its key or dash.
    fn value(&mut self, at: usize) -> Option<()> {
        match self.byte(at) {
            b'|' => return self.block(at),
            b'[' | b'{' => {
                let content = match self.bytes.get(at..self.end)? {
                    b"[]" => Content::Sequence { items: Vec::new(), flow: true },
                    b"{}" => Content::Mapping { entries: Vec::new(), flow: true },
                    _ => return None,
                };
                self.add(content, at, self.end, self.position(at));
                return Some(());
            }
            _ => {}
        }
        let word = self.word(at)?;
        self.scalar(&word);
        match word.follows {
            Follows::Nothing => {}
            Follows::Comment(at) => self.comment(at, true),
            Follows::Colon(_) => return None,
        }
        Some(())
    }

    /// Finds the end of the scalar that begins here.
    fn word(&self, start: usize) -> Option<Word> {
        let line = self.bytes.get(start..self.end)?;
        let quote = *line.first()?;
        if quote == b'"' || quote == b'\'' {
            let length = memchr(quote, line.get(1..)?)?;
            let end = start + length + 2;
            let doubled = quote == b'\'' && self.byte(end) == quote;
            if doubled || (quote == b'"' && memchr(b'\\', line.get(..length + 1)?).is_some()) {
                return None;
            }
            let style = if quote == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
            let next = end + self.spaces(end);
            let follows = match (self.byte(next), self.byte(next + 1)) {
                (b'\n', _) => Follows::Nothing,
                (b'#', _) if next > end => Follows::Comment(next),
                (b':', b' ' | b'\n') if next == end => Follows::Colon(next),
                _ => return None,
            };
            return Some(Word { start, end, style, follows });
        }
        let signed = quote == b'-' && !matches!(line.get(1), None | Some(b' ' | b'-'));
        if !begins_plain(quote) && !signed {
            return None;
        }
        let mut stop = line.len();
        let mut follows = Follows::Nothing;
        for at in memchr2_iter(b':', b'#', line) {
            let colon = line.get(at) == Some(&b':');
            if colon && matches!(line.get(at + 1), None | Some(b' ')) {
                (stop, follows) = (at, Follows::Colon(start + at));
                break;
            }
            if !colon && at.checked_sub(1).and_then(|before| line.get(before)) == Some(&b' ') {
                (stop, follows) = (at, Follows::Comment(start + at));
                break;
            }
        }
        let blanks = line.get(..stop)?.iter().rev().take_while(|byte| **byte == b' ').count();
        Some(Word { start, end: start + stop - blanks, style: Style::Plain, follows })
    }

    fn scalar(&mut self, word: &Word) -> usize {
        let inner = if word.style == Style::Plain { word.start..word.end } else { word.start + 1..word.end - 1 };
        let content = Content::Scalar { text: Text::Source(inner), style: word.style, header: None };
        self.add(content, word.start, word.end, self.position(word.start))
    }

    /// A literal block, `|` or `|-`: this line and those below it that are its text.
    fn block(&mut self, at: usize) -> Option<()> {
        let strips = match self.bytes.get(at..self.end)? {
            b"|" => false,
            b"|-" => true,
            _ => return None,
        };
        let parent = self.open.last()?.column;
        let position = self.position(at);
        let header = self.end;
        let body = header + 1;
        let (mut indent, mut last) = (None, header);
        let mut next = body;
        let mut number = self.number + 1;
        while next < self.bytes.len() {
            let (spaces, end) = (self.spaces(next), self.end_of_line(next));
            if next + spaces == end {
                // Blanks behind the indentation would be text.
                if spaces > indent.unwrap_or(0) {
                    return None;
                }
            } else {
                let of_block = *indent.get_or_insert(spaces);
                if spaces < of_block || of_block <= parent {
                    // Between the two indentations it is an error, or a comment of who knows what.
                    if spaces > parent {
                        return None;
                    }
                    break;
                }
                last = end;
            }
            (self.end, self.number) = (end, number);
            next = end + 1;
            number += 1;
        }
        let indent = indent.filter(|_| last > header && last < self.bytes.len())?;
        let lines = self.text.get(body..last)?;
        let mut text = Zeroizing::new(String::with_capacity(lines.len() + 1));
        for line in lines.split('\n') {
            text.push_str(line.get(indent..).unwrap_or_default());
            text.push('\n');
        }
        if strips {
            text.pop();
        }
        self.add(Content::Scalar { text: Text::Own(text), style: Style::Literal, header: Some(header) }, at, last, position);
        Some(())
    }

    /// Nothing, where a key waits for its value.
    fn absent(&mut self) {
        if let Some((_, at)) = self.open.last().and_then(|top| top.waits) {
            let text = Text::Source(at.offset..at.offset);
            self.add(Content::Scalar { text, style: Style::Plain, header: None }, at.offset, at.offset, at);
        }
    }

    fn begin(&mut self, at: usize, is_map: bool) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        let content = if is_map {
            Content::Mapping { entries: Vec::new(), flow: false }
        } else {
            Content::Sequence { items: Vec::new(), flow: false }
        };
        let id = self.add(content, at, at, self.position(at));
        self.open.push(Open { id, column: at - self.at, is_map, waits: None });
        Some(())
    }

    /// Puts a node into the arena and under its parent, as the full parser's builder does. A map's key is put nowhere yet.
    fn add(&mut self, content: Content, start: usize, end: usize, position: Position) -> usize {
        let id = self.nodes.len();
        self.nodes.push(NodeData { content, tag: None, anchor: None, position, span: start..end, outer_start: start });
        match self.open.last_mut() {
            None => self.root = Some(id),
            Some(parent) => match self.nodes.get_mut(parent.id).map(|node| &mut node.content) {
                Some(Content::Sequence { items, .. }) => items.push(id),
                Some(Content::Mapping { entries, .. }) => {
                    if let Some((key, _)) = parent.waits.take() {
                        entries.push((key, id));
                    }
                }
                _ => {}
            },
        }
        id
    }

    /// Ends the innermost map or list where its last node ends.
    fn close(&mut self) {
        let Some(top) = self.open.pop() else { return };
        let last = self.nodes.get(top.id).and_then(|node| match &node.content {
            Content::Mapping { entries, .. } => entries.last().map(|&(_, value)| value),
            Content::Sequence { items, .. } => items.last().copied(),
            _ => None,
        });
        let end = last.and_then(|last| self.nodes.get(last)).map(|last| last.span.end);
        if let (Some(end), Some(node)) = (end, self.nodes.get_mut(top.id)) {
            node.span.end = end;
        }
    }

    fn end_document(&mut self) -> Option<()> {
        self.absent();
        while !self.open.is_empty() {
            self.close();
        }
        let root = self.root.take()?;
        let node = self.nodes.get(root)?;
        let span = self.start.unwrap_or(node.outer_start)..node.span.end;
        self.documents.push(Document {
            root,
            comments: std::mem::take(&mut self.comments),
            span,
            explicit_start: self.start.take().is_some(),
            nodes: std::mem::take(&mut self.nodes),
            source: Arc::clone(&self.source),
        });
        Some(())
    }
}

#[cfg(test)]
mod tests;
