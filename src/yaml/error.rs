//! What can be wrong with a text, and where. No variant holds a value of the text: it may be a secret.

use std::fmt;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Offset in bytes, from 0.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text, or a node of it, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not YAML.
    #[error("{position}: not valid YAML: {reason}")]
    Syntax {
        /// Where the parser stopped.
        position: Position,
        /// What it says.
        reason: String,
    },
    /// The text is longer than [`super::limits::MAX_TEXT_BYTES`].
    #[error("the text has {bytes} bytes, more than the {limit} that are read")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Collections are nested deeper than [`super::limits::MAX_DEPTH`].
    #[error("{position}: nested deeper than {limit} levels")]
    TooDeep {
        /// The collection that is too deep.
        position: Position,
        /// The limit.
        limit: usize,
    },
    /// An alias stands inside the node that it refers to.
    #[error("{position}: the alias refers to a node that contains it")]
    AliasCycle {
        /// The alias.
        position: Position,
    },
    /// Aliases would make the document far larger than its text.
    #[error("{position}: aliases repeat too much of the document")]
    AliasExpansion {
        /// The alias at which the budget ran out.
        position: Position,
    },
    /// The value of a merge key `<<` is neither a mapping nor a list of mappings.
    #[error("{position}: the value of a merge key must be a mapping or a list of mappings")]
    Merge {
        /// The value.
        position: Position,
    },
    /// A scalar does not fit the tag written on it.
    #[error("{position}: the scalar cannot be read as {tag}")]
    Tag {
        /// The scalar.
        position: Position,
        /// The tag in its short form, `!!int`.
        tag: String,
    },
    /// `!!binary` that is not base64, or whose bytes are not UTF-8 and so cannot stand in JSON.
    #[error("{position}: the !!binary scalar {reason}")]
    Binary {
        /// The scalar.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A number that JSON does not have: `.nan`, `.inf`.
    #[error("{position}: infinity and not-a-number have no JSON form")]
    NotFinite {
        /// The scalar.
        position: Position,
    },
    /// A mapping key that cannot become a string: null, a collection, or an integer above 2^63-1.
    #[error("{position}: {what} cannot be a key")]
    Key {
        /// The key.
        position: Position,
        /// What it is.
        what: &'static str,
    },
}
