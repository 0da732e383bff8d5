//! The SealedSecret in a file that one value goes into: which document it is, and what it says about itself.
//!
//! A file may hold several documents; only one of them is meant, and only one item of it is changed, by [`crate::yaml::edit`].
//! What is ambiguous or not what it should be (a plain Secret, another kind, two that fit) is an error: a value sealed for the
//! wrong object would never open, and the one it replaced would be gone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manifest::SEALED_SECRET_API_VERSION;
use crate::seal::Scope;
use crate::yaml::{self, Document, Kind, Node};

/// The SealedSecret that is looked for. What is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `metadata.name`.
    pub name: Option<String>,
    /// `metadata.namespace`; a document without one fits any.
    pub namespace: Option<String>,
}

/// The SealedSecret that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of the document in the stream, from 0.
    pub document: usize,
    /// Line on which it begins, from 1.
    pub line: usize,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; `None` when it has none (kustomize often adds it later).
    pub namespace: Option<String>,
    /// Scope that its annotations declare.
    pub scope: Scope,
    /// Keys of `spec.encryptedData`, sorted.
    pub keys: Vec<String>,
}

/// Why no single SealedSecret of the file is meant. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The file cannot be read as YAML or JSON.
    #[error(transparent)]
    Yaml(#[from] yaml::Error),
    /// A Secret in plain text where a sealed one belongs.
    #[error("line {line}: this is a plain Secret, not a SealedSecret")]
    PlainSecret {
        /// Where it begins.
        line: usize,
    },
    /// A document of another kind, and no SealedSecret.
    #[error("line {line}: expected a SealedSecret, found {found}")]
    OtherKind {
        /// Where it begins.
        line: usize,
        /// What it is.
        found: String,
    },
    /// A SealedSecret that could not be unsealed: it has no name.
    #[error("line {line}: the SealedSecret has no metadata.name")]
    NoName {
        /// Where it begins.
        line: usize,
    },
    /// A field is not of the type it must have.
    #[error("line {line}: {field} is not {expected}")]
    Field {
        /// Where the field's value begins.
        line: usize,
        /// Path of the field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The only SealedSecret is another one.
    #[error("line {line}: the SealedSecret is `{found}`, not `{wanted}`")]
    Other {
        /// Where it begins.
        line: usize,
        /// Its namespace and name.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// None of several SealedSecrets is the one.
    #[error("none of its SealedSecrets is `{wanted}`: there is {found}")]
    None {
        /// What was asked for.
        wanted: String,
        /// All that are there.
        found: String,
    },
    /// More than one fits.
    #[error("it holds several SealedSecrets: {found}")]
    Several {
        /// Those that fit.
        found: String,
    },
}

/// Finds the SealedSecret that is meant. `None`: the file holds no document at all, only blanks and comments.
///
/// # Errors
/// [`FindError`].
pub fn find(text: &str, wanted: &Wanted) -> Result<Option<Found>, FindError> {
    let documents = yaml::parse_stream(text)?;
    let mut sealed = Vec::new();
    let mut first_other = None;
    for (index, document) in documents.iter().enumerate() {
        if document.is_empty() {
            continue;
        }
        let root = document.root().resolved();
        match read(index, document)? {
            Some(found) => sealed.push(found),
            None => _ = first_other.get_or_insert_with(|| other_kind(root)),
        }
    }
    if sealed.is_empty() {
        return first_other.map_or(Ok(None), Err);
    }
    let fits = |found: &&Found| {
        wanted.name.as_ref().is_none_or(|name| *name == found.name)
            && wanted.namespace.as_ref().is_none_or(|wanted| found.namespace.as_ref().is_none_or(|ns| ns == wanted))
    };
    let fitting: Vec<&Found> = sealed.iter().filter(fits).collect();
    match (fitting.as_slice(), sealed.as_slice()) {
        ([one], _) => Ok(Some((*one).clone())),
        ([], [only]) => Err(FindError::Other { line: only.line, found: full_name(only), wanted: wanted.to_string() }),
        ([], _) => Err(FindError::None { wanted: wanted.to_string(), found: list(&sealed.iter().collect::<Vec<_>>()) }),
        (several, _) => Err(FindError::Several { found: list(several) }),
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.namespace, &self.name) {
            (Some(namespace), name) => write!(f, "{namespace}/{}", name.as_deref().unwrap_or("*")),
            (None, name) => f.write_str(name.as_deref().unwrap_or("*")),
        }
    }
}

fn full_name(found: &Found) -> String {
    found.namespace.as_ref().map_or_else(|| found.name.clone(), |namespace| format!("{namespace}/{}", found.name))
}

fn list(found: &[&Found]) -> String {
    let named: Vec<_> = found.iter().map(|found| format!("`{}` (line {})", full_name(found), found.line)).collect();
    named.join(", ")
}

/// The document as a SealedSecret; `None` when it is something else. What it is called and bound to is read as Kubernetes reads
/// it, merge keys, nulls and numbers included: a value that is sealed for anything else never opens.
fn read(index: usize, document: &Document) -> Result<Option<Found>, FindError> {
    let root = document.root().resolved();
    let text = |key: &str| root.get(key).map(Node::resolved).and_then(Node::text);
    if text("kind") != Some("SealedSecret") || text("apiVersion") != Some(SEALED_SECRET_API_VERSION) {
        return Ok(None);
    }
    let line = root.position().line;
    if let Some(metadata) = mapping(root, "metadata", "metadata")? {
        mapping(metadata, "annotations", "metadata.annotations")?;
    }
    let (object, _) = yaml::kubernetes::to_json(document)?;
    let metadata = object.get("metadata");
    let field = |key: &str| metadata.and_then(|metadata| metadata.get(key)).and_then(scalar).filter(|text| !text.is_empty());
    let name = field("name").ok_or(FindError::NoName { line })?;
    let namespace = field("namespace");
    let annotations = metadata.and_then(|metadata| metadata.get("annotations")).and_then(Value::as_object);
    let annotations: BTreeMap<String, String> =
        annotations.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), scalar(value)?))).collect();
    let items = match mapping(root, "spec", "spec")? {
        Some(spec) => mapping(spec, "encryptedData", "spec.encryptedData")?,
        None => None,
    };
    let keys = items.map(|items| texts(items).into_keys().collect()).unwrap_or_default();
    Ok(Some(Found { document: index, line, name, namespace, scope: Scope::from_annotations(&annotations), keys }))
}

