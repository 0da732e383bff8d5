//! What is remembered of the SealedSecrets and Secrets of the cluster between two events. Little: memory must not grow with
//! their content.
//!
//! Of a Secret only whose it is and in which version it is. Of a SealedSecret what decides whether an event changes anything;
//! the object itself is kept from its event until it is looked at, and only as long as few wait. It is fetched otherwise.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::core::ObjectMeta;

use super::desired::{MANAGED_ANNOTATION, PATCH_ANNOTATION, controller_of, is_annotated};
use super::object::{Object, ObjectKey};
use crate::seal::{SKIP_OWNER_ANNOTATION, Scope};

/// Most objects that are kept until they are looked at.
const MAX_KEPT: usize = 512;

/// Why an object is not as it should be, as far as it decides what wakes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// It does not open: another key or another object may help.
    Unseal,
    /// The Secret is someone else's: its deletion, or another owner or annotation on it, may help.
    Blocked,
    /// The API server did not do what it was asked.
    Refused,
}

/// A SealedSecret.
#[derive(Debug)]
struct Entry {
    uid: String,
    generation: i64,
    scope: Scope,
    instance: String,
    failing: Option<Failing>,
    attempts: u32,
    kept: Option<Box<Object>>,
    /// How often the Secret of its name went, came, or became another's.
    turns: u32,
    /// Uid of the Secret that it made last, where that is asked for.
    made: Option<String>,
    /// Values were written, and no answer came.
    doubtful: bool,
}

/// A SealedSecret that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) uid: String,
    /// Uid of the Secret that it made last, if that was noted.
    pub(super) made: Option<String>,
}

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SecretFacts {
    pub(super) uid: String,
    pub(super) version: String,
    /// Uid of the owner that controls it.
    pub(super) owner: Option<String>,
    pub(super) managed: bool,
    pub(super) patch: bool,
    /// It was made to have no owner.
    pub(super) unowned: bool,
}

impl SecretFacts {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: metadata.resource_version.clone().unwrap_or_default(),
            owner: controller_of(metadata).map(|owner| owner.uid.clone()),
            managed: is_annotated(metadata, MANAGED_ANNOTATION),
            patch: is_annotated(metadata, PATCH_ANNOTATION),
            unowned: is_annotated(metadata, SKIP_OWNER_ANNOTATION),
        }
    }

    /// Whether the Secret is nobody's but this SealedSecret's. One without owner counts only if it was made so, and by this one:
    /// what somebody else made, or only let it add to, or cut loose from it (`--cascade=orphan`), is not its own.
    pub(super) fn is_only_of(&self, gone: &Gone) -> bool {
        match &self.owner {
            Some(owner) => *owner == gone.uid,
            None => self.unowned && !self.patch && gone.made.as_ref() == Some(&self.uid),
        }
    }
}

#[derive(Default)]
struct Inner {
    objects: HashMap<ObjectKey, Entry>,
    kept: usize,
    secrets: HashMap<ObjectKey, SecretFacts>,
}

/// What the watches have told; shared by reference.
#[derive(Default)]
pub(super) struct State(Mutex<Inner>);

/// What is known of a Secret from its watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// There is none.
    Absent,
    /// There is one.
    Present(SecretFacts),
}

impl State {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a SealedSecret. Tells whether it has to be looked at: it is new, or its spec or scope changed.
    pub(super) fn object_applied(&self, mut object: Object) -> bool {
        // As large as a small object, and of no use here.
        object.metadata.managed_fields = None;
        let mut inner = self.inner();
        let (key, scope, generation) = (object.key(), object.scope(), object.generation());
        let kept = inner.kept;
        let entry = inner.objects.entry(key).or_insert_with(|| Entry {
            uid: String::new(),
            generation: -1,
            scope,
            instance: String::new(),
            failing: None,
            attempts: 0,
            kept: None,
            turns: 0,
            made: None,
            doubtful: false,
        });
        entry.instance = object.instance().to_owned();
        let same = entry.uid == object.uid() && entry.generation == generation && entry.scope == scope;
        if same {
            // One that still waits is looked at in its newest form.
            if entry.kept.is_some() {
                entry.kept = Some(Box::new(object));
            }
            return false;
        }
        if entry.uid != object.uid() {
            entry.uid = object.uid().to_owned();
            entry.made = None;
        }
        (entry.generation, entry.scope, entry.failing, entry.attempts) = (generation, scope, None, 0);
        if entry.kept.is_some() || kept < MAX_KEPT {
            let added = entry.kept.replace(Box::new(object)).is_none();
            inner.kept += usize::from(added);
        }
        true
    }

