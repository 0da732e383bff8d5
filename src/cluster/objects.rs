//! Single objects of the cluster that a bootstrap looks at and makes: namespaces, claims, Secrets, OnePasswordItems.
//!
//! Every request is bounded in time, and every answer but «there is none» that is no success is an error that names the request:
//! a read that was forbidden or failed never counts as an object that is absent.

use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, ObjectMeta};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::secrets::{ClusterSecret, Secrets};
use super::{Cluster, Trouble, bounded};
use crate::secret::SecretBytes;

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {what}: {reason}")]
pub struct RequestError {
    /// What was asked for: `read Secret default/app`.
    pub what: String,
    /// Why not.
    pub reason: Reason,
}

/// Why a request did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The object has changed, or was made meanwhile.
    #[error("it was changed meanwhile")]
    Conflict,
    /// There is no such object, or no such kind of objects.
    #[error("there is none")]
    NotFound,
    /// Anything else.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// The state of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It can be used.
    Active,
    /// It is being deleted.
    Terminating,
}

/// Reads and writes single objects, in the name of one manager of fields.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    /// Address of the API server, for messages.
    server: String,
    manager: String,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Objects").field(&self.manager).finish()
    }
}

/// An answer that there is none as `None`.
fn optional<T>(answer: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(RequestError { reason: Reason::NotFound, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Objects {
    /// Writes are made in the name of `manager` (`metadata.managedFields`).
    #[must_use]
    pub fn new(cluster: &Cluster, manager: &str) -> Self {
        Self { client: cluster.client.clone(), server: cluster.server.clone(), manager: manager.to_owned() }
    }

    /// Waits for the answer to a request, not for ever.
    async fn ask<T>(&self, what: String, request: impl Future<Output = kube::Result<T>>) -> Result<T, RequestError> {
        bounded(request).await.map_err(|error| {
            let reason = match Trouble::of(&error, &self.server) {
                Trouble::Refused { code: 404, .. } => Reason::NotFound,
                Trouble::Refused { code: 409, .. } => Reason::Conflict,
                trouble => Reason::Trouble(trouble),
            };
            RequestError { what, reason }
        })
    }

    fn secrets(&self, namespace: &str) -> Secrets {
        Secrets::new(self.client.clone(), namespace, &self.manager)
    }

    fn post(&self) -> PostParams {
        PostParams { field_manager: Some(self.manager.clone()), ..PostParams::default() }
    }

    /// A Secret; `None` if there is none.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<ClusterSecret>, RequestError> {
        self.ask(format!("read Secret {namespace}/{name}"), self.secrets(namespace).get(name)).await
    }

    /// Makes a Secret.
    ///
    /// # Errors
    /// [`Reason::Conflict`] when there is one of that name.
    pub async fn create_secret(&self, secret: &ClusterSecret) -> Result<ObjectMeta, RequestError> {
        let namespace = secret.metadata.namespace.clone().unwrap_or_default();
        let name = secret.metadata.name.clone().unwrap_or_default();
        self.ask(format!("create Secret {namespace}/{name}"), self.secrets(&namespace).create(secret)).await
    }

    /// Sets keys and annotations of a Secret that is still at a version, and leaves all others as they are.
    ///
    /// # Errors
    /// [`Reason::Conflict`] when it is at another version.
    pub async fn set_keys(
        &self,
        namespace: &str,
        name: &str,
        resource_version: &str,
        data: &std::collections::BTreeMap<String, SecretBytes>,
        annotations: &std::collections::BTreeMap<String, String>,
    ) -> Result<ObjectMeta, RequestError> {
        let secrets = self.secrets(namespace);
        self.ask(format!("patch Secret {namespace}/{name}"), secrets.set_keys(name, resource_version, data, annotations)).await
    }

    /// The state of a namespace; `None` if there is none.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn namespace(&self, name: &str) -> Result<Option<Phase>, RequestError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = optional(self.ask(format!("read Namespace {name}"), api.get(name)).await)?;
        Ok(found.map(|namespace| {
            let ending = namespace.metadata.deletion_timestamp.is_some()
                || namespace.status.and_then(|status| status.phase).as_deref() == Some("Terminating");
            if ending { Phase::Terminating } else { Phase::Active }
        }))
    }

    /// Makes a namespace; that it is there already is fine.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn create_namespace(&self, name: &str) -> Result<(), RequestError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        match self.ask(format!("create Namespace {name}"), api.create(&self.post(), &namespace)).await {
            Err(RequestError { reason: Reason::Conflict, .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether there is such a PersistentVolumeClaim.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn has_claim(&self, namespace: &str, name: &str) -> Result<bool, RequestError> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), namespace);
        let what = format!("read PersistentVolumeClaim {namespace}/{name}");
        Ok(optional(self.ask(what, api.get_metadata(name)).await)?.is_some())
    }

    fn custom(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Whether the cluster knows a kind of objects.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn knows(&self, api_version: &str, kind: &str) -> Result<bool, RequestError> {
        let what = format!("ask for the kinds of {api_version}");
        let list = optional(self.ask(what, self.client.list_api_group_resources(api_version)).await)?;
        Ok(list.is_some_and(|list| list.resources.iter().any(|resource| resource.kind == kind)))
    }

    /// An object of any kind, as JSON; `None` if there is none.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn object(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, RequestError> {
        let what = format!("read {kind} {namespace}/{name}");
        let found = optional(self.ask(what, self.custom(api_version, kind, namespace).get(name)).await)?;
        Ok(found.and_then(|object| serde_json::to_value(object).ok()))
    }

    /// Makes an object of any kind.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn create_object(&self, object: &Value) -> Result<(), RequestError> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let what = format!("create {kind} {namespace}/{name}");
        let object = serde_json::from_value(object.clone())
            .map_err(|error| RequestError { what: what.clone(), reason: Trouble::Other(error.to_string()).into() })?;
        self.ask(what, self.custom(&api_version, &kind, &namespace).create(&self.post(), &object)).await.map(drop)
    }

    /// A workload of `apps/v1` by kind and name, as JSON; `None` if there is none.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn workload(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, RequestError> {
        self.object("apps/v1", kind, namespace, name).await
    }

    /// Restarts the Pods of a workload, as `kubectl rollout restart` does. Gives the generation that it has then; `None` if
    /// there is no such workload.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn restart(&self, kind: &str, namespace: &str, name: &str, at: &str) -> Result<Option<i64>, RequestError> {
        let patch =
            json!({ "spec": { "template": { "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": at } } } } });
        let params = PatchParams { field_manager: Some(self.manager.clone()), ..PatchParams::default() };
        let api = self.custom("apps/v1", kind, namespace);
        let patch = Patch::Merge(&patch);
        let answer = optional(self.ask(format!("restart {kind} {namespace}/{name}"), api.patch(name, &params, &patch)).await)?;
        Ok(answer.map(|object| object.metadata.generation.unwrap_or_default()))
    }
}