/// A value where Kubernetes has a text, as our reader of manifests takes it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        other => yaml::kubernetes::text_of(other),
    }
}

/// The mapping under a key; `None` when it is absent or null.
fn mapping<'d>(parent: Node<'d>, key: &str, path: &'static str) -> Result<Option<Node<'d>>, FindError> {
    let Some(node) = parent.get(key).map(Node::resolved) else { return Ok(None) };
    match node.kind() {
        Kind::Mapping { .. } => Ok(Some(node)),
        Kind::Scalar(_) if matches!(node.text(), Some("" | "null" | "~")) => Ok(None),
        _ => Err(FindError::Field { line: node.position().line, field: path, expected: "a mapping" }),
    }
}

/// The entries of a mapping whose keys and values are scalars.
fn texts(mapping: Node<'_>) -> BTreeMap<String, String> {
    let pair = |(key, value): (Node<'_>, Node<'_>)| {
        Some((key.resolved().text()?.to_owned(), value.resolved().text().unwrap_or_default().to_owned()))
    };
    mapping.entries().filter_map(pair).collect()
}

fn other_kind(root: Node<'_>) -> FindError {
    let line = root.position().line;
    match root.get("kind").map(Node::resolved).and_then(Node::text) {
        Some("Secret") => FindError::PlainSecret { line },
        Some("SealedSecret") => {
            let version = root.get("apiVersion").and_then(Node::text).unwrap_or_default();
            FindError::OtherKind { line, found: format!("one of apiVersion `{version}`, not {SEALED_SECRET_API_VERSION}") }
        }
        Some(kind) if !kind.is_empty() => FindError::OtherKind { line, found: format!("kind `{kind}`") },
        _ => FindError::OtherKind { line, found: "a document without a kind".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "\
# ours
apiVersion: v1
kind: Namespace
metadata: {name: hecate}
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: hecate-secrets
  namespace: hecate
  annotations:
    sealedsecrets.bitnami.com/namespace-wide: \"true\"
spec:
  encryptedData:
    B: AgB
    A: AgA
";

    fn wanted(namespace: &str, name: &str) -> Wanted {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Wanted { name: some(name), namespace: some(namespace) }
    }

    fn sealed(namespace: &str, name: &str) -> String {
        let namespace = if namespace.is_empty() { String::new() } else { format!("  namespace: {namespace}\n") };
        format!("---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: {name}\n{namespace}")
    }

    #[test]
    fn the_only_sealed_secret_is_found_among_others_and_says_what_it_is() {
        let found = find(ONE, &Wanted::default()).unwrap().unwrap();
        assert_eq!((found.document, found.line, found.scope), (1, 6, Scope::NamespaceWide));
        assert_eq!((found.namespace.as_deref(), found.name.as_str()), (Some("hecate"), "hecate-secrets"));
        assert_eq!(found.keys, ["A", "B"]);
    }

    #[test]
    fn of_several_the_named_one_is_meant() {
        let text = sealed("a", "x") + &sealed("b", "x") + &sealed("", "w");
        let document =
            |namespace: &str, name: &str| find(&text, &wanted(namespace, name)).map(|found| found.map(|found| found.document));
        assert_eq!(document("b", "x"), Ok(Some(1)));
        assert_eq!(document("", "w"), Ok(Some(2)));
        assert_eq!(document("c", "w"), Ok(Some(2)));
        assert_eq!(document("", "x").unwrap_err().to_string(), "it holds several SealedSecrets: `a/x` (line 2), `b/x` (line 8)");
        assert_eq!(
            document("b", "z").unwrap_err().to_string(),
            "none of its SealedSecrets is `b/z`: there is `a/x` (line 2), `b/x` (line 8), `w` (line 14)"
        );
    }

    #[test]
    fn another_name_or_kind_is_refused_and_emptiness_is_not() {
        let error = |text: &str, wanted: Wanted| find(text, &wanted).unwrap_err().to_string();
        assert_eq!(error(ONE, wanted("", "x")), "line 6: the SealedSecret is `hecate/hecate-secrets`, not `x`");
        assert_eq!(
            error(ONE, wanted("x", "hecate-secrets")),
            "line 6: the SealedSecret is `hecate/hecate-secrets`, not `x/hecate-secrets`"
        );
        let none = Wanted::default;
        assert_eq!(error("kind: Secret\n", none()), "line 1: this is a plain Secret, not a SealedSecret");
        assert_eq!(error("#\nkind: ConfigMap\n", none()), "line 2: expected a SealedSecret, found kind `ConfigMap`");
        assert_eq!(error("- a\n", none()), "line 1: expected a SealedSecret, found a document without a kind");
        assert_eq!(
            error("kind: SealedSecret\napiVersion: v1\n", none()),
            "line 1: expected a SealedSecret, found one of apiVersion `v1`, not bitnami.com/v1alpha1"
        );
        assert_eq!(error(&sealed("", "''"), none()), "line 2: the SealedSecret has no metadata.name");
        assert_eq!(
            error(&(sealed("", "x") + "spec:\n  encryptedData: []\n"), none()),
            "line 7: spec.encryptedData is not a mapping"
        );
        assert_eq!(find("# later\n\n---\n", &none()), Ok(None));
        assert_eq!(find("", &none()), Ok(None));
    }
}
