//! To which node each comment of a document belongs, in go-yaml v3's judgement.
//!
//! A comment's ciphertext is bound to the map or list that it is in, so a reader that puts it one level off cannot open it. The
//! reference decides while it scans tokens, so here the tokens are made from the tree again: in each gap between two tokens the
//! comments fall into groups, cut at a blank line or where a line is indented less; a group is the foot of what is before it or
//! the head of what comes next, and waits for the first token at or behind its mark. Then the nodes are walked in the order of the
//! parser's events and take what has arrived. Comments that the reference drops on the way (there are such) stay with the
//! nearest node that it does keep comments of.

use std::collections::VecDeque;
use std::mem;

use super::tokens::{Token, Tokens, What};
use crate::yaml::{self, Kind};

/// Numbers of comments in their document.
pub(super) type Numbers = Vec<usize>;

/// The comments of a node.
#[derive(Debug, Default, Clone)]
pub(super) struct Attached {
    /// Above it.
    pub(super) head: Numbers,
    /// Behind it on its line.
    pub(super) line: Numbers,
    /// Below it.
    pub(super) foot: Numbers,
}

/// The comments of all nodes of a document.
pub(super) struct Attachment {
    nodes: Vec<Attached>,
    /// Behind everything.
    pub(super) end: Numbers,
    /// Behind everything in the document before this one, although they stand below this one's `---`.
    pub(super) before: Numbers,
}

impl Attachment {
    /// Attaches the comments of a document of `text`.
    pub(super) fn of(text: &str, document: &yaml::Document, is_first: bool) -> Self {
        let mut attachment = Self { nodes: Vec::new(), end: Vec::new(), before: Vec::new() };
        if document.comments().is_empty() {
            return attachment;
        }
        let tokens = Tokens::of(text, document, is_first);
        let (tokens, waiting) = Gaps { text, lines: Lines::of(text), document, waiting: VecDeque::new() }.run(tokens);
        let mut events = Events { tokens, at: 0, waiting, state: Attached::default(), stem: Vec::new(), out: &mut attachment };
        events.peek();
        events.at += 1;
        events.peek();
        let mut before = Attached::default();
        if events.is(What::DocumentStart) {
            if !is_first {
                before = events.take();
            }
            events.at += 1;
        }
        events.node(document.root());
        events.peek();
        let rest = events.take();
        let late: Numbers = events.waiting.drain(..).flat_map(|group| group.comments).collect();
        attachment.before = [before.foot, before.head, before.line].concat();
        attachment.end = [rest.foot, rest.head, rest.line, late].concat();
        attachment.end.sort_unstable();
        attachment
    }

    /// Whether no node has comments.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The comments of a node.
    pub(super) fn get(&self, node: yaml::Node<'_>) -> Attached {
        self.nodes.get(node.id()).cloned().unwrap_or_default()
    }

    fn at(&mut self, node: yaml::Node<'_>) -> &mut Attached {
        let id = node.id();
        if self.nodes.len() <= id {
            self.nodes.resize_with(id + 1, Attached::default);
        }
        // Just made long enough.
        &mut self.nodes[id]
    }
}

struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line of an offset, from 0.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at).saturating_sub(1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Line,
    Foot,
}

/// Comments that wait for a token at or behind their mark.
#[derive(Debug)]
struct Group {
    place: Place,
    mark: usize,
    comments: Numbers,
    /// Where it begins, and its column from 0.
    start: usize,
    column: usize,
}

/// Sorts the comments between tokens.
struct Gaps<'t> {
    text: &'t str,
    lines: Lines,
    document: &'t yaml::Document,
    waiting: VecDeque<Group>,
}

