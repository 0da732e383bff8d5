//! Identities: what opens age files.
//!
//! Each remembers where it came from, for the report of what was tried. Tried first are those that need nobody, then keys
//! and files under a passphrase (asked for only when the file may be for them, and once), then plugins.

use std::fmt;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::encrypted::EncryptedFile;
use super::file::{Unwrapped, first_match};
use super::format::Stanza;
use super::ssh_private::{self, Locked, SshKey};
use super::{Callbacks, Error, PassphraseFor, PassphraseRequest, bech32, hybrid, plugin, scrypt, ssh, x25519};
use crate::crypto::{self, hpke};
use crate::secret::SecretString;

/// Something that may open an age file.
pub struct Identity {
    origin: String,
    key: Key,
}

enum Key {
    X25519(crypto::x25519::Secret),
    Hybrid(hpke::PrivateKey),
    Passphrase(SecretString),
    Ssh(Box<ssh::PrivateKey>),
    LockedSsh { key: Box<Locked>, opened: OnceLock<Result<Box<ssh::PrivateKey>, String>> },
    File(Box<EncryptedFile>),
    Plugin { name: String, text: SecretString },
}

/// The kind of an [`Identity`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityKind {
    /// `AGE-SECRET-KEY-1…`
    X25519,
    /// `AGE-SECRET-KEY-PQ-1…`, post-quantum.
    Hybrid,
    /// A passphrase itself.
    Passphrase,
    /// An SSH private key.
    Ssh,
    /// An SSH private key under a passphrase.
    LockedSsh,
    /// An age file of identities, under a passphrase.
    EncryptedFile,
    /// `AGE-PLUGIN-NAME-1…`: the plugin's name.
    Plugin(String),
}

/// A new X25519 identity, as age-keygen makes it: its text on one line, and its recipient.
///
/// # Errors
/// [`Error::Crypto`] without randomness.
pub fn generate() -> Result<(SecretString, String), Error> {
    let mut scalar = Zeroizing::new([0; crypto::x25519::LEN]);
    crypto::random::fill(scalar.as_mut_slice())?;
    let text = Zeroizing::new(bech32::encode("age-secret-key-", scalar.as_slice()));
    let secret = crypto::x25519::Secret::new(scalar)?;
    Ok((SecretString::new(text.to_ascii_uppercase()), bech32::encode("age", secret.public())))
}

