//! Whether two readings of documents are the same for every reader.

use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::sops::value::{Encrypted, Kind, Scalar};

/// Whether the documents have the same keys and values in the same order, and the same comments. To which level a comment
/// belongs may differ: in plain text nothing depends on it, and of encrypted text it shows when they are opened.
pub(super) fn same_documents(left: &[Map], right: &[Map]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| same_pairs(left, right))
        && sorted_comments(left) == sorted_comments(right)
}

fn sorted_comments(documents: &[Map]) -> Vec<&[u8]> {
    let mut comments = Vec::new();
    documents.iter().for_each(|map| comments_of(map, &mut comments));
    comments.sort_unstable();
    comments
}

/// Notes the comments of a map that are not empty, those that are list items among them.
fn comments_of<'d>(map: &'d Map, comments: &mut Vec<&'d [u8]>) {
    for entry in &map.0 {
        match entry {
            Entry::Comment(comment) => note(comment.text.expose(), comments),
            Entry::Pair(_, node) => comments_below(node, comments),
        }
    }
}

fn comments_below<'d>(node: &'d Node, comments: &mut Vec<&'d [u8]>) {
    match node {
        Node::Map(map) => comments_of(map, comments),
        Node::List(items) => {
            for item in items {
                match item {
                    Node::Comment(comment) => note(comment.text.expose(), comments),
                    item => match encrypted_comment(item) {
                        Some(text) => note(text.as_bytes(), comments),
                        None => comments_below(item, comments),
                    },
                }
            }
        }
        Node::Null | Node::Leaf(_) | Node::Comment(_) => {}
    }
}

fn note<'d>(text: &'d [u8], comments: &mut Vec<&'d [u8]>) {
    if !text.is_empty() {
        comments.push(text);
    }
}

/// Whether two maps are the same but for their comments.
fn same_pairs(left: &Map, right: &Map) -> bool {
    same_all(left.pairs(), right.pairs(), |(key, left), (other, right)| key == other && same_bare(left, right))
}

/// Whether two values are the same but for their comments.
fn same_bare(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Null, Node::Null) => true,
        (Node::Leaf(left), Node::Leaf(right)) => same_leaf(left, right),
        (Node::Map(left), Node::Map(right)) => same_pairs(left, right),
        (Node::List(left), Node::List(right)) => {
            let counts = |node: &&Node| !matches!(node, Node::Comment(_)) && encrypted_comment(node).is_none();
            same_all(left.iter().filter(counts), right.iter().filter(counts), same_bare)
        }
        _ => false,
    }
}

fn same_all<T: Copy>(mut left: impl Iterator<Item = T>, mut right: impl Iterator<Item = T>, same: impl Fn(T, T) -> bool) -> bool {
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) if same(left, right) => {}
            _ => return false,
        }
    }
}

fn same_map(left: &Map, right: &Map) -> bool {
    let counts = |entry: &&Entry| !matches!(entry, Entry::Comment(comment) if comment.text.is_empty());
    let (mut left, mut right) = (left.0.iter().filter(counts), right.0.iter().filter(counts));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(Entry::Comment(left)), Some(Entry::Comment(right))) if left.text == right.text => {}
            (Some(Entry::Pair(key, left)), Some(Entry::Pair(other, right))) if key == other && same_node(left, right) => {}
            _ => return false,
        }
    }
}

/// Whether two values are the same.
pub(super) fn same_node(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Null, Node::Null) => true,
        (Node::Leaf(left), Node::Leaf(right)) => same_leaf(left, right),
        (Node::Map(left), Node::Map(right)) => same_map(left, right),
        (Node::List(left), Node::List(right)) => {
            let counts = |node: &&Node| !matches!(node, Node::Comment(comment) if comment.text.is_empty());
            let (mut left, mut right) = (left.iter().filter(counts), right.iter().filter(counts));
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some(left), Some(right)) if same_item(left, right) => {}
                    _ => return false,
                }
            }
        }
        _ => false,
    }
}

/// Whether two leaves are the same, NaN and NaN too. How long it takes tells nobody anything: both are of files of the same person.
pub(super) fn same_leaf(left: &Scalar, right: &Scalar) -> bool {
    if let (Scalar::Text(left), Scalar::Text(right)) = (left, right) {
        return left.expose() == right.expose();
    }
    left == right || (left.kind() == right.kind() && left.kind() == Kind::Float && left.to_plain() == right.to_plain())
}

fn same_item(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Comment(left), Node::Comment(right)) => left.text == right.text,
        (Node::Comment(comment), item) | (item, Node::Comment(comment)) => is_comment(item, comment),
        _ => same_node(left, right),
    }
}

/// Whether an item is this encrypted comment.
pub(super) fn is_comment(item: &Node, comment: &Comment) -> bool {
    encrypted_comment(item).is_some_and(|text| text.as_bytes() == comment.text.expose())
}

/// The text of an item that is an encrypted comment.
pub(super) fn encrypted_comment(item: &Node) -> Option<&str> {
    item.as_str().filter(|text| Encrypted::is_comment(text))
}