/// Whether the newest Pods of a workload have all come up, as `kubectl rollout status` decides.
#[must_use]
pub fn has_rolled_out(kind: &str, workload: &Value, generation: i64) -> bool {
    let number = |path: &str| workload.pointer(path).and_then(Value::as_i64);
    if number("/status/observedGeneration").unwrap_or_default() < generation {
        return false;
    }
    let status = |field: &str| number(&format!("/status/{field}")).unwrap_or_default();
    match kind {
        "DaemonSet" => {
            let wanted = status("desiredNumberScheduled");
            status("updatedNumberScheduled") >= wanted && status("numberAvailable") >= wanted
        }
        "StatefulSet" => {
            let wanted = number("/spec/replicas").unwrap_or(1);
            let newest = workload.pointer("/status/currentRevision") == workload.pointer("/status/updateRevision");
            status("readyReplicas") >= wanted && (newest || status("updatedReplicas") >= wanted)
        }
        _ => {
            let wanted = number("/spec/replicas").unwrap_or(1);
            let updated = status("updatedReplicas");
            updated >= wanted && status("replicas") <= updated && status("availableReplicas") >= updated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_is_done_when_the_new_pods_are_there_and_the_old_ones_gone() {
        let deployment = |observed: i64, updated: i64, all: i64, available: i64| {
            json!({ "spec": { "replicas": 2 }, "status": { "observedGeneration": observed, "updatedReplicas": updated,
                "replicas": all, "availableReplicas": available } })
        };
        assert!(has_rolled_out("Deployment", &deployment(3, 2, 2, 2), 3));
        for not_yet in [deployment(2, 2, 2, 2), deployment(3, 1, 2, 2), deployment(3, 2, 3, 2), deployment(3, 2, 2, 1)] {
            assert!(!has_rolled_out("Deployment", &not_yet, 3));
        }
        let daemons = json!({ "status": { "observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1 } });
        assert!(!has_rolled_out("DaemonSet", &daemons, 1));
    }
}
