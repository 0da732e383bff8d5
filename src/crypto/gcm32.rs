//! AES-256-GCM as SOPS uses it: a 32-byte key and a nonce of 32 bytes instead of the usual 12.
//!
//! The only user of the `aes-gcm` crate; everything else that needs AES-GCM takes the 12-byte nonce of `aws-lc-rs`, which has
//! no other. Values are sealed with a 32-byte nonce always. Values of other writers open with 12, 16 or 32 bytes, the sizes
//! that exist in practice: SOPS itself takes the length from the value it reads (sops-age.md §1.2).
//!
//! The key schedule is computed once for a document: a file of ten thousand values under one data key costs one.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::{AesGcm, KeyInit, aes::Aes256};

use crate::secret::SecretBytes;

/// Length of the key in bytes.
pub const KEY_LEN: usize = 32;
/// Length in bytes of the nonces that [`Gcm32::seal`] makes.
pub const NONCE_LEN: usize = 32;
/// Length of the authentication tag in bytes.
pub const TAG_LEN: usize = 16;

/// Why a value could not be sealed or opened. Deliberately without detail on authentication failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is not 32 bytes long.
    #[error("a data key has {KEY_LEN} bytes, this one has {0}")]
    KeyLength(usize),
    /// The nonce is of a length that no writer of such values uses.
    #[error("nonces of {0} bytes are not supported, only 12, 16 and {NONCE_LEN}")]
    NonceLength(usize),
    /// The operating system gave no randomness.
    #[error("the system's random number generator failed")]
    Random,
    /// Wrong key, wrong associated data, or the ciphertext was changed.
    #[error("authentication failed: wrong key, or the value was moved or changed")]
    Authentication,
    /// The plaintext is longer than GCM allows (64 GiB).
    #[error("the value is too long for AES-GCM")]
    TooLong,
}

/// A sealed value in its three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// As many bytes as the plaintext had.
    pub ciphertext: Vec<u8>,
    /// The random nonce.
    pub nonce: [u8; NONCE_LEN],
    /// The authentication tag over ciphertext and associated data.
    pub tag: [u8; TAG_LEN],
}

/// Nonces drawn in growing batches: a call of the random generator costs as much as sealing a short value, whatever it fills.
/// Every nonce is given out once.
#[derive(Debug, Default)]
pub struct Nonces {
    drawn: Vec<[u8; NONCE_LEN]>,
    batch: usize,
}

impl Nonces {
    const LARGEST_BATCH: usize = 64;

    fn next(&mut self) -> Result<[u8; NONCE_LEN], Error> {
        if self.drawn.is_empty() {
            // One for a single value, more as it turns out that there are more.
            self.batch = (self.batch * 2).clamp(1, Self::LARGEST_BATCH);
            let mut batch = vec![[0; NONCE_LEN]; self.batch];
            super::random::fill(batch.as_flattened_mut()).map_err(|_| Error::Random)?;
            self.drawn = batch;
        }
        self.drawn.pop().ok_or(Error::Random)
    }
}

/// AES-256-GCM under one key. The expanded key is wiped on drop.
pub struct Gcm32 {
    aes: Aes256,
    wide: AesGcm<Aes256, U32>,
}

impl Gcm32 {
    /// Expands the key.
    ///
    /// # Errors
    /// [`Error::KeyLength`] unless the key has 32 bytes.
    pub fn new(key: &SecretBytes) -> Result<Self, Error> {
        let aes = Aes256::new_from_slice(key.expose()).map_err(|_| Error::KeyLength(key.len()))?;
        let wide = aes.clone().into();
        Ok(Self { aes, wide })
    }

    /// Seals `plaintext` under a fresh random nonce.
    ///
    /// # Errors
    /// [`Error::Random`] and [`Error::TooLong`].
    pub fn seal(&self, associated: &[u8], plaintext: &[u8]) -> Result<Sealed, Error> {
        self.seal_with(&mut Nonces::default(), associated, plaintext)
    }

    /// As [`Gcm32::seal`], for many values in a row.
    ///
    /// # Errors
    /// As there.
    pub fn seal_with(&self, nonces: &mut Nonces, associated: &[u8], plaintext: &[u8]) -> Result<Sealed, Error> {
        self.seal_with_nonce(nonces.next()?, associated, plaintext)
    }

