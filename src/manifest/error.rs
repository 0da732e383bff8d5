//! What can be wrong with a document, always with its place, never with a value of it.

use std::fmt;

use super::base64::CorruptBase64;

/// Where an object was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Name of the file as the user gave it, or a phrase such as `standard input`.
    pub file: String,
    /// Document in the stream, from 1. Documents that hold nothing count too.
    pub document: usize,
    /// Line on which the document begins, from 1.
    pub line: usize,
    /// Item of a `List`, from 1; `None` for a document that is no list.
    pub item: Option<usize>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: document {} (line {})", self.file, self.document, self.line)?;
        match self.item {
            Some(item) => write!(f, ", item {item}"),
            None => Ok(()),
        }
    }
}

/// A kind or API version that is not the one asked for, as errors show it: not where a broken indent may have run a value into it.
fn word(found: &str) -> &str {
    /// What is longer is neither.
    const LONGEST: usize = 100;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    if found.len() <= LONGEST && found.chars().all(is_plain) { found } else { "something else (not shown: it may hold a value)" }
}

/// Why a stream of documents could not be read. Nothing of a Secret's content is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not UTF-8 text.
    #[error("{file}: not UTF-8 text: {reason}")]
    NotText {
        /// The file.
        file: String,
        /// What it looks like instead.
        reason: String,
    },
    /// More input than the program takes.
    #[error("{file}: {what}, more than the limit of {limit}")]
    TooMuch {
        /// The file.
        file: String,
        /// What there is too much of, with its amount.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// A document is not well-formed YAML or JSON.
    #[error("{at}: {reason}")]
    Syntax {
        /// The document.
        at: Position,
        /// What the parser said.
        reason: String,
    },
    /// A document is a scalar or a list.
    #[error("{at}: expected a Kubernetes object, found {found}")]
    NotAnObject {
        /// The document.
        at: Position,
        /// What it is.
        found: &'static str,
    },
    /// A document is of another kind.
    #[error("{at}: expected kind {expected}, found kind {}", word(.found))]
    Kind {
        /// The document.
        at: Position,
        /// The kind asked for.
        expected: &'static str,
        /// The kind that is there.
        found: String,
    },
    /// A document does not say what kind it is, where that is needed.
    #[error("{at}: expected kind {expected}, found no `kind`")]
    NoKind {
        /// The document.
        at: Position,
        /// The kind asked for.
        expected: &'static str,
    },
    /// A document is of another API version.
    #[error("{at}: expected apiVersion {expected} for kind {kind}, found {}", word(.found))]
    ApiVersion {
        /// The document.
        at: Position,
        /// The version asked for.
        expected: &'static str,
        /// Its kind.
        kind: &'static str,
        /// The version that is there.
        found: String,
    },
    /// A field is of a wrong type.
    #[error("{at}: {path}: cannot unmarshal {found} into a field of type {expected}")]
    Type {
        /// The document.
        at: Position,
        /// Field path such as `stringData.port`.
        path: String,
        /// What was written.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A value is not base64.
    #[error("{at}: {path}: {error}")]
    Base64 {
        /// The document.
        at: Position,
        /// Field path such as `data.password`.
        path: String,
        /// Where it breaks.
        error: CorruptBase64,
    },
    /// A time is not RFC 3339.
    #[error("{at}: {path}: not a time such as 2006-01-02T15:04:05Z")]
    Time {
        /// The document.
        at: Position,
        /// Field path such as `metadata.creationTimestamp`.
        path: String,
    },
    /// More than one document, where one belongs.
    #[error("{file}: expected one {expected}, found {count} documents")]
    Several {
        /// The file.
        file: String,
        /// The kind asked for.
        expected: &'static str,
        /// How many there are.
        count: usize,
    },
    /// No document at all, where one belongs.
    #[error("{file}: expected one {expected}, found no document")]
    Nothing {
        /// The file.
        file: String,
        /// The kind asked for.
        expected: &'static str,
    },
}
