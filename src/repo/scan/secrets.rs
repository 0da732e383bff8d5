//! Secrets in manifests, wherever in a document they stand: alone, in Lists, in templates of other objects.
//!
//! Works on the tree with its positions and decodes nothing but single values. Of a document that cannot be parsed because it is a
//! template, or is part of a script, [`literals`] finds the clear values; a manifest that is neither is a finding itself. Files
//! that name no Secret are never parsed.

use memchr::memmem;

use super::literals;
use super::placeholder::{Form, is_harmless};
use super::{Finding, Kind};
use crate::seal::is_valid_key;
use crate::yaml::{self, Node};

/// A finding, and the lines on which a comment allows all of its object.
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) above: Vec<usize>,
}

/// Annotations in which tools keep the object as it was applied.
const COPIES: [&str; 2] = crate::seal::LAST_APPLIED_ANNOTATIONS;
/// Label of the controller's keys.
const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// How many merges (`<<`) of a mapping are followed, so that merges of merges end.
const MAX_MERGES: usize = 200;
/// How many entries of a stream are looked at through merges and aliases: a small file can stand for an endless one.
const MAX_EXPANDED: usize = 4_000_000;

/// Looks through a stream of documents. `is_manifest`: its name says that it is one; any other text has to say `kind: Secret`.
/// Gives the line of the first template, of which only clear values were found, or 0.
pub(super) fn look(text: &str, is_manifest: bool, found: &mut Vec<Found>) -> usize {
    let may_hold_one = if is_manifest { names_a_secret } else { says_its_kind };
    if !may_hold_one(text) || look_at(text, 0, found).is_ok() {
        return 0;
    }
    let mut template = 0;
    for (line, part) in parts(text) {
        if !may_hold_one(part) {
            continue;
        }
        let Err(at) = look_at(part, line, found) else { continue };
        let is_template = ["{{", "{%", "<%"].iter().any(|mark| part.contains(mark));
        if is_template && template == 0 {
            template = line + 1;
        }
        if is_template || !is_manifest {
            literals::look(part, line, found);
        } else {
            found.push(Found {
                finding: Finding { kind: Kind::Unreadable, line: at, object: None, key: None },
                above: vec![line + 1],
            });
        }
    }
    template
}

/// Whether `kind: Secret` is there, also in quotes and in JSON. Cheap: every text of a tree is asked.
pub(super) fn says_its_kind(text: &str) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, b"Secret").any(|at| {
        let after = bytes.get(at + b"Secret".len()..).unwrap_or_default();
        let ends = !after.first().is_some_and(u8::is_ascii_alphanumeric) || after.starts_with(b"List");
        let before = bytes.get(..at).unwrap_or_default();
        let before = before.strip_suffix(b"Sops").unwrap_or(before);
        let trimmed = |bytes: &[u8]| bytes.iter().rposition(|byte| !b" \t\"'\\".contains(byte)).map_or(0, |last| last + 1);
        let before = before.get(..trimmed(before)).unwrap_or_default();
        let Some(key) = before.strip_suffix(b":").filter(|_| ends) else { return false };
        let key = key.get(..trimmed(key)).and_then(|key| key.strip_suffix(b"kind"));
        key.is_some_and(|before| !before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
    })
}

/// Whether the word `Secret` or `SecretList` is there by itself, or another sign of a value.
fn names_a_secret(text: &str) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, b"Secret").any(|at| {
        let after = bytes.get(at + b"Secret".len()..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let sops = bytes.get(..at).is_some_and(|before| before.ends_with(b"Sops"));
        (sops || !is_letter(before)) && (!is_letter(after.first()) || after.starts_with(b"List"))
    }) || memmem::find(bytes, b"secretGenerator").is_some()
}

/// The documents of a stream that is not valid as a whole, each with the number of lines before it: between markers, or JSON
/// objects one after the other.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut ends = Vec::new();
    if text.trim_start().starts_with('{') {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        while stream.next().is_some_and(|document| document.is_ok()) {
            ends.push(stream.byte_offset());
        }
    } else {
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            if line.starts_with("---") {
                ends.push(offset);
            }
            offset += line.len();
        }
    }
    ends.push(text.len());
    let (mut parts, mut start, mut line) = (Vec::new(), 0, 0);
    for end in ends {
        let part = text.get(start..end).unwrap_or_default();
        parts.push((line, part));
        line += memchr::memchr_iter(b'\n', part.as_bytes()).count();
        start = end;
    }
    parts
}