    /// As [`Gcm32::seal`], under a nonce that the caller took from [`Gcm32::seal`] before.
    ///
    /// A nonce must never serve two different plaintexts under one key. Only for a value that is written again unchanged, so
    /// that its ciphertext stays the same bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn seal_with_nonce(&self, nonce: [u8; NONCE_LEN], associated: &[u8], plaintext: &[u8]) -> Result<Sealed, Error> {
        let mut ciphertext = plaintext.to_vec();
        let tag = self
            .wide
            .encrypt_inout_detached(&nonce.into(), associated, ciphertext.as_mut_slice().into())
            .map_err(|_| Error::TooLong)?;
        Ok(Sealed { ciphertext, nonce, tag: tag.into() })
    }

    /// Opens a value with a nonce of 12, 16 or 32 bytes.
    ///
    /// # Errors
    /// [`Error::NonceLength`], or [`Error::Authentication`] for everything that does not open.
    pub fn open(&self, nonce: &[u8], associated: &[u8], ciphertext: &[u8], tag: &[u8; TAG_LEN]) -> Result<SecretBytes, Error> {
        match nonce.len() {
            32 => open_with(&self.wide, nonce, associated, ciphertext, tag),
            12 => open_with(&AesGcm::<Aes256, U12>::from(self.aes.clone()), nonce, associated, ciphertext, tag),
            16 => open_with(&AesGcm::<Aes256, U16>::from(self.aes.clone()), nonce, associated, ciphertext, tag),
            other => Err(Error::NonceLength(other)),
        }
    }
}

impl std::fmt::Debug for Gcm32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gcm32")
    }
}

fn open_with<N: ArraySize>(
    aead: &AesGcm<Aes256, N>,
    nonce: &[u8],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_LEN],
) -> Result<SecretBytes, Error> {
    let nonce = nonce.try_into().map_err(|_| Error::NonceLength(nonce.len()))?;
    // The tag is checked before the keystream is applied, so on failure the buffer never held plaintext.
    let mut buffer = ciphertext.to_vec();
    aead.decrypt_inout_detached(nonce, associated, buffer.as_mut_slice().into(), &(*tag).into())
        .map_err(|_| Error::Authentication)?;
    Ok(SecretBytes::new(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretBytes {
        SecretBytes::new((0u8..32).collect())
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let gcm = Gcm32::new(&key()).unwrap();
        let sealed = gcm.seal(b"path:", b"attack at dawn").unwrap();
        let open = |nonce: &[u8], aad: &[u8], data: &[u8], tag: &[u8; 16]| gcm.open(nonce, aad, data, tag);
        assert_eq!(open(&sealed.nonce, b"path:", &sealed.ciphertext, &sealed.tag).unwrap().expose(), b"attack at dawn");
        assert_eq!(open(&sealed.nonce, b"path", &sealed.ciphertext, &sealed.tag), Err(Error::Authentication));
        for bit in 0..8 * sealed.ciphertext.len() {
            let mut changed = sealed.ciphertext.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&sealed.nonce, b"path:", &changed, &sealed.tag), Err(Error::Authentication));
        }
        for bit in 0..128 {
            let mut tag = sealed.tag;
            tag[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&sealed.nonce, b"path:", &sealed.ciphertext, &tag), Err(Error::Authentication));
        }
    }

    #[test]
    fn the_same_nonce_gives_the_same_bytes() {
        let gcm = Gcm32::new(&key()).unwrap();
        let first = gcm.seal(b"a:", b"v").unwrap();
        assert_eq!(gcm.seal_with_nonce(first.nonce, b"a:", b"v").unwrap(), first);
        assert_ne!(gcm.seal(b"a:", b"v").unwrap().nonce, first.nonce);
    }

    #[test]
    fn no_nonce_is_given_out_twice() {
        let mut nonces = Nonces::default();
        let drawn: std::collections::HashSet<_> = (0..1000).map(|_| nonces.next().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(!drawn.contains(&[0; NONCE_LEN]));
    }

    #[test]
    fn a_twelve_byte_nonce_opens_as_elsewhere() {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let other = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key().expose()).unwrap());
        let mut data = b"twelve".to_vec();
        let tag = other.seal_in_place_separate_tag(Nonce::assume_unique_for_key([7; 12]), Aad::from(b"x:"), &mut data).unwrap();
        let opened = Gcm32::new(&key()).unwrap().open(&[7; 12], b"x:", &data, tag.as_ref().try_into().unwrap()).unwrap();
        assert_eq!(opened.expose(), b"twelve");
    }

    #[test]
    fn odd_keys_and_nonces_are_refused() {
        assert_eq!(Gcm32::new(&SecretBytes::new(vec![0; 16])).unwrap_err(), Error::KeyLength(16));
        let gcm = Gcm32::new(&key()).unwrap();
        assert_eq!(gcm.open(&[0; 31], b"", b"", &[0; 16]), Err(Error::NonceLength(31)));
        assert_eq!(gcm.open(&[], b"", b"", &[0; 16]), Err(Error::NonceLength(0)));
    }
}
