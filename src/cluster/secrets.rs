//! Reading and writing core/v1 Secrets so that their values stay in memory that wipes itself.
//!
//! The typed Secret of k8s-openapi keeps plain bytes and shows them in `Debug`. Here values are [`SecretBytes`] from the moment
//! the answer is decoded, and a request's body is written from them directly. Of an answer to a write only the metadata is
//! asked for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use kube::Client;
use kube::api::{PartialObjectMeta, Patch, PatchParams, PostParams};
use kube::core::{ObjectMeta, Request};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use super::bounded;
use crate::manifest::{self, encode_base64};
use crate::secret::SecretBytes;

/// What the API server calls every type of Secret that says none.
pub const OPAQUE: &str = "Opaque";

/// What a write answers with: no values come back.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// A Secret as it is, or shall be, in the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSecret {
    /// `metadata`.
    pub metadata: ObjectMeta,
    /// `type`; never empty in an object of the cluster.
    pub type_: String,
    /// `immutable`.
    pub immutable: Option<bool>,
    /// `data`.
    pub data: BTreeMap<String, SecretBytes>,
}

impl From<core::Secret> for ClusterSecret {
    fn from(secret: core::Secret) -> Self {
        let data = secret.data.unwrap_or_default();
        let mut data: BTreeMap<_, _> = data.into_iter().map(|(key, value)| (key, SecretBytes::new(value.0))).collect();
        for (key, text) in secret.string_data.into_iter().flatten() {
            data.insert(key, SecretBytes::new(text.into_bytes()));
        }
        Self { metadata: secret.metadata, type_: secret.type_.unwrap_or_default(), immutable: secret.immutable, data }
    }
}

impl TryFrom<manifest::Secret> for ClusterSecret {
    type Error = serde_json::Error;

    /// As a manifest says it; a missing type is [`OPAQUE`], as the API server has it.
    fn try_from(secret: manifest::Secret) -> Result<Self, serde_json::Error> {
        let mut metadata: ObjectMeta = serde_json::from_value(serde_json::Value::Object(secret.metadata.other))?;
        let some = |text: String| (!text.is_empty()).then_some(text);
        let some_map = |map: BTreeMap<String, String>| (!map.is_empty()).then_some(map);
        metadata.name = some(secret.metadata.name);
        metadata.namespace = some(secret.metadata.namespace);
        metadata.labels = some_map(secret.metadata.labels);
        metadata.annotations = some_map(secret.metadata.annotations);
        let mut data = secret.data;
        data.extend(secret.string_data);
        Ok(Self { metadata, type_: secret.type_.unwrap_or_else(|| OPAQUE.to_owned()), immutable: secret.immutable, data })
    }
}

impl Serialize for ClusterSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", "v1")?;
        map.serialize_entry("kind", "Secret")?;
        map.serialize_entry("metadata", &self.metadata)?;
        if !self.type_.is_empty() {
            map.serialize_entry("type", &self.type_)?;
        }
        if let Some(immutable) = self.immutable {
            map.serialize_entry("immutable", &immutable)?;
        }
        map.serialize_entry("data", &Data(&self.data))?;
        map.end()
    }
}

struct Data<'a>(&'a BTreeMap<String, SecretBytes>);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |bytes: &SecretBytes| Zeroizing::new(encode_base64(bytes.expose()));
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Text(text(value)))))
    }
}

/// Base64 that wipes itself once it is written.
struct Text(Zeroizing<String>);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The Secrets of one namespace.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    url: String,
    params: PostParams,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secrets").field(&self.url).finish()
    }
}

