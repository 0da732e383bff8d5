//! ChaCha20-Poly1305 with 12-byte nonces and no additional data, as age uses it.
//!
//! The caller answers for never sealing two messages under one key and nonce; in age every key is derived from fresh
//! randomness, so the nonce is zero or a counter.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use super::Error;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;
/// Bytes of the authentication tag at the end of a ciphertext.
pub const TAG_LEN: usize = 16;

/// A cipher with its key; AWS-LC wipes the key when it is dropped.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// Takes a 32-byte key.
    ///
    /// # Errors
    /// [`Error::Encrypt`], which a key of this size does not give.
    pub fn new(key: &[u8; KEY_LEN]) -> Result<Self, Error> {
        UnboundKey::new(&CHACHA20_POLY1305, key).map(|key| Self(LessSafeKey::new(key))).map_err(|_| Error::Encrypt)
    }

    /// Encrypts, appending ciphertext and tag to `out`.
    ///
    /// # Errors
    /// [`Error::Encrypt`] for more than 256 GiB.
    pub fn seal_append(&self, nonce: [u8; NONCE_LEN], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        // One reservation: a growing buffer would leave copies of the plaintext behind.
        out.reserve(plaintext.len() + TAG_LEN);
        out.extend_from_slice(plaintext);
        let in_place = out.get_mut(start..).unwrap_or_default();
        match self.0.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), in_place) {
            Ok(tag) => {
                out.extend_from_slice(tag.as_ref());
                Ok(())
            }
            Err(_) => {
                in_place.zeroize();
                out.truncate(start);
                Err(Error::Encrypt)
            }
        }
    }

    /// Decrypts ciphertext and tag, appending the plaintext to `out`, whose capacity should have been reserved by the caller.
    ///
    /// # Errors
    /// [`Error::Decrypt`] for a wrong key or nonce, or changed or missing bytes; `out` is as before then.
    pub fn open_append(&self, nonce: [u8; NONCE_LEN], ciphertext: &[u8], out: &mut Zeroizing<Vec<u8>>) -> Result<(), Error> {
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let plaintext =
            self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut buffer).map_err(|_| Error::Decrypt)?;
        out.extend_from_slice(plaintext);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_changes_do_not() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap());
        let cipher = Cipher::new(&key).unwrap();
        let mut sealed = b"kept".to_vec();
        cipher.seal_append([7; 12], b"Ladies and Gentlemen", &mut sealed).unwrap();
        assert_eq!(sealed.len(), 4 + 20 + TAG_LEN);
        let mut out = Zeroizing::new(Vec::new());
        cipher.open_append([7; 12], &sealed[4..], &mut out).unwrap();
        assert_eq!(out.as_slice(), b"Ladies and Gentlemen");
        assert_eq!(cipher.open_append([8; 12], &sealed[4..], &mut out), Err(Error::Decrypt));
        for index in 4..sealed.len() {
            sealed[index] ^= 1;
            assert_eq!(cipher.open_append([7; 12], &sealed[4..], &mut out), Err(Error::Decrypt));
            sealed[index] ^= 1;
        }
        assert_eq!(out.len(), 20);
    }

    #[test]
    fn less_than_a_tag_does_not_open() {
        let cipher = Cipher::new(&[1; 32]).unwrap();
        for len in 0..TAG_LEN {
            let mut out = Zeroizing::new(Vec::new());
            assert_eq!(cipher.open_append([0; 12], &vec![0; len], &mut out), Err(Error::Decrypt));
        }
    }
}