impl Gaps<'_> {
    fn run(mut self, mut tokens: Vec<Token>) -> (Vec<Token>, VecDeque<Group>) {
        let comments = self.document.comments();
        let mut next_comment = 0;
        let mut at = 0;
        while let Some(&token) = tokens.get(at) {
            let following =
                tokens.iter().skip(at + 1).position(|token| token.what != What::BlockEnd).map(|offset| at + 1 + offset);
            let until = following.and_then(|next| tokens.get(next)).map_or(usize::MAX, |token| token.start);
            let first = next_comment;
            while comments.get(next_comment).is_some_and(|comment| comment.span.start < until || following.is_none()) {
                next_comment += 1;
            }
            let prior = at.checked_sub(1).and_then(|at| tokens.get(at)).copied();
            let next = following.unwrap_or(tokens.len());
            let closes = tokens.get(next).is_some_and(|next| next.what == What::FlowEnd);
            let groups = self.gap(token, prior, first..next_comment, closes, until);
            let mut mark = token.end.max(token.start);
            let last = self.waiting.len() - groups;
            for end in tokens.iter_mut().take(next).skip(at + 1) {
                let level = end.indent;
                if let Some(group) = self.waiting.iter().skip(last).find(|group| group.column == level) {
                    mark = group.start;
                } else if level == 0 && mark == token.end.max(token.start) {
                    // The end of the document comes after its comments.
                    mark = until.saturating_sub(1).max(mark);
                }
                end.start = mark;
            }
            at = next;
        }
        (tokens, self.waiting)
    }

    /// The comments behind `token`: how many groups they make.
    fn gap(&mut self, token: Token, prior: Option<Token>, range: std::ops::Range<usize>, closes: bool, until: usize) -> usize {
        let comments = self.document.comments();
        let mut numbers: VecDeque<usize> = range.collect();
        let own_line = |number: usize| comments.get(number).is_none_or(|comment| !comment.trailing);
        let end_line = self.lines.line(token.end.saturating_sub(1).max(token.start));
        let mut from_line = end_line;
        let mut groups = 0;
        if let Some(&first) = numbers.front()
            && !own_line(first)
            && !matches!(token.what, What::BlockEntry | What::DocumentStart | What::StreamStart)
        {
            // Behind `:` or `,` it belongs to what is before that.
            let of_prior = (token.what == What::Value && !token.in_flow) || token.what == What::FlowEntry;
            let mark = prior.filter(|_| of_prior).map_or(token.start, |prior| prior.start);
            let start = comments.get(first).map_or(0, |comment| comment.span.start);
            from_line = from_line.max(self.lines.line(start));
            // No block ends at such a comment.
            self.waiting.push_back(Group { place: Place::Line, mark, comments: vec![first], start, column: usize::MAX });
            groups += 1;
            numbers.pop_front();
        }
        let Some(&first) = numbers.front() else { return groups };
        let line_of = |number: usize| comments.get(number).map_or(0, |comment| self.lines.line(comment.span.start));
        let column_of = |number: usize| comments.get(number).map_or(0, |comment| comment.position.column.saturating_sub(1));
        let foot_of = if token.what == What::FlowEntry { prior.unwrap_or(token) } else { token };
        let newlines = line_of(first).saturating_sub(from_line);
        let plain = token.what == (What::Scalar { plain: true });
        let scanned_from = if plain { line_of(first) } else { from_line };
        let foot_line = (scanned_from > 0 && newlines > 0).then(|| from_line + 1);
        let mut no_blank_yet = newlines <= 1;
        let mut mark = foot_of.start;
        let mut group: Vec<usize> = Vec::new();
        // The line at which the reference believes a group to begin: one less for all but the first.
        let mut believed_line = line_of(first);
        let mut start_line = 0;
        let at_end = until >= self.text.len();
        let numbers: Vec<usize> = numbers.into();
        for (index, &number) in numbers.iter().enumerate() {
            if group.is_empty() {
                start_line = believed_line;
            }
            group.push(number);
            let first_of_group = group.first().copied().unwrap_or(number);
            let (start, column) =
                (comments.get(first_of_group).map_or(0, |comment| comment.span.start), column_of(first_of_group));
            let end = comments.get(number).map_or(0, |comment| comment.span.end);
            let next = numbers.get(index + 1).copied();
            let next_line = next.map_or_else(|| self.lines.line(until.min(self.text.len())), line_of);
            let blank_follows = next_line > line_of(number) + 1 || (next.is_none() && at_end);
            let closes_here = next.is_none() && closes;
            let dedented = column < token.indent;
            believed_line = line_of(number) + next_line.saturating_sub(line_of(number) + 1);
            let mut cut = false;
            if blank_follows || closes_here {
                let is_foot =
                    closes_here || (no_blank_yet && ((Some(start_line) == foot_line && foot_of.what != What::Value) || dedented));
                if is_foot {
                    if dedented && !closes_here {
                        mark = start;
                    }
                    cut = true;
                }
                no_blank_yet = false;
            }
            if !cut {
                let next_column = next.map_or_else(|| self.column(until), column_of);
                let something_follows = next.is_some() || !at_end;
                cut = something_follows && next_column < token.indent && next_column != column;
            }
            if cut {
                self.waiting.push_back(Group { place: Place::Foot, mark, comments: mem::take(&mut group), start, column });
                groups += 1;
                mark = end;
            }
        }
        if let Some(&number) = group.first() {
            let start = comments.get(number).map_or(0, |comment| comment.span.start);
            let column = column_of(number);
            self.waiting.push_back(Group { place: Place::Head, mark: start, comments: group, start, column });
            groups += 1;
        }
        groups
    }

    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        before.get(line..).unwrap_or_default().chars().count()
    }
}

