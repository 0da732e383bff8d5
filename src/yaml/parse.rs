//! From text to trees: consumes the events of `granit-parser` and repairs the spans where they are not exact.
//!
//! The events' spans are bytes and exact for plain, quoted, flow and alias nodes. Three are repaired here: a block scalar's
//! span lacks its `|` header (found by reading forward from the node before it, never by looking back, because a comment
//! behind the header may hold a `|` too); a block collection's span is empty (it is made from its children); the dash of a
//! sequence written at its key's own indentation is skipped. Texts of the plain kind are read by [`quick`], with the same result.

mod quick;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, options};
use zeroize::Zeroizing;

use super::error::{Error, Position};
use super::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use super::tree::{Comment, Content, Document, NodeData, Style, Text};

/// Reads all documents of a text. A text of blanks and comments only has no documents; `---` alone is one empty document.
///
/// A byte order mark, CR LF, directives, `---` and `...` are accepted wherever YAML 1.2 has them.
///
/// # Errors
/// [`Error::Syntax`], and [`Error::TooLong`] and [`Error::TooDeep`] at the [`limits`](super::limits).
pub fn parse_stream(text: &str) -> Result<Vec<Document>, Error> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Error::TooLong { bytes: text.len(), limit: MAX_TEXT_BYTES });
    }
    match quick::parse(text) {
        Some(documents) => Ok(documents),
        None => parse_in_full(text),
    }
}

/// Reads all of YAML, and says what is wrong with what is none.
fn parse_in_full(text: &str) -> Result<Vec<Document>, Error> {
    let mut builder = Builder::new(text);
    for event in Parser::new_from_str_with_options(text, parser_options()) {
        let (event, span) = event.map_err(|error| syntax_error(&error))?;
        builder.event(event, span)?;
    }
    Ok(builder.documents)
}

fn parser_options() -> Options {
    let mut options = options! {
        emit_anchor_events: true,
        // Ours come first: they know the position, and say the limit.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        // Any number of comment lines in a row is fine: the text's length is the bound.
        max_buffered_comment_events: usize::MAX,
    };
    options.set_emit_comments(true);
    options
}

fn syntax_error(error: &ScanError) -> Error {
    let position = position(error.marker());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => Error::TooDeep { position, limit: MAX_DEPTH },
        // The parser's reasons name characters and tokens, never content.
        kind => Error::Syntax { position, reason: kind.to_string() },
    }
}

fn position(mark: &Marker) -> Position {
    Position { offset: mark.byte_offset().unwrap_or(0), line: mark.line(), column: mark.col() + 1 }
}

/// A collection that is still open.
struct Open {
    id: usize,
    /// The key that waits for its value, when the collection is a mapping.
    key: Option<usize>,
}

