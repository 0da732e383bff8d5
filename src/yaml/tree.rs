//! The tree of one document: what is written and where, without deciding what it means.
//!
//! Nodes live in one arena and refer to each other by number, so that aliases are cheap, and a deep tree neither recurses when
//! it is walked by this module nor when it is dropped. Text of scalars is wiped on drop and absent from `Debug`: a manifest
//! may hold plaintext.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::Position;

/// One document of a stream.
#[derive(Clone)]
pub struct Document {
    pub(super) nodes: Vec<NodeData>,
    pub(super) root: usize,
    pub(super) comments: Vec<Comment>,
    pub(super) span: Range<usize>,
    pub(super) explicit_start: bool,
    /// The text that [`Text::Source`] is of; empty where there is none. Wiped with the last document of its stream.
    pub(super) source: Arc<Zeroizing<String>>,
}

impl Document {
    /// The node that is the whole document. Of an empty document it is an empty plain scalar.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { document: self, id: self.root }
    }

    /// Whether there is nothing between the document's markers but blanks and comments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let root = self.root();
        root.is_absent() && root.tag().is_none() && root.anchor().is_none()
    }

    /// The comments from this document's start to the next document's, in source order.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// All nodes, in the order in which they begin in the text.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.nodes.len()).map(|id| Node { document: self, id })
    }

    /// Bytes of the text from this document's first marker or node to the end of its last node.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether the document begins with `---`.
    #[must_use]
    pub fn has_marker(&self) -> bool {
        self.explicit_start
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} nodes, {} comments, bytes {:?})", self.nodes.len(), self.comments.len(), self.span)
    }
}

/// A comment, without the line break that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From `#` to the end of the line, in bytes of the text.
    pub span: Range<usize>,
    /// Where the `#` stands.
    pub position: Position,
    /// Whether something other than blanks stands before it on its line.
    pub trailing: bool,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bare.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in some [`Style`].
    Scalar(Style),
    /// A list; `flow` when it is written `[…]`.
    Sequence {
        /// Written in brackets.
        flow: bool,
    },
    /// Keys and values; `flow` when it is written `{…}`, and then it may be JSON.
    Mapping {
        /// Written in braces.
        flow: bool,
    },
    /// `*name`: stands for an earlier node.
    Alias,
}

#[derive(Clone)]
pub(super) struct NodeData {
    pub(super) content: Content,
    pub(super) tag: Option<Box<str>>,
    pub(super) anchor: Option<Box<str>>,
    pub(super) position: Position,
    /// The node itself, without tag and anchor.
    pub(super) span: Range<usize>,
    /// Where its tag or anchor begins, or the node itself.
    pub(super) outer_start: usize,
}

/// The text of a scalar.
#[derive(Clone)]
pub(super) enum Text {
    /// With quotes, escapes and folding resolved.
    Own(Zeroizing<String>),
    /// These bytes of the document's source, as they stand there.
    Source(Range<usize>),
}

#[derive(Clone)]
pub(super) enum Content {
    /// `header` is the end of the `|-` of a block scalar.
    Scalar {
        text: Text,
        style: Style,
        header: Option<usize>,
    },
    Sequence {
        items: Vec<usize>,
        flow: bool,
    },
    Mapping {
        entries: Vec<(usize, usize)>,
        flow: bool,
    },
    Alias(usize),
}

/// A node of a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    id: usize,
}

