//! Reading YAML into documents: scalars by go-yaml v3's table, aliases expanded, comments put where sops puts them.
//!
//! A comment on lines of its own belongs to the innermost collection whose level it is at or beyond, before the item that
//! follows it or after the last; one behind a scalar is that scalar's and marked inline; one behind `key:` stands before the
//! key; one behind a flow collection becomes its first item. Merge keys are not merged: `<<` is a key like others, as in sops.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scalar::{Resolved, resolve};
use crate::sops::store::Error;
use crate::sops::tree::{Comment, Entry, MAX_DEPTH, Map, Node};
use crate::sops::value::Scalar;
use crate::yaml;

/// Most nodes that aliases may add to a file.
const MAX_ALIASED_NODES: usize = 100_000;

/// Reads one document of `text`. In the first document of a file keys must not repeat, as in sops.
pub(super) fn document(text: &str, document: &yaml::Document, is_first: bool) -> Result<Map, Error> {
    let root = document.root();
    let mut reader = Reader { text, comments: document.comments(), next: 0, aliased: 0, inside_alias: false, is_first };
    let mut map = match root.kind() {
        yaml::Kind::Mapping { .. } => reader.map(root, 0, 0, usize::MAX)?,
        yaml::Kind::Scalar(yaml::Style::Plain) if resolve(root.text().unwrap_or_default()) == Resolved::Null => Map::default(),
        _ => return Err(Error::TopLevel { format: "YAML" }),
    };
    let rest = reader.until(usize::MAX);
    map.0.extend(rest.into_iter().map(Entry::Comment));
    Ok(map)
}

struct Reader<'a> {
    text: &'a str,
    comments: &'a [yaml::Comment],
    next: usize,
    aliased: usize,
    inside_alias: bool,
    is_first: bool,
}

impl<'a> Reader<'a> {
    fn text_of(&self, comment: &yaml::Comment, inline: bool) -> Comment {
        let text = self.text.get(comment.span.clone()).unwrap_or_default();
        let text = text.strip_prefix('#').unwrap_or(text).trim_end_matches(['\r', '\n']);
        Comment { inline, ..Comment::new(text) }
    }