impl Secrets {
    /// Writes are made in the name of `manager` (`metadata.managedFields`).
    #[must_use]
    pub fn new(client: Client, namespace: &str, manager: &str) -> Self {
        let url = format!("/api/v1/namespaces/{namespace}/secrets");
        Self { client, url, params: PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() } }
    }

    /// The Secret, `None` if there is none.
    ///
    /// # Errors
    /// The API server's or the connection's. Never a text with a part of the Secret.
    pub async fn get(&self, name: &str) -> kube::Result<Option<ClusterSecret>> {
        let request = Request::new(&self.url).get(name, &kube::api::GetParams::default()).map_err(kube::Error::BuildRequest)?;
        match bounded(self.client.request::<core::Secret>(request)).await {
            Ok(secret) => Ok(Some(secret.into())),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(without_content(error)),
        }
    }

    /// Makes a Secret; gives the metadata that it has then.
    ///
    /// # Errors
    /// As [`Self::get`]; code 409 when there is one of that name.
    pub async fn create(&self, secret: &ClusterSecret) -> kube::Result<ObjectMeta> {
        let mut request = Request::new(&self.url).create(&self.params, body(secret)?).map_err(kube::Error::BuildRequest)?;
        if let Ok(accept) = METADATA_ONLY.parse() {
            request.headers_mut().insert("accept", accept);
        }
        metadata(bounded(self.client.request(request)).await)
    }

    /// Puts the Secret in the place of the one of its name. With a `resourceVersion` in its metadata it must be that one.
    ///
    /// # Errors
    /// As [`Self::get`]; code 409 when it has changed in between.
    pub async fn replace(&self, secret: &ClusterSecret) -> kube::Result<ObjectMeta> {
        let name = secret.metadata.name.clone().unwrap_or_default();
        let request = Request::new(&self.url).replace(&name, &self.params, body(secret)?);
        let mut request = request.map_err(kube::Error::BuildRequest)?;
        if let Ok(accept) = METADATA_ONLY.parse() {
            request.headers_mut().insert("accept", accept);
        }
        metadata(bounded(self.client.request(request)).await)
    }

    /// Sets some keys of a Secret that is still at this `resourceVersion`, and leaves all others as they are.
    ///
    /// # Errors
    /// As [`Self::get`]; code 409 when it has changed in between, 404 when it is gone.
    pub async fn set_keys(
        &self,
        name: &str,
        resource_version: &str,
        data: &BTreeMap<String, SecretBytes>,
        annotations: &BTreeMap<String, String>,
    ) -> kube::Result<ObjectMeta> {
        let patch = KeyPatch { resource_version, data, annotations };
        let params = PatchParams { field_manager: self.params.field_manager.clone(), ..PatchParams::default() };
        let request = Request::new(&self.url).patch(name, &params, &Patch::Merge(&patch));
        let mut request = request.map_err(kube::Error::BuildRequest)?;
        if let Ok(accept) = METADATA_ONLY.parse() {
            request.headers_mut().insert("accept", accept);
        }
        metadata(self.client.request(request).await)
    }
}

/// A merge patch of `data` that only fits one version of the object.
struct KeyPatch<'a> {
    resource_version: &'a str,
    data: &'a BTreeMap<String, SecretBytes>,
    annotations: &'a BTreeMap<String, String>,
}

impl Serialize for KeyPatch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut metadata = serde_json::Map::new();
        metadata.insert("resourceVersion".to_owned(), self.resource_version.into());
        if !self.annotations.is_empty() {
            metadata.insert("annotations".to_owned(), serde_json::json!(self.annotations));
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", &metadata)?;
        if !self.data.is_empty() {
            map.serialize_entry("data", &Data(self.data))?;
        }
        map.end()
    }
}

fn metadata(answer: kube::Result<PartialObjectMeta<core::Secret>>) -> kube::Result<ObjectMeta> {
    answer.map(|object| object.metadata).map_err(without_content)
}

fn body(secret: &ClusterSecret) -> kube::Result<Vec<u8>> {
    serde_json::to_vec(secret).map_err(kube::Error::SerdeError)
}

/// What a decoder says may repeat a part of what it read.
fn without_content(error: kube::Error) -> kube::Error {
    match error {
        kube::Error::SerdeError(_) => {
            kube::Error::SerdeError(serde::de::Error::custom("the answer is not a Secret as it should be"))
        }
        other => other,
    }
}
