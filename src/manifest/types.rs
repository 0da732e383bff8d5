//! The typed objects: Secret, SealedSecret and their metadata. Plain data; reading and writing are beside it.
//!
//! Follows `sealed-secrets.md` §1.4 and Kubernetes core/v1. Fields that sealing never looks at are carried in `other`, so that
//! nothing a user wrote is lost on the way through.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::secret::SecretBytes;

/// `metadata` of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectMeta {
    /// `metadata.name`; empty when absent.
    pub name: String,
    /// `metadata.namespace`; empty when absent.
    pub namespace: String,
    /// `metadata.labels`, sorted.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, sorted.
    pub annotations: BTreeMap<String, String>,
    /// Every other field (`finalizers`, `ownerReferences`, `managedFields`, …) as it was read.
    pub other: Map<String, Value>,
}

/// A core/v1 Secret with decoded values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secret {
    /// `metadata`.
    pub metadata: ObjectMeta,
    /// `type`; `None` when absent.
    pub type_: Option<String>,
    /// `immutable`: absent, `false` and `true` are three different things.
    pub immutable: Option<bool>,
    /// `data`, base64 decoded.
    pub data: BTreeMap<String, SecretBytes>,
    /// `stringData`: overrides `data` for the same key.
    pub string_data: BTreeMap<String, SecretBytes>,
}

/// A bitnami.com/v1alpha1 SealedSecret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SealedSecret {
    /// `metadata`.
    pub metadata: ObjectMeta,
    /// `spec`.
    pub spec: SealedSecretSpec,
    /// `status` as it was read, if there.
    pub status: Option<Value>,
}

/// `spec` of a SealedSecret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SealedSecretSpec {
    /// `spec.template`: what the produced Secret looks like.
    pub template: SecretTemplate,
    /// `spec.data`: the deprecated single blob, base64 as read.
    pub data: Option<String>,
    /// `spec.encryptedData`: base64 of the hybrid ciphertext by key. Kept as text: one bad item must not hide the others.
    pub encrypted_data: BTreeMap<String, String>,
}

/// `spec.template` of a SealedSecret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretTemplate {
    /// Metadata of the produced Secret.
    pub metadata: ObjectMeta,
    /// `type` of the produced Secret.
    pub type_: Option<String>,
    /// `immutable` of the produced Secret.
    pub immutable: Option<bool>,
    /// Go templates by key; a `None` omits that decrypted key from the result (0.40 and later).
    pub data: Option<BTreeMap<String, Option<String>>>,
}
