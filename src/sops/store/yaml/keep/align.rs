//! The old text beside the new documents, entry by entry: what must be written where.

use std::ops::Range;

use super::super::load::{Entries, Sourced, Value, What};
use super::check::{encrypted_comment, same_leaf, same_node};
use super::place::{begins_line, blank_lines_after, column, line_end, line_start, next_line};
use super::spell::{self, Context, Splice};
use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::yaml;

/// Why a piece cannot be changed in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// The entry around it must be written anew.
    Restructure,
    /// A document that cannot hold a block entry.
    Root,
}

/// A text and the changes to it.
pub(super) struct Rewrite<'t> {
    text: &'t str,
    indent: usize,
    splices: Vec<Splice>,
    /// Where the next document begins: comments behind that may still belong to this one.
    limit: usize,
}

impl<'t> Rewrite<'t> {
    /// No changes yet.
    pub(super) fn new(text: &'t str, indent: usize) -> Self {
        Self { text, indent, splices: Vec::new(), limit: text.len() }
    }

    /// The changed text.
    pub(super) fn finish(mut self) -> String {
        self.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let mut out = String::with_capacity(self.text.len() + self.splices.iter().map(|splice| splice.with.len()).sum::<usize>());
        let mut done = 0;
        for splice in &self.splices {
            out.push_str(self.text.get(done..splice.range.start).unwrap_or_default());
            out.push_str(&splice.with);
            done = done.max(splice.range.end);
        }
        out.push_str(self.text.get(done..).unwrap_or_default());
        out
    }

    /// Brings one document to its new content.
    pub(super) fn document(
        &mut self,
        document: &yaml::Document,
        source: &Entries<'_>,
        target: &Map,
        limit: usize,
    ) -> Result<(), Problem> {
        self.limit = limit;
        let root = document.root();
        let is_block = matches!(root.kind(), yaml::Kind::Mapping { flow: false });
        let grows = target.pairs().count() > source.iter().filter(|entry| matches!(entry, Sourced::Pair(..))).count();
        if !is_block && (grows || !root.is_absent()) {
            let unchanged = same_node(&Node::Map(plain(source)), &Node::Map(target.clone()));
            return if unchanged { Ok(()) } else { Err(Problem::Root) };
        }
        let start = if is_block { root.full_span().start } else { document.span().end };
        let place = Place { in_flow: false, column: column(self.text, root.span().start), start, is_root: true };
        let place = if is_block { place } else { Place { column: 0, ..place } };
        // Comments below the next document's `---` that are this one's all the same: they are its last, wherever its last key is.
        let far: Vec<(&Comment, &Range<usize>)> = source
            .iter()
            .filter_map(|entry| match entry {
                Sourced::Comment(comment, span) if span.start > limit => Some((comment, span)),
                _ => None,
            })
            .collect();
        if far.is_empty() {
            return self.map(source, target, place);
        }
        let mut target = target.clone();
        for (old, span) in far.into_iter().rev() {
            let last = target.0.iter().rposition(|entry| matches!(entry, Entry::Comment(_))).ok_or(Problem::Restructure)?;
            let Entry::Comment(new) = target.0.remove(last) else { return Err(Problem::Restructure) };
            self.comment(old, &new, span.clone())?;
        }
        self.map(source, &target, place)
    }

    /// Puts an entry that is null at the end of a document that has no such key.
    pub(super) fn append(
        &mut self,
        document: &yaml::Document,
        source: &Entries<'_>,
        key: &str,
        limit: usize,
    ) -> Result<(), Problem> {
        let root = document.root();
        if !matches!(root.kind(), yaml::Kind::Mapping { flow: false }) {
            return Err(Problem::Root);
        }
        if source.iter().any(|entry| matches!(entry, Sourced::Pair(other, ..) if other == key)) {
            return Err(Problem::Restructure);
        }
        let start = root.full_span().start;
        let place = Place { in_flow: false, column: column(self.text, root.span().start), start, is_root: true };
        // Comments below the next document's `---` stay where they are.
        let is_far = |entry: &&Sourced<'_>| matches!(entry, Sourced::Comment(_, span) if span.start > limit);
        let behind = source.iter().filter(|entry| !is_far(entry)).map(extent_of).max();
        let lines = self.entry(key, &Node::Null);
        self.insert(&lines, behind.unwrap_or(place.start), behind.is_some(), place);
        Ok(())
    }

