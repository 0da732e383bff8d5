//! SSH keys as recipients: the stanzas `ssh-ed25519` and `ssh-rsa`, and public keys as they stand in `authorized_keys`.
//!
//! As Go's `agessh`: a stanza begins with 32 bits of the key's hash, so only the right key is tried; RSA from 2048 to 8192
//! bits; other types (ECDSA, hardware keys, DSA) are refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Error;
use super::file::{decode_arg, open_file_key, require_args, seal_file_key};
use super::format::{FileKey, Stanza, encode_base64};
use super::x25519::{low_order, wrapping_key};
use crate::crypto::x25519::{self, LEN, Secret};
use crate::crypto::{self, kdf, openssh, rsa};

pub(super) const ED25519: &str = "ssh-ed25519";
pub(super) const RSA: &str = "ssh-rsa";
const ED25519_INFO: &[u8] = b"age-encryption.org/v1/ssh-ed25519";
const RSA_LABEL: &[u8] = b"age-encryption.org/v1/ssh-rsa";
/// Bytes of the hash that a stanza shows.
const TAG_LEN: usize = 4;

/// An SSH public key that age can use.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    /// The key in SSH's wire format.
    blob: Vec<u8>,
    key: PublicKind,
}

#[derive(Clone, Debug)]
enum PublicKind {
    /// As an X25519 key.
    Ed25519([u8; LEN]),
    Rsa(rsa::PublicKey),
}

impl PublicKey {
    /// Reads `TYPE BASE64 [COMMENT]`.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
        let kind = fields.next().unwrap_or_default();
        let blob = fields.next().ok_or("there is no key after its type")?;
        let blob = STANDARD.decode(blob).map_err(|_| "the key is not base64")?;
        let key = Self::from_blob(&blob)?;
        if key.kind() != kind {
            return Err(format!("its type does not match the key, which is {}", key.kind()));
        }
        Ok(key)
    }

    /// Reads SSH's wire format.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn from_blob(blob: &[u8]) -> Result<Self, String> {
        let mut reader = Reader(blob);
        let malformed = "the key is malformed";
        let kind = reader.string().ok_or(malformed)?;
        let key = match kind {
            b"ssh-ed25519" => {
                let public = reader.string().and_then(|bytes| <&[u8; LEN]>::try_from(bytes).ok()).ok_or(malformed)?;
                PublicKind::Ed25519(x25519::public_from_ed25519(public).map_err(|_| malformed)?)
            }
            b"ssh-rsa" => {
                let exponent = reader.number().ok_or(malformed)?;
                let modulus = reader.number().ok_or(malformed)?;
                let key = openssh::rsa_public_key(modulus, exponent);
                PublicKind::Rsa(key.map_err(|error| match error {
                    crypto::Error::KeySize { .. } => error.to_string(),
                    _ => malformed.to_owned(),
                })?)
            }
            other => {
                let name = String::from_utf8_lossy(other.get(..40).unwrap_or(other)).escape_debug().to_string();
                return Err(format!("keys of type {name} cannot encrypt; ssh-ed25519 and ssh-rsa can"));
            }
        };
        if !reader.0.is_empty() {
            return Err("there are data after the key".to_owned());
        }
        Ok(Self { blob: blob.to_vec(), key })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.key {
            PublicKind::Ed25519(_) => ED25519,
            PublicKind::Rsa(_) => RSA,
        }
    }

    /// `ssh-ed25519 SHA256:…`, as `ssh-keygen -l` shows it.
    pub(super) fn describe(&self) -> String {
        format!("{} SHA256:{}", self.kind(), encode_base64(&kdf::sha256(&self.blob)))
    }

    /// As in `authorized_keys`, without a comment.
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.kind(), STANDARD.encode(&self.blob))
    }

    fn tag(&self) -> String {
        encode_base64(kdf::sha256(&self.blob).get(..TAG_LEN).unwrap_or_default())
    }

    /// Whether a stanza is for this key, as far as its 32 bits tell.
    pub(super) fn is_named_by(&self, stanza: &Stanza) -> bool {
        stanza.kind == self.kind() && stanza.args.first().is_some_and(|tag| *tag == self.tag())
    }

    pub(super) fn wrap(&self, file_key: &FileKey) -> Result<Stanza, Error> {
        match &self.key {
            PublicKind::Rsa(key) => Ok(Stanza::new(RSA, &[&self.tag()], key.wrap(RSA_LABEL, file_key.bytes())?)),
            PublicKind::Ed25519(public) => {
                let ephemeral = Secret::generate()?;
                let agreed = ephemeral.agree(public)?;
                let shared = self.tweaked(&agreed)?;
                let key = wrapping_key(&shared, ephemeral.public(), public, ED25519_INFO);
                let args = [self.tag(), encode_base64(ephemeral.public())];
                Ok(Stanza::new(ED25519, &args.each_ref().map(String::as_str), seal_file_key(&key, file_key)?))
            }
        }
    }

    /// Binds a shared secret to the Ed25519 key, since several have the same X25519 key.
    fn tweaked(&self, shared: &[u8; LEN]) -> Result<Zeroizing<[u8; LEN]>, Error> {
        let tweak = kdf::hkdf(&self.blob, b"", ED25519_INFO);
        Ok(x25519::agree(&tweak, shared)?)
    }
}

