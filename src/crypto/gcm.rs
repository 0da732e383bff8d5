//! AES-GCM under a one-time key: 12 zero bytes as nonce, no additional data, a 16-byte tag at the end.
//!
//! The zero nonce is part of the wire format (`sealed-secrets.md` §1.1) and safe only because every key seals exactly one
//! message; that is why sealing takes no nonce and the caller draws a fresh key for each value. The AES-GCM with SOPS's
//! 32-byte nonce is elsewhere.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::Error;
use crate::secret::SecretBytes;

/// Bytes of the authentication tag at the end of a ciphertext.
pub const TAG_LEN: usize = 16;

/// Encrypts under a 16-, 24- or 32-byte key that is used for nothing else, appending ciphertext and tag to `out`.
///
/// # Errors
/// [`Error::Encrypt`] for a key of another size. `out` is as before then.
pub fn seal_append(key: &SecretBytes, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let key = cipher(key).ok_or(Error::Encrypt)?;
    let start = out.len();
    // One reservation: a growing buffer would leave copies of the plaintext behind.
    out.reserve_exact(plaintext.len() + TAG_LEN);
    out.extend_from_slice(plaintext);
    let sealed = out
        .get_mut(start..)
        .and_then(|in_place| key.seal_in_place_separate_tag(zero_nonce(), Aad::empty(), in_place).ok())
        .map(|tag| out.extend_from_slice(tag.as_ref()));
    if sealed.is_none() {
        zeroize::Zeroize::zeroize(out.get_mut(start..).unwrap_or_default());
        out.truncate(start);
        return Err(Error::Encrypt);
    }
    Ok(())
}

/// Decrypts what [`seal_append`] wrote: ciphertext and tag.
///
/// # Errors
/// [`Error::Decrypt`] for a key of a size AES does not have, a wrong key, or changed or missing bytes; never says which.
pub fn open(key: &SecretBytes, ciphertext: &[u8]) -> Result<SecretBytes, Error> {
    let key = cipher(key).ok_or(Error::Decrypt)?;
    let mut buffer = zeroize::Zeroizing::new(ciphertext.to_vec());
    let len = key.open_in_place(zero_nonce(), Aad::empty(), &mut buffer).map_err(|_| Error::Decrypt)?.len();
    buffer.truncate(len);
    Ok(SecretBytes::new(std::mem::take(&mut *buffer)))
}

fn cipher(key: &SecretBytes) -> Option<LessSafeKey> {
    let algorithm = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        32 => &AES_256_GCM,
        _ => return None,
    };
    UnboundKey::new(algorithm, key.expose()).ok().map(LessSafeKey::new)
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the GCM specification (McGrew and Viega) with an all-zero key, nonce and block: cases 2, 8 and 14.
    #[test]
    fn gives_the_published_vectors_for_the_three_key_sizes() {
        for (size, expected) in [
            (16, "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"),
            (24, "98e7247c07f0fe411c267e4384b0f6002ff58d80033927ab8ef4d4587514f0fb"),
            (32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ] {
            let key = SecretBytes::new(vec![0; size]);
            let mut out = b"kept".to_vec();
            seal_append(&key, &[0; 16], &mut out).unwrap();
            let (before, sealed) = out.split_at(4);
            assert_eq!(before, b"kept");
            assert_eq!(sealed.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
            assert_eq!(open(&key, sealed).unwrap().expose(), [0; 16]);
        }
    }

    #[test]
    fn refuses_other_key_sizes_and_leaves_the_output_alone() {
        let mut out = b"kept".to_vec();
        assert_eq!(seal_append(&SecretBytes::new(vec![0; 31]), b"x", &mut out), Err(Error::Encrypt));
        assert_eq!(out, b"kept");
        assert_eq!(open(&SecretBytes::new(vec![0; 33]), &[0; 32]), Err(Error::Decrypt));
    }

    #[test]
    fn less_than_a_tag_does_not_open() {
        let key = SecretBytes::new(vec![7; 32]);
        for len in 0..TAG_LEN {
            assert_eq!(open(&key, &vec![0; len]), Err(Error::Decrypt));
        }
    }
}
