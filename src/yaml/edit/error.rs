//! Why an edit was not made. The text is as it was in every case.

use super::super::{self as yaml, Position};

/// Why an edit was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not YAML, before or after the edit.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
    /// The stream has fewer documents.
    #[error("there is no document {wanted}: the text has {count}")]
    NoDocument {
        /// The document asked for, from 1.
        wanted: usize,
        /// How many there are.
        count: usize,
    },
    /// Something on the path is a scalar or a list where a mapping is needed, or the document is empty.
    #[error("{position}: `{path}` is not a mapping")]
    NotMapping {
        /// The node that is in the way.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// A key on the path stands twice in its mapping: which one is meant cannot be known.
    #[error("{position}: `{path}` is set twice")]
    Repeated {
        /// The second occurrence.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// What would change has an anchor that is referred to elsewhere, so that more would change than was asked for.
    #[error("{position}: `{path}` has an anchor that is used elsewhere, where the change would appear too")]
    Shared {
        /// The anchored node.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// The mapping is an alias, or may come from a merge key.
    #[error("{position}: `{path}` comes from an alias or a merge key; edit what it refers to")]
    Aliased {
        /// The alias or the merge key.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// The value is a mapping or a list.
    #[error("{position}: `{path}` holds a mapping or a list, not a text")]
    NotScalar {
        /// The value.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// The value has a tag that would give the new text another meaning.
    #[error("{position}: `{path}` has the tag {tag}")]
    Tagged {
        /// The value.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
        /// The resolved tag.
        tag: String,
    },
    /// The key is there already.
    #[error("{position}: `{path}` is there already")]
    Present {
        /// The key.
        position: Position,
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// The key is not there.
    #[error("`{path}` is not there")]
    Absent {
        /// Keys from the root, joined by dots.
        path: String,
    },
    /// The layout is legal YAML, but not one that is edited.
    #[error("{position}: cannot edit here: {reason}")]
    Layout {
        /// Where.
        position: Position,
        /// What is in the way.
        reason: &'static str,
    },
    /// The edited text was read again, and more had changed than was meant.
    #[error("changing `{path}` would change more than that: {reason}")]
    Check {
        /// Keys from the root, joined by dots.
        path: String,
        /// What differs.
        reason: &'static str,
    },
}