/// One stream that is valid; else the line of the mistake.
fn look_at(text: &str, lines_before: usize, found: &mut Vec<Found>) -> Result<(), usize> {
    let documents = yaml::parse_stream(text).map_err(|error| match error {
        yaml::Error::Syntax { position, .. } | yaml::Error::TooDeep { position, .. } => lines_before + position.line,
        _ => lines_before + 1,
    })?;
    let mut visit = Visit { lines_before, found, left: MAX_EXPANDED };
    for document in &documents {
        visit.node(document.root());
    }
    Ok(())
}

struct Visit<'f> {
    lines_before: usize,
    found: &'f mut Vec<Found>,
    /// What is left of [`MAX_EXPANDED`]; at 0 nothing is looked at any more.
    left: usize,
}

/// The value under a key; where the mapping itself has none, that of the first mapping that it merges (`<<`).
fn field<'d>(node: Node<'d>, key: &str) -> Option<Node<'d>> {
    let merged = || node.get("<<").and_then(|_| Merged::of(node).find(|(name, _)| name.text() == Some(key)));
    node.get(key).or_else(|| merged().map(|(_, value)| value)).map(Node::resolved)
}

fn is_null(node: Node<'_>) -> bool {
    node.kind() == yaml::Kind::Scalar(yaml::Style::Plain) && matches!(node.text(), Some("" | "~" | "null" | "Null" | "NULL"))
}

fn text_of<'d>(node: Node<'d>, path: &[&str]) -> Option<&'d str> {
    path.iter().try_fold(node, |node, key| field(node, key)).and_then(Node::text).filter(|text| !text.is_empty())
}

/// The entries of a mapping, then of those that it merges: of two with one key the first counts, as for Kubernetes.
struct Merged<'d> {
    entries: yaml::Entries<'d>,
    /// Mappings to come, the last one first.
    waiting: Vec<Node<'d>>,
    visited: usize,
}

impl<'d> Merged<'d> {
    fn of(node: Node<'d>) -> Self {
        Self { entries: node.entries(), waiting: Vec::new(), visited: 0 }
    }
}

impl<'d> Iterator for Merged<'d> {
    type Item = (Node<'d>, Node<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((key, value)) = self.entries.next() else {
                self.visited += 1;
                self.entries = self.waiting.pop().filter(|_| self.visited <= MAX_MERGES)?.entries();
                continue;
            };
            if key.text() != Some("<<") {
                return Some((key, value));
            }
            let value = value.resolved();
            let merges: Vec<Node<'d>> =
                std::iter::once(value).chain(value.items().map(Node::resolved)).take(MAX_MERGES).collect();
            self.waiting.extend(merges.into_iter().rev());
        }
    }
}

