//! What happens to one object that the queue gives out: pass, restarts, and when it is looked at again. Status and events follow
//! (`report`).

use std::time::Duration;

use kube::Api;

use super::Reconciler;
use super::object::{GROUP, Object, ObjectKey, PLURAL};
use super::pass::{Done, Failure, Success};
use super::report::{Report, Told};
use super::state::Failing;
use super::status::{self, Opened};
use crate::cluster::bounded;
use crate::controller::events::Kind;
use crate::controller::failure::{self, Asked, backoff};
use crate::controller::metrics::Reason;

/// The first pauses after what may pass by itself: the reference's, and so many of them as `--max-unseal-retries` says.
const QUICK: Duration = Duration::from_millis(5);
/// After that, and after what waits for somebody: capped, never given up.
pub(super) const SLOW: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(60);
pub(super) const LONGEST: Duration = Duration::from_secs(1000);
/// Pause when what was missing came about meanwhile.
const SOON: Duration = Duration::from_millis(200);

/// What an object that failed may wait for: another number is another state.
struct Surroundings {
    keys: u64,
    turns: u32,
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
            self.note_made(key, Opened::of(&object.status).as_ref());
            self.state.ended(key, None);
            return None;
        }
        tracing::info!(key = %key, "Updating");
        let before = self.surroundings(key);
        let result = self.pass(key, &mut object).await;
        self.note_made(key, result.as_ref().ok().map(|success| &success.opened));
        let mut events: Vec<Told> = self.tell(key, &object, result.as_ref()).into_iter().collect();
        if let Ok(Success { done: Done::Values, restart, .. }) = &result {
            events.extend(self.restart(key, object.reference(), restart.as_deref().unwrap_or_default()).await);
        }
        let outcome = result.as_ref().map(|success| success.opened.clone()).map_err(|failure| failure.message.clone());
        self.reports.put(key, Report::new(object, outcome, events));
        self.queue.report(key.clone());
        self.next(key, &result, &before)
    }

    /// What an object that failed waits for, as it is now.
    fn surroundings(&self, key: &ObjectKey) -> Surroundings {
        Surroundings { keys: *self.keys.subscribe().borrow(), turns: self.state.turns(key) }
    }

    /// Whether what it waits for came about while it was still at work, so that nothing will wake it.
    fn is_overtaken(&self, key: &ObjectKey, failing: Failing, before: &Surroundings) -> bool {
        let now = self.surroundings(key);
        match failing {
            Failing::Unseal => now.keys != before.keys,
            Failing::Blocked => now.turns != before.turns,
            Failing::Refused => false,
        }
    }

    /// Notes which Secret is this object's, where its deletion is ours to do.
    fn note_made(&self, key: &ObjectKey, opened: Option<&Opened>) {
        if let Some(opened) = opened.filter(|_| self.config.old_gc) {
            self.state.has_made(key, &opened.secret.uid);
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

    /// When to look again, and what the log says about it.
    fn next(&self, key: &ObjectKey, result: &Result<Success, Failure>, surroundings: &Surroundings) -> Option<Duration> {
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
        let overtaken = self.is_overtaken(key, failure.failing, surroundings);
        let pause = if overtaken { pause.min(SOON) } else { pause };
        let error = &failure.message;
        if quick || overtaken {
            tracing::error!(key = %key, error, "Error updating, will retry");
        } else {
            tracing::error!(key = %key, error, pause = pause.as_secs(), "Error updating, giving up until something changes or the pause is over");
        }
        Some(pause)
    }
}
