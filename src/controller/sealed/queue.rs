//! Which objects are to be looked at, and when: each once, however often it was asked for.
//!
//! An object that is at work is not given out again until it is done; if it was asked for meanwhile it comes again then. What
//! just changed goes before what was found at start or is tried again, so that a new object does not wait behind a backlog. How
//! long an object that failed waits is the caller's business.
//!
//! Secrets come first: what is to be reported about a pass (`report`) waits until no pass is waiting or at work, so that in a
//! burst the API server and the cores make Secrets, for which Pods wait. It does not wait for ever: [`REPORT_WITHIN`], or until
//! there are [`MAX_REPORTS`].

use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::object::ObjectKey;

/// How long what is to be reported waits while Secrets are made.
const REPORT_WITHIN: Duration = Duration::from_secs(5);
/// Most objects of which something is to be reported while others are worked on: each keeps a little memory.
const MAX_REPORTS: usize = 512;

/// What is to be done with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Look at it: open it, make the Secret.
    Pass(ObjectKey),
    /// Tell what came of that: status and events.
    Report(ObjectKey),
}

impl Work {
    pub(super) fn key(&self) -> &ObjectKey {
        let (Self::Pass(key) | Self::Report(key)) = self;
        key
    }
}

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
    /// How many of the active are passes.
    passing: usize,
    again: HashMap<ObjectKey, Urgency>,
    later: BinaryHeap<Later>,
    /// The time that counts for each object in `later`.
    due: HashMap<ObjectKey, Instant>,
    /// Of which something is to be reported, and since when; each once.
    reports: VecDeque<(Instant, ObjectKey)>,
    unreported: HashSet<ObjectKey>,
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

    fn report(&mut self, key: ObjectKey, now: Instant) {
        if self.unreported.insert(key.clone()) {
            self.reports.push_back((now, key));
        }
    }

    fn pop(&mut self, now: Instant) -> Option<Work> {
        while self.later.peek().is_some_and(|later| later.0 <= now) {
            let Some(Later(at, key)) = self.later.pop() else { break };
            // An entry that does not count any more is only forgotten.
            if self.due.get(&key) == Some(&at) {
                self.push(key, Urgency::Backlog);
            }
        }
        let overdue = self.reports.len() > MAX_REPORTS || self.oldest_report().is_some_and(|at| at + REPORT_WITHIN <= now);
        let urgent = if overdue { self.pop_report() } else { None };
        urgent.or_else(|| self.pop_pass()).or_else(|| if self.passing == 0 { self.pop_report() } else { None })
    }

    fn pop_pass(&mut self) -> Option<Work> {
        loop {
            let key = self.fresh.pop_front().or_else(|| self.backlog.pop_front())?;
            if self.waiting.remove(&key).is_some() {
                self.active.insert(key.clone());
                self.passing += 1;
                return Some(Work::Pass(key));
            }
        }
    }

    /// The oldest of an object that is not at work.
    fn pop_report(&mut self) -> Option<Work> {
        let at = self.reports.iter().position(|(_, key)| !self.active.contains(key))?;
        let (_, key) = self.reports.remove(at)?;
        self.unreported.remove(&key);
        self.active.insert(key.clone());
        Some(Work::Report(key))
    }

    fn oldest_report(&self) -> Option<Instant> {
        self.reports.iter().find(|(_, key)| !self.active.contains(key)).map(|(at, _)| *at)
    }

    fn done(&mut self, work: &Work) {
        self.active.remove(work.key());
        self.passing -= usize::from(matches!(work, Work::Pass(_)));
        if let Some(urgency) = self.again.remove(work.key()) {
            self.push(work.key().clone(), urgency);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let later = self.later.peek().map(|later| later.0);
        later.into_iter().chain(self.oldest_report().map(|at| at + REPORT_WITHIN)).min()
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

    /// Something is to be reported about an object, as soon as no Secret waits to be made.
    pub(super) fn report(&self, key: ObjectKey) {
        self.inner().report(key, Instant::now());
        self.changed.notify_one();
    }

    /// Something to report, whatever else waits: for the end.
    pub(super) fn pop_report(&self) -> Option<Work> {
        self.inner().pop_report()
    }

    /// What to do next; the object is at work until [`Self::done`].
    pub(super) async fn pop(&self) -> Work {
        loop {
            let due = {
                let mut inner = self.inner();
                if let Some(work) = inner.pop(Instant::now()) {
                    // There may be more, for another who waits.
                    self.changed.notify_one();
                    return work;
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
    pub(super) fn done(&self, work: &Work) {
        self.inner().done(work);
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
        std::iter::from_fn(|| inner.pop(now).map(|work| work.key().name.clone())).collect()
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
        inner.done(&Work::Pass(key("a")));
        assert_eq!(names(&mut inner, now), ["a"]);
        inner.done(&Work::Pass(key("a")));
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
        inner.done(&Work::Pass(key("c")));
        assert_eq!(inner.next_due(), Some(now + second));
        assert_eq!(names(&mut inner, now + second), ["b"]);
        inner.done(&Work::Pass(key("b")));
        assert_eq!(names(&mut inner, now + 9 * second), ["a"]);
        assert!(inner.due.is_empty() || !inner.due.contains_key(&key("a")));
    }

    #[tokio::test]
    async fn whoever_waits_gets_what_comes() {
        let queue = std::sync::Arc::new(Queue::default());
        let waiting = {
            let queue = queue.clone();
            tokio::spawn(async move { queue.pop().await.key().name.clone() })
        };
        tokio::task::yield_now().await;
        queue.push(key("a"), Urgency::Fresh);
        assert_eq!(waiting.await.unwrap(), "a");
        queue.later(key("b"), Duration::from_millis(5));
        assert_eq!(queue.pop().await, Work::Pass(key("b")));
    }

    fn report(name: &str) -> Option<Work> {
        Some(Work::Report(key(name)))
    }

    fn pass(name: &str) -> Option<Work> {
        Some(Work::Pass(key(name)))
    }

    #[test]
    fn reports_wait_until_no_pass_waits_or_is_at_work() {
        let (mut inner, now) = (Inner::default(), Instant::now());
        for name in ["a", "b"] {
            inner.push(key(name), Urgency::Backlog);
        }
        assert_eq!(inner.pop(now), pass("a"));
        inner.report(key("a"), now);
        inner.done(&Work::Pass(key("a")));
        assert_eq!(inner.pop(now), pass("b"));
        assert_eq!(inner.pop(now), None, "b is at work");
        inner.report(key("b"), now);
        inner.report(key("b"), now);
        assert_eq!(inner.pop(now), None);
        inner.done(&Work::Pass(key("b")));
        assert_eq!([inner.pop(now), inner.pop(now)], [report("a"), report("b")]);
        assert_eq!(inner.pop(now), None, "each once");
        // What comes while a report is written waits for it; another object does not.
        inner.push(key("a"), Urgency::Fresh);
        inner.push(key("c"), Urgency::Fresh);
        assert_eq!([inner.pop(now), inner.pop(now)], [pass("c"), None]);
        inner.done(&Work::Report(key("a")));
        assert_eq!(inner.pop(now), pass("a"));
    }

    #[test]
    fn reports_do_not_wait_for_ever() {
        let (mut inner, now) = (Inner::default(), Instant::now());
        for name in ["a", "b", "c", "d"] {
            inner.push(key(name), Urgency::Backlog);
        }
        assert_eq!(inner.pop(now), pass("a"));
        inner.report(key("a"), now);
        let late = now + REPORT_WITHIN;
        assert_eq!(inner.pop(late), pass("b"), "not that of an object that is at work");
        assert_eq!(inner.next_due(), None);
        inner.done(&Work::Pass(key("a")));
        assert_eq!(inner.next_due(), Some(late));
        assert_eq!(inner.pop(late - Duration::from_millis(1)), pass("c"));
        assert_eq!([inner.pop(late), inner.pop(late)], [report("a"), pass("d")]);
        for number in 0..=MAX_REPORTS {
            inner.report(key(&number.to_string()), late);
        }
        assert_eq!([inner.pop(late), inner.pop(late)], [report("0"), None], "too many");
        assert_eq!(inner.pop_report(), report("1"), "at the end all of them");
    }
}