    fn splice(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.splices.push(Splice { range, with: with.into() });
    }

    /// Undoes what a failed attempt has noted.
    fn attempt<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        let noted = self.splices.len();
        let result = run(self);
        if result.is_err() {
            self.splices.truncate(noted);
        }
        result
    }

    fn map(&mut self, source: &Entries<'_>, target: &Map, place: Place) -> Result<(), Problem> {
        let (mut from, mut to) = (source.iter().peekable(), target.0.iter().peekable());
        let stays = |key: &str| target.pairs().any(|(other, _)| other == key);
        let was = |key: &str| source.iter().any(|entry| matches!(entry, Sourced::Pair(other, ..) if other == key));
        // Behind everything that has been passed.
        let mut behind: Option<usize> = None;
        loop {
            match (from.peek(), to.peek()) {
                (None, None) => return Ok(()),
                (Some(Sourced::Comment(_, span)), _) if span.start > self.limit => {
                    from.next();
                }
                (Some(Sourced::Comment(old, span)), Some(Entry::Comment(new))) => {
                    self.comment(old, new, span.clone())?;
                    behind = behind.max(Some(span.end));
                    from.next();
                    to.next();
                }
                (Some(Sourced::Comment(old, span)), _) if old.text.is_empty() => {
                    behind = behind.max(Some(span.end));
                    from.next();
                }
                (Some(Sourced::Pair(key, node, value)), Some(Entry::Pair(other, new))) if key == other => {
                    self.pair(key, *node, value, new, place)?;
                    behind = behind.max(Some(extent(value).max(node.span().end)));
                    from.next();
                    to.next();
                }
                (Some(Sourced::Pair(key, node, value)), _) if !stays(key) => {
                    self.remove(*node, value, (source, target), place)?;
                    behind = behind.max(Some(extent(value).max(node.span().end)));
                    from.next();
                }
                (_, Some(Entry::Pair(key, new))) if !was(key) => {
                    if place.in_flow || (source.is_empty() && !place.is_root) {
                        return Err(Problem::Restructure);
                    }
                    let lines = self.entry(key, new);
                    self.insert(&lines, behind.unwrap_or(place.start), behind.is_some(), place);
                    to.next();
                }
                _ => return Err(Problem::Restructure),
            }
        }
    }

    fn comment(&mut self, old: &Comment, new: &Comment, span: Range<usize>) -> Result<(), Problem> {
        if old.text == new.text {
            return Ok(());
        }
        let text = std::str::from_utf8(new.text.expose()).map_err(|_| Problem::Restructure)?;
        if text.contains(['\n', '\r']) {
            return Err(Problem::Restructure);
        }
        self.splice(span, format!("#{text}"));
        Ok(())
    }

    fn pair(&mut self, key: &str, node: yaml::Node<'_>, value: &Value<'_>, new: &Node, place: Place) -> Result<(), Problem> {
        let context = Context { in_flow: place.in_flow, column: place.column, step: self.indent };
        let tried = self.attempt(|this| this.value(value, new, context));
        if tried.is_ok() {
            return Ok(());
        }
        // Explicit keys, and anything in braces, cannot be written anew alone.
        let start = node.full_span().start;
        if place.in_flow || column(self.text, start) != place.column || !matches!(node.kind(), yaml::Kind::Scalar(_)) {
            return Err(Problem::Restructure);
        }
        let lines = shifted(&self.entry(key, new), place.column, self.line_break());
        let end = extent(value).max(node.span().end);
        let lines = lines.trim_start_matches(' ').trim_end_matches(['\r', '\n']);
        let line = line_end(self.text, end);
        let beside = self.text.get(end..line).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('#'));
        match lines.split_once('\n') {
            // A comment that stood behind the value stays on the line of the key, and so on its level.
            Some((first, rest)) if beside => {
                self.splice(start..end, first.trim_end_matches('\r'));
                self.splice(line..line, format!("{}{rest}", self.line_break()));
            }
            _ => self.splice(start..end, lines),
        }
        Ok(())
    }

    fn value(&mut self, value: &Value<'_>, new: &Node, context: Context) -> Result<(), Problem> {
        let node = value.node;
        if matches!(node.kind(), yaml::Kind::Alias) && is_same(value, new) {
            return Ok(());
        }
        match (&value.what, new) {
            (What::Null, Node::Null) => Ok(()),
            (What::Leaf(old), Node::Leaf(new)) if same_leaf(old, new) => Ok(()),
            (What::Leaf(_) | What::Null, Node::Leaf(_) | Node::Null) => {
                let splices = spell::scalar(self.text, node, new, context).ok_or(Problem::Restructure)?;
                self.splices.extend(splices);
                Ok(())
            }
            (What::Map(entries), Node::Map(map)) if !matches!(node.kind(), yaml::Kind::Alias) => {
                let in_flow = matches!(node.kind(), yaml::Kind::Mapping { flow: true });
                let start = node.span().start;
                let place = Place { in_flow, column: column(self.text, start), start, is_root: false };
                self.map(entries, map, place)
            }
            (What::List(items), Node::List(new)) if !matches!(node.kind(), yaml::Kind::Alias) => {
                let in_flow = matches!(node.kind(), yaml::Kind::Sequence { flow: true });
                let place =
                    Place { in_flow, column: column(self.text, node.span().start), start: node.span().start, is_root: false };
                self.list(items, new, place)
            }
            _ => Err(Problem::Restructure),
        }
    }

    fn list(&mut self, items: &Entries<'_>, new: &[Node], place: Place) -> Result<(), Problem> {
        let old: Vec<&Sourced<'_>> =
            items.iter().filter(|item| !matches!(item, Sourced::Comment(comment, _) if comment.text.is_empty())).collect();
        let new: Vec<&Node> =
            new.iter().filter(|item| !matches!(item, Node::Comment(comment) if comment.text.is_empty())).collect();
        // Comments alone are no list.
        let emptied = !new.is_empty() && new.iter().all(|item| matches!(item, Node::Comment(_)));
        if emptied && old.iter().any(|item| matches!(item, Sourced::Item(_))) {
            return Err(Problem::Restructure);
        }
        if old.len() == new.len() {
            return old.iter().zip(&new).try_for_each(|(old, new)| self.item(old, new, place));
        }
        let same = |(old, new): &(&&Sourced<'_>, &&Node)| match old {
            Sourced::Comment(comment, _) => {
                matches!(new, Node::Comment(other) if other.text == comment.text) || super::check::is_comment(new, comment)
            }
            Sourced::Item(value) | Sourced::Pair(_, _, value) => is_same(value, new),
        };
        let before = old.iter().zip(&new).take_while(same).count();
        let room = old.len().min(new.len()) - before;
        let after = old.iter().rev().zip(new.iter().rev()).take(room).take_while(same).count();
        let gone = old.get(before..old.len() - after).unwrap_or_default();
        let added = new.get(before..new.len() - after).unwrap_or_default();
        if place.in_flow || old.is_empty() || gone.len() == old.len() || (!gone.is_empty() && !added.is_empty()) {
            return Err(Problem::Restructure);
        }
        for item in gone {
            match item {
                Sourced::Item(value) => {
                    let dash = self.dash(value).filter(|dash| begins_line(self.text, *dash)).ok_or(Problem::Restructure)?;
                    self.cut_lines(dash, extent(value))?;
                }
                Sourced::Comment(..) | Sourced::Pair(..) => return Err(Problem::Restructure),
            }
        }
        let last = old.get(..before).unwrap_or_default().iter().map(|item| extent_of(item)).max();
        let mut lines = String::new();
        for item in added {
            lines.push_str(&self.dashed(item));
        }
        if !lines.is_empty() {
            let at = match last {
                Some(last) => last,
                None => return Err(Problem::Restructure),
            };
            self.insert(&lines, at, true, place);
        }
        Ok(())
    }

    fn item(&mut self, old: &Sourced<'_>, new: &Node, place: Place) -> Result<(), Problem> {
        match (old, new) {
            (Sourced::Comment(old, span), Node::Comment(new)) => self.comment(old, new, span.clone()),
            (Sourced::Comment(old, span), item) => {
                let text = encrypted_comment(item).ok_or(Problem::Restructure)?;
                self.comment(old, &Comment::new(text), span.clone())
            }
            (Sourced::Item(value), Node::Comment(comment)) => {
                if super::check::is_comment(&leaf(value), comment) {
                    return Ok(());
                }
                // An encrypted comment as sops writes it, opened.
                let dash = self.dash(value).filter(|_| !place.in_flow).ok_or(Problem::Restructure)?;
                self.comment(&Comment::new(Vec::new()), comment, dash..value.node.span().end)
            }
            (Sourced::Item(value) | Sourced::Pair(_, _, value), new) => {
                let context = Context { in_flow: place.in_flow, column: place.column, step: 2 };
                if self.attempt(|this| this.value(value, new, context)).is_ok() {
                    return Ok(());
                }
                let dash = self.dash(value).filter(|_| !place.in_flow).ok_or(Problem::Restructure)?;
                let lines = shifted(&self.dashed(new), place.column, self.line_break());
                self.splice(dash..extent(value), lines.trim_start_matches(' ').trim_end_matches(['\r', '\n']));
                Ok(())
            }
        }
    }

    /// The dash before an item, on its line.
    fn dash(&self, value: &Value<'_>) -> Option<usize> {
        let start = value.node.full_span().start;
        let line = line_start(self.text, start);
        let before = self.text.get(line..start)?;
        let dash = before.trim_end_matches(' ');
        dash.ends_with('-').then(|| line + dash.len() - 1)
    }

    fn remove(
        &mut self,
        key: yaml::Node<'_>,
        value: &Value<'_>,
        (source, target): (&Entries<'_>, &Map),
        place: Place,
    ) -> Result<(), Problem> {
        let start = key.full_span().start;
        let last = target.pairs().next().is_none() && !place.is_root;
        if place.in_flow || last || !begins_line(self.text, start) {
            return Err(Problem::Restructure);
        }
        let end = extent(value).max(key.span().end);
        // A comment behind the colon stays, and the lines below it go.
        let line = line_end(self.text, start);
        let beside = source.iter().find_map(|entry| match entry {
            Sourced::Comment(_, span) if start < span.start && span.start < line && line < end => Some(span.clone()),
            _ => None,
        });
        match beside {
            Some(comment) => {
                self.splice(start..comment.start, "");
                self.splice(comment.end..line_end(self.text, end), "");
                Ok(())
            }
            None => self.cut_lines(start, end),
        }
    }

    /// Takes whole lines out; a comment behind them stays.
    fn cut_lines(&mut self, start: usize, end: usize) -> Result<(), Problem> {
        let rest = self.text.get(end..line_end(self.text, end)).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        match rest.trim_start_matches([' ', '\t']) {
            "" => self.splice(line_start(self.text, start)..next_line(self.text, end), ""),
            comment if comment.starts_with('#') => self.splice(start..end + blanks, ""),
            _ => return Err(Problem::Restructure),
        }
        Ok(())
    }

    /// Puts lines behind the line of `at`, or before it.
    fn insert(&mut self, lines: &str, at: usize, behind: bool, place: Place) {
        let line_break = self.line_break();
        let mut text = shifted(lines, place.column, line_break);
        if !behind {
            let at = line_start(self.text, at);
            // Behind `---` and nothing more.
            let at = if self.text.get(at..).is_some_and(|rest| rest.starts_with("---")) { next_line(self.text, at) } else { at };
            if !self.text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with('\n')) {
                text.insert_str(0, line_break);
            }
            return self.splice(at..at, text);
        }
        let keeps_blanks = self.ends_with_kept_lines(at);
        let mut at = next_line(self.text, at);
        if keeps_blanks {
            for _ in 0..blank_lines_after(self.text, at.saturating_sub(1)) {
                at = next_line(self.text, at);
            }
        }
        if !self.text.get(..at).is_some_and(|before| before.ends_with('\n')) {
            text.insert_str(0, line_break);
        }
        self.splice(at..at, text);
    }

    /// Whether a block with `|+` or `>+` may end here, whose blank lines are its own. Asked of the text: a wrong yes costs nothing.
    fn ends_with_kept_lines(&self, at: usize) -> bool {
        self.text.get(..at).is_some_and(|before| before.contains("|+") || before.contains(">+") || before.contains("1+"))
            && blank_lines_after(self.text, at) > 0
    }

    fn line_break(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    fn entry(&self, key: &str, node: &Node) -> String {
        let map = Map(vec![Entry::Pair(key.to_owned(), node.clone())]);
        String::from_utf8(super::super::emit(&[map], self.indent)).unwrap_or_default()
    }

    fn dashed(&self, node: &Node) -> String {
        String::from_utf8(super::super::emit_value(&Node::List(vec![node.clone()]), self.indent)).unwrap_or_default()
    }
}