struct Builder<'t> {
    text: &'t str,
    documents: Vec<Document>,
    nodes: Vec<NodeData>,
    open: Vec<Open>,
    anchors: HashMap<usize, usize>,
    last_node: Option<usize>,
    root: Option<usize>,
    start: Option<usize>,
    explicit_start: bool,
    /// Comments that belong to the document being read, or to the next one.
    comments: Vec<Comment>,
    /// Whether comments now belong to the document before, because no `...` has ended it.
    trailing: bool,
    /// End of the last token that is known to be consumed.
    consumed: usize,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            documents: Vec::new(),
            nodes: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            last_node: None,
            root: None,
            start: None,
            explicit_start: false,
            comments: Vec::new(),
            trailing: false,
            consumed: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        let range = span.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(explicit, _) => {
                self.trailing = false;
                self.explicit_start = explicit;
                self.start = explicit.then_some(range.start);
                if explicit {
                    self.consumed = self.consumed.max(range.end);
                }
            }
            Event::DocumentEnd => self.end_document(&range),
            Event::Comment(..) => self.comment(&span, range),
            Event::Anchor(id, name) => {
                if let Some(node) = self.last_node.and_then(|last| self.nodes.get_mut(last)) {
                    node.anchor = Some(name.into());
                    node.outer_start = node.outer_start.min(range.start);
                }
                if let Some(last) = self.last_node {
                    self.anchors.insert(id, last);
                }
                self.consumed = self.consumed.max(range.end);
            }
            Event::Alias(id) => {
                // Unknown anchors are errors of the parser; the fallback keeps this total.
                let target = self
                    .anchors
                    .get(&id)
                    .copied()
                    .ok_or_else(|| Error::Syntax { position: position(&span.start), reason: "unknown anchor".into() })?;
                self.consumed = self.consumed.max(range.end);
                self.add(Content::Alias(target), None, &span, range);
            }
            Event::Scalar(value, style, _, tag) => {
                let tag = tag.map(|tag| tag.to_string().into_boxed_str());
                self.scalar(value.into_owned(), style, tag, &span, range);
            }
            Event::SequenceStart(style, _, tag) => {
                let flow = style == StructureStyle::Flow;
                self.collection(Content::Sequence { items: Vec::new(), flow }, tag.map(|t| t.to_string()), flow, &span, range)?;
            }
            Event::MappingStart(style, _, tag) => {
                let flow = style == StructureStyle::Flow;
                self.collection(Content::Mapping { entries: Vec::new(), flow }, tag.map(|t| t.to_string()), flow, &span, range)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&range),
            _ => {}
        }
        Ok(())
    }

    fn comment(&mut self, span: &Span, range: Range<usize>) {
        let line_start = self.text[..range.start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let before = self.text[line_start..range.start].trim_start_matches('\u{feff}');
        let comment =
            Comment { trailing: !before.trim_matches([' ', '\t']).is_empty(), position: position(&span.start), span: range };
        match self.documents.last_mut() {
            Some(last) if self.trailing => last.comments.push(comment),
            _ => self.comments.push(comment),
        }
    }

    fn end_document(&mut self, range: &Range<usize>) {
        let Some(root) = self.root.take() else { return };
        let node = &self.nodes[root];
        let span = self.start.unwrap_or(node.outer_start)..node.span.end;
        self.documents.push(Document {
            root,
            comments: std::mem::take(&mut self.comments),
            span,
            explicit_start: self.explicit_start,
            nodes: std::mem::take(&mut self.nodes),
            source: Arc::default(),
        });
        self.anchors.clear();
        self.last_node = None;
        self.trailing = range.is_empty();
        if !range.is_empty() {
            self.consumed = self.consumed.max(range.end);
        }
    }

    fn scalar(&mut self, value: String, style: ScalarStyle, tag: Option<Box<str>>, span: &Span, range: Range<usize>) {
        let mut text = Zeroizing::new(value);
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let mut header = None;
        let span_end = range.end;
        let mut range = range;
        let mut at = position(&span.start);
        if matches!(style, Style::Literal | Style::Folded) {
            let start = skip_to_indicator(self.text, self.consumed, &['|', '>']);
            let header_end = start + self.text[start..].find([' ', '\t', '\n', '\r']).unwrap_or(self.text.len() - start);
            at = self.position_before(start, &span.start);
            range = start..block_end(self.text, header_end, range.end.max(header_end));
            header = Some(header_end);
            self.consumed = range.end;
            // A last line that the text's end cuts off has no line break; the parser adds one, libyaml does not.
            let last_line = &self.text[self.text.rfind(['\n', '\r']).map_or(0, |at| at + 1)..];
            let is_content =
                !last_line.trim_matches([' ', '\t']).is_empty() || span.indent.is_some_and(|indent| last_line.len() > indent);
            if span_end == self.text.len() && self.text.len() > header_end && is_content && text.ends_with('\n') {
                text.pop();
            }
        } else if range.is_empty() {
            // The events give an absent value the text `~`, and the place of the colon before it.
            text.clear();
            let waits = self.open.last().is_some_and(|parent| parent.key.is_some());
            let mut after = self.text[range.start..].chars();
            if waits && after.next() == Some(':') && after.next().is_none_or(|c| " \t\r\n,}]".contains(c)) {
                range = range.start + 1..range.start + 1;
                at.offset += 1;
                at.column += 1;
            }
        } else {
            self.consumed = self.consumed.max(range.end);
        }
        let id = self.add(Content::Scalar { text: Text::Own(text), style, header }, tag, span, range);
        self.nodes[id].position = at;
    }

    fn collection(
        &mut self,
        content: Content,
        tag: Option<String>,
        flow: bool,
        span: &Span,
        range: Range<usize>,
    ) -> Result<(), Error> {
        let mut at = position(&span.start);
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::TooDeep { position: at, limit: MAX_DEPTH });
        }
        let mut range = range;
        if flow {
            self.consumed = self.consumed.max(range.end);
        } else if matches!(content, Content::Sequence { .. }) && self.open.last().is_some_and(|parent| parent.key.is_some()) {
            let start = skip_to_indicator(self.text, self.consumed, &['-']).min(range.start);
            at = self.position_before(start, &span.start);
            range = start..start;
        }
        let id = self.add(content, tag.map(String::into_boxed_str), span, range);
        self.nodes[id].position = at;
        self.open.push(Open { id, key: None });
        Ok(())
    }

    fn close(&mut self, range: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let last = match &self.nodes[open.id].content {
            Content::Mapping { entries, .. } => entries.last().map(|&(key, value)| key.max(value)),
            Content::Sequence { items, .. } => items.last().copied(),
            _ => None,
        };
        let end = if range.is_empty() { last.map(|last| self.nodes[last].span.end) } else { Some(range.end) };
        let node = &mut self.nodes[open.id];
        if let Some(end) = end {
            node.span.end = end.max(node.span.start);
        }
        if !range.is_empty() {
            self.consumed = self.consumed.max(range.end);
        }
    }

    /// Puts a node into the arena and under its parent.
    fn add(&mut self, content: Content, tag: Option<Box<str>>, span: &Span, range: Range<usize>) -> usize {
        let id = self.nodes.len();
        let tag_start = span.tag_start().and_then(|mark| mark.byte_offset());
        let outer_start = tag_start.map_or(range.start, |start| start.min(range.start));
        self.nodes.push(NodeData { content, tag, anchor: None, position: position(&span.start), span: range, outer_start });
        self.last_node = Some(id);
        match self.open.last_mut() {
            None => self.root = Some(id),
            Some(parent) => match &mut self.nodes[parent.id].content {
                Content::Sequence { items, .. } => items.push(id),
                Content::Mapping { entries, .. } => match parent.key.take() {
                    None => parent.key = Some(id),
                    Some(key) => entries.push((key, id)),
                },
                _ => {}
            },
        }
        id
    }

    /// The position of `offset`, which is not behind `mark` and only a few lines before it.
    fn position_before(&self, offset: usize, mark: &Marker) -> Position {
        let mark = position(mark);
        let between = self.text.get(offset..mark.offset).unwrap_or("");
        let breaks = between.matches(['\n', '\r']).count() - between.matches("\r\n").count();
        let before = &self.text[..offset];
        let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
        Position { offset, line: mark.line - breaks.min(mark.line), column }
    }
}

