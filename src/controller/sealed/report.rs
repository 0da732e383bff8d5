//! What is told about a pass when no Secret waits to be made: the status, and events.
//!
//! Nobody waits for them as Pods wait for Secrets, and in a burst they are two of three writes. Until then they are kept here,
//! without the object's spec. If the object is looked at again meanwhile, the newer status counts and all events are told.
//! SIGTERM does not lose them (`run` in the module above); after a crash the next start finds the object without its status,
//! opens it again, finds the Secret as it shall be, and reports that.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::api::PostParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Reconciler;
use super::object::{GROUP, Object, ObjectKey, PLURAL};
use super::reconcile::{LONGEST, SLOW};
use super::state::Failing;
use super::status::{self, Opened};
use crate::cluster::bounded;
use crate::controller::FIELD_MANAGER;
use crate::controller::events::Kind;
use crate::controller::failure::{self, Asked, backoff};
use crate::controller::metrics::Reason;
use crate::manifest::SEALED_SECRET_API_VERSION;

/// How often a status is written again because the object changed in between.
const CONFLICTS: usize = 5;

/// An event: kind, reason, text.
pub(super) type Told = (Kind, &'static str, String);

/// What is to be told about an object.
#[derive(Debug)]
pub(super) struct Report {
    object: Object,
    outcome: Result<Opened, String>,
    events: Vec<Told>,
}

impl Report {
    /// Of a pass over this object.
    pub(super) fn new(mut object: Object, outcome: Result<Opened, String>, events: Vec<Told>) -> Self {
        // What is large and plays no part in it.
        object.spec = Value::Null;
        (object.metadata.annotations, object.metadata.managed_fields) = (None, None);
        Self { object, outcome, events }
    }
}

/// What is to be told, by object.
#[derive(Default)]
pub(super) struct Reports(Mutex<HashMap<ObjectKey, Report>>);

impl Reports {
    /// Takes the place of what is known about an object, after whose events come those of `report`.
    pub(super) fn put(&self, key: &ObjectKey, mut report: Report) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = reports.remove(key) {
            report.events.splice(0..0, before.events);
        }
        reports.insert(key.clone(), report);
    }

    fn take(&self, key: &ObjectKey) -> Option<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

/// The status in the answer to a status write.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: Value,
}

impl Reconciler {
    /// Tells what is to be told about an object. Gives the pause after which it has to be looked at again.
    pub(super) async fn report(&self, key: &ObjectKey) -> Option<Duration> {
        let Report { mut object, outcome, events } = self.reports.take(key)?;
        for (kind, reason, text) in &events {
            self.events.tell(object.reference(), *kind, reason, text);
        }
        let published = self.publish(key, &mut object, outcome.as_ref().map_err(String::as_str)).await;
        // When to try again what failed was decided when it did.
        outcome.ok()?;
        let failing = if published { None } else { Some(Failing::Refused) };
        let before = self.state.ended(key, failing);
        failing.map(|_| backoff(before, SLOW, LONGEST))
    }

    /// Writes the status if it says something else now. Tells whether it is as it shall be.
    async fn publish(&self, key: &ObjectKey, object: &mut Object, outcome: Result<&Opened, &str>) -> bool {
        if !self.config.update_status {
            return true;
        }
        let generation = object.generation();
        for _ in 0..CONFLICTS {
            let new = status::update(&object.status, generation, outcome, self.keeps_opened().await, OffsetDateTime::now_utc());
            let Some(new) = new else {
                self.observe(object, &object.status);
                return true;
            };
            match self.put_status(key, object, &new).await {
                Ok(kept) => {
                    if outcome.is_ok() {
                        self.learn_keeps_opened(kept.get("opened").is_some());
                    }
                    self.observe(object, &new);
                    return true;
                }
                // It is gone.
                Err(error) if failure::code(&error) == Some(404) => return true,
                // It changed: if only in its status or annotations, this is still what is to be said.
                Err(error) if failure::code(&error) == Some(409) => {
                    match self.get(key).await {
                        Ok(Some(fresh)) if fresh.uid() == object.uid() && fresh.generation() == generation => *object = fresh,
                        // Its event brings it here again.
                        Ok(_) => return true,
                        Err(error) => return self.status_failed(key, &error),
                    }
                }
                Err(error) => return self.status_failed(key, &error),
            }
        }
        tracing::warn!(key = %key, "The status changes faster than it can be written; will retry");
        false
    }

    fn status_failed(&self, key: &ObjectKey, error: &kube::Error) -> bool {
        let asked = Asked { verb: "update", resource: "sealedsecrets/status", group: GROUP, namespace: Some(&key.namespace) };
        tracing::error!(key = %key, error = failure::explain(&asked, error), "Error updating SealedSecret status");
        self.metrics.unseal_error(Reason::Status, &key.namespace);
        false
    }

    /// Puts the status; the server takes nothing else from the request. Gives the status that it kept.
    async fn put_status(&self, key: &ObjectKey, object: &Object, status: &Value) -> kube::Result<Value> {
        let body = json!({
            "apiVersion": SEALED_SECRET_API_VERSION,
            "kind": "SealedSecret",
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "uid": object.metadata.uid,
                "resourceVersion": object.metadata.resource_version,
            },
            "spec": { "encryptedData": {} },
            "status": status,
        });
        let body = serde_json::to_vec(&body).map_err(kube::Error::SerdeError)?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let url = format!("/apis/{SEALED_SECRET_API_VERSION}/namespaces/{}/{PLURAL}", key.namespace);
        let request = Request::new(url).replace_subresource("status", &key.name, &params, body);
        let answer: Answer = bounded(self.client.request(request.map_err(kube::Error::BuildRequest)?)).await?;
        Ok(answer.status)
    }

    pub(super) fn observe(&self, object: &Object, status: &Value) {
        if let (true, Some(value)) = (self.config.update_status, status::synced(status)) {
            let key = object.key();
            self.metrics.condition(&key.namespace, &key.name, object.instance(), value);
            // It may have been deleted meanwhile, and forgotten before this line.
            if !self.state.has_object(&key) {
                self.metrics.forget(&key.namespace, &key.name);
            }
        }
    }
}