    /// Forgets a SealedSecret; tells of it if it was known.
    pub(super) fn object_deleted(&self, key: &ObjectKey) -> Option<Gone> {
        let mut inner = self.inner();
        let entry = inner.objects.remove(key)?;
        inner.kept -= usize::from(entry.kept.is_some());
        Some(Gone { uid: entry.uid, made: entry.made })
    }

    /// The object as its last event told of it, if it was kept; it is not kept any longer.
    pub(super) fn take_kept(&self, key: &ObjectKey) -> Option<Object> {
        let mut inner = self.inner();
        let kept = inner.objects.get_mut(key)?.kept.take();
        inner.kept -= usize::from(kept.is_some());
        kept.map(|object| *object)
    }

    /// Whether a SealedSecret is known.
    pub(super) fn has_object(&self, key: &ObjectKey) -> bool {
        self.inner().objects.contains_key(key)
    }

    /// Notes that nothing is in its way any more. How often it failed is forgotten when its status says so too ([`Self::ended`]).
    pub(super) fn opened(&self, key: &ObjectKey) {
        if let Some(entry) = self.inner().objects.get_mut(key) {
            entry.failing = None;
        }
    }

    /// Notes how it went; gives how often it has failed in a row before.
    pub(super) fn ended(&self, key: &ObjectKey, failing: Option<Failing>) -> u32 {
        let mut inner = self.inner();
        let Some(entry) = inner.objects.get_mut(key) else { return 0 };
        entry.failing = failing;
        let before = entry.attempts;
        entry.attempts = if failing.is_some() { before.saturating_add(1) } else { 0 };
        before
    }

    /// Notes which Secret a SealedSecret has made.
    pub(super) fn has_made(&self, key: &ObjectKey, secret: &str) {
        if let Some(entry) = self.inner().objects.get_mut(key) {
            entry.made = Some(secret.to_owned());
        }
    }

    /// Notes that values were written and no answer came: they may be in place, and nothing that follows from it was done.
    pub(super) fn doubt(&self, key: &ObjectKey) {
        if let Some(entry) = self.inner().objects.get_mut(key) {
            entry.doubtful = true;
        }
    }

    /// Whether such a write came before; it is forgotten then.
    pub(super) fn take_doubt(&self, key: &ObjectKey) -> bool {
        self.inner().objects.get_mut(key).is_some_and(|entry| std::mem::take(&mut entry.doubtful))
    }

    /// How often the Secret of this name went, came, or became another's since its SealedSecret is known: whoever finds it in
    /// the way and reads another number afterwards has found what is no longer so.
    pub(super) fn turns(&self, key: &ObjectKey) -> u32 {
        self.inner().objects.get(key).map_or(0, |entry| entry.turns)
    }

    /// Every SealedSecret that does not open.
    pub(super) fn waiting_for_keys(&self) -> Vec<ObjectKey> {
        let inner = self.inner();
        let waiting = inner.objects.iter().filter(|(_, entry)| entry.failing == Some(Failing::Unseal));
        waiting.map(|(key, _)| key.clone()).collect()
    }

