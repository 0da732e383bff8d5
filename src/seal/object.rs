//! Sealing a whole Secret: which fields go where, under which label.
//!
//! Follows kubeseal's rules in their order (`sealed-secrets.md` §2.5): name and namespace overrides, scope annotations, fields
//! of the server stripped, metadata copied into the template without what would leak or mislead. Where the Secret comes from
//! and how the result is written is not here; `manifest` does both. Objects are independent of each other, so many may be
//! sealed in parallel.

use serde_json::Value;

use super::{Label, Scope, seal_value};
use crate::crypto;
use crate::crypto::rsa::PublicKey;
use crate::manifest::{ObjectMeta, SealedSecret, SealedSecretSpec, Secret, SecretTemplate};

/// Annotations in which tools keep a full copy of the object: in a template they would hold the plaintext.
pub const LAST_APPLIED_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration"];

/// Metadata that only an API server sets.
const SERVER_FIELDS: [&str; 7] =
    ["selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];

/// How a Secret is sealed where it does not say so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealOptions {
    /// Accept a Secret without `data` and `stringData`.
    pub allow_empty_data: bool,
    /// Overrides `metadata.name`.
    pub name: Option<String>,
    /// Overrides `metadata.namespace` (the object that is merged into decides).
    pub namespace: Option<String>,
    /// Namespace for a Secret that has none, unless it is cluster-wide.
    pub default_namespace: Option<String>,
    /// Whether [`Self::default_namespace`] was asked for by name: a Secret in another namespace is an error then.
    pub default_namespace_is_explicit: bool,
    /// Rewrites the scope annotations. `None`: the Secret's own annotations decide. (kubeseal's `--scope strict` is `None`.)
    pub scope: Option<Scope>,
}

/// Why a Secret cannot be sealed. Names, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Neither `data` nor `stringData`.
    #[error(
        "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used"
    )]
    EmptyData,
    /// No `metadata.name`.
    #[error("missing metadata.name in input Secret")]
    MissingName,
    /// No namespace, and the scope needs one.
    #[error("secret must declare a namespace")]
    MissingNamespace,
    /// The Secret says one namespace, the caller another.
    #[error("namespace mismatch: input secret is in namespace {in_secret:?} but {asked:?} was specified")]
    NamespaceMismatch {
        /// `metadata.namespace` of the Secret.
        in_secret: String,
        /// The namespace asked for.
        asked: String,
    },
    /// The library failed on an item.
    #[error("cannot seal item {key:?}")]
    Item {
        /// Key of the item.
        key: String,
        /// What failed.
        source: crypto::Error,
    },
}

/// Seals every item of a Secret.
///
/// # Errors
/// [`SealError`]; the first rule that is broken, in kubeseal's order.
pub fn seal_secret(secret: &Secret, key: &PublicKey, options: &SealOptions) -> Result<SealedSecret, SealError> {
    if secret.data.is_empty() && secret.string_data.is_empty() && !options.allow_empty_data {
        return Err(SealError::EmptyData);
    }
    let mut metadata = secret.metadata.clone();
    if let Some(name) = &options.name {
        metadata.name.clone_from(name);
    }
    if metadata.name.is_empty() {
        return Err(SealError::MissingName);
    }
    if let Some(namespace) = &options.namespace {
        metadata.namespace.clone_from(namespace);
    }
    if let Some(scope) = options.scope {
        scope.annotate(&mut metadata.annotations);
    }
    let scope = Scope::from_annotations(&metadata.annotations);
    if scope != Scope::ClusterWide {
        settle_namespace(&mut metadata, options)?;
    }
    strip(&mut metadata);

    let label = Label::new(scope, &metadata.namespace, &metadata.name);
    let mut encrypted_data = std::collections::BTreeMap::new();
    // Of two values for one key only the one that counts is sealed.
    let items = secret.data.iter().filter(|(key, _)| !secret.string_data.contains_key(*key)).chain(&secret.string_data);
    for (item, value) in items {
        let sealed = seal_value(key, &label, value.expose()).map_err(|source| SealError::Item { key: item.clone(), source })?;
        encrypted_data.insert(item.clone(), sealed.to_text());
    }

    let mut top = ObjectMeta { name: metadata.name.clone(), namespace: metadata.namespace.clone(), ..ObjectMeta::default() };
    scope.annotate(&mut top.annotations);
    let template = SecretTemplate { metadata, type_: secret.type_.clone(), immutable: secret.immutable, data: None };
    Ok(SealedSecret { metadata: top, spec: SealedSecretSpec { template, data: None, encrypted_data }, status: None })
}

