//! Scope and label: where a sealed value may be opened.
//!
//! The label is the OAEP label of the session key's encryption (`sealed-secrets.md` §1.2). It is raw bytes, never escaped, and
//! the item's key is no part of it. At unsealing the scope comes from the SealedSecret's own annotations, never from its
//! template.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Annotation that makes an object open in its namespace under any name. Only the exact value `"true"` counts.
pub const NAMESPACE_WIDE_ANNOTATION: &str = "sealedsecrets.bitnami.com/namespace-wide";
/// Annotation that makes an object open anywhere. Only the exact value `"true"` counts; it wins over the other.
pub const CLUSTER_WIDE_ANNOTATION: &str = "sealedsecrets.bitnami.com/cluster-wide";

/// What a sealed value is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Namespace and name; the default.
    #[default]
    Strict,
    /// Namespace only: the object may be renamed.
    NamespaceWide,
    /// Nothing: the object may be moved anywhere.
    ClusterWide,
}

impl Scope {
    /// The scope that annotations declare; [`Scope::Strict`] where they declare none.
    #[must_use]
    pub fn from_annotations(annotations: &BTreeMap<String, String>) -> Self {
        let is_true = |key: &str| annotations.get(key).is_some_and(|value| value == "true");
        if is_true(CLUSTER_WIDE_ANNOTATION) {
            Self::ClusterWide
        } else if is_true(NAMESPACE_WIDE_ANNOTATION) {
            Self::NamespaceWide
        } else {
            Self::Strict
        }
    }

    /// The annotation that declares this scope; strict has none.
    #[must_use]
    pub fn annotation(self) -> Option<&'static str> {
        match self {
            Self::Strict => None,
            Self::NamespaceWide => Some(NAMESPACE_WIDE_ANNOTATION),
            Self::ClusterWide => Some(CLUSTER_WIDE_ANNOTATION),
        }
    }

    /// Removes both scope annotations and sets the one that declares this scope.
    pub fn annotate(self, annotations: &mut BTreeMap<String, String>) {
        annotations.remove(NAMESPACE_WIDE_ANNOTATION);
        annotations.remove(CLUSTER_WIDE_ANNOTATION);
        if let Some(key) = self.annotation() {
            annotations.insert(key.to_owned(), "true".to_owned());
        }
    }

    /// The word used on command lines and in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`: use strict, namespace-wide or cluster-wide")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    /// Reads `strict`, `namespace-wide`, `cluster-wide`; the empty text is strict, as in kubeseal.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        match text {
            "" | "strict" => Ok(Self::Strict),
            "namespace-wide" => Ok(Self::NamespaceWide),
            "cluster-wide" => Ok(Self::ClusterWide),
            other => Err(UnknownScope(other.to_owned())),
        }
    }
}

/// The OAEP label of one object's items. Made only from a scope and names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Vec<u8>);

impl Label {
    /// `namespace/name`, `namespace`, or empty, by scope. An empty namespace gives `/name`, as in the reference.
    #[must_use]
    pub fn new(scope: Scope, namespace: &str, name: &str) -> Self {
        Self(match scope {
            Scope::Strict => format!("{namespace}/{name}").into_bytes(),
            Scope::NamespaceWide => namespace.as_bytes().to_vec(),
            Scope::ClusterWide => Vec::new(),
        })
    }

    /// The raw label.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_raw_bytes_by_scope() {
        assert_eq!(Label::new(Scope::Strict, "ns", "n").as_bytes(), b"ns/n");
        assert_eq!(Label::new(Scope::Strict, "", "n").as_bytes(), b"/n");
        assert_eq!(Label::new(Scope::NamespaceWide, "ns", "n").as_bytes(), b"ns");
        assert_eq!(Label::new(Scope::ClusterWide, "ns", "n").as_bytes(), b"");
    }

    #[test]
    fn only_the_exact_true_counts_and_cluster_wins() {
        let map =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
        assert_eq!(Scope::from_annotations(&map(&[(CLUSTER_WIDE_ANNOTATION, "TRUE")])), Scope::Strict);
        assert_eq!(Scope::from_annotations(&map(&[(NAMESPACE_WIDE_ANNOTATION, "false")])), Scope::Strict);
        assert_eq!(Scope::from_annotations(&map(&[(NAMESPACE_WIDE_ANNOTATION, "true")])), Scope::NamespaceWide);
        assert_eq!(
            Scope::from_annotations(&map(&[(NAMESPACE_WIDE_ANNOTATION, "true"), (CLUSTER_WIDE_ANNOTATION, "true")])),
            Scope::ClusterWide
        );
    }
}
