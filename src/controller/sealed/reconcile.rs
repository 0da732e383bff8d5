//! What happens to one object that the queue gives out: pass, restarts, and when it is looked at again. Status and events follow
//! (`report`).

use std::time::Duration;

use kube::Api;
use time::OffsetDateTime;

use super::Reconciler;
use super::object::{GROUP, Object, ObjectKey, PLURAL};
use super::pass::{Done, Failure, Success};
use super::report::{Report, Told};
use super::state::{Failing, Known};
use super::status;
use crate::cluster::bounded;
use crate::controller::events::Kind;
use crate::controller::failure::{self, Asked, backoff};
use crate::controller::metrics::Reason;
use crate::controller::restart;

/// The first pauses after what may pass by itself: the reference's, and so many of them as `--max-unseal-retries` says.
const QUICK: Duration = Duration::from_millis(5);
/// After that, and after what waits for somebody: capped, never given up.
pub(super) const SLOW: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(60);
pub(super) const LONGEST: Duration = Duration::from_secs(1000);
/// Pause when what was missing came about meanwhile.
const SOON: Duration = Duration::from_millis(200);

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
        let mut events: Vec<Told> = self.tell(key, &object, result.as_ref()).into_iter().collect();
        if let Ok(Success { done: Done::Values, restart: Some(annotation), .. }) = &result {
            events.extend(self.restart(key, annotation).await);
        }
        let outcome = result.as_ref().map(|success| success.opened.clone()).map_err(|failure| failure.message.clone());
        self.reports.put(key, Report::new(object, outcome, events));
        self.queue.report(key.clone());
        let pause = self.next(key, &result)?;
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

    pub(super) async fn get(&self, key: &ObjectKey) -> kube::Result<Option<Object>> {
        bounded(Api::<Object>::namespaced(self.client.clone(), &key.namespace).get_opt(&key.name)).await
    }

    /// Log and metrics of a pass; gives its event.
    fn tell(&self, key: &ObjectKey, object: &Object, result: Result<&Success, &Failure>) -> Option<Told> {
        match result {
            Ok(success) => {
                // An event says that something happened; the reference repeats it at each pass.
                let flips = self.config.update_status && status::synced(&object.status) != Some(1);
                if success.done == Done::Nothing && !flips {
                    return None;
                }
                let message = "SealedSecret unsealed successfully";
                tracing::info!(key = %key, reason = "Unsealed", message);
                Some((Kind::Normal, "Unsealed", message.to_owned()))
            }
            Err(failure) => {
                self.metrics.unseal_error(failure.reason, &key.namespace);
                let (reason, text) = &failure.event;
                Some((Kind::Warning, reason, text.clone()))
            }
        }
    }

    /// Restarts the workloads that the annotation names; gives the events of that.
    async fn restart(&self, key: &ObjectKey, annotation: &str) -> Vec<Told> {
        let (workloads, wrong) = restart::parse(annotation);
        let failed = |text: String| {
            tracing::warn!(key = %key, reason = text, "A workload was not restarted");
            (Kind::Warning, "ErrRestartFailed", text)
        };
        let mut events: Vec<Told> = wrong.into_iter().map(failed).collect();
        for workload in &workloads {
            let restarted = restart::restart(&self.client, &key.namespace, workload, OffsetDateTime::now_utc()).await;
            events.push(match restarted {
                Ok(()) => {
                    tracing::info!(key = %key, workload = %workload, "Restarted: the values of the Secret changed");
                    (Kind::Normal, "Restarted", format!("Restarted {workload}: the values of the Secret changed"))
                }
                Err(text) => failed(text),
            });
        }
        events
    }

    /// When to look again, and what the log says about it.
    fn next(&self, key: &ObjectKey, result: &Result<Success, Failure>) -> Option<Duration> {
        let Err(failure) = result else {
            self.state.opened(key);
            return None;
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
