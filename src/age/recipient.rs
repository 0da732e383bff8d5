//! Recipients: whom a data key is wrapped for.
//!
//! Told apart in sops's order (`sops-age.md` §4): `age1pq1…`, then `age1…` with a second `1` as a plugin's (`age1tag1…` and
//! `age1tagpq1…` too), then `age1…`, then `ssh-…`. The text is kept as it was written, with an SSH key's comment.

use std::fmt;
use std::str::FromStr;

use super::format::{FileKey, Stanza};
use super::ssh;
use super::{Callbacks, Error, bech32, hybrid, plugin, x25519};
use crate::crypto::hpke;

/// Characters of a malformed recipient that a message shows.
const SHOWN: usize = 24;

/// Somebody to encrypt for.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519([u8; crate::crypto::x25519::LEN]),
    Hybrid(hpke::PublicKey),
    Ssh(ssh::PublicKey),
    Plugin(String),
}

/// The kind of a [`Recipient`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecipientKind {
    /// `age1…`
    X25519,
    /// `age1pq1…`, post-quantum.
    Hybrid,
    /// `ssh-ed25519 …`
    SshEd25519,
    /// `ssh-rsa …`
    SshRsa,
    /// `age1NAME1…`: the plugin's name.
    Plugin(String),
}

impl Recipient {
    /// Reads one recipient; white space around it does not matter.
    ///
    /// # Errors
    /// [`Error::Recipient`], which shows the beginning of the text unless that may be a private key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let key = parse_key(text).map_err(|reason| {
            let showable = text.starts_with("age1") || text.starts_with("ssh-");
            let mut start: String = text.chars().take(if showable { SHOWN } else { 0 }).collect();
            if showable && text.chars().count() > SHOWN {
                start.push('…');
            }
            Error::Recipient { start, reason }
        })?;
        Ok(Self { text: text.to_owned(), key })
    }

    /// Reads recipients separated by commas, as in `--age` and `SOPS_AGE_RECIPIENTS`; none for an empty text.
    ///
    /// # Errors
    /// As [`Self::parse`], for any of them.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        if text.is_empty() { Ok(Vec::new()) } else { text.split(',').map(Self::parse).collect() }
    }

    /// The text, as it was written and as SOPS files keep it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> RecipientKind {
        match &self.key {
            Key::X25519(_) => RecipientKind::X25519,
            Key::Hybrid(_) => RecipientKind::Hybrid,
            Key::Ssh(key) if key.kind() == ssh::RSA => RecipientKind::SshRsa,
            Key::Ssh(_) => RecipientKind::SshEd25519,
            Key::Plugin(name) => RecipientKind::Plugin(name.clone()),
        }
    }

    pub(super) fn wrap(&self, file_key: &FileKey, callbacks: &dyn Callbacks) -> Result<Vec<Stanza>, Error> {
        match &self.key {
            Key::X25519(public) => x25519::wrap(public, file_key).map(|stanza| vec![stanza]),
            Key::Hybrid(public) => hybrid::wrap(public, file_key).map(|stanza| vec![stanza]),
            Key::Ssh(public) => public.wrap(file_key).map(|stanza| vec![stanza]),
            Key::Plugin(name) => plugin::wrap(name, &self.text, file_key, callbacks),
        }
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.text)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

fn parse_key(text: &str) -> Result<Key, String> {
    if text.starts_with("age1pq1") {
        let (_, data) = bech32::decode(text)?;
        let key = hpke::PublicKey::from_bytes(&data).map_err(|_| "it is no MLKEM768-X25519 public key")?;
        Ok(Key::Hybrid(key))
    } else if text.starts_with("age1") && text.matches('1').count() > 1 {
        let (prefix, _) = bech32::decode(text)?;
        let name =
            prefix.strip_prefix("age1").filter(|name| plugin::is_name(name)).ok_or("the plugin's name in it is invalid")?;
        Ok(Key::Plugin(name.to_owned()))
    } else if text.starts_with("age1") {
        let (_, data) = bech32::decode(text)?;
        let key = data.as_slice().try_into().map_err(|_| "it is no X25519 public key")?;
        Ok(Key::X25519(key))
    } else if text.starts_with("ssh-") {
        ssh::PublicKey::parse(text).map(Key::Ssh)
    } else if text.is_empty() {
        Err("it is empty".to_owned())
    } else if text.starts_with("AGE-") {
        Err("this is an identity, which is secret; a recipient begins with age1 or ssh-".to_owned())
    } else {
        Err("its type is unknown; a recipient begins with age1 or ssh-".to_owned())
    }
}
