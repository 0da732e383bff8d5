//! Identity files under a passphrase: age files, armored or not, whose content is lines of identities.
//!
//! Opened at the first file that may need them, and once: a wrong passphrase is not asked for again by the same run. Inside
//! are only age's own identities, as with sops; a plugin's line is refused by name.

use std::sync::OnceLock;

use super::file::Unwrapped;
use super::format::{Parsed, Stanza};
use super::source::{self, Layout};
use super::{Callbacks, Error, Identity, IdentityKind, PassphraseFor, PassphraseRequest, scrypt, stream};
use crate::crypto::kdf;
use crate::secret::SecretBytes;

/// Bytes of the hash in a cache id: 40 characters of base32, the most that gpg-agent takes beside the prefix.
const CACHE_HASH_LEN: usize = 25;
/// The kinds of stanzas that identities from within can open.
const NATIVE: [&str; 2] = ["X25519", "mlkem768x25519"];

pub(super) struct EncryptedFile {
    contents: Vec<u8>,
    cache_id: String,
    identities: OnceLock<Result<Vec<Identity>, String>>,
}

impl EncryptedFile {
    /// Takes the file without its armor.
    pub(super) fn new(contents: Vec<u8>) -> Self {
        let cache_id = format!("SopsAge{}", base32(kdf::sha256(&contents).get(..CACHE_HASH_LEN).unwrap_or_default()));
        Self { contents, cache_id, identities: OnceLock::new() }
    }

    pub(super) fn unwrap(&self, stanzas: &[Stanza], origin: &str, callbacks: &dyn Callbacks) -> Result<Unwrapped, Error> {
        if !stanzas.iter().any(|stanza| NATIVE.contains(&stanza.kind.as_str())) {
            return Ok(Unwrapped::NoMatch);
        }
        let identities = match self.identities.get_or_init(|| self.open(origin, callbacks)) {
            Ok(identities) => identities,
            Err(reason) => return Ok(Unwrapped::Failed(reason.clone())),
        };
        for identity in identities {
            match identity.unwrap(stanzas, callbacks)? {
                Unwrapped::Key(key) => return Ok(Unwrapped::Key(key)),
                Unwrapped::NoMatch | Unwrapped::Failed(_) => {}
            }
        }
        Ok(Unwrapped::NoMatch)
    }

    fn open(&self, origin: &str, callbacks: &dyn Callbacks) -> Result<Vec<Identity>, String> {
        let words = |error: Error| error.to_string();
        let file = Parsed::parse(&self.contents).map_err(words)?;
        if !scrypt::is_passphrase_file(&file.stanzas).map_err(words)? {
            return Err("it is an age file, but not under a passphrase".to_owned());
        }
        let request = PassphraseRequest { purpose: PassphraseFor::IdentityFile, origin, cache_id: &self.cache_id };
        let passphrase = callbacks.passphrase(&request)?;
        if passphrase.is_empty() {
            callbacks.passphrase_was_wrong(&request);
            return Err("the passphrase is empty".to_owned());
        }
        let Unwrapped::Key(file_key) = scrypt::unwrap(&passphrase, &file.stanzas).map_err(words)? else {
            callbacks.passphrase_was_wrong(&request);
            return Err("the passphrase is wrong".to_owned());
        };
        file.verify(&file_key).map_err(words)?;
        let content: SecretBytes = stream::open(&file_key, file.payload).map_err(words)?;
        let identities = source::parse_lines(content.expose(), Layout::Lines, origin).map_err(words)?;
        if identities.iter().any(|identity| matches!(identity.kind(), IdentityKind::Plugin(_))) {
            return Err("it holds a plugin's identity, which is not allowed under a passphrase".to_owned());
        }
        if identities.is_empty() { Err("it holds no identities".to_owned()) } else { Ok(identities) }
    }
}

/// RFC 4648, for lengths that need no padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let groups = bytes.chunks_exact(5).flat_map(|group| {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |index| (bits >> (5 * index) & 31) as usize)
    });
    groups.filter_map(|value| ALPHABET.get(value)).map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn base32_gives_the_published_vector() {
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(base32(b"foobafooba"), "MZXW6YTBMZXW6YTB");
    }
}