    /// Takes in the metadata of a Secret. Tells whether a SealedSecret that it blocked may go on.
    pub(super) fn secret_applied(&self, key: ObjectKey, facts: SecretFacts) -> bool {
        let mut inner = self.inner();
        let whose = |facts: &SecretFacts| (facts.uid.clone(), facts.owner.clone(), facts.managed, facts.patch);
        let changed = inner.secrets.get(&key).is_none_or(|old| whose(old) != whose(&facts));
        let blocked = inner.objects.get_mut(&key).filter(|_| changed).is_some_and(|entry| {
            entry.turns = entry.turns.wrapping_add(1);
            entry.failing == Some(Failing::Blocked)
        });
        inner.secrets.insert(key, facts);
        blocked
    }

    /// Takes in that a Secret is gone; its last metadata, if the event had them. Tells whether its SealedSecret has to be looked
    /// at: it made the Secret, or was only waiting for it to go.
    pub(super) fn secret_deleted(&self, key: &ObjectKey, last: Option<SecretFacts>) -> bool {
        let mut inner = self.inner();
        let known = inner.secrets.remove(key);
        let (Some(facts), Some(entry)) = (last.or(known), inner.objects.get_mut(key)) else { return false };
        entry.turns = entry.turns.wrapping_add(1);
        matches!(entry.failing, Some(Failing::Blocked | Failing::Refused))
            || facts.owner.as_deref() == Some(&entry.uid)
            || facts.managed
    }

    /// What the watch knows of a Secret.
    pub(super) fn secret(&self, key: &ObjectKey) -> Known {
        self.inner().secrets.get(key).map_or(Known::Absent, |facts| Known::Present(facts.clone()))
    }

