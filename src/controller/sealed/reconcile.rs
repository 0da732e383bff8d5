//! What happens to one object that the queue gives out: pass, status, events, restarts, and when it is looked at again.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Reconciler;
use super::object::{GROUP, Object, ObjectKey, PLURAL};
use super::pass::{Done, Failure, Success};
use super::state::{Failing, Known};
use super::status::{self, Opened};
use crate::cluster::bounded;
use crate::controller::events::Kind;
use crate::controller::failure::{self, Asked, backoff};
use crate::controller::metrics::Reason;
use crate::controller::{FIELD_MANAGER, restart};
use crate::manifest::SEALED_SECRET_API_VERSION;

/// The first pauses after what may pass by itself: the reference's, and so many of them as `--max-unseal-retries` says.
const QUICK: Duration = Duration::from_millis(5);
/// After that, and after what waits for somebody: capped, never given up.
const SLOW: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(1000);
/// Pause when what was missing came about meanwhile.
const SOON: Duration = Duration::from_millis(200);
/// How often a status is written again because the object changed in between.
const CONFLICTS: usize = 5;

/// The status in the answer to a status write.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: Value,
}

impl Reconciler {
    /// Looks at an object. Gives the pause after which it has to be looked at again.
    pub(super) async fn reconcile(&self, key: &ObjectKey) -> Option<Duration> {
        self.metrics.unseal_request();
        let mut object = match self.fetch(key).await {
            Ok(Some(object)) => object,
            Ok(None) => return None,
            Err(error) => {
                let asked = Asked { verb: "get", resource: PLURAL, group: GROUP, namespace: Some(&key.namespace) };
                let error = failure::explain(&asked, &error);
                tracing::error!(key = %key, error, "Error fetching object");
                self.metrics.unseal_error(Reason::Fetch, "");
                return Some(backoff(self.state.ended(key, Some(Failing::Refused)), SLOW, LONGEST));
            }
        };
        if object.is_going() {
            self.state.ended(key, None);
            return None;
        }
        if self.is_as_recorded(key, &object) {
            tracing::debug!(key = %key, "Unchanged since it was opened");
            self.observe(&object, &object.status);
            self.state.ended(key, None);
            return None;
        }
        tracing::info!(key = %key, "Updating");
        let keys_before = *self.keys.subscribe().borrow();
        let result = self.pass(key, &mut object).await;
        self.tell(key, &object, result.as_ref());
        let outcome = result.as_ref().map(|success| &success.opened).map_err(|failure| failure.message.as_str());
        let published = self.publish(key, &mut object, outcome).await;
        if let Ok(Success { done: Done::Values, restart: Some(annotation), .. }) = &result {
            self.restart(key, &object, annotation).await;
        }
        let pause = self.next(key, &result, published)?;
        let failing = result.err().map(|failure| failure.failing);
        Some(if self.is_overtaken(key, failing, keys_before) { pause.min(SOON) } else { pause })
    }

    /// Whether what it waits for came about while it was still at work, so that nothing will wake it.
    fn is_overtaken(&self, key: &ObjectKey, failing: Option<Failing>, keys_before: u64) -> bool {
        match failing {
            Some(Failing::Unseal) => *self.keys.subscribe().borrow() != keys_before,
            Some(Failing::Blocked) => self.secrets_are_known(&key.namespace) && self.state.secret(key) == Known::Absent,
            _ => false,
        }
    }

    /// The object as the watch told of it, or as it is.
    async fn fetch(&self, key: &ObjectKey) -> kube::Result<Option<Object>> {
        if let Some(object) = self.state.take_kept(key) {
            return Ok(Some(object));
        }
        if !self.state.has_object(key) {
            return Ok(None);
        }
        self.get(key).await
    }

    async fn get(&self, key: &ObjectKey) -> kube::Result<Option<Object>> {
        bounded(Api::<Object>::namespaced(self.client.clone(), &key.namespace).get_opt(&key.name)).await
    }

    /// Log, metrics and events of a pass.
    fn tell(&self, key: &ObjectKey, object: &Object, result: Result<&Success, &Failure>) {
        match result {
            Ok(success) => {
                // An event says that something happened; the reference repeats it at each pass.
                let flips = self.config.update_status && status::synced(&object.status) != Some(1);
                if success.done != Done::Nothing || flips {
                    let message = "SealedSecret unsealed successfully";
                    tracing::info!(key = %key, reason = "Unsealed", message);
                    self.events.tell(object.reference(), Kind::Normal, "Unsealed", message);
                }
            }
            Err(failure) => {
                self.metrics.unseal_error(failure.reason, &key.namespace);
                let (reason, text) = &failure.event;
                self.events.tell(object.reference(), Kind::Warning, reason, text);
            }
        }
    }

    /// Writes the status if it says something else now. Tells whether it is as it shall be.
    async fn publish(&self, key: &ObjectKey, object: &mut Object, outcome: Result<&Opened, &str>) -> bool {
        if !self.config.update_status {
            return true;
        }
        let generation = object.generation();
        for _ in 0..CONFLICTS {
            let new = status::update(&object.status, generation, outcome, self.keeps_opened(), OffsetDateTime::now_utc());
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

    fn observe(&self, object: &Object, status: &Value) {
        if let (true, Some(value)) = (self.config.update_status, status::synced(status)) {
            let key = object.key();
            self.metrics.condition(&key.namespace, &key.name, object.instance(), value);
        }
    }

    async fn restart(&self, key: &ObjectKey, object: &Object, annotation: &str) {
        let (workloads, wrong) = restart::parse(annotation);
        let failed = |text: &str| {
            tracing::warn!(key = %key, reason = text, "A workload was not restarted");
            self.events.tell(object.reference(), Kind::Warning, "ErrRestartFailed", text);
        };
        for text in &wrong {
            failed(text);
        }
        for workload in &workloads {
            match restart::restart(&self.client, &key.namespace, workload, OffsetDateTime::now_utc()).await {
                Ok(()) => {
                    let message = format!("Restarted {workload}: the values of the Secret changed");
                    tracing::info!(key = %key, workload = %workload, "Restarted: the values of the Secret changed");
                    self.events.tell(object.reference(), Kind::Normal, "Restarted", &message);
                }
                Err(text) => failed(&text),
            }
        }
    }

    /// When to look again, and what the log says about it.
    fn next(&self, key: &ObjectKey, result: &Result<Success, Failure>, published: bool) -> Option<Duration> {
        let Err(failure) = result else {
            if published {
                self.state.ended(key, None);
                return None;
            }
            return Some(backoff(self.state.ended(key, Some(Failing::Refused)), SLOW, LONGEST));
        };
        let before = self.state.ended(key, Some(failure.failing));
        let quick = failure.passing && before < self.config.max_retries;
        let pause = match failure.failing {
            _ if quick => backoff(before, QUICK, LONGEST),
            Failing::Refused if failure.passing => backoff(before.saturating_sub(self.config.max_retries), SLOW, LONGEST),
            // The deletion of the Secret in the way is seen by the watch, where there is one.
            Failing::Blocked if self.config.skip_recreate => backoff(before, SLOW, LONGEST),
            _ => backoff(before, PATIENT, LONGEST),
        };
        let error = &failure.message;
        if quick {
            tracing::error!(key = %key, error, "Error updating, will retry");
        } else {
            tracing::error!(key = %key, error, pause = pause.as_secs(), "Error updating, giving up until something changes or the pause is over");
        }
        Some(pause)
    }
}