impl Identity {
    /// Reads one identity of age's own kinds or of a plugin. `origin` says where it came from, for messages.
    ///
    /// # Errors
    /// [`Error::Identity`], never with the text.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let key = parse_key(text).map_err(|reason| Error::Identity { origin: origin.to_owned(), reason })?;
        Ok(Self { origin: origin.to_owned(), key })
    }

    /// Reads an SSH private key file. A key under a passphrase is taken if it is in OpenSSH's own format.
    ///
    /// # Errors
    /// [`Error::Identity`], never with key material.
    pub fn parse_ssh(file: &[u8], origin: &str) -> Result<Self, Error> {
        let key = ssh_private::parse(file).map_err(|reason| Error::Identity { origin: origin.to_owned(), reason })?;
        let key = match key {
            SshKey::Open(key) => Key::Ssh(key),
            SshKey::Locked(key) => Key::LockedSsh { key, opened: OnceLock::new() },
        };
        Ok(Self { origin: origin.to_owned(), key })
    }

    /// A passphrase, for files that are under one themselves.
    #[must_use]
    pub fn from_passphrase(passphrase: SecretString, origin: &str) -> Self {
        Self { origin: origin.to_owned(), key: Key::Passphrase(passphrase) }
    }

    pub(super) fn from_encrypted_file(file: EncryptedFile, origin: &str) -> Self {
        Self { origin: origin.to_owned(), key: Key::File(Box::new(file)) }
    }

    /// Where it came from, as the caller named it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> IdentityKind {
        match &self.key {
            Key::X25519(_) => IdentityKind::X25519,
            Key::Hybrid(_) => IdentityKind::Hybrid,
            Key::Passphrase(_) => IdentityKind::Passphrase,
            Key::Ssh(_) => IdentityKind::Ssh,
            Key::LockedSsh { .. } => IdentityKind::LockedSsh,
            Key::File(_) => IdentityKind::EncryptedFile,
            Key::Plugin { name, .. } => IdentityKind::Plugin(name.clone()),
        }
    }

    /// The recipient that belongs to it, where that can be told without a person or a plugin.
    #[must_use]
    pub fn recipient(&self) -> Option<String> {
        match &self.key {
            Key::X25519(secret) => Some(bech32::encode("age", secret.public())),
            Key::Hybrid(key) => Some(bech32::encode("age1pq", &key.public_key().to_bytes())),
            Key::Ssh(key) => Some(key.public().to_text()),
            Key::LockedSsh { key, .. } => Some(key.public().to_text()),
            Key::Passphrase(_) | Key::File(_) | Key::Plugin { .. } => None,
        }
    }

    /// What it is, by its public side.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.key {
            Key::X25519(_) => format!("identity of {}", self.recipient().unwrap_or_default()),
            Key::Hybrid(_) => {
                // 1,959 characters tell a reader no more than the first ones do.
                let start: String = self.recipient().unwrap_or_default().chars().take(20).collect();
                format!("post-quantum identity of {start}…")
            }
            Key::Passphrase(_) => "passphrase".to_owned(),
            Key::Ssh(key) => key.public().describe(),
            Key::LockedSsh { key, .. } => format!("{} under a passphrase", key.public().describe()),
            Key::File(_) => "passphrase-protected identity file".to_owned(),
            Key::Plugin { name, .. } => format!("identity of age-plugin-{name}"),
        }
    }

    /// Lower is tried first.
    pub(super) fn rank(&self) -> u8 {
        match &self.key {
            Key::X25519(_) | Key::Hybrid(_) | Key::Passphrase(_) => 0,
            Key::Ssh(_) => 1,
            Key::LockedSsh { .. } => 2,
            Key::File(_) => 3,
            Key::Plugin { .. } => 4,
        }
    }

    pub(super) fn unwrap(&self, stanzas: &[Stanza], callbacks: &dyn Callbacks) -> Result<Unwrapped, Error> {
        match &self.key {
            Key::X25519(secret) => first_match(stanzas, |stanza| x25519::unwrap(secret, stanza)),
            Key::Hybrid(key) => first_match(stanzas, |stanza| hybrid::unwrap(key, stanza)),
            Key::Passphrase(passphrase) => scrypt::unwrap(passphrase, stanzas),
            Key::Ssh(key) => first_match(stanzas, |stanza| key.unwrap(stanza)),
            Key::LockedSsh { key, opened } => {
                if !stanzas.iter().any(|stanza| key.public().is_named_by(stanza)) {
                    return Ok(Unwrapped::NoMatch);
                }
                match opened.get_or_init(|| self.open_ssh(key, callbacks)) {
                    Ok(key) => first_match(stanzas, |stanza| key.unwrap(stanza)),
                    Err(reason) => Ok(Unwrapped::Failed(reason.clone())),
                }
            }
            Key::File(file) => file.unwrap(stanzas, &self.origin, callbacks),
            Key::Plugin { name, text } => Ok(plugin::unwrap(name, text, stanzas, callbacks)),
        }
    }

    fn open_ssh(&self, key: &Locked, callbacks: &dyn Callbacks) -> Result<Box<ssh::PrivateKey>, String> {
        let request = PassphraseRequest { purpose: PassphraseFor::SshKey, origin: &self.origin, cache_id: "" };
        let passphrase = callbacks.passphrase(&request)?;
        match key.open(&passphrase)? {
            Some(key) => Ok(Box::new(key)),
            None => {
                callbacks.passphrase_was_wrong(&request);
                Err("the passphrase is wrong".to_owned())
            }
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} from {})", self.describe(), self.origin)
    }
}

fn parse_key(text: &str) -> Result<Key, String> {
    if text.starts_with("AGE-PLUGIN-") {
        let (prefix, _) = bech32::decode(text)?;
        let name = prefix.strip_prefix("AGE-PLUGIN-").and_then(|name| name.strip_suffix('-')).map(str::to_ascii_lowercase);
        let name = name.filter(|name| plugin::is_name(name)).ok_or("the plugin's name in it is invalid")?;
        Ok(Key::Plugin { name, text: SecretString::new(text.to_owned()) })
    } else if text.starts_with("AGE-SECRET-KEY-PQ-1") {
        Ok(Key::Hybrid(hpke::PrivateKey::from_seed(secret_key(text)?)))
    } else if text.starts_with("AGE-SECRET-KEY-1") {
        crypto::x25519::Secret::new(secret_key(text)?).map(Key::X25519).map_err(|error| error.to_string())
    } else if text.starts_with("age1") || text.starts_with("ssh-") {
        Err("this is a recipient, which opens nothing; an identity begins with AGE-".to_owned())
    } else if text.starts_with("-----BEGIN ") {
        Err("this is a PEM file, perhaps an SSH private key; an identity begins with AGE-".to_owned())
    } else {
        Err("its type is unknown; an identity begins with AGE-SECRET-KEY-1, AGE-SECRET-KEY-PQ-1 or AGE-PLUGIN-".to_owned())
    }
}

fn secret_key(text: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let (_, data) = bech32::decode(text)?;
    let mut key = Zeroizing::new([0; 32]);
    if data.len() != key.len() {
        return Err(format!("it holds {} bytes, not 32", data.len()));
    }
    key.copy_from_slice(&data);
    Ok(key)
}