impl<'d> Node<'d> {
    fn data(self) -> &'d NodeData {
        // Ids are made by the builder together with the arena and never leave the document.
        &self.document.nodes[self.id]
    }

    /// The document that the node is of.
    #[must_use]
    pub fn document(self) -> &'d Document {
        self.document
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match &self.data().content {
            Content::Scalar { style, .. } => Kind::Scalar(*style),
            Content::Sequence { flow, .. } => Kind::Sequence { flow: *flow },
            Content::Mapping { flow, .. } => Kind::Mapping { flow: *flow },
            Content::Alias(_) => Kind::Alias,
        }
    }

    /// The text of a scalar with quotes, escapes and folding resolved; `None` of anything else. May be a secret.
    #[must_use]
    pub fn text(self) -> Option<&'d str> {
        match &self.data().content {
            Content::Scalar { text: Text::Own(text), .. } => Some(text),
            Content::Scalar { text: Text::Source(range), .. } => self.document.source.get(range.clone()),
            _ => None,
        }
    }

    /// Whether nothing is written where the node stands (`key:` and no value).
    #[must_use]
    pub fn is_absent(self) -> bool {
        let data = self.data();
        matches!(data.content, Content::Scalar { style: Style::Plain, .. }) && data.span.is_empty()
    }

    /// The tag, resolved (`tag:yaml.org,2002:str` for `!!str`, `!` for the non-specific one).
    #[must_use]
    pub fn tag(self) -> Option<&'d str> {
        self.data().tag.as_deref()
    }

    /// The anchor's name without `&`.
    #[must_use]
    pub fn anchor(self) -> Option<&'d str> {
        self.data().anchor.as_deref()
    }

    /// Where the node begins, without tag and anchor.
    #[must_use]
    pub fn position(self) -> Position {
        self.data().position
    }

    /// Bytes of the text that are the node, without tag and anchor. Of a block scalar: from its `|` or `>` to the end of the
    /// last line that is not blank. Of a block collection: from its first key or dash to the end of its last node.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.data().span.clone()
    }

    /// As [`Self::span`], from the tag or anchor on.
    #[must_use]
    pub fn full_span(self) -> Range<usize> {
        self.data().outer_start..self.data().span.end
    }

    /// Bytes of the `|-` of a block scalar: style, indentation and chomping indicators, without a comment after them.
    #[must_use]
    pub fn block_header(self) -> Option<Range<usize>> {
        match self.data().content {
            Content::Scalar { header: Some(end), .. } => Some(self.data().span.start..end),
            _ => None,
        }
    }

    /// The node an alias stands for; the node itself if it is none. An alias may stand inside its own target.
    #[must_use]
    pub fn resolved(self) -> Node<'d> {
        match self.data().content {
            // A target is never an alias itself: YAML has no anchors on aliases.
            Content::Alias(target) => Node { document: self.document, id: target },
            _ => self,
        }
    }

    /// Keys and values in source order; empty when the node is not a mapping.
    #[must_use]
    pub fn entries(self) -> Entries<'d> {
        let entries = match &self.data().content {
            Content::Mapping { entries, .. } => entries.as_slice(),
            _ => &[],
        };
        Entries { document: self.document, entries: entries.iter() }
    }

    /// Elements in source order; empty when the node is not a sequence.
    #[must_use]
    pub fn items(self) -> Items<'d> {
        let items = match &self.data().content {
            Content::Sequence { items, .. } => items.as_slice(),
            _ => &[],
        };
        Items { document: self.document, items: items.iter() }
    }

    /// The last entry whose key is a scalar with exactly this text, whatever its style. Aliases and merges are not followed.
    #[must_use]
    pub fn entry(self, key: &str) -> Option<(Node<'d>, Node<'d>)> {
        self.entries().rfind(|(name, _)| name.text() == Some(key))
    }

    /// The value of [`Self::entry`].
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Keys whose text has already stood in this mapping, each at its second and later occurrence.
    #[must_use]
    pub fn repeated_keys(self) -> Vec<Node<'d>> {
        let mut texts: Vec<&str> = self.entries().filter_map(|(key, _)| key.text()).collect();
        texts.sort_unstable();
        if !texts.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Vec::new();
        }
        let mut seen = std::collections::HashSet::new();
        self.entries().map(|(key, _)| key).filter(|key| key.text().is_some_and(|text| !seen.insert(text))).collect()
    }

    /// Whether two handles are the same node of the same document.
    #[must_use]
    pub fn is(self, other: Node<'_>) -> bool {
        self.id == other.id && std::ptr::eq(self.document, other.document)
    }

    /// A number that names the node within its document.
    pub(crate) fn id(self) -> usize {
        self.id
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({:?} at {})", self.kind(), self.position())
    }
}

/// Iterator over the keys and values of a mapping.
#[derive(Clone)]
pub struct Entries<'d> {
    document: &'d Document,
    entries: std::slice::Iter<'d, (usize, usize)>,
}

impl<'d> Iterator for Entries<'d> {
    type Item = (Node<'d>, Node<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let &(key, value) = self.entries.next()?;
        Some((Node { document: self.document, id: key }, Node { document: self.document, id: value }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let &(key, value) = self.entries.next_back()?;
        Some((Node { document: self.document, id: key }, Node { document: self.document, id: value }))
    }
}

/// Iterator over the elements of a sequence.
#[derive(Clone)]
pub struct Items<'d> {
    document: &'d Document,
    items: std::slice::Iter<'d, usize>,
}

impl<'d> Iterator for Items<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.next().map(|&id| Node { document: self.document, id })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.items.next_back().map(|&id| Node { document: self.document, id })
    }
}
