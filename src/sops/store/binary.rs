//! Files of any other kind: encrypted as one string, kept in a JSON envelope `{"data": "ENC[…]", "sops": {…}}`.

use super::{Error, json};
use crate::secret::SecretBytes;
use crate::sops::tree::{Map, Node};
use crate::sops::value::Scalar;

/// The one key of the envelope.
pub const KEY: &str = "data";

/// The document that holds a plain file.
#[must_use]
pub fn load_plain(bytes: &[u8]) -> Map {
    Map::from_iter([(KEY, Node::text(bytes))])
}

/// The content of the file in a decrypted document.
///
/// # Errors
/// [`Error::Unrepresentable`] without `data`, or if it is no text.
pub fn emit_plain(document: &Map) -> Result<SecretBytes, Error> {
    match document.get(KEY) {
        Some(Node::Leaf(Scalar::Text(bytes))) => Ok(bytes.clone()),
        _ => Err(Error::Unrepresentable { format: "a binary file", key: KEY.to_owned(), what: "anything but one text" }),
    }
}

/// Reads an envelope.
///
/// # Errors
/// Those of [`json::load`].
pub fn load_encrypted(text: &[u8]) -> Result<Map, Error> {
    json::load(text)
}

/// Writes an envelope.
///
/// # Errors
/// Those of [`json::emit`].
pub fn emit_encrypted(document: &Map, indent: Option<usize>) -> Result<Vec<u8>, Error> {
    json::emit(document, indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        for bytes in [&b""[..], b"text\n", &[0, 255, 10, 13]] {
            assert_eq!(emit_plain(&load_plain(bytes)).unwrap().expose(), bytes);
        }
        assert!(emit_plain(&Map::default()).is_err());
    }
}