impl Visit<'_> {
    fn line(&self, node: Node<'_>) -> usize {
        self.lines_before + node.position().line
    }

    /// Takes from what is left. When that was all, the file is a finding itself, and the rest of it is not looked at.
    fn spend(&mut self, entries: usize, at: Node<'_>) {
        if self.left > 0 && self.left <= entries {
            let finding = Finding { kind: Kind::Unreadable, line: self.line(at), object: None, key: None };
            self.found.push(Found { finding, above: Vec::new() });
        }
        self.left = self.left.saturating_sub(entries);
    }

    /// Aliases are not followed: what they stand for is visited where it stands. Merges are: they may make a Secret of a mapping.
    fn node(&mut self, node: Node<'_>) {
        node.items().for_each(|item| self.node(item));
        if node.entries().len() == 0 {
            return;
        }
        if node.get("<<").is_some() {
            let mut merged = Merged::of(node);
            let entries = merged.by_ref().take(self.left).count();
            self.spend(entries + merged.visited, node);
        }
        if self.left == 0 {
            return;
        }
        match text_of(node, &["kind"]) {
            Some("Secret") if is_core(node) => self.secret(node),
            Some("SecretList") => {
                let items = field(node, "items").into_iter().flat_map(Node::items).map(Node::resolved);
                items.filter(|item| item.get("kind").is_none()).for_each(|item| self.secret(item));
            }
            Some("SopsSecret") => {
                let spec = field(node, "spec").unwrap_or(node);
                for template in field(spec, "secretTemplates").into_iter().flat_map(Node::items).map(Node::resolved) {
                    self.values(template, node, &|_| Kind::PlainSecret);
                }
            }
            _ => {}
        }
        self.copies(node);
        self.generators(node);
        node.entries().for_each(|(_, value)| self.node(value));
    }

    fn secret(&mut self, node: Node<'_>) {
        let labels = field(node, "metadata").and_then(|metadata| field(metadata, "labels"));
        let is_sealing_key = labels.is_some_and(|labels| labels.get(KEY_LABEL).is_some());
        self.values(node, node, &|key| if is_sealing_key && key == "tls.key" { Kind::SealingKey } else { Kind::PlainSecret });
    }

    /// The values under `data` and `stringData` of `holder`, which belongs to `object`.
    fn values(&mut self, holder: Node<'_>, object: Node<'_>, kind: &dyn Fn(&str) -> Kind) {
        for (name, value) in Merged::of(holder) {
            let form = match name.text() {
                Some(name) if name.eq_ignore_ascii_case("data") => Form::Base64,
                Some(name) if name.eq_ignore_ascii_case("stringData") => Form::Text,
                _ => continue,
            };
            for (key, value) in Merged::of(value.resolved()) {
                let value = value.resolved();
                self.spend(1, holder);
                if self.left == 0 {
                    return;
                }
                if is_null(value) || value.text().is_none_or(|text| is_harmless(text, form)) {
                    continue;
                }
                let key_text = key.text().unwrap_or_default();
                self.push(kind(key_text), key, key_text, object, &[name]);
            }
        }
    }

    fn push(&mut self, kind: Kind, at: Node<'_>, key: &str, object: Node<'_>, also: &[Node<'_>]) {
        let kind_line = object.entry("kind").map(|(key, _)| self.line(key));
        let above = [self.line(object)].into_iter().chain(kind_line).chain(also.iter().map(|node| self.line(*node))).collect();
        // What cannot be a key is rather a value in the wrong place.
        let key = (is_valid_key(key) || COPIES.contains(&key)).then(|| key.to_owned());
        let finding = Finding { kind, line: self.line(at), object: name_of(object), key };
        self.found.push(Found { finding, above });
    }

    /// Annotations that hold a whole Secret.
    fn copies(&mut self, node: Node<'_>) {
        let annotations = field(node, "metadata").and_then(|metadata| field(metadata, "annotations"));
        let Some(annotations) = annotations else { return };
        for (key, value) in COPIES.iter().filter_map(|name| annotations.entry(name)) {
            let Some(text) = value.resolved().text().filter(|text| names_a_secret(text)) else { continue };
            let mut inner = Vec::new();
            if look_at(text, 0, &mut inner).is_ok() && !inner.is_empty() {
                self.push(Kind::PlainCopy, key, key.text().unwrap_or_default(), node, &[]);
            }
        }
    }

    /// `secretGenerator: [{literals: [KEY=value]}]` of a kustomization.
    fn generators(&mut self, node: Node<'_>) {
        for generator in field(node, "secretGenerator").into_iter().flat_map(Node::items).map(Node::resolved) {
            for literal in field(generator, "literals").into_iter().flat_map(Node::items) {
                self.spend(1, generator);
                if self.left == 0 {
                    return;
                }
                let Some(text) = literal.resolved().text() else { continue };
                // Without a `=` all of it may be a value.
                let (key, value) = text.split_once('=').unwrap_or(("", text));
                if !is_harmless(value.trim_matches(['"', '\'']), Form::Text) {
                    self.push(Kind::GeneratorLiteral, literal, key, generator, &[]);
                }
            }
        }
    }
}

/// Whether a `kind: Secret` is Kubernetes' own and no other group's.
fn is_core(node: Node<'_>) -> bool {
    text_of(node, &["apiVersion"]).is_none_or(|version| !version.contains('/'))
}

fn name_of(object: Node<'_>) -> Option<String> {
    let name = text_of(object, &["metadata", "name"]).or_else(|| text_of(object, &["name"]))?;
    Some(match text_of(object, &["metadata", "namespace"]) {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    })
}
