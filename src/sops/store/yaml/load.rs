//! Reading YAML into documents: scalars by go-yaml v3's table, aliases expanded, comments put where sops puts them.
//!
//! Which node a comment belongs to is decided in `comments`; here it becomes an entry of the map or list around that node: one
//! behind a scalar is marked inline; one behind `key:` stands before the key; those of a map or list stand in it. Merge keys are
//! not merged: `<<` is a key like others, as in sops. Every entry knows where it is written, for `keep`.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::comments::{Attached, Attachment};
use super::scalar::{Resolved, resolve};
use crate::sops::store::Error;
use crate::sops::tree::{Comment, Entry, MAX_DEPTH, Map, Node};
use crate::sops::value::Scalar;
use crate::yaml;

/// Most nodes that aliases may add to a file.
const MAX_ALIASED_NODES: usize = 100_000;

/// A map with the places of its entries in the text.
pub(super) type Entries<'d> = Vec<Sourced<'d>>;

/// One line of a map or list, with its place.
pub(super) enum Sourced<'d> {
    /// A comment, and its bytes of the text from `#` on.
    Comment(Comment, Range<usize>),
    /// An entry of a map: the key's text and node, and the value.
    Pair(String, yaml::Node<'d>, Value<'d>),
    /// An item of a list.
    Item(Value<'d>),
}

/// A value with its place.
pub(super) struct Value<'d> {
    /// Where it is written; for what an alias stands for, the alias.
    pub(super) node: yaml::Node<'d>,
    /// What it is.
    pub(super) what: What<'d>,
}

/// What a value is.
pub(super) enum What<'d> {
    Null,
    Leaf(Scalar),
    List(Entries<'d>),
    Map(Entries<'d>),
}

impl Value<'_> {
    /// The value without its places.
    pub(super) fn into_node(self) -> Node {
        match self.what {
            What::Null => Node::Null,
            What::Leaf(leaf) => Node::Leaf(leaf),
            What::Map(entries) => Node::Map(into_map(entries)),
            What::List(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| match item {
                        Sourced::Comment(comment, _) => Node::Comment(comment),
                        Sourced::Item(value) | Sourced::Pair(_, _, value) => value.into_node(),
                    })
                    .collect(),
            ),
        }
    }
}

/// A map without its places.
pub(super) fn into_map(entries: Entries<'_>) -> Map {
    let entry = |entry| match entry {
        Sourced::Comment(comment, _) => Entry::Comment(comment),
        Sourced::Pair(key, _, value) => Entry::Pair(key, value.into_node()),
        Sourced::Item(value) => Entry::Pair(String::new(), value.into_node()),
    };
    Map(entries.into_iter().map(entry).collect())
}

/// Reads the documents of `text`. In the first one keys must not repeat, as in sops.
pub(super) fn documents<'d>(text: &'d str, parsed: &'d [yaml::Document]) -> Result<Vec<Entries<'d>>, Error> {
    let mut documents: Vec<Entries<'d>> = Vec::with_capacity(parsed.len());
    for (at, one) in parsed.iter().enumerate() {
        let (before, entries) = document(text, one, at == 0)?;
        if let Some(last) = documents.last_mut() {
            last.extend(before);
        }
        documents.push(entries);
    }
    Ok(documents)
}

/// Reads one document: what belongs to the one before it, and its own entries.
fn document<'d>(text: &'d str, document: &'d yaml::Document, is_first: bool) -> Result<(Entries<'d>, Entries<'d>), Error> {
    let root = document.root();
    let attachment = Attachment::of(text, document, is_first);
    let (end, of_prior) = (attachment.end.clone(), attachment.before.clone());
    let mut reader = Reader {
        text,
        comments: document.comments(),
        attachment,
        used: vec![false; document.comments().len()],
        aliased: 0,
        inside_alias: false,
        is_first,
    };
    let (mut before, mut entries) = (Vec::new(), Vec::new());
    reader.add(&of_prior, false, &mut before);
    match root.kind() {
        yaml::Kind::Mapping { .. } => {
            let own = reader.attachment.get(root);
            reader.add(&[own.head, own.line].concat(), false, &mut entries);
            append(&mut entries, reader.map(root, 0)?);
            reader.add(&own.foot, false, &mut entries);
        }
        yaml::Kind::Scalar(yaml::Style::Plain) if resolve(root.text().unwrap_or_default()) == Resolved::Null => {
            let own = reader.attachment.get(root);
            reader.add(&[own.head, own.line, own.foot].concat(), false, &mut entries);
        }
        _ => return Err(Error::TopLevel { format: "YAML" }),
    }
    reader.add(&end, false, &mut entries);
    // No comment is lost, wherever it stood.
    let missed: Vec<usize> = reader.used.iter().enumerate().filter(|(_, used)| !**used).map(|(number, _)| number).collect();
    reader.add(&missed, false, &mut entries);
    Ok((before, entries))
}

/// Puts entries behind others, of which there are mostly none.
fn append<'d>(entries: &mut Entries<'d>, more: Entries<'d>) {
    if entries.is_empty() {
        *entries = more;
    } else {
        entries.extend(more);
    }
}

struct Reader<'a> {
    text: &'a str,
    comments: &'a [yaml::Comment],
    attachment: Attachment,
    used: Vec<bool>,
    aliased: usize,
    inside_alias: bool,
    is_first: bool,
}