/// A collection in the text.
#[derive(Clone, Copy)]
struct Place {
    in_flow: bool,
    /// Column of its keys or dashes.
    column: usize,
    start: usize,
    is_root: bool,
}

/// Lines moved to the right.
fn shifted(lines: &str, column: usize, line_break: &str) -> String {
    let indent = " ".repeat(column);
    lines.lines().fold(
        String::new(),
        |text, line| {
            if line.is_empty() { text + line_break } else { text + &indent + line + line_break }
        },
    )
}

/// Where a value ends, with the comments in it.
fn extent(value: &Value<'_>) -> usize {
    let own = value.node.span().end;
    if matches!(value.node.kind(), yaml::Kind::Alias) {
        return own;
    }
    match &value.what {
        What::Map(entries) | What::List(entries) => entries.iter().map(extent_of).max().unwrap_or(own).max(own),
        _ => own,
    }
}

fn extent_of(entry: &Sourced<'_>) -> usize {
    match entry {
        Sourced::Comment(_, span) => span.end,
        Sourced::Pair(_, key, value) => extent(value).max(key.span().end),
        Sourced::Item(value) => extent(value),
    }
}

fn leaf(value: &Value<'_>) -> Node {
    match &value.what {
        What::Leaf(leaf) => Node::Leaf(leaf.clone()),
        _ => Node::Null,
    }
}

