//! The key Secrets of the controller's namespace and the keyring that they make; shared by reconciler and server.

use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use crate::crypto::x509::Certificate;
use crate::seal::Keyring;

/// What the keys are at one moment.
#[derive(Clone, Default)]
pub struct Keys {
    /// Every key that opens.
    pub keyring: Arc<Keyring>,
    /// Certificate of the newest key, which `/v1/cert.pem` serves, and its PEM text; `None` before the first key.
    pub newest: Option<(Certificate, Arc<str>)>,
}

/// The keys as everyone sees them. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct SharedKeys {
    now: Arc<RwLock<Keys>>,
    changed: watch::Sender<u64>,
}

impl Default for SharedKeys {
    fn default() -> Self {
        Self { now: Arc::default(), changed: watch::Sender::new(0) }
    }
}

impl SharedKeys {
    /// The keys at this moment.
    #[must_use]
    pub fn now(&self) -> Keys {
        self.now.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Puts other keys in place and wakes whoever waits for a change.
    pub fn replace(&self, keys: Keys) {
        *self.now.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Tells of each change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