    /// The objects, or the Secrets, of one namespace or of all.
    pub(super) fn keys(&self, secrets: bool, namespace: Option<&str>) -> Vec<ObjectKey> {
        let inner = self.inner();
        let within = |key: &&ObjectKey| namespace.is_none_or(|namespace| key.namespace == namespace);
        if secrets {
            inner.secrets.keys().filter(within).cloned().collect()
        } else {
            inner.objects.keys().filter(within).cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(uid: &str, generation: i64, annotation: &str) -> Object {
        let metadata = json!({ "name": "app", "namespace": "web", "uid": uid, "generation": generation,
            "annotations": { "sealedsecrets.bitnami.com/cluster-wide": annotation } });
        serde_json::from_value(json!({ "metadata": metadata, "spec": {} })).unwrap()
    }

    fn facts(uid: &str, owner: Option<&str>, managed: bool) -> SecretFacts {
        SecretFacts { uid: uid.into(), version: "1".into(), owner: owner.map(Into::into), managed, ..SecretFacts::default() }
    }

    fn key() -> ObjectKey {
        object("", 0, "").key()
    }

    #[test]
    fn an_object_is_looked_at_when_spec_scope_or_identity_changed() {
        let state = State::default();
        assert!(state.object_applied(object("u-1", 1, "false")));
        assert!(!state.object_applied(object("u-1", 1, "false")));
        assert!(state.object_applied(object("u-1", 1, "true")), "scope");
        assert!(state.object_applied(object("u-1", 2, "true")), "spec");
        assert!(state.object_applied(object("u-2", 2, "true")), "another object");
        assert_eq!(state.take_kept(&key()).unwrap().uid(), "u-2");
        assert!(state.take_kept(&key()).is_none());
        assert_eq!(state.inner().kept, 0);
        assert_eq!(state.object_deleted(&key()), Some(Gone { uid: "u-2".into(), made: None }));
    }

    #[test]
    fn few_objects_are_kept() {
        let state = State::default();
        for number in 0..MAX_KEPT + 5 {
            let mut object = object("u", 1, "");
            object.metadata.name = Some(format!("n{number}"));
            assert!(state.object_applied(object));
        }
        assert_eq!(state.inner().kept, MAX_KEPT);
        for key in state.keys(false, Some("web")) {
            state.object_deleted(&key);
        }
        assert_eq!(state.inner().kept, 0);
    }

    #[test]
    fn a_deleted_secret_wakes_its_maker_and_whom_it_blocked() {
        let state = State::default();
        state.object_applied(object("u-1", 1, ""));
        for (facts, failing, wakes) in [
            (facts("s", Some("u-1"), false), None, true),
            (facts("s", None, true), None, true),
            (facts("s", None, false), None, false),
            (facts("s", Some("u-2"), false), None, false),
            (facts("s", None, false), Some(Failing::Blocked), true),
            (facts("s", None, false), Some(Failing::Refused), true),
            (facts("s", None, false), Some(Failing::Unseal), false),
        ] {
            state.ended(&key(), failing);
            state.secret_applied(key(), facts.clone());
            assert_eq!(state.secret_deleted(&key(), None), wakes, "{facts:?} {failing:?}");
            assert_eq!(state.secret(&key()), Known::Absent);
            assert!(!state.secret_deleted(&key(), None), "it was not known any more");
        }
    }

    #[test]
    fn a_blocker_wakes_only_when_it_becomes_another() {
        let state = State::default();
        state.object_applied(object("u-1", 1, ""));
        state.ended(&key(), Some(Failing::Blocked));
        state.secret_applied(key(), facts("s", None, false));
        let newer = SecretFacts { version: "2".into(), ..facts("s", None, false) };
        assert!(!state.secret_applied(key(), newer));
        assert!(state.secret_applied(key(), facts("s", None, true)));
        state.ended(&key(), None);
        assert!(!state.secret_applied(key(), facts("s", None, false)));
    }

    #[test]
    fn a_turn_of_the_secret_is_seen_by_who_was_at_work_meanwhile() {
        let state = State::default();
        state.object_applied(object("u-1", 1, ""));
        let mut turns = vec![state.turns(&key())];
        state.secret_applied(key(), facts("s", None, false));
        turns.push(state.turns(&key()));
        state.secret_applied(key(), SecretFacts { version: "2".into(), ..facts("s", None, false) });
        turns.push(state.turns(&key()));
        state.secret_deleted(&key(), None);
        turns.push(state.turns(&key()));
        // A view that is old tells nothing new, however often it is asked.
        turns.push(state.turns(&key()));
        assert_eq!(turns, [0, 1, 1, 2, 2]);
    }

    #[test]
    fn only_what_a_deleted_object_made_is_its_own() {
        let state = State::default();
        state.object_applied(object("u-1", 1, ""));
        state.has_made(&key(), "s");
        state.object_applied(object("u-1", 2, ""));
        let gone = state.object_deleted(&key()).unwrap();
        assert_eq!(gone, Gone { uid: "u-1".into(), made: Some("s".into()) });
        let unowned = SecretFacts { unowned: true, ..facts("s", None, false) };
        for (facts, own) in [
            (facts("s", Some("u-1"), false), true),
            (facts("s", Some("u-2"), false), false),
            (facts("s", None, false), false),
            (facts("s", None, true), false),
            (unowned.clone(), true),
            (SecretFacts { uid: "other".into(), ..unowned.clone() }, false),
            (SecretFacts { patch: true, ..unowned.clone() }, false),
        ] {
            assert_eq!(facts.is_only_of(&gone), own, "{facts:?}");
        }
        assert!(!unowned.is_only_of(&Gone { made: None, ..gone }));
        state.object_applied(object("u-1", 1, ""));
        state.has_made(&key(), "s");
        state.object_applied(object("u-2", 1, ""));
        assert_eq!(state.object_deleted(&key()).unwrap().made, None, "another object of the name");
    }

    #[test]
    fn failures_are_counted_until_success() {
        let state = State::default();
        state.object_applied(object("u-1", 1, ""));
        let count: Vec<u32> = (0..3).map(|_| state.ended(&key(), Some(Failing::Unseal))).collect();
        assert_eq!(count, [0, 1, 2]);
        assert_eq!(state.waiting_for_keys(), [key()]);
        state.ended(&key(), None);
        assert_eq!(state.ended(&key(), Some(Failing::Refused)), 0);
    }
}
