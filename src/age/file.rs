//! Common to all kinds of recipients: what trying an identity on a header gives, and the inner encryption of file keys.

use zeroize::Zeroizing;

use super::Error;
use super::format::{FILE_KEY_LEN, FileKey, Stanza, decode_base64};
use crate::crypto::chacha::{Cipher, KEY_LEN, NONCE_LEN, TAG_LEN};
use crate::secret::SecretBytes;

/// What an identity finds in a header. A malformed stanza of its own type is an [`Error`] instead, and ends the reading.
#[derive(Debug)]
pub(super) enum Unwrapped {
    /// The file key.
    Key(FileKey),
    /// Nothing for it.
    NoMatch,
    /// It cannot be used: the reason.
    Failed(String),
}

/// Tries each stanza until one opens; the first error ends it.
pub(super) fn first_match(
    stanzas: &[Stanza],
    mut unwrap: impl FnMut(&Stanza) -> Result<Option<FileKey>, Error>,
) -> Result<Unwrapped, Error> {
    for stanza in stanzas {
        if let Some(key) = unwrap(stanza)? {
            return Ok(Unwrapped::Key(key));
        }
    }
    Ok(Unwrapped::NoMatch)
}

/// Seals a file key under a key that is used for nothing else, hence the nonce of zeros.
pub(super) fn seal_file_key(key: &[u8; KEY_LEN], file_key: &FileKey) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    Cipher::new(key)?.seal_append([0; NONCE_LEN], file_key.bytes().expose(), &mut body)?;
    Ok(body)
}

/// `None` when the key does not fit.
///
/// # Errors
/// [`Error::Header`] for a body of another length: with one, somebody could try many keys at once (C2SP `age.md`).
pub(super) fn open_file_key(key: &[u8; KEY_LEN], stanza: &Stanza) -> Result<Option<FileKey>, Error> {
    require_body(stanza, FILE_KEY_LEN + TAG_LEN)?;
    let mut opened = Zeroizing::new(Vec::with_capacity(stanza.body.len()));
    match Cipher::new(key)?.open_append([0; NONCE_LEN], &stanza.body, &mut opened) {
        Ok(()) => Ok(FileKey::new(SecretBytes::new(std::mem::take(&mut *opened)))),
        Err(_) => Ok(None),
    }
}

pub(super) fn require_body(stanza: &Stanza, len: usize) -> Result<(), Error> {
    if stanza.body.len() == len {
        return Ok(());
    }
    Err(Error::Header(format!("the body of the {} stanza has {} bytes, not {len}", stanza.kind, stanza.body.len())))
}

/// The stanza's arguments when there are exactly `N`.
pub(super) fn require_args<const N: usize>(stanza: &Stanza) -> Result<&[String; N], Error> {
    stanza.args.as_slice().try_into().map_err(|_| {
        let count = stanza.args.len();
        Error::Header(format!("the {} stanza has {count} arguments, not {N}", stanza.kind))
    })
}

/// An argument that is canonical base64 of `N` bytes.
pub(super) fn decode_arg<const N: usize>(stanza: &Stanza, arg: &str) -> Result<[u8; N], Error> {
    let bytes = decode_base64(arg.as_bytes());
    bytes
        .and_then(|bytes| <[u8; N]>::try_from(bytes).ok())
        .ok_or_else(|| Error::Header(format!("an argument of the {} stanza is not canonical base64 of {N} bytes", stanza.kind)))
}
