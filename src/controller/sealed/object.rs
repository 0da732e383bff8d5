//! A SealedSecret as the API server tells of it, whatever is in it.
//!
//! Decoding never fails: a malformed object must not stop the watch of all others (`sealed-secrets.md` §1.4). What is wrong with
//! it is found when it is opened, and said in its own status.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use kube::core::{NamespaceResourceScope, ObjectMeta};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::manifest::{Document, SEALED_SECRET_API_VERSION, SealedSecret};
use crate::seal::Scope;

/// API group, version, resource and kind.
pub(super) const GROUP: &str = "bitnami.com";
const VERSION: &str = "v1alpha1";
pub(super) const PLURAL: &str = "sealedsecrets";
const KIND: &str = "SealedSecret";

/// Label whose value the metrics carry.
const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectKey {
    /// `metadata.namespace`.
    pub(super) namespace: String,
    /// `metadata.name`.
    pub(super) name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl ObjectKey {
    /// The key of an object with this metadata.
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self { namespace: metadata.namespace.clone().unwrap_or_default(), name: metadata.name.clone().unwrap_or_default() }
    }
}

/// A SealedSecret, undecoded but for its metadata.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Object {
    /// `metadata`.
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    /// `spec`.
    #[serde(default)]
    pub(super) spec: Value,
    /// `status`.
    #[serde(default)]
    pub(super) status: Value,
}

impl Resource for Object {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Object {
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::of(&self.metadata)
    }

    pub(super) fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    pub(super) fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }

    /// The scope that its own annotations say.
    pub(super) fn scope(&self) -> Scope {
        self.metadata.annotations.as_ref().map_or(Scope::Strict, Scope::from_annotations)
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// The value that the metrics carry as `ss_app_kubernetes_io_instance`.
    pub(super) fn instance(&self) -> &str {
        self.metadata.labels.as_ref().and_then(|labels| labels.get(INSTANCE_LABEL)).map_or("", String::as_str)
    }

    /// Whether somebody has asked for its deletion and something still holds it back.
    pub(super) fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// How events and status writes name it.
    pub(super) fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(SEALED_SECRET_API_VERSION.to_owned()),
            kind: Some(KIND.to_owned()),
            name: self.metadata.name.clone(),
            namespace: self.metadata.namespace.clone(),
            uid: self.metadata.uid.clone(),
            resource_version: self.metadata.resource_version.clone(),
            field_path: None,
        }
    }

    /// The typed object. As in the reference, an item that is no text counts as an empty one, so that it is reported like one
    /// that does not open.
    ///
    /// # Errors
    /// The field that is of a wrong type.
    pub(super) fn sealed_secret(&mut self) -> Result<SealedSecret, String> {
        let mut spec = self.spec.take();
        if let Some(fields) = spec.as_object_mut()
            && let Some(items) = fields.get_mut("encryptedData")
        {
            match items {
                Value::Object(items) => {
                    for value in items.values_mut().filter(|value| !value.is_string()) {
                        *value = Value::String(String::new());
                    }
                }
                other => *other = Value::Object(Map::new()),
            }
        }
        // What the server keeps about its writers is of no use here, and large.
        self.metadata.managed_fields = None;
        let metadata = serde_json::to_value(&self.metadata).map_err(|_| "metadata cannot be read".to_owned())?;
        let fields =
            [("apiVersion", SEALED_SECRET_API_VERSION.into()), ("kind", KIND.into()), ("metadata", metadata), ("spec", spec)];
        let object = Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let document = Document::from_value(object, KIND);
        let place = format!("{}: ", document.position());
        let sealed = document.sealed_secret().map_err(|error| {
            let text = error.to_string();
            text.strip_prefix(&place).unwrap_or(&text).to_owned()
        })?;
        Ok(sealed.object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(spec: Value) -> Object {
        let object = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": spec,
            "metadata": { "name": "app", "namespace": "web", "uid": "u-1", "generation": 3,
                "annotations": { "sealedsecrets.bitnami.com/namespace-wide": "true" } } });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn items_that_are_no_text_are_empty_and_a_map_that_is_none_is_empty() {
        let sealed = object(json!({ "encryptedData": { "a": 1, "b": "AgA=", "c": null } })).sealed_secret().unwrap();
        assert_eq!(sealed.spec.encrypted_data.values().collect::<Vec<_>>(), ["", "AgA=", ""]);
        assert!(object(json!({ "encryptedData": ["x"] })).sealed_secret().unwrap().spec.encrypted_data.is_empty());
        for spec in [json!(null), json!({})] {
            assert_eq!(object(spec).sealed_secret().unwrap().metadata.other["uid"], "u-1");
        }
    }

    #[test]
    fn a_field_of_a_wrong_type_is_named_without_a_place_in_a_file() {
        let error = object(json!({ "template": { "metadata": { "labels": { "a": 1 } } } })).sealed_secret().unwrap_err();
        assert_eq!(error, "spec.template.metadata.labels.a: cannot unmarshal number into a field of type string");
        let error = object(json!([1])).sealed_secret().unwrap_err();
        assert!(error.starts_with("spec: cannot unmarshal array"), "{error}");
    }

    #[test]
    fn scope_and_key_come_from_its_own_metadata() {
        let object = object(json!({}));
        assert_eq!(
            (object.scope(), object.generation(), object.key().to_string().as_str()),
            (Scope::NamespaceWide, 3, "web/app")
        );
    }
}
