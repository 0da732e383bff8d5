//! The tokens that go-yaml's scanner makes of a document, made again from its tree: what stands between comments.
//!
//! Only what decides about comments is here: where each begins, whether a block begins or ends, and at which column.

use crate::yaml::{self, Kind, Style};

/// Kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    StreamStart,
    DocumentStart,
    Property,
    Scalar { plain: bool },
    Alias,
    Value,
    BlockEntry,
    MapStart,
    ListStart,
    BlockEnd,
    FlowStart,
    FlowEntry,
    FlowEnd,
    End,
}

/// A token of go-yaml's scanner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Its kind.
    pub(super) what: What,
    /// Its first byte.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    /// Column of the innermost block behind this token, from 0; of a block's end, the column of that block.
    pub(super) indent: usize,
    /// Whether it stands in braces or brackets.
    pub(super) in_flow: bool,
}

/// Makes the tokens.
pub(super) struct Tokens<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    comments: &'t [yaml::Comment],
    indents: Vec<usize>,
    flow: usize,
}

impl<'t> Tokens<'t> {
    /// Those of a document of `text`.
    pub(super) fn of(text: &'t str, document: &'t yaml::Document, is_first: bool) -> Vec<Token> {
        let mut tokens = Self { text, tokens: Vec::new(), comments: document.comments(), indents: Vec::new(), flow: 0 };
        let root = document.root();
        let begin = document.comments().first().map_or(usize::MAX, |comment| comment.span.start);
        let begin = begin.min(document.span().start).min(root.full_span().start);
        let begin = if is_first { 0 } else { begin };
        tokens.push(What::StreamStart, begin, begin);
        if document.has_marker() {
            let start = document.span().start;
            tokens.push(What::DocumentStart, start, start + 3);
        }
        tokens.node(root, None);
        let end = tokens.next();
        tokens.push(What::End, end, end);
        tokens.tokens
    }

    fn push(&mut self, what: What, start: usize, end: usize) {
        let indent = self.indents.last().copied().unwrap_or(0);
        self.tokens.push(Token { what, start, end, indent, in_flow: self.flow > 0 });
    }

    /// Where the next token begins: behind blanks and comments.
    fn next(&self) -> usize {
        let mut at = self.tokens.last().map_or(0, |token| token.end);
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}']).len();
            if !self.text.get(at..).is_some_and(|rest| rest.starts_with('#')) {
                return at;
            }
            let comment = self.comments.partition_point(|comment| comment.span.end <= at);
            match self.comments.get(comment).filter(|comment| comment.span.start <= at) {
                Some(comment) => at = comment.span.end,
                None => return at,
            }
        }
    }

    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        before.get(line..).unwrap_or_default().trim_start_matches('\u{feff}').chars().count()
    }

    /// One character that must be there.
    fn sign(&mut self, char: char, what: What) {
        let at = self.next();
        if self.text.get(at..).is_some_and(|rest| rest.starts_with(char)) {
            self.push(what, at, at + 1);
        }
    }

    fn node(&mut self, node: yaml::Node<'_>, map_column: Option<usize>) {
        let span = node.span();
        let mut at = node.full_span().start;
        while at < span.start {
            let rest = self.text.get(at..span.start).unwrap_or_default();
            if !rest.starts_with(['&', '!']) {
                break;
            }
            let length = rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len());
            self.push(What::Property, at, at + length);
            at = self.next();
        }
        if node.is_absent() {
            return;
        }
        match node.kind() {
            Kind::Scalar(style) => self.push(What::Scalar { plain: style == Style::Plain }, span.start, span.end),
            Kind::Alias => self.push(What::Alias, span.start, span.end),
            Kind::Sequence { flow: true } => {
                self.open();
                for item in node.items() {
                    self.node(item, None);
                    self.sign(',', What::FlowEntry);
                }
                self.close();
            }
            Kind::Mapping { flow: true } => {
                // A pair in brackets has no braces of its own.
                let braces = self.text.get(span.start..).is_some_and(|rest| rest.starts_with('{'));
                if braces {
                    self.open();
                }
                for (key, value) in node.entries() {
                    self.node(key, None);
                    self.sign(':', What::Value);
                    self.node(value, None);
                    if braces {
                        self.sign(',', What::FlowEntry);
                    }
                }
                if braces {
                    self.close();
                }
            }
            Kind::Mapping { flow: false } => {
                let start = self.next();
                let column = self.column(start);
                self.indents.push(column);
                self.push(What::MapStart, start, start);
                for (key, value) in node.entries() {
                    if self.next() != key.full_span().start {
                        // `? key`
                        self.sign('?', What::Property);
                    }
                    self.node(key, None);
                    self.sign(':', What::Value);
                    self.node(value, Some(column));
                }
                self.end_block();
            }
            Kind::Sequence { flow: false } => {
                let start = self.next();
                let column = self.column(start);
                let own = map_column != Some(column);
                if own {
                    self.indents.push(column);
                    self.push(What::ListStart, start, start);
                }
                for item in node.items() {
                    self.sign('-', What::BlockEntry);
                    self.node(item, None);
                }
                if own {
                    self.end_block();
                }
            }
        }
    }

    fn open(&mut self) {
        let at = self.next();
        self.flow += 1;
        self.push(What::FlowStart, at, at + 1);
    }

    fn close(&mut self) {
        let at = self.next();
        self.flow -= 1;
        self.push(What::FlowEnd, at, at + 1);
    }

    fn end_block(&mut self) {
        let at = self.tokens.last().map_or(0, |token| token.end);
        self.push(What::BlockEnd, at, at);
        self.indents.pop();
    }
}
