//! All key Secrets that were found, in order, and what they make together.
//!
//! The most recent key is the one with the greatest ordering time (the certificate's start, or the Secret's creation); of equals
//! the one whose Secret is older (`sealed-secrets.md` §3.2). A key without a certificate of its own never is.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::read::KeyEntry;
use super::{KeyInfo, Keys};
use crate::controller::config::KeyOrder;
use crate::seal::Keyring;

/// Key Secrets by name, usable or not.
#[derive(Debug)]
pub(super) struct Store {
    order: KeyOrder,
    entries: BTreeMap<String, Result<KeyEntry, String>>,
}

impl Store {
    pub(super) fn new(order: KeyOrder) -> Self {
        Self { order, entries: BTreeMap::new() }
    }

    /// Puts in what a key Secret of this name is now. Tells whether anything about it is new.
    pub(super) fn put(&mut self, name: &str, entry: Result<KeyEntry, String>) -> bool {
        let same = match (self.entries.get(name), &entry) {
            (Some(Ok(old)), Ok(new)) => {
                old.key.public_key() == new.key.public_key()
                    && old.certificate.as_ref().map(|(_, text)| text) == new.certificate.as_ref().map(|(_, text)| text)
            }
            (Some(Err(old)), Err(new)) => old == new,
            _ => false,
        };
        self.entries.insert(name.to_owned(), entry);
        !same
    }

    /// Forgets a key Secret.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.entries.remove(name).is_some()
    }

    /// Names of all, usable or not.
    pub(super) fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    fn since(&self, entry: &KeyEntry) -> OffsetDateTime {
        match (self.order, &entry.certificate) {
            (KeyOrder::CertNotBefore, Some((certificate, _))) => certificate.not_before(),
            _ => entry.created,
        }
    }

    /// Usable entries, the most recent first.
    fn ordered(&self) -> Vec<&KeyEntry> {
        let mut entries: Vec<_> = self.entries.values().filter_map(|entry| entry.as_ref().ok()).collect();
        // What cannot be the most recent goes last; among equals the older Secret goes first.
        entries.sort_by(|one, other| {
            let rank = |entry: &KeyEntry| (entry.certificate.is_some(), self.since(entry));
            rank(other).cmp(&rank(one)).then_with(|| (one.created, &one.name).cmp(&(other.created, &other.name)))
        });
        entries
    }

    /// Ordering time of the most recent key, if there is one that can be sealed for.
    pub(super) fn newest_since(&self) -> Option<OffsetDateTime> {
        self.ordered().first().filter(|entry| entry.certificate.is_some()).map(|entry| self.since(entry))
    }

    /// What everyone is to see.
    pub(super) fn keys(&self) -> Keys {
        let ordered = self.ordered();
        let mut keyring = Keyring::new();
        let mut infos = Vec::new();
        for entry in &ordered {
            if keyring.add(entry.key.clone()) {
                infos.push(KeyInfo {
                    secret: entry.name.clone(),
                    fingerprint: entry.key.public_key().fingerprint(),
                    since: self.since(entry),
                    not_after: entry.certificate.as_ref().map(|(certificate, _)| certificate.not_after()),
                });
            }
        }
        let problem = |(name, entry): (&String, &Result<KeyEntry, String>)| {
            let reason = entry.as_ref().map_or_else(|reason| Some(reason.clone()), |entry| entry.warning.clone());
            Some((name.clone(), reason?))
        };
        Keys {
            keyring: Arc::new(keyring),
            newest: ordered.first().and_then(|entry| entry.certificate.clone()),
            infos: infos.into(),
            problems: self.entries.iter().filter_map(problem).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::super::read::{read, tests::key_secret};
    use super::*;
    use crate::crypto::rsa::PrivateKey;
    use crate::crypto::test_keys;

    const START: OffsetDateTime = datetime!(2026-11-01 00:00:00 UTC);

    fn entry(name: &str, key: &PrivateKey, start: OffsetDateTime, created: OffsetDateTime) -> KeyEntry {
        let mut entry = read(&key_secret(name, key, start), START).unwrap();
        entry.created = created;
        entry
    }

    #[test]
    fn the_most_recent_is_by_certificate_or_by_creation() {
        let old_certificate = entry("restored", test_keys::first(), START - Duration::days(9), START);
        let new_certificate = entry("made", test_keys::second(), START - Duration::days(5), START - Duration::days(5));
        for (order, newest) in [(KeyOrder::CertNotBefore, "made"), (KeyOrder::SecretCreationTimestamp, "restored")] {
            let mut store = Store::new(order);
            store.put("restored", Ok(old_certificate.clone()));
            store.put("made", Ok(new_certificate.clone()));
            let keys = store.keys();
            assert_eq!(keys.infos[0].secret, newest);
            assert_eq!(keys.newest.unwrap().0.public_key(), keys.keyring.keys()[0].public_key());
            assert_eq!(keys.keyring.len(), 2);
        }
    }

    #[test]
    fn of_equals_the_older_secret_counts_and_one_without_certificate_never() {
        let mut store = Store::new(KeyOrder::CertNotBefore);
        store.put("b", Ok(entry("b", test_keys::first(), START, START)));
        store.put("a", Ok(entry("a", test_keys::second(), START, START + Duration::hours(1))));
        assert_eq!(store.keys().infos[0].secret, "b");
        let mut bare = entry("c", test_keys::first(), START, START + Duration::days(9));
        bare.certificate = None;
        store.put("c", Ok(bare.clone()));
        assert_eq!(store.keys().infos[0].secret, "b");
        let mut only = Store::new(KeyOrder::CertNotBefore);
        only.put("c", Ok(bare));
        assert!(only.keys().newest.is_none() && only.newest_since().is_none());
        assert_eq!(only.keys().keyring.len(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_a_problem_and_takes_nothing_along() {
        let mut store = Store::new(KeyOrder::CertNotBefore);
        assert!(store.put("good", Ok(entry("good", test_keys::first(), START, START))));
        assert!(store.put("bad", Err("it has no tls.key".into())));
        assert!(!store.put("bad", Err("it has no tls.key".into())));
        assert_eq!(store.keys().problems[..], [("bad".to_owned(), "it has no tls.key".to_owned())]);
        assert_eq!(store.keys().keyring.len(), 1);
        assert!(store.remove("bad") && !store.remove("bad"));
        assert!(store.keys().problems.is_empty());
    }
}
