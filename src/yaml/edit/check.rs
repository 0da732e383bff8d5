//! Reads an edited text again and compares it with the text before: nothing but the change that was asked for may differ.
//!
//! Two readings must agree. The trees: kinds, styles, tags, anchors, texts and order of all nodes, and all comments, of all
//! documents. And what Kubernetes reads from the edited document, because merge keys make order matter.

use serde_json::{Map, Value};

use super::super::kubernetes::{is_string, key_text, to_json};
use super::super::tree::{Document, Kind, Node, Style};
use super::{Edit, Error};

/// The change that was asked for.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    Set(&'a str),
    Remove,
}

/// Compares the documents of the text before and after the edit.
pub(super) fn only_this_changed(
    edit: &Edit<'_>,
    before: &[Document],
    after: &[Document],
    edited: usize,
    change: Change<'_>,
) -> Result<(), Error> {
    let wrong = |reason| Err(Error::Check { path: edit.full_path(), reason });
    if before.len() != after.len() {
        return wrong("the number of documents");
    }
    for (index, (old, new)) in before.iter().zip(after).enumerate() {
        if old.has_marker() != new.has_marker() {
            return wrong("a document marker");
        }
        if index != edited {
            if !same(old.root(), new.root()) {
                return wrong("another document");
            }
        } else if !same_but(old.root(), new.root(), edit.path, edit.key, change) {
            return wrong("another part of the document");
        }
        let removes = index == edited && matches!(change, Change::Remove);
        if !removes && old.comments().len() != new.comments().len() {
            return wrong("a comment");
        }
    }
    let (Some(old), Some(new)) = (before.get(edited), after.get(edited)) else { return Ok(()) };
    // What Kubernetes cannot read before is no measure for after.
    if let Ok((mut expected, _)) = to_json(old) {
        let mut found = to_json(new)?.0;
        let agrees = expect(&mut expected, edit.path, edit.key, change) && expected == found;
        wipe(&mut expected);
        wipe(&mut found);
        if !agrees {
            return wrong("what Kubernetes reads from it, because of a merge key");
        }
    }
    Ok(())
}

fn same(old: Node<'_>, new: Node<'_>) -> bool {
    same_head(old, new)
        && old.kind() == new.kind()
        && old.text() == new.text()
        && same_entries(old, new)
        && old.items().len() == new.items().len()
        && old.items().zip(new.items()).all(|(old, new)| same(old, new))
}

fn same_entries(old: Node<'_>, new: Node<'_>) -> bool {
    old.entries().len() == new.entries().len()
        && old.entries().zip(new.entries()).all(|(old, new)| same(old.0, new.0) && same(old.1, new.1))
}

/// Tag, anchor, and where an alias leads.
fn same_head(old: Node<'_>, new: Node<'_>) -> bool {
    let target = |node: Node<'_>| (node.kind() == Kind::Alias).then(|| node.resolved().anchor().map(str::to_owned));
    old.tag() == new.tag() && old.anchor() == new.anchor() && target(old) == target(new)
}

/// Whether two trees differ in nothing but the entry at the end of the path.
fn same_but(old: Node<'_>, new: Node<'_>, path: &[&str], key: &str, change: Change<'_>) -> bool {
    if !same_head(old, new) {
        return false;
    }
    let (step, rest) = match path.split_first() {
        Some((step, rest)) => (*step, Some(rest)),
        None => (key, None),
    };
    if old.kind() == new.kind() && matches!(old.kind(), Kind::Sequence { .. }) {
        let Some(rest) = rest else { return false };
        let index = step.parse::<usize>().ok();
        return old.items().len() == new.items().len()
            && old
                .items()
                .zip(new.items())
                .enumerate()
                .all(|(at, (old, new))| if Some(at) == index { same_but(old, new, rest, key, change) } else { same(old, new) });
    }
    if !matches!(new.kind(), Kind::Mapping { .. }) {
        return false;
    }
    // An empty mapping may change between `{}` and block layout; null and nothing may become a mapping.
    let hollow = |node: Node<'_>| node.entries().len() == 0;
    if old.kind() != new.kind() && !hollow(old) && !hollow(new) {
        return false;
    }
    let is_key = |node: Node<'_>| key_text(node.resolved()).is_ok_and(|text| text == step);
    let others = |node: &(Node<'_>, Node<'_>)| !is_key(node.0);
    let (old_others, new_others) = (old.entries().filter(others), new.entries().filter(others));
    if old_others.clone().count() != new_others.clone().count()
        || !old_others.zip(new_others).all(|(old, new)| same(old.0, new.0) && same(old.1, new.1))
    {
        return false;
    }
    let at = |node: Node<'_>| node.entries().position(|(key, _)| is_key(key));
    let (was, is) = (old.entries().find(|(key, _)| is_key(*key)), new.entries().find(|(key, _)| is_key(*key)));
    match (was, is, rest, change) {
        (Some(was), Some(is), Some(rest), _) => {
            at(old) == at(new) && same(was.0, is.0) && same_but(was.1, is.1, rest, key, change)
        }
        (None, Some(is), Some(rest), Change::Set(value)) => is_new(new, is) && made_of(is.1, rest, key, value),
        (Some(was), Some(is), None, Change::Set(value)) => {
            at(old) == at(new) && same(was.0, is.0) && is.1.anchor() == was.1.anchor() && is_text(is.1, value)
        }
        (None, Some(is), None, Change::Set(value)) => is_new(new, is) && is_text(is.1, value),
        (Some(_), None, None, Change::Remove) => true,
        _ => false,
    }
}

/// Whether an entry is the last of its mapping and without tag or anchor.
fn is_new(mapping: Node<'_>, (key, value): (Node<'_>, Node<'_>)) -> bool {
    let last = mapping.entries().next_back().is_some_and(|(last, _)| last.is(key));
    last && [key, value].iter().all(|node| node.tag().is_none() && node.anchor().is_none())
}

/// Whether a node is mappings of one key each, down to the new value.
fn made_of(node: Node<'_>, path: &[&str], key: &str, value: &str) -> bool {
    let step = path.first().copied().unwrap_or(key);
    let Some((name, inner)) = node.entries().next().filter(|_| node.entries().len() == 1) else { return false };
    if !key_text(name).is_ok_and(|text| text == step) {
        return false;
    }
    match path.split_first() {
        Some((_, rest)) => made_of(inner, rest, key, value),
        None => is_text(inner, value),
    }
}

fn is_text(node: Node<'_>, value: &str) -> bool {
    let on_one_line = !matches!(node.kind(), Kind::Scalar(Style::Literal | Style::Folded));
    on_one_line && is_string(node) && node.text() == Some(value)
}

/// Makes the change in the JSON of the text before.
fn expect(json: &mut Value, path: &[&str], key: &str, change: Change<'_>) -> bool {
    let mut node = json;
    for step in path {
        if let Value::Array(items) = node {
            let Some(item) = step.parse::<usize>().ok().and_then(|index| items.get_mut(index)) else { return false };
            node = item;
            continue;
        }
        if node.is_null() {
            *node = Value::Object(Map::new());
        }
        let Some(map) = node.as_object_mut() else { return false };
        node = map.entry(*step).or_insert(Value::Null);
    }
    if node.is_null() {
        *node = Value::Object(Map::new());
    }
    let Some(map) = node.as_object_mut() else { return false };
    match change {
        Change::Set(value) => map.insert(key.to_owned(), value.into()),
        Change::Remove => map.remove(key),
    };
    true
}

/// The copy may hold plaintext.
fn wipe(value: &mut Value) {
    use zeroize::Zeroize;
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}