impl<'a> Reader<'a> {
    /// Puts comments into a map or list. None inside an alias: those stand elsewhere.
    fn add(&mut self, numbers: &[usize], inline: bool, entries: &mut Entries<'a>) {
        if self.inside_alias {
            return;
        }
        for &number in numbers {
            let Some(comment) = self.comments.get(number) else { continue };
            let text = self.text.get(comment.span.clone()).unwrap_or_default();
            let text = text.strip_prefix('#').unwrap_or(text).trim_end_matches(['\r', '\n']);
            entries.push(Sourced::Comment(Comment { inline, ..Comment::new(text) }, comment.span.clone()));
            if let Some(used) = self.used.get_mut(number) {
                *used = true;
            }
        }
    }

    fn syntax(&self, node: yaml::Node<'_>, message: &'static str) -> Error {
        let at = node.position();
        Error::Syntax { format: "YAML", line: at.line, column: at.column, message }
    }

    fn map(&mut self, node: yaml::Node<'a>, depth: usize) -> Result<Entries<'a>, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        if let Some(key) = node.repeated_keys().first().filter(|_| self.is_first) {
            return Err(self.syntax(*key, "the key is there twice"));
        }
        let mut map = Vec::with_capacity(node.entries().len());
        for (key, value) in node.entries() {
            if self.attachment.is_empty() {
                let name = self.key(key)?;
                map.push(Sourced::Pair(name, key, self.value(value, depth, false)?));
                continue;
            }
            let of_key = self.attachment.get(key);
            self.add(&of_key.head, false, &mut map);
            self.add(&of_key.line, false, &mut map);
            // Comments of a map or list go into it, those of a single value stay around it.
            let inside = matches!(value.kind(), yaml::Kind::Mapping { .. } | yaml::Kind::Sequence { .. });
            let of_value = if inside { Attached::default() } else { self.attachment.get(value) };
            self.add(&of_value.head, false, &mut map);
            self.add(&of_value.line, true, &mut map);
            let name = self.key(key)?;
            let value = self.value(value, depth, inside)?;
            map.push(Sourced::Pair(name, key, value));
            self.add(&of_value.foot, false, &mut map);
            self.add(&of_key.foot, false, &mut map);
        }
        Ok(map)
    }

    fn list(&mut self, node: yaml::Node<'a>, depth: usize) -> Result<Entries<'a>, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let mut list = Vec::with_capacity(node.items().len());
        for item in node.items() {
            let own = self.attachment.get(item);
            self.add(&own.head, false, &mut list);
            self.add(&own.line, true, &mut list);
            list.push(Sourced::Item(self.value(item, depth, false)?));
            self.add(&own.foot, false, &mut list);
        }
        Ok(list)
    }

    /// A value, with its own comments in it if it is a map or list under a key.
    fn value(&mut self, node: yaml::Node<'a>, depth: usize, inside: bool) -> Result<Value<'a>, Error> {
        let own = if inside { self.attachment.get(node) } else { Attached::default() };
        let mut entries = Vec::new();
        self.add(&own.head, false, &mut entries);
        self.add(&own.line, false, &mut entries);
        let what = match node.kind() {
            yaml::Kind::Scalar(_) => match self.scalar(node)? {
                Node::Leaf(leaf) => What::Leaf(leaf),
                _ => What::Null,
            },
            yaml::Kind::Alias => return Ok(Value { node, what: self.alias(node, depth)?.what }),
            yaml::Kind::Mapping { .. } => {
                append(&mut entries, self.map(node, depth + 1)?);
                self.add(&own.foot, false, &mut entries);
                What::Map(entries)
            }
            yaml::Kind::Sequence { .. } => {
                append(&mut entries, self.list(node, depth + 1)?);
                self.add(&own.foot, false, &mut entries);
                What::List(entries)
            }
        };
        Ok(Value { node, what })
    }

    fn alias(&mut self, node: yaml::Node<'a>, depth: usize) -> Result<Value<'a>, Error> {
        let outermost = !std::mem::replace(&mut self.inside_alias, true);
        let target = node.resolved();
        self.aliased += target.entries().len() + target.items().len() + 1;
        if self.aliased > MAX_ALIASED_NODES {
            return Err(self.syntax(target, "aliases repeat too much of the document"));
        }
        let value = if depth > MAX_DEPTH { Err(Error::TooDeep) } else { self.value(target, depth + 1, false) };
        if outermost {
            self.inside_alias = false;
        }
        value
    }

    fn key(&self, key: yaml::Node<'a>) -> Result<String, Error> {
        let resolved = key.resolved();
        if resolved.text() == Some("<<") {
            return Ok("<<".to_owned());
        }
        if let (Some(text), None) = (resolved.text(), resolved.tag())
            && (!matches!(resolved.kind(), yaml::Kind::Scalar(yaml::Style::Plain)) || resolve(text) == Resolved::Text)
        {
            return Ok(text.to_owned());
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
        // The non-specific tag says nothing to go-yaml.
        let tag = node.tag().filter(|tag| *tag != "!").map(|tag| tag.strip_prefix("tag:yaml.org,2002:").map_or("", |name| name));
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
