//! The `mlkem768x25519` stanza: HPKE to a post-quantum recipient (C2SP `age.md`, «hybrid recipient stanza»).

use super::Error;
use super::file::{decode_arg, require_args, require_body};
use super::format::{FILE_KEY_LEN, FileKey, Stanza, encode_base64};
use super::x25519::low_order;
use crate::crypto;
use crate::crypto::chacha::TAG_LEN;
use crate::crypto::hpke::{ENC_LEN, PrivateKey, PublicKey};

const KIND: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";

pub(super) fn wrap(recipient: &PublicKey, file_key: &FileKey) -> Result<Stanza, Error> {
    let (enc, body) = recipient.seal(INFO, file_key.bytes())?;
    Ok(Stanza::new(KIND, &[&encode_base64(&enc)], body))
}

pub(super) fn unwrap(identity: &PrivateKey, stanza: &Stanza) -> Result<Option<FileKey>, Error> {
    if stanza.kind != KIND {
        return Ok(None);
    }
    let [enc] = require_args(stanza)?;
    let enc: [u8; ENC_LEN] = decode_arg(stanza, enc)?;
    require_body(stanza, FILE_KEY_LEN + TAG_LEN)?;
    match identity.open(&enc, INFO, &stanza.body) {
        Ok(bytes) => Ok(FileKey::new(bytes)),
        Err(crypto::Error::Decrypt) => Ok(None),
        Err(_) => Err(low_order(stanza)),
    }
}