/// The parser's events, which take the comments that have arrived.
struct Events<'a> {
    tokens: Vec<Token>,
    at: usize,
    waiting: VecDeque<Group>,
    state: Attached,
    stem: Numbers,
    out: &'a mut Attachment,
}

impl Events<'_> {
    fn token(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn is(&self, what: What) -> bool {
        self.token().is_some_and(|token| token.what == what)
    }

    /// Looks at the next token: comments whose mark is not behind it arrive.
    fn peek(&mut self) {
        let Some(token) = self.token() else { return };
        while let Some(group) = self.waiting.front() {
            if token.start < group.mark || (group.place == Place::Head && token.what == What::BlockEnd) {
                break;
            }
            let Some(group) = self.waiting.pop_front() else { break };
            match group.place {
                Place::Head => self.state.head.extend(group.comments),
                Place::Line => self.state.line.extend(group.comments),
                Place::Foot => self.state.foot.extend(group.comments),
            }
        }
    }

    fn take(&mut self) -> Attached {
        self.stem.clear();
        mem::take(&mut self.state)
    }

    fn skip(&mut self, what: What) {
        self.peek();
        if self.is(what) {
            self.at += 1;
        }
    }

    fn node(&mut self, node: yaml::Node<'_>) {
        self.peek();
        while self.is(What::Property) {
            self.at += 1;
            self.peek();
        }
        if node.is_absent() {
            return;
        }
        match node.kind() {
            Kind::Scalar(_) | Kind::Alias => {
                *self.out.at(node) = self.take();
                self.at += 1;
            }
            Kind::Sequence { flow: true } => {
                *self.out.at(node) = self.take();
                self.at += 1;
                for item in node.items() {
                    self.node(item);
                    self.skip(What::FlowEntry);
                }
                self.end_flow(node);
            }
            Kind::Mapping { flow: true } => {
                let braces = self.is(What::FlowStart);
                if braces {
                    *self.out.at(node) = self.take();
                    self.at += 1;
                }
                for (key, value) in node.entries() {
                    self.pair(key, value);
                    if braces {
                        self.skip(What::FlowEntry);
                    }
                }
                if braces {
                    self.end_flow(node);
                }
            }
            Kind::Mapping { flow: false } => {
                self.start_block(node);
                let mut last: Option<yaml::Node<'_>> = None;
                for (key, value) in node.entries() {
                    self.skip(What::Property);
                    self.key(key, last);
                    self.value(key, value);
                    last = Some(key);
                }
                self.peek();
                let rest = self.take();
                let holder = self.out.at(last.unwrap_or(node));
                holder.foot.extend([rest.foot, rest.head].concat());
                self.out.at(node).line = rest.line;
                self.at += 1;
            }
            Kind::Sequence { flow: false } => {
                let own = self.is(What::ListStart);
                if own {
                    self.start_block(node);
                }
                for item in node.items() {
                    self.entry();
                    self.node(item);
                }
                self.peek();
                if own {
                    self.at += 1;
                }
            }
        }
    }

    fn start_block(&mut self, node: yaml::Node<'_>) {
        let stem = mem::take(&mut self.stem);
        self.out.at(node).head.extend(stem);
        self.at += 1;
    }

    /// A dash: what is above it belongs to the whole block that follows it, not to that block's first item.
    fn entry(&mut self) {
        self.peek();
        let above = self.state.head.len();
        self.at += 1;
        if above > 0 {
            self.peek();
            if self.is(What::MapStart) || self.is(What::ListStart) {
                let inner = self.state.head.split_off(above);
                self.stem = mem::replace(&mut self.state.head, inner);
            }
        }
    }

    fn pair(&mut self, key: yaml::Node<'_>, value: yaml::Node<'_>) {
        self.node(key);
        self.value(key, value);
    }

    fn key(&mut self, key: yaml::Node<'_>, prior: Option<yaml::Node<'_>>) {
        self.node(key);
        // A foot that arrives with a key is that of the entry before it.
        if let Some(prior) = prior {
            let foot = mem::take(&mut self.out.at(key).foot);
            self.out.at(prior).foot.extend(foot);
        }
    }

    fn value(&mut self, key: yaml::Node<'_>, value: yaml::Node<'_>) {
        self.skip(What::Value);
        self.node(value);
        if self.out.at(key).foot.is_empty() {
            let foot = mem::take(&mut self.out.at(value).foot);
            self.out.at(key).foot = foot;
        }
    }

    fn end_flow(&mut self, node: yaml::Node<'_>) {
        self.peek();
        let rest = self.take();
        let own = self.out.at(node);
        // What stood behind the opening bracket would be lost.
        own.head.extend(mem::take(&mut own.line));
        own.line = rest.line;
        own.foot.extend([rest.head, rest.foot].concat());
        self.at += 1;
    }
}
