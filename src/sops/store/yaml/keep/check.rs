//! Whether two readings of documents are the same for every reader.

use zeroize::Zeroizing;

use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::sops::value::{Encrypted, Kind, Scalar};

/// Whether the documents have the same keys and values in the same order, and the same comments. To which level a comment
/// belongs may differ: in plain text nothing depends on it, and of encrypted text it shows when they are opened.
pub(super) fn same_documents(left: &[Map], right: &[Map]) -> bool {
    let bare = |documents: &[Map]| {
        let mut comments = Vec::new();
        let maps: Vec<Map> = documents.iter().map(|map| bare_map(map, &mut comments)).collect();
        comments.sort_by(|left, right| left.as_slice().cmp(right.as_slice()));
        (maps, comments)
    };
    let ((left, comments), (right, others)) = (bare(left), bare(right));
    comments == others && left.len() == right.len() && left.iter().zip(&right).all(|(left, right)| same_map(left, right))
}

fn note(comment: &Comment, comments: &mut Vec<Zeroizing<Vec<u8>>>) {
    if !comment.text.is_empty() {
        comments.push(Zeroizing::new(comment.text.expose().to_vec()));
    }
}

/// The map without its comments, which are noted.
fn bare_map(map: &Map, comments: &mut Vec<Zeroizing<Vec<u8>>>) -> Map {
    let mut bare = Map::default();
    for entry in &map.0 {
        match entry {
            Entry::Comment(comment) => note(comment, comments),
            Entry::Pair(key, node) => bare.push(key.as_str(), bare_node(node, comments)),
        }
    }
    bare
}

fn bare_node(node: &Node, comments: &mut Vec<Zeroizing<Vec<u8>>>) -> Node {
    match node {
        Node::Map(map) => Node::Map(bare_map(map, comments)),
        Node::List(items) => {
            let mut bare = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Node::Comment(comment) => note(comment, comments),
                    item => match encrypted_comment(item) {
                        Some(text) => note(&Comment::new(text), comments),
                        None => bare.push(bare_node(item, comments)),
                    },
                }
            }
            Node::List(bare)
        }
        other => other.clone(),
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

/// Whether two leaves are the same, NaN and NaN too.
pub(super) fn same_leaf(left: &Scalar, right: &Scalar) -> bool {
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
    item.as_str().filter(|text| Encrypted::parse(text).is_ok_and(|value| value.kind == Kind::Comment))
}
