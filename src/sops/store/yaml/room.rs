//! How much room documents take as text, so that a buffer is made once: one that grows leaves pieces of plaintext behind.

use crate::sops::tree::{Entry, Map, Node};
use crate::sops::value::Scalar;

/// About as many bytes as a map takes when it is written, rather more than less.
pub(super) fn for_map(map: &Map, column: usize, indent: usize) -> usize {
    let entry = |entry: &Entry| match entry {
        Entry::Comment(comment) => column + comment.text.len() + 2,
        Entry::Pair(key, node) => column + key.len() + 4 + below(node, column + indent, indent),
    };
    map.0.iter().map(entry).sum()
}

fn below(node: &Node, column: usize, indent: usize) -> usize {
    match node {
        Node::Map(map) => for_map(map, column, indent),
        Node::List(items) => items.iter().map(|item| column + 3 + below(item, column + indent, indent)).sum(),
        Node::Comment(comment) => comment.text.len() + 2,
        Node::Leaf(Scalar::Text(text)) => {
            // Each line of a block is indented.
            let lines = memchr::memchr_iter(b'\n', text.expose()).count();
            text.len() + text.len() / 8 + (lines + 1) * column + 4
        }
        Node::Leaf(_) | Node::Null => 40,
    }
}