fn settle_namespace(metadata: &mut ObjectMeta, options: &SealOptions) -> Result<(), SealError> {
    match &options.default_namespace {
        Some(asked) if metadata.namespace.is_empty() => metadata.namespace.clone_from(asked),
        Some(asked) if options.default_namespace_is_explicit && metadata.namespace != *asked => {
            return Err(SealError::NamespaceMismatch { in_secret: metadata.namespace.clone(), asked: asked.clone() });
        }
        _ => {}
    }
    if metadata.namespace.is_empty() { Err(SealError::MissingNamespace) } else { Ok(()) }
}

/// Takes out what belongs to the server, what would leak the plaintext, and owners that the produced Secret will not have.
fn strip(metadata: &mut ObjectMeta) {
    metadata.other.retain(|field, _: &mut Value| !SERVER_FIELDS.contains(&field.as_str()) && field != "ownerReferences");
    metadata.annotations.retain(|key, _| !LAST_APPLIED_ANNOTATIONS.contains(&key.as_str()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::{CLUSTER_WIDE_ANNOTATION, Keyring, NAMESPACE_WIDE_ANNOTATION, SealedValue};
    use crate::secret::SecretBytes;

    fn secret() -> Secret {
        let mut secret = Secret { type_: Some("Opaque".into()), immutable: Some(false), ..Secret::default() };
        secret.metadata.name = "app".into();
        secret.metadata.namespace = "web".into();
        secret.data.insert("A".into(), SecretBytes::copy_of(b"\xff\n"));
        secret
    }

    fn seal(secret: &Secret, options: &SealOptions) -> Result<SealedSecret, SealError> {
        seal_secret(secret, test_keys::first().public_key(), options)
    }

    fn open(sealed: &SealedSecret, key: &str, scope: Scope, namespace: &str, name: &str) -> Vec<u8> {
        let keyring: Keyring = [test_keys::first().clone()].into_iter().collect();
        let value = SealedValue::parse(&sealed.spec.encrypted_data[key]).unwrap();
        keyring.open(&value, &Label::new(scope, namespace, name)).unwrap().expose().to_vec()
    }

    #[test]
    fn every_item_opens_under_the_label_and_string_data_wins() {
        let mut secret = secret();
        secret.data.insert("B".into(), SecretBytes::copy_of(b"data"));
        secret.string_data.insert("B".into(), SecretBytes::copy_of(b"stringData"));
        let sealed = seal(&secret, &SealOptions::default()).unwrap();
        assert_eq!(open(&sealed, "A", Scope::Strict, "web", "app"), b"\xff\n");
        assert_eq!(open(&sealed, "B", Scope::Strict, "web", "app"), b"stringData");
        assert_eq!((sealed.metadata.name.as_str(), sealed.metadata.namespace.as_str()), ("app", "web"));
        assert!(sealed.metadata.annotations.is_empty());
        assert_eq!((sealed.spec.template.type_.as_deref(), sealed.spec.template.immutable), (Some("Opaque"), Some(false)));
    }

    #[test]
    fn the_template_keeps_metadata_without_leaks_owners_and_server_fields() {
        let mut secret = secret();
        secret.metadata.labels.insert("app".into(), "web".into());
        for key in LAST_APPLIED_ANNOTATIONS {
            secret.metadata.annotations.insert(key.into(), "{\"data\":\"plain\"}".into());
        }
        secret.metadata.annotations.insert("note".into(), "kept".into());
        for field in SERVER_FIELDS {
            secret.metadata.other.insert(field.into(), json!("x"));
        }
        secret.metadata.other.insert("ownerReferences".into(), json!([{ "kind": "X" }]));
        secret.metadata.other.insert("finalizers".into(), json!(["kept"]));
        let template = seal(&secret, &SealOptions::default()).unwrap().spec.template.metadata;
        assert_eq!(template.annotations.keys().collect::<Vec<_>>(), ["note"]);
        assert_eq!(template.labels.keys().collect::<Vec<_>>(), ["app"]);
        assert_eq!(template.other.keys().collect::<Vec<_>>(), ["finalizers"]);
        assert_eq!((template.name.as_str(), template.namespace.as_str()), ("app", "web"));
    }

    #[test]
    fn the_scope_option_rewrites_the_annotations_and_none_leaves_them() {
        let mut secret = secret();
        secret.metadata.annotations.insert(NAMESPACE_WIDE_ANNOTATION.into(), "true".into());
        let by_annotation = seal(&secret, &SealOptions::default()).unwrap();
        assert_eq!(open(&by_annotation, "A", Scope::NamespaceWide, "web", ""), b"\xff\n");
        assert_eq!(by_annotation.metadata.annotations.keys().collect::<Vec<_>>(), [NAMESPACE_WIDE_ANNOTATION]);

        let options = |scope| SealOptions { scope: Some(scope), ..SealOptions::default() };
        let cluster = seal(&secret, &options(Scope::ClusterWide)).unwrap();
        assert_eq!(open(&cluster, "A", Scope::ClusterWide, "", ""), b"\xff\n");
        assert_eq!(cluster.metadata.annotations.keys().collect::<Vec<_>>(), [CLUSTER_WIDE_ANNOTATION]);
        assert_eq!(cluster.spec.template.metadata.annotations, cluster.metadata.annotations);
        let strict = seal(&secret, &options(Scope::Strict)).unwrap();
        assert_eq!(open(&strict, "A", Scope::Strict, "web", "app"), b"\xff\n");
    }

    #[test]
    fn namespaces_are_filled_required_and_compared() {
        let mut bare = secret();
        bare.metadata.namespace.clear();
        assert_eq!(seal(&bare, &SealOptions::default()), Err(SealError::MissingNamespace));
        let default = SealOptions { default_namespace: Some("def".into()), ..SealOptions::default() };
        assert_eq!(seal(&bare, &default).unwrap().metadata.namespace, "def");
        assert_eq!(seal(&secret(), &default).unwrap().metadata.namespace, "web");
        let explicit = SealOptions { default_namespace_is_explicit: true, ..default };
        assert_eq!(
            seal(&secret(), &explicit).unwrap_err().to_string(),
            "namespace mismatch: input secret is in namespace \"web\" but \"def\" was specified"
        );
        let cluster = SealOptions { scope: Some(Scope::ClusterWide), ..explicit };
        assert_eq!(seal(&bare, &cluster).unwrap().metadata.namespace, "");
        assert_eq!(seal(&secret(), &cluster).unwrap().metadata.namespace, "web");
        let merge = SealOptions { name: Some("n".into()), namespace: Some("ns".into()), ..SealOptions::default() };
        assert_eq!(open(&seal(&secret(), &merge).unwrap(), "A", Scope::Strict, "ns", "n"), b"\xff\n");
    }

    #[test]
    fn a_secret_without_data_or_name_is_refused_in_this_order() {
        assert_eq!(seal(&Secret::default(), &SealOptions::default()), Err(SealError::EmptyData));
        let empty = SealOptions { allow_empty_data: true, ..SealOptions::default() };
        assert_eq!(seal(&Secret::default(), &empty), Err(SealError::MissingName));
        let mut named = secret();
        named.data.clear();
        assert!(seal(&named, &empty).unwrap().spec.encrypted_data.is_empty());
    }

    #[test]
    fn sealing_may_run_on_many_threads() {
        fn shareable<T: Send + Sync>() {}
        shareable::<PublicKey>();
        shareable::<Keyring>();
        shareable::<Secret>();
    }
}
