//! The API as administrator, fast: JSON over HTTP through `kubectl proxy`, without starting a program for each request.
//!
//! Paths are those of the API, such as `/api/v1/namespaces/NS/secrets/NAME`; [`secrets`], [`sealed_secrets`] and [`resources`]
//! write them.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Answer, exchange};
use super::{Cluster, bridge};

/// Longest time for one request.
const PATIENCE: Duration = Duration::from_secs(60);

/// The collection of core resources such as `configmaps` in a namespace.
pub(crate) fn core(namespace: &str, plural: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{plural}")
}

/// Secrets of a namespace.
pub(crate) fn secrets(namespace: &str) -> String {
    core(namespace, "secrets")
}

/// SealedSecrets of a namespace.
pub(crate) fn sealed_secrets(namespace: &str) -> String {
    resources("bitnami.com/v1alpha1", namespace, "sealedsecrets")
}

/// Resources of a group and version in a namespace.
pub(crate) fn resources(group_version: &str, namespace: &str, plural: &str) -> String {
    format!("/apis/{group_version}/namespaces/{namespace}/{plural}")
}

impl Cluster {
    /// One request; the answer as it came.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_request(method, path, headers, body, PATIENCE).unwrap_or_else(|error| panic!("{error}\n{}", self.logs()))
    }

    /// One request with a time limit.
    ///
    /// # Errors
    /// No answer, which is what a paused API server gives.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        limit: Duration,
    ) -> Result<Answer, String> {
        let mut stream = UnixStream::connect(&self.api_socket).map_err(|error| format!("the proxy: {error}"))?;
        exchange(&mut stream, (method, path), headers, body, limit)
    }

    /// One request to an address inside, such as `10.99.0.1:8080`, without the API server between.
    ///
    /// # Errors
    /// No answer.
    pub(crate) fn direct(
        &self,
        address: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, String> {
        let mut stream = self.connect(address).map_err(|error| format!("the bridge: {error}"))?;
        exchange(&mut stream, (method, path), headers, body, PATIENCE)
    }

    /// A raw connection to an address inside.
    ///
    /// # Errors
    /// No bridge. That nothing listens at the address shows as an early end.
    pub(crate) fn connect(&self, address: &str) -> std::io::Result<UnixStream> {
        bridge::connect(&self.bridge_socket, address)
    }

    /// A request with a JSON body; code and JSON of the answer.
    pub(crate) fn json(&self, method: &str, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let answer = self.request(method, path, &[("Content-Type", kind)], &serde_json::to_vec(body).unwrap());
        (answer.status, answer.json())
    }

    /// GET: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.request("GET", path, &[], b"");
        (answer.status, answer.json())
    }

    /// GET of what must be there.
    ///
    /// # Panics
    /// On any other answer than 200.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> Value {
        let (status, value) = self.get(path);
        assert!(status == 200, "GET {path}: {status} {value}");
        value
    }

    /// The items of a collection; `query` such as `labelSelector=a%3Db` may be empty.
    ///
    /// # Panics
    /// On any other answer than 200.
    #[track_caller]
    pub(crate) fn list(&self, collection: &str, query: &str) -> Vec<Value> {
        let list = self.read(&format!("{collection}?{query}"));
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// POST into a collection.
    pub(crate) fn create(&self, collection: &str, object: &Value) -> (u16, Value) {
        self.json("POST", collection, "application/json", object)
    }

    /// POST that must succeed; what was created.
    ///
    /// # Panics
    /// On any other answer than 201.
    #[track_caller]
    pub(crate) fn created(&self, collection: &str, object: &Value) -> Value {
        let (status, value) = self.create(collection, object);
        assert!(status == 201, "POST {collection}: {status} {value}");
        value
    }

    /// PUT of a whole object.
    pub(crate) fn put(&self, path: &str, object: &Value) -> (u16, Value) {
        self.json("PUT", path, "application/json", object)
    }

    /// Merge patch, as `kubectl patch --type=merge`. For the status subresource give the path with `/status`.
    pub(crate) fn patch(&self, path: &str, patch: &Value) -> (u16, Value) {
        self.json("PATCH", path, "application/merge-patch+json", patch)
    }

    /// Merge patch that must succeed; the object as it is then.
    ///
    /// # Panics
    /// On any other answer than 200.
    #[track_caller]
    pub(crate) fn patched(&self, path: &str, patch: &Value) -> Value {
        let (status, value) = self.patch(path, patch);
        assert!(status == 200, "PATCH {path}: {status} {value}");
        value
    }

    /// DELETE with background propagation, as kubectl does.
    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        self.delete_as(path, "Background")
    }

    /// DELETE with this propagation.
    pub(crate) fn delete_as(&self, path: &str, propagation: &str) -> (u16, Value) {
        self.json("DELETE", path, "application/json", &json!({ "propagationPolicy": propagation }))
    }

    /// Creates a namespace.
    pub(crate) fn namespace(&self, name: &str) {
        self.created("/api/v1/namespaces", &json!({ "metadata": { "name": name } }));
    }

    /// A value of a Secret; `None` while there is no such Secret or key.
    pub(crate) fn secret_value(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        let (_, secret) = self.get(&format!("{}/{name}", secrets(namespace)));
        let text = secret["data"][key].as_str()?;
        Some(data_encoding::BASE64.decode(text.as_bytes()).unwrap())
    }

    /// The events about an object, oldest first.
    pub(crate) fn events(&self, namespace: &str, name: &str) -> Vec<Value> {
        self.list(&core(namespace, "events"), &format!("fieldSelector=involvedObject.name%3D{name}"))
    }
}
