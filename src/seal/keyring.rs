//! The private keys at hand, and opening with whichever fits.
//!
//! A sealed value does not say which key it needs, so each is tried (`sealed-secrets.md` §1.1). One attempt costs a
//! private-key operation, 1.5 ms at 4096 bits: keys of another size are skipped, and the key that opened the last value is
//! tried first, since items of one object mostly share it. The result does not depend on the order.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Label, SealedValue};
use crate::crypto::rsa::{Fingerprint, PrivateKey};
use crate::secret::SecretBytes;

/// No key opened a value: wrong key, wrong label or changed bytes. The format cannot tell these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key could decrypt secret")]
pub struct NoKeyOpens;

/// Private keys, each once.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<PrivateKey>,
    /// Index of the key that opened last. A hint only: any value is right.
    last: AtomicUsize,
}

impl Keyring {
    /// No keys yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key; `false` if it was there already.
    pub fn add(&mut self, key: PrivateKey) -> bool {
        let new = !self.fingerprints().any(|known| known == key.public_key().fingerprint());
        if new {
            self.keys.push(key);
        }
        new
    }

    /// The keys, in the order they were added.
    #[must_use]
    pub fn keys(&self) -> &[PrivateKey] {
        &self.keys
    }

    /// Fingerprints of the keys, in the order they were added.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys.iter().map(|key| key.public_key().fingerprint())
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Opens a value with whichever key fits.
    ///
    /// # Errors
    /// [`NoKeyOpens`], for every reason.
    pub fn open(&self, value: &SealedValue, label: &Label) -> Result<SecretBytes, NoKeyOpens> {
        self.open_and_tell(value, label).map(|(plaintext, _)| plaintext)
    }

    /// Opens a value and tells which key did it.
    ///
    /// # Errors
    /// [`NoKeyOpens`], for every reason.
    pub fn open_and_tell(&self, value: &SealedValue, label: &Label) -> Result<(SecretBytes, Fingerprint), NoKeyOpens> {
        self.open_with_likely(value, label, None)
    }

    /// As [`Self::open_and_tell`]; the likely key, if it is here, is tried first.
    pub(super) fn open_with_likely(
        &self,
        value: &SealedValue,
        label: &Label,
        likely: Option<Fingerprint>,
    ) -> Result<(SecretBytes, Fingerprint), NoKeyOpens> {
        let likely = likely.and_then(|likely| self.fingerprints().position(|known| known == likely));
        let hint = likely.unwrap_or_else(|| self.last.load(Ordering::Relaxed));
        let by_likelihood =
            self.keys.iter().enumerate().skip(hint).take(1).chain(self.keys.iter().enumerate().filter(|(at, _)| *at != hint));
        for (at, key) in by_likelihood {
            if let Ok(plaintext) = value.open_with(key, label) {
                self.last.store(at, Ordering::Relaxed);
                return Ok((plaintext, key.public_key().fingerprint()));
            }
        }
        Err(NoKeyOpens)
    }
}

impl FromIterator<PrivateKey> for Keyring {
    fn from_iter<I: IntoIterator<Item = PrivateKey>>(keys: I) -> Self {
        let mut keyring = Self::new();
        for key in keys {
            keyring.add(key);
        }
        keyring
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::{Scope, seal_value};

    #[test]
    fn opens_with_any_of_its_keys_and_tells_which() {
        let keyring: Keyring = [test_keys::first().clone(), test_keys::second().clone()].into_iter().collect();
        let label = Label::new(Scope::NamespaceWide, "ns", "");
        for key in [test_keys::second(), test_keys::first(), test_keys::second()] {
            let value = seal_value(key.public_key(), &label, b"v").unwrap();
            let (plaintext, by) = keyring.open_and_tell(&value, &label).unwrap();
            assert_eq!(plaintext.expose(), b"v");
            assert_eq!(by, key.public_key().fingerprint());
        }
    }

    #[test]
    fn holds_each_key_once() {
        let mut keyring = Keyring::new();
        assert!(keyring.add(test_keys::first().clone()));
        assert!(!keyring.add(test_keys::first().clone()));
        assert_eq!(keyring.len(), 1);
    }

    #[test]
    fn without_the_key_the_answer_is_uniform() {
        let label = Label::new(Scope::Strict, "ns", "n");
        let value = seal_value(test_keys::first().public_key(), &label, b"v").unwrap();
        let other: Keyring = [test_keys::second().clone()].into_iter().collect();
        assert_eq!(other.open(&value, &label), Err(NoKeyOpens));
        assert_eq!(Keyring::new().open(&value, &label), Err(NoKeyOpens));
        let keyring: Keyring = [test_keys::first().clone()].into_iter().collect();
        assert_eq!(keyring.open(&value, &Label::new(Scope::Strict, "ns", "m")), Err(NoKeyOpens));
        assert_eq!(NoKeyOpens.to_string(), "no key could decrypt secret");
    }
}
