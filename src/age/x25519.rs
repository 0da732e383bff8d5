//! The `X25519` stanza: an ephemeral key agreement with the recipient, and the inner encryption that `ssh-ed25519` shares.

use zeroize::Zeroizing;

use super::Error;
use super::file::{decode_arg, open_file_key, require_args, seal_file_key};
use super::format::{FileKey, Stanza, encode_base64};
use crate::crypto::kdf;
use crate::crypto::x25519::{LEN, Secret};

const KIND: &str = "X25519";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

pub(super) fn wrap(recipient: &[u8; LEN], file_key: &FileKey) -> Result<Stanza, Error> {
    let ephemeral = Secret::generate()?;
    let shared = ephemeral.agree(recipient)?;
    let key = wrapping_key(&shared, ephemeral.public(), recipient, INFO);
    Ok(Stanza::new(KIND, &[&encode_base64(ephemeral.public())], seal_file_key(&key, file_key)?))
}

pub(super) fn unwrap(secret: &Secret, stanza: &Stanza) -> Result<Option<FileKey>, Error> {
    if stanza.kind != KIND {
        return Ok(None);
    }
    let [share] = require_args(stanza)?;
    let share: [u8; LEN] = decode_arg(stanza, share)?;
    let shared = secret.agree(&share).map_err(|_| low_order(stanza))?;
    open_file_key(&wrapping_key(&shared, &share, secret.public(), INFO), stanza)
}

pub(super) fn wrapping_key(shared: &[u8; LEN], share: &[u8; LEN], recipient: &[u8; LEN], info: &[u8]) -> Zeroizing<[u8; 32]> {
    kdf::hkdf(&[share.as_slice(), recipient].concat(), shared, info)
}

pub(super) fn low_order(stanza: &Stanza) -> Error {
    Error::Header(format!("the key share of the {} stanza is a point of low order", stanza.kind))
}
