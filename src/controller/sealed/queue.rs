//! Which objects are to be looked at, and when: each once, however often it was asked for.
//!
//! An object that is at work is not given out again until it is done; if it was asked for meanwhile it comes again then. What
//! just changed goes before what was found at start or is tried again, so that a new object does not wait behind a backlog. How
//! long an object that failed waits is the caller's business.

use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::object::ObjectKey;

/// How urgent an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// It was there before, or failed before.
    Backlog,
    /// Somebody just changed it.
    Fresh,
}

/// A time and an object, the earliest first.
#[derive(PartialEq, Eq)]
struct Later(Instant, ObjectKey);

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0).then_with(|| self.1.cmp(&other.1))
    }
}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Default)]
struct Inner {
    fresh: VecDeque<ObjectKey>,
    backlog: VecDeque<ObjectKey>,
    /// In one of the two, and how urgent. One that became fresh is in both; the second time it is not in here any more.
    waiting: HashMap<ObjectKey, Urgency>,
    active: HashSet<ObjectKey>,
    again: HashMap<ObjectKey, Urgency>,
    later: BinaryHeap<Later>,
    /// The time that counts for each object in `later`.
    due: HashMap<ObjectKey, Instant>,
}

impl Inner {
    fn push(&mut self, key: ObjectKey, urgency: Urgency) {
        // Now comes before later.
        self.due.remove(&key);
        if self.active.contains(&key) {
            let known = self.again.entry(key).or_insert(urgency);
            *known = urgency.max(*known);
            return;
        }
        if self.waiting.get(&key).is_some_and(|known| *known >= urgency) {
            return;
        }
        self.waiting.insert(key.clone(), urgency);
        match urgency {
            Urgency::Fresh => self.fresh.push_back(key),
            Urgency::Backlog => self.backlog.push_back(key),
        }
    }

    fn later(&mut self, key: ObjectKey, at: Instant) {
        if self.waiting.contains_key(&key) || self.again.contains_key(&key) {
            return;
        }
        if self.due.get(&key).is_some_and(|due| *due <= at) {
            return;
        }
        self.due.insert(key.clone(), at);
        self.later.push(Later(at, key));
    }

    fn pop(&mut self, now: Instant) -> Option<ObjectKey> {
        while self.later.peek().is_some_and(|later| later.0 <= now) {
            let Some(Later(at, key)) = self.later.pop() else { break };
            // An entry that does not count any more is only forgotten.
            if self.due.get(&key) == Some(&at) {
                self.push(key, Urgency::Backlog);
            }
        }
        loop {
            let key = self.fresh.pop_front().or_else(|| self.backlog.pop_front())?;
            if self.waiting.remove(&key).is_some() {
                self.active.insert(key.clone());
                return Some(key);
            }
        }
    }

    fn done(&mut self, key: &ObjectKey) {
        self.active.remove(key);
        if let Some(urgency) = self.again.remove(key) {
            self.push(key.clone(), urgency);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.later.peek().map(|later| later.0)
    }
}

/// The queue; shared by reference.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Queue {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for an object now.
    pub(super) fn push(&self, key: ObjectKey, urgency: Urgency) {
        self.inner().push(key, urgency);
        self.changed.notify_one();
    }

    /// Asks for an object after a while, unless it is asked for before.
    pub(super) fn later(&self, key: ObjectKey, delay: Duration) {
        self.inner().later(key, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// The next object; it is at work until [`Self::done`].
    pub(super) async fn pop(&self) -> ObjectKey {
        loop {
            let due = {
                let mut inner = self.inner();
                if let Some(key) = inner.pop(Instant::now()) {
                    // There may be more, for another who waits.
                    self.changed.notify_one();
                    return key;
                }
                inner.next_due()
            };
            match due {
                None => self.changed.notified().await,
                Some(due) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(due.into()) => {}
                },
            }
        }
    }

    /// The object is no longer at work.
    pub(super) fn done(&self, key: &ObjectKey) {
        self.inner().done(key);
        self.changed.notify_one();
    }

    /// Forgets that an object that is gone was to be tried again.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.inner().due.remove(key);
    }

    /// How many wait to be looked at now.
    pub(super) fn waiting(&self) -> usize {
        self.inner().waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn names(inner: &mut Inner, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| inner.pop(now).map(|key| key.name)).collect()
    }

    #[test]
    fn each_comes_once_and_fresh_ones_first() {
        let (mut inner, now) = (Inner::default(), Instant::now());
        for name in ["a", "b", "c", "a"] {
            inner.push(key(name), Urgency::Backlog);
        }
        inner.push(key("new"), Urgency::Fresh);
        inner.push(key("c"), Urgency::Fresh);
        assert_eq!(inner.waiting.len(), 4);
        assert_eq!(names(&mut inner, now), ["new", "c", "a", "b"]);
    }

    #[test]
    fn what_is_asked_for_while_at_work_comes_again_when_done() {
        let (mut inner, now) = (Inner::default(), Instant::now());
        inner.push(key("a"), Urgency::Backlog);
        assert_eq!(names(&mut inner, now), ["a"]);
        inner.push(key("a"), Urgency::Backlog);
        inner.push(key("a"), Urgency::Fresh);
        inner.later(key("a"), now);
        assert!(names(&mut inner, now).is_empty());
        inner.done(&key("a"));
        assert_eq!(names(&mut inner, now), ["a"]);
        inner.done(&key("a"));
        assert!(names(&mut inner, now).is_empty());
    }

    #[test]
    fn later_waits_its_time_and_now_comes_before_it() {
        let (mut inner, now) = (Inner::default(), Instant::now());
        let second = Duration::from_secs(1);
        inner.later(key("a"), now + 3 * second);
        inner.later(key("b"), now + second);
        inner.later(key("b"), now + 2 * second);
        inner.later(key("c"), now + second);
        inner.push(key("c"), Urgency::Fresh);
        assert_eq!(names(&mut inner, now), ["c"]);
        inner.done(&key("c"));
        assert_eq!(inner.next_due(), Some(now + second));
        assert_eq!(names(&mut inner, now + second), ["b"]);
        inner.done(&key("b"));
        assert_eq!(names(&mut inner, now + 9 * second), ["a"]);
        assert!(inner.due.is_empty() || !inner.due.contains_key(&key("a")));
    }

    #[tokio::test]
    async fn whoever_waits_gets_what_comes() {
        let queue = std::sync::Arc::new(Queue::default());
        let waiting = {
            let queue = queue.clone();
            tokio::spawn(async move { queue.pop().await.name })
        };
        tokio::task::yield_now().await;
        queue.push(key("a"), Urgency::Fresh);
        assert_eq!(waiting.await.unwrap(), "a");
        queue.later(key("b"), Duration::from_millis(5));
        assert_eq!(queue.pop().await.name, "b");
    }
}