/// An SSH private key that age can use.
#[derive(Clone, Debug)]
pub(super) struct PrivateKey {
    public: PublicKey,
    key: PrivateKind,
}

#[derive(Clone, Debug)]
enum PrivateKind {
    Ed25519(Secret),
    Rsa(rsa::PrivateKey),
}

impl PrivateKey {
    pub(super) fn ed25519(seed: &[u8; LEN], public: &[u8; LEN]) -> Result<Self, String> {
        let secret = Secret::from_ed25519_seed(seed).map_err(|error| error.to_string())?;
        let public = PublicKey::from_blob(&[string(ED25519.as_bytes()), string(public)].concat())?;
        Ok(Self { public, key: PrivateKind::Ed25519(secret) })
    }

    pub(super) fn rsa(key: rsa::PrivateKey, modulus: &[u8], exponent: &[u8]) -> Result<Self, String> {
        let blob = [string(RSA.as_bytes()), mpint(exponent), mpint(modulus)].concat();
        Ok(Self { public: PublicKey::from_blob(&blob)?, key: PrivateKind::Rsa(key) })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, Error> {
        if stanza.kind != self.public.kind() {
            return Ok(None);
        }
        match &self.key {
            PrivateKind::Rsa(key) => {
                let [_tag] = require_args(stanza)?;
                if !self.public.is_named_by(stanza) {
                    return Ok(None);
                }
                Ok(key.unwrap(RSA_LABEL, &stanza.body).ok().and_then(FileKey::new))
            }
            PrivateKind::Ed25519(secret) => {
                let [_tag, share] = require_args(stanza)?;
                let share: [u8; LEN] = decode_arg(stanza, share)?;
                if !self.public.is_named_by(stanza) {
                    return Ok(None);
                }
                let shared = secret.agree(&share).map_err(|_| low_order(stanza))?;
                let shared = self.public.tweaked(&shared)?;
                open_file_key(&wrapping_key(&shared, &share, secret.public(), ED25519_INFO), stanza)
            }
        }
    }
}

/// SSH's wire format (RFC 4251 §5), piece by piece; `None` where it ends early.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }

    /// A positive mpint in its one spelling, without its sign byte.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
            digits => digits.first().is_some_and(|first| *first < 0x80).then_some(digits),
        }
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    // What is written here is at most a key of 8192 bits.
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [len.to_be_bytes().as_slice(), bytes].concat()
}

fn mpint(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    string(&[sign, number].concat())
}
