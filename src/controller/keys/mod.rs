//! The key Secrets of the controller's namespace and the keyring that they make; shared by reconciler and server.
//!
//! - [`SharedKeys`]: what everyone sees
//! - `read`: what one key Secret is good for
//! - `store`: all of them, and which is the newest
//! - [`run`]: finds them, makes new ones in time and on demand, and follows changes

mod generate;
mod read;
mod run;
mod store;

pub use run::{KeyTask, run};

use std::sync::{Arc, RwLock};

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::crypto::rsa::Fingerprint;
use crate::crypto::x509::Certificate;
use crate::seal::Keyring;

/// What is known of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Name of the key Secret.
    pub secret: String,
    /// Of the public key.
    pub fingerprint: Fingerprint,
    /// The time by which keys are ordered.
    pub since: OffsetDateTime,
    /// End of the certificate's validity; `None` without a certificate that belongs to the key.
    pub not_after: Option<OffsetDateTime>,
}

/// What the keys are at one moment.
#[derive(Clone, Default)]
pub struct Keys {
    /// Every key that opens, the newest first.
    pub keyring: Arc<Keyring>,
    /// Certificate of the newest key, which `/v1/cert.pem` serves, and its PEM text; `None` before the first key.
    pub newest: Option<(Certificate, Arc<str>)>,
    /// Each key, in the order of `keyring`.
    pub infos: Arc<[KeyInfo]>,
    /// Key Secrets that are of no use, or not of full use: name and reason.
    pub problems: Arc<[(String, String)]>,
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

    /// Tells of each change; the number counts them, and is 0 until the keys have been read for the first time.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