/// From the end of one token to the first character that is one of `wanted`, passing over blanks, comments, tags, anchors and
/// the indicators `:`, `-`, `?`. The end of the text when there is none.
fn skip_to_indicator(text: &str, from: usize, wanted: &[char]) -> usize {
    let mut rest = text[from..].char_indices();
    while let Some((at, c)) = rest.next() {
        if wanted.contains(&c) {
            return from + at;
        }
        match c {
            '#' => while rest.next().is_some_and(|(_, c)| c != '\n' && c != '\r') {},
            '&' | '!' => while rest.next().is_some_and(|(_, c)| !matches!(c, ' ' | '\t' | '\n' | '\r')) {},
            _ => {}
        }
    }
    text.len()
}

/// End of the last line of `text[..end]` that is not blank, without its line break, but not before `header_end`. A comment on
/// the header's line is not reached, because the header's own line is never taken as content.
fn block_end(text: &str, header_end: usize, end: usize) -> usize {
    let Some(body) = text[header_end..end].find(['\n', '\r']).map(|at| header_end + at + 1) else { return header_end };
    let mut last = header_end;
    let mut line_start = body;
    for line in text[body..end].split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if !content.trim_matches([' ', '\t', '\r']).is_empty() {
            last = line_start + content.len();
        }
        line_start += line.len();
    }
    last
}

#[cfg(test)]
mod tests;
