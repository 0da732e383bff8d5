//! What a document is to SOPS: ordered maps and lists of typed leaves, with comments between them.
//!
//! Every format is read into this and written from it (`sops::store`). A document is one [`Map`], a file is a list of documents
//! (YAML may have several). Keys are text, may repeat, and keep their order. Comments stand where they were found: in a map as
//! an entry of their own, in a list as an item. Follows sops-age.md §1.1.

use std::fmt;

use super::value::Scalar;
use crate::secret::SecretBytes;

/// Deepest nesting of maps and lists that is read. Deeper documents are an error, so that no input can exhaust the stack.
pub const MAX_DEPTH: usize = 400;

/// A comment without its `#`. The text may be secret: comments are encrypted too.
#[derive(Clone, PartialEq)]
pub struct Comment {
    /// Everything after the `#`, leading space included.
    pub text: SecretBytes,
    /// Whether it stood after a value on the same line.
    pub inline: bool,
}

impl Comment {
    /// A comment on lines of its own.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: SecretBytes::new(text.into()), inline: false }
    }
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Comment")
    }
}

/// Anything that can stand under a key or in a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing: never encrypted, never hashed.
    Null,
    /// A value; never [`Scalar::Comment`], which is [`Node::Comment`] here.
    Leaf(Scalar),
    /// A comment inside a list.
    Comment(Comment),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
}

impl Node {
    /// A text leaf.
    #[must_use]
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Leaf(Scalar::text(text))
    }

    /// The text of a leaf that is UTF-8 text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Leaf(Scalar::Text(text)) => std::str::from_utf8(text.expose()).ok(),
            _ => None,
        }
    }
}

/// One line of a map: a comment, or a key with its value.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A comment between keys.
    Comment(Comment),
    /// A key and its value.
    Pair(String, Node),
}

/// An ordered map in which keys may repeat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(pub Vec<Entry>);

impl Map {
    /// The first value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Keys and values in order, without the comments.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Pair(key, value) => Some((key.as_str(), value)),
            Entry::Comment(_) => None,
        })
    }

    /// Appends a key with its value.
    pub fn push(&mut self, key: impl Into<String>, value: Node) {
        self.0.push(Entry::Pair(key.into(), value));
    }
}

impl<K: Into<String>> FromIterator<(K, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Node)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| Entry::Pair(key.into(), value)).collect())
    }
}