    /// The next comment, if it begins before `end`. None inside an alias: those stand elsewhere.
    fn peek(&self, end: usize) -> Option<&'a yaml::Comment> {
        self.comments.get(self.next).filter(|comment| comment.span.start < end && !self.inside_alias)
    }

    /// All comments that begin before `end`.
    fn until(&mut self, end: usize) -> Vec<Comment> {
        let mut taken = Vec::new();
        while let Some(comment) = self.peek(end) {
            taken.push(self.text_of(comment, false));
            self.next += 1;
        }
        taken
    }

    /// Comments after the last item of a block collection at `column`, of a parent at `parent`, before `end`.
    fn below(&mut self, column: usize, parent: usize, end: usize) -> Vec<Comment> {
        let mut taken = Vec::new();
        while let Some(comment) = self.peek(end) {
            if comment.trailing || comment.position.column < column || column <= parent {
                break;
            }
            taken.push(self.text_of(comment, false));
            self.next += 1;
        }
        taken
    }

    /// A comment on the line where a value ends, or behind the header of a block scalar.
    fn beside(&mut self, value: yaml::Node<'a>) -> Option<Comment> {
        let comment = self.peek(usize::MAX).filter(|comment| comment.trailing)?;
        let span = value.full_span();
        let between = self.text.get(span.end..comment.span.start).unwrap_or_default();
        let in_header = value.block_header().is_some() && comment.span.start < span.end;
        if !in_header && (comment.span.start < span.end || between.contains('\n')) {
            return None;
        }
        self.next += 1;
        Some(self.text_of(comment, true))
    }

    fn syntax(&self, node: yaml::Node<'_>, message: &'static str) -> Error {
        let at = node.position();
        Error::Syntax { format: "YAML", line: at.line, column: at.column, message }
    }

    fn map(&mut self, node: yaml::Node<'a>, depth: usize, parent: usize, end: usize) -> Result<Map, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        if let Some(key) = node.repeated_keys().first().filter(|_| self.is_first) {
            return Err(self.syntax(*key, "the key is there twice"));
        }
        let flow = matches!(node.kind(), yaml::Kind::Mapping { flow: true });
        let column = node.position().column;
        let entries: Vec<_> = node.entries().collect();
        let mut map = Map::default();
        for (at, &(key, value)) in entries.iter().enumerate() {
            let following =
                entries.get(at + 1).map_or(if flow { node.span().end } else { end }, |(key, _)| key.full_span().start);
            map.0.extend(self.until(key.full_span().start).into_iter().map(Entry::Comment));
            let name = self.key(key)?;
            let (comments, value) = self.item(value, depth, column, following)?;
            map.0.extend(comments.into_iter().map(Entry::Comment));
            map.push(name, value);
        }
        let rest = if flow { self.until(node.span().end) } else { self.below(column, parent, end) };
        map.0.extend(rest.into_iter().map(Entry::Comment));
        Ok(map)
    }

    fn list(&mut self, node: yaml::Node<'a>, depth: usize, parent: usize, end: usize) -> Result<Vec<Node>, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let flow = matches!(node.kind(), yaml::Kind::Sequence { flow: true });
        let column = node.position().column;
        let items: Vec<_> = node.items().collect();
        let mut list = Vec::new();
        for (at, &item) in items.iter().enumerate() {
            let following = items.get(at + 1).map_or(if flow { node.span().end } else { end }, |item| item.full_span().start);
            list.extend(self.until(item.full_span().start).into_iter().map(Node::Comment));
            let (comments, value) = self.item(item, depth, column, following)?;
            list.extend(comments.into_iter().map(Node::Comment));
            list.push(value);
        }
        let rest = if flow { self.until(node.span().end) } else { self.below(column, parent, end) };
        list.extend(rest.into_iter().map(Node::Comment));
        Ok(list)
    }

    /// A value under a key or in a list, and the comments that stand before it in its parent.
    fn item(&mut self, node: yaml::Node<'a>, depth: usize, parent: usize, end: usize) -> Result<(Vec<Comment>, Node), Error> {
        match node.kind() {
            yaml::Kind::Scalar(_) | yaml::Kind::Alias => {
                let mut comments = if node.is_absent() { Vec::new() } else { self.until(node.full_span().start) };
                comments.extend(self.beside(node));
                let value = if matches!(node.kind(), yaml::Kind::Alias) { self.alias(node, depth)? } else { self.scalar(node)? };
                Ok((comments, value))
            }
            yaml::Kind::Mapping { flow } | yaml::Kind::Sequence { flow } => {
                // Behind the `key:` of a block that begins on the next line.
                let mut before = Vec::new();
                while let Some(comment) = self.peek(node.full_span().start).filter(|comment| comment.trailing) {
                    before.push(self.text_of(comment, false));
                    self.next += 1;
                }
                let is_map = matches!(node.kind(), yaml::Kind::Mapping { .. });
                let mut value = match is_map {
                    true => Node::Map(self.map(node, depth + 1, parent, end)?),
                    false => Node::List(self.list(node, depth + 1, parent, end)?),
                };
                if let Some(comment) = flow.then(|| self.beside(node)).flatten() {
                    let comment = Comment { inline: false, ..comment };
                    match &mut value {
                        Node::Map(map) => map.0.insert(0, Entry::Comment(comment)),
                        Node::List(list) => list.insert(0, Node::Comment(comment)),
                        _ => {}
                    }
                }
                Ok((before, value))
            }
        }
    }

    fn alias(&mut self, node: yaml::Node<'a>, depth: usize) -> Result<Node, Error> {
        let outermost = !std::mem::replace(&mut self.inside_alias, true);
        let value = self.expanded(node.resolved(), depth + 1);
        if outermost {
            self.inside_alias = false;
        }
        value
    }

    fn expanded(&mut self, node: yaml::Node<'a>, depth: usize) -> Result<Node, Error> {
        let count = node.entries().len() + node.items().len() + 1;
        self.aliased += count;
        if self.aliased > MAX_ALIASED_NODES {
            return Err(self.syntax(node, "aliases repeat too much of the document"));
        }
        match node.kind() {
            yaml::Kind::Scalar(_) => self.scalar(node),
            yaml::Kind::Alias => self.alias(node, depth),
            yaml::Kind::Mapping { .. } => Ok(Node::Map(self.map(node, depth + 1, 0, 0)?)),
            yaml::Kind::Sequence { .. } => Ok(Node::List(self.list(node, depth + 1, 0, 0)?)),
        }
    }

    fn key(&self, key: yaml::Node<'a>) -> Result<String, Error> {
        let resolved = key.resolved();
        if resolved.text() == Some("<<") {
            return Ok("<<".to_owned());
        }
        match self.scalar(resolved) {
            Ok(Node::Leaf(Scalar::Text(text))) => {
                String::from_utf8(text.expose().to_vec()).map_err(|_| self.syntax(key, "a key must be text"))
            }
            _ => Err(self.syntax(key, "a key must be text; quote it")),
        }
    }

    fn scalar(&self, node: yaml::Node<'_>) -> Result<Node, Error> {
        let Some(text) = node.text() else { return Err(self.syntax(node, "a scalar was expected")) };
        let plain = matches!(node.kind(), yaml::Kind::Scalar(yaml::Style::Plain));
        let tag = node.tag().map(|tag| tag.strip_prefix("tag:yaml.org,2002:").map_or("", |name| name));
        let wrong = || self.syntax(node, "the value does not fit its tag");
        let resolved = resolve(text);
        let leaf = |scalar| Ok(Node::Leaf(scalar));
        match tag {
            None if !plain => Ok(Node::text(text)),
            None => match resolved {
                Resolved::Null => Ok(Node::Null),
                Resolved::Bool(value) => leaf(Scalar::Bool(value)),
                Resolved::Int(value) => leaf(Scalar::Int(value)),
                Resolved::Float(value) => leaf(Scalar::Float(value)),
                Resolved::Time(value) => leaf(Scalar::Time(value)),
                Resolved::Text | Resolved::Merge => Ok(Node::text(text)),
                Resolved::TooLarge => Err(self.syntax(node, "integers above 9223372036854775807 are not supported")),
            },
            Some("binary") => {
                let compact: String = text.split_ascii_whitespace().collect();
                STANDARD.decode(compact).map(Node::text).map_err(|_| self.syntax(node, "!!binary data is not base64"))
            }
            Some("null") if resolved == Resolved::Null => Ok(Node::Null),
            Some("bool") => {
                if let Resolved::Bool(value) = resolved {
                    leaf(Scalar::Bool(value))
                } else {
                    Err(wrong())
                }
            }
            Some("int") => {
                if let Resolved::Int(value) = resolved {
                    leaf(Scalar::Int(value))
                } else {
                    Err(wrong())
                }
            }
            Some("float") => match resolved {
                Resolved::Float(value) => leaf(Scalar::Float(value)),
                #[expect(clippy::cast_precision_loss, reason = "what the tag asks for")]
                Resolved::Int(value) => leaf(Scalar::Float(value as f64)),
                _ => Err(wrong()),
            },
            Some("timestamp") => {
                if let Resolved::Time(value) = resolved {
                    leaf(Scalar::Time(value))
                } else {
                    Err(wrong())
                }
            }
            Some("null") => Err(wrong()),
            // `!!str`, and tags of applications, which sops drops.
            Some(_) => Ok(Node::text(text)),
        }
    }
}
