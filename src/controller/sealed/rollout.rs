//! Restarts of the workloads that read a Secret whose values changed: with the pass that wrote it, and again until they go well.
//!
//! A restart that fails for a reason that may pass (a webhook or the API server is down) would leave the workload on the old
//! values for ever, for the Secret is in place and no pass finds anything to do. So it is tried again with growing pauses, until it
//! goes well, is refused for good, the SealedSecret is gone, or newer values ask for restarts of their own. What is to be done is
//! kept in memory alone: a controller that ends before does not make up for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use k8s_openapi::api::core::v1::ObjectReference;
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::Reconciler;
use super::object::ObjectKey;
use super::reconcile::{LONGEST, SLOW};
use super::report::Told;
use crate::controller::events::Kind;
use crate::controller::failure::backoff;
use crate::controller::restart::{self, Workload};

/// Workloads of an object that are still to be restarted.
#[derive(Clone, Debug)]
struct Pending {
    /// Tells it from what was to be done for older values.
    number: u64,
    about: ObjectReference,
    workloads: Vec<Workload>,
    attempts: u32,
    due: Instant,
}

#[derive(Default)]
struct Inner {
    last: u64,
    pending: HashMap<ObjectKey, Pending>,
}

/// What is still to be restarted; shared by reference.
#[derive(Default)]
pub(super) struct Rollouts {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Rollouts {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left after the first attempt. It takes the place of what was left for older values.
    fn put(&self, key: &ObjectKey, about: ObjectReference, workloads: Vec<Workload>, now: Instant) {
        let mut inner = self.inner();
        inner.pending.remove(key);
        if workloads.is_empty() {
            return;
        }
        inner.last += 1;
        let pending = Pending { number: inner.last, about, workloads, attempts: 1, due: now + backoff(0, SLOW, LONGEST) };
        inner.pending.insert(key.clone(), pending);
        self.changed.notify_one();
    }

    /// What is left after another attempt; nothing if newer values came meanwhile.
    fn left(&self, key: &ObjectKey, number: u64, workloads: Vec<Workload>, now: Instant) {
        let mut inner = self.inner();
        let Some(pending) = inner.pending.get_mut(key).filter(|pending| pending.number == number) else { return };
        if workloads.is_empty() {
            inner.pending.remove(key);
            return;
        }
        pending.workloads = workloads;
        pending.due = now + backoff(pending.attempts, SLOW, LONGEST);
        pending.attempts = pending.attempts.saturating_add(1);
    }

    /// What is due first, and when.
    fn first(&self) -> Option<(ObjectKey, Pending)> {
        let inner = self.inner();
        let first = inner.pending.iter().min_by_key(|(_, pending)| pending.due);
        first.map(|(key, pending)| (key.clone(), pending.clone()))
    }

    /// The next that is due, when it is.
    async fn next(&self) -> (ObjectKey, Pending) {
        loop {
            let first = self.first();
            match first {
                None => self.changed.notified().await,
                Some((key, pending)) if pending.due <= Instant::now() => return (key, pending),
                Some((_, pending)) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(pending.due.into()) => {}
                },
            }
        }
    }
}

impl Reconciler {
    /// Restarts the workloads that the annotation names, because values changed; gives the events of that.
    pub(super) async fn restart(&self, key: &ObjectKey, about: ObjectReference, annotation: &str) -> Vec<Told> {
        let (workloads, wrong) = restart::parse(annotation);
        let mut events: Vec<Told> = wrong.into_iter().map(|text| not_restarted(key, text)).collect();
        let left = self.restart_each(key, &workloads, true, &mut events).await;
        self.rollouts.put(key, about, left, Instant::now());
        events
    }

    /// Tries again what failed.
    pub(super) async fn follow_restarts(self: Arc<Self>) {
        loop {
            let (key, pending) = self.rollouts.next().await;
            let mut events = Vec::new();
            let left = if self.state.has_object(&key) {
                self.restart_each(&key, &pending.workloads, false, &mut events).await
            } else {
                Vec::new()
            };
            self.rollouts.left(&key, pending.number, left, Instant::now());
            for (kind, reason, text) in events {
                self.events.tell(pending.about.clone(), kind, reason, &text);
            }
        }
    }

    /// Gives the workloads that are to be tried again. Of these there is an event the first time only.
    async fn restart_each(&self, key: &ObjectKey, workloads: &[Workload], first: bool, events: &mut Vec<Told>) -> Vec<Workload> {
        let mut left = Vec::new();
        for workload in workloads {
            match restart::restart(&self.client, &key.namespace, workload, OffsetDateTime::now_utc()).await {
                Ok(()) => {
                    tracing::info!(key = %key, workload = %workload, "Restarted: the values of the Secret changed");
                    events.push((Kind::Normal, "Restarted", format!("Restarted {workload}: the values of the Secret changed")));
                }
                Err(refusal) if refusal.passing => {
                    let told = not_restarted(key, format!("{workload}: {}; it is tried again", refusal.text));
                    events.extend(first.then_some(told));
                    left.push(workload.clone());
                }
                Err(refusal) => events.push(not_restarted(key, refusal.text)),
            }
        }
        left
    }
}

fn not_restarted(key: &ObjectKey, text: String) -> Told {
    tracing::warn!(key = %key, reason = text, "A workload was not restarted");
    (Kind::Warning, "ErrRestartFailed", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn workloads(annotation: &str) -> Vec<Workload> {
        restart::parse(annotation).0
    }

    #[test]
    fn what_failed_is_due_later_and_later_until_nothing_is_left() {
        let (rollouts, now) = (Rollouts::default(), Instant::now());
        rollouts.put(&key("a"), ObjectReference::default(), workloads("ds/a, ds/b"), now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let (_, pending) = rollouts.first().unwrap();
            pauses.push((pending.due - now).as_secs());
            rollouts.left(&key("a"), pending.number, workloads("ds/b"), now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
        let (_, pending) = rollouts.first().unwrap();
        assert_eq!(pending.workloads, workloads("ds/b"));
        rollouts.left(&key("a"), pending.number, vec![], now);
        assert!(rollouts.first().is_none());
    }

    #[test]
    fn newer_values_take_the_place_of_older_ones() {
        let (rollouts, now) = (Rollouts::default(), Instant::now());
        rollouts.put(&key("a"), ObjectReference::default(), workloads("ds/old"), now);
        let (_, old) = rollouts.first().unwrap();
        rollouts.put(&key("a"), ObjectReference::default(), workloads("ds/new"), now);
        // The attempt for the older values ends now.
        rollouts.left(&key("a"), old.number, old.workloads, now);
        let (_, new) = rollouts.first().unwrap();
        assert_eq!((new.workloads, new.attempts), (workloads("ds/new"), 1));
        // All of theirs went well at once.
        rollouts.put(&key("a"), ObjectReference::default(), vec![], now);
        rollouts.left(&key("a"), new.number, workloads("ds/new"), now);
        assert!(rollouts.first().is_none());
    }

    #[tokio::test]
    async fn the_earliest_comes_when_it_is_due() {
        let rollouts = Arc::new(Rollouts::default());
        let long_ago = Instant::now().checked_sub(SLOW).unwrap();
        let waiting = {
            let rollouts = rollouts.clone();
            tokio::spawn(async move { rollouts.next().await.0 })
        };
        tokio::task::yield_now().await;
        rollouts.put(&key("later"), ObjectReference::default(), workloads("ds/a"), Instant::now() + LONGEST);
        rollouts.put(&key("due"), ObjectReference::default(), workloads("ds/a"), long_ago);
        assert_eq!(waiting.await.unwrap(), key("due"));
    }
}
