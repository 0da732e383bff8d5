//! OnePasswordItems: the objects from which the 1Password operator makes Secrets. No value passes through here.
//!
//! Follows the operator 1.12.0 (`bootstrap-nats.md` §4): the name is that of the Secret, `spec.itemPath` has exactly four parts,
//! and `type` stands at the top.

use serde_json::{Map, Value, json};

use super::spec::OnePassword;

/// `apiVersion` of a OnePasswordItem.
pub const API_VERSION: &str = "onepassword.com/v1";
/// `kind` of a OnePasswordItem.
pub const KIND: &str = "OnePasswordItem";
/// Annotation that the operator leaves on its Secrets.
pub const ITEM_ANNOTATION: &str = "operator.1password.io/item-path";

/// `spec.itemPath`.
#[must_use]
pub fn item_path(spec: &OnePassword) -> String {
    format!("vaults/{}/items/{}", spec.vault, spec.item)
}

/// What about an entry the operator could not use.
#[must_use]
pub fn problem(spec: &OnePassword) -> Option<String> {
    for (what, text) in [("vault", &spec.vault), ("item", &spec.item)] {
        if text.trim().is_empty() {
            return Some(format!("`{what}` is empty"));
        }
        if text.contains('/') {
            return Some(format!("`{what}` holds a `/`, which the operator takes for a part of the path: use the id"));
        }
    }
    None
}

/// The object.
#[must_use]
pub fn object(spec: &OnePassword) -> Value {
    let mut object = Map::new();
    object.insert("apiVersion".into(), API_VERSION.into());
    object.insert("kind".into(), KIND.into());
    object.insert("metadata".into(), json!({ "name": spec.name, "namespace": spec.namespace }));
    if let Some(type_) = &spec.type_ {
        object.insert("type".into(), type_.as_str().into());
    }
    object.insert("spec".into(), json!({ "itemPath": item_path(spec) }));
    Value::Object(object)
}

/// What an object that is there says otherwise: `(field, there, wanted)`.
#[must_use]
pub fn differences(there: &Value, spec: &OnePassword) -> Vec<(&'static str, String, String)> {
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = object(spec);
    let paths = [
        ("apiVersion", "/apiVersion"),
        ("kind", "/kind"),
        ("metadata.name", "/metadata/name"),
        ("spec.itemPath", "/spec/itemPath"),
        ("type", "/type"),
    ];
    let compared = paths.into_iter().map(|(name, path)| (name, text(there, path), text(&wanted, path)));
    compared.filter(|(_, there, wanted)| there != wanted).collect()
}