fn is_same(value: &Value<'_>, node: &Node) -> bool {
    match (&value.what, node) {
        (What::Leaf(old), Node::Leaf(new)) => same_leaf(old, new),
        (What::Null, Node::Null) => true,
        (What::Map(entries), Node::Map(_)) => same_node(&Node::Map(plain(entries)), node),
        (What::List(items), Node::List(_)) => same_node(&plain_list(items), node),
        _ => false,
    }
}

fn plain(entries: &Entries<'_>) -> Map {
    Map(entries
        .iter()
        .map(|entry| match entry {
            Sourced::Comment(comment, _) => Entry::Comment(comment.clone()),
            Sourced::Pair(key, _, value) => Entry::Pair(key.clone(), plain_value(value)),
            Sourced::Item(value) => Entry::Pair(String::new(), plain_value(value)),
        })
        .collect())
}

fn plain_list(items: &Entries<'_>) -> Node {
    let item = |item: &Sourced<'_>| match item {
        Sourced::Comment(comment, _) => Node::Comment(comment.clone()),
        Sourced::Item(value) | Sourced::Pair(_, _, value) => plain_value(value),
    };
    Node::List(items.iter().map(item).collect())
}

fn plain_value(value: &Value<'_>) -> Node {
    match &value.what {
        What::Null => Node::Null,
        What::Leaf(leaf) => Node::Leaf(leaf.clone()),
        What::Map(entries) => Node::Map(plain(entries)),
        What::List(items) => plain_list(items),
    }
}
