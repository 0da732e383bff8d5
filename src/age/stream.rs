//! The encrypted content: a 16-byte nonce, then chunks of 64 KiB under ChaCha20-Poly1305 (STREAM; C2SP `age.md`, «payload»).
//!
//! All or nothing: content is given out when the last chunk has opened, so nobody sees a part of a truncated file.

use zeroize::Zeroizing;

use super::Error;
use super::format::FileKey;
use crate::crypto::chacha::{self, Cipher, NONCE_LEN, TAG_LEN};
use crate::crypto::{kdf, random};
use crate::secret::SecretBytes;

const CHUNK: usize = 64 * 1024;
const STREAM_NONCE_LEN: usize = 16;

pub(super) fn seal(file_key: &FileKey, content: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut nonce = [0; STREAM_NONCE_LEN];
    random::fill(&mut nonce)?;
    let cipher = cipher(file_key, &nonce)?;
    out.extend_from_slice(&nonce);
    let mut chunks = content.chunks(CHUNK).peekable();
    let mut counter = 0;
    loop {
        let chunk = chunks.next().unwrap_or_default();
        let last = chunks.peek().is_none();
        cipher.seal_append(chunk_nonce(counter, last), chunk, out)?;
        counter += 1;
        if last {
            return Ok(());
        }
    }
}

pub(super) fn open(file_key: &FileKey, payload: &[u8]) -> Result<SecretBytes, Error> {
    let (nonce, sealed) = payload.split_first_chunk::<STREAM_NONCE_LEN>().ok_or_else(no_nonce)?;
    let cipher = cipher(file_key, nonce)?;
    if sealed.is_empty() {
        return Err(Error::Payload("it is cut off"));
    }
    // The full size from the start: growing would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut chunks = sealed.chunks(CHUNK + TAG_LEN).zip(0..).peekable();
    while let Some((chunk, counter)) = chunks.next() {
        let last = chunks.peek().is_none();
        if counter > 0 && chunk.len() == TAG_LEN {
            return Err(Error::Payload("its last chunk is empty"));
        }
        let opened = cipher.open_append(chunk_nonce(counter, last), chunk, &mut content);
        opened.map_err(|_| Error::Payload("it was changed or cut off"))?;
    }
    Ok(SecretBytes::new(std::mem::take(&mut *content)))
}

/// C2SP's vectors count the nonce to the header.
fn no_nonce() -> Error {
    Error::Header("it ends before the nonce of the content".to_owned())
}

fn cipher(file_key: &FileKey, nonce: &[u8]) -> Result<Cipher, Error> {
    let key: Zeroizing<[u8; chacha::KEY_LEN]> = kdf::hkdf(nonce, file_key.bytes().expose(), b"payload");
    Ok(Cipher::new(&key)?)
}

/// 11 bytes of counter, one that marks the last chunk.
fn chunk_nonce(counter: u64, last: bool) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    let [.., mark] = &mut nonce;
    *mark = u8::from(last);
    let digits = nonce.iter_mut().rev().skip(1);
    digits.zip(counter.to_le_bytes()).for_each(|(to, from)| *to = from);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> FileKey {
        FileKey::new(SecretBytes::copy_of(&[9; 16])).unwrap()
    }

    fn sealed(len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        seal(&key(), &vec![7; len], &mut out).unwrap();
        out
    }

    #[test]
    fn content_of_every_shape_comes_back() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let out = sealed(len);
            assert_eq!(out.len(), 16 + len + 16 * len.div_ceil(CHUNK).max(1));
            assert_eq!(open(&key(), &out).unwrap().expose(), vec![7; len]);
        }
    }

    #[test]
    fn a_truncated_extended_or_reordered_payload_does_not_open() {
        let out = sealed(2 * CHUNK);
        for cut in [0, 15, 16, 16 + CHUNK, 32 + CHUNK, out.len() - 1] {
            assert!(open(&key(), &out[..cut]).is_err(), "{cut}");
        }
        let longer = [out.as_slice(), &[0]].concat();
        assert!(open(&key(), &longer).is_err());
        let (nonce, chunks) = out.split_at(16);
        let (first, second) = chunks.split_at(CHUNK + 16);
        assert!(open(&key(), &[nonce, second, first].concat()).is_err());
        assert!(open(&key(), &[nonce, second].concat()).is_err());
    }

    #[test]
    fn nonces_count_up_to_the_mark() {
        assert_eq!(chunk_nonce(0x0102, true), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
        assert_eq!(chunk_nonce(u64::MAX, false), [0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0]);
    }
}
