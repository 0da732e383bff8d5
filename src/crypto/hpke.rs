//! HPKE in base mode with ML-KEM-768 and X25519 (`MLKEM768-X25519`, X-Wing), HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! The one suite that age's post-quantum recipients use (C2SP `age.md`; RFC 9180 §5.1 for the key schedule,
//! draft-ietf-hpke-pq for the KEM, whose shared secret X-Wing computes). One message per encapsulation, so the sequence
//! number is always 0 and there is no additional data. An X25519 share of low order is refused on both sides, as Go does;
//! X-Wing itself would accept it.

use std::fmt;

use x_wing::{
    DecapsulationKeyRejectNonContrib, Decapsulator as _, EncapsulationKey, KeyExport as _, KeyInit as _, TryDecapsulate as _,
};
use zeroize::{Zeroize, Zeroizing};

use super::{Error, chacha, kdf, random, x25519};
use crate::secret::SecretBytes;

/// Bytes of a private key, a seed.
pub const SEED_LEN: usize = x_wing::DECAPSULATION_KEY_SIZE;
/// Bytes of a public key.
pub const PUBLIC_KEY_LEN: usize = x_wing::ENCAPSULATION_KEY_SIZE;
/// Bytes of an encapsulated key.
pub const ENC_LEN: usize = x_wing::CIPHERTEXT_SIZE;

/// `HPKE`, KEM 0x647a, KDF 0x0001, AEAD 0x0003.
const SUITE_ID: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";
const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0;

/// A public key that seals.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Box<EncapsulationKey>);

impl PublicKey {
    /// Reads 1216 bytes: the ML-KEM-768 key, then the X25519 key.
    ///
    /// # Errors
    /// [`Error::Agreement`] for another length, and for ML-KEM coefficients that are not reduced.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        EncapsulationKey::try_from(bytes).map(|key| Self(Box::new(key))).map_err(|_| Error::Agreement)
    }

    /// The 1216 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// Encapsulates a fresh key and seals one message under it; gives the encapsulated key and the ciphertext with its tag.
    ///
    /// # Errors
    /// [`Error::Agreement`] when the X25519 part is a point of low order; [`Error::Random`].
    pub fn seal(&self, info: &[u8], plaintext: &SecretBytes) -> Result<(Vec<u8>, Vec<u8>), Error> {
        self.refuse_low_order()?;
        let mut randomness = x_wing::kem::common::array::Array::default();
        random::fill(&mut randomness)?;
        let (enc, mut shared) = self.0.encapsulate_deterministic(&randomness);
        randomness.zeroize();
        let context = Context::new(&shared, info);
        shared.zeroize();
        let mut ciphertext = Vec::new();
        chacha::Cipher::new(&context.key)?.seal_append(context.nonce, plaintext.expose(), &mut ciphertext)?;
        Ok((enc.to_vec(), ciphertext))
    }

    fn refuse_low_order(&self) -> Result<(), Error> {
        let bytes = self.0.to_bytes();
        let (_, public) = bytes.split_last_chunk::<{ x25519::LEN }>().ok_or(Error::Agreement)?;
        x25519::Secret::generate()?.agree(public).map(drop)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hpke::PublicKey")
    }
}

/// A private key: the seed that both parts are expanded from.
#[derive(Clone)]
pub struct PrivateKey(Zeroizing<[u8; SEED_LEN]>);

impl PrivateKey {
    /// Takes a seed; any 32 bytes are one.
    #[must_use]
    pub fn from_seed(seed: Zeroizing<[u8; SEED_LEN]>) -> Self {
        Self(seed)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(Box::new(self.expanded().encapsulation_key().clone()))
    }

    /// Opens what [`PublicKey::seal`] made.
    ///
    /// # Errors
    /// [`Error::Agreement`] for an encapsulated key of other than 1120 bytes or with a point of low order; [`Error::Decrypt`]
    /// for another recipient's or changed bytes.
    pub fn open(&self, enc: &[u8], info: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, Error> {
        let enc = x_wing::Ciphertext::try_from(enc).map_err(|_| Error::Agreement)?;
        let mut shared = self.expanded().try_decapsulate(&enc).map_err(|_| Error::Agreement)?;
        let context = Context::new(&shared, info);
        shared.zeroize();
        let mut plaintext = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
        chacha::Cipher::new(&context.key)?.open_append(context.nonce, ciphertext, &mut plaintext)?;
        Ok(SecretBytes::new(std::mem::take(&mut *plaintext)))
    }

    fn expanded(&self) -> Box<DecapsulationKeyRejectNonContrib> {
        Box::new(DecapsulationKeyRejectNonContrib::new((&*self.0).into()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hpke::PrivateKey")
    }
}

/// RFC 9180's KeySchedule for mode base, and the nonce of message 0.
struct Context {
    key: Zeroizing<[u8; chacha::KEY_LEN]>,
    nonce: [u8; chacha::NONCE_LEN],
}

impl Context {
    fn new(shared_secret: &[u8], info: &[u8]) -> Self {
        let psk_id_hash = labeled_extract(b"", b"psk_id_hash", b"");
        let info_hash = labeled_extract(b"", b"info_hash", info);
        let context: [&[u8]; 3] = [&[MODE_BASE], psk_id_hash.as_slice(), info_hash.as_slice()];
        let secret = labeled_extract(shared_secret, b"secret", b"");
        let key = labeled_expand(&secret, b"key", &context, chacha::KEY_LEN as u16);
        let base_nonce = labeled_expand(&secret, b"base_nonce", &context, chacha::NONCE_LEN as u16);
        let mut nonce = [0; chacha::NONCE_LEN];
        nonce.iter_mut().zip(base_nonce.iter()).for_each(|(to, from)| *to = *from);
        Self { key, nonce }
    }
}

fn labeled_extract(salt: &[u8], label: &[u8], key_material: &[u8]) -> Zeroizing<[u8; 32]> {
    kdf::hkdf_extract(salt, &[VERSION, SUITE_ID, label, key_material])
}

/// 32 bytes, of which `len` are meant.
fn labeled_expand(key: &[u8; 32], label: &[u8], info: &[&[u8]; 3], len: u16) -> Zeroizing<[u8; 32]> {
    let len = len.to_be_bytes();
    let [mode, psk_id_hash, info_hash] = info;
    kdf::hkdf_expand(key, &[&len, VERSION, SUITE_ID, label, mode, psk_id_hash, info_hash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PrivateKey {
        PrivateKey::from_seed(Zeroizing::new([byte; 32]))
    }

    // Known answers are the C2SP vectors of tests/it/age.rs, and age itself in tests/interop/age.rs.

    #[test]
    fn a_message_opens_with_its_own_key_and_info_only() {
        let message = SecretBytes::copy_of(b"sixteen bytes...");
        let (enc, sealed) = key(1).public_key().seal(b"info", &message).unwrap();
        assert_eq!((enc.len(), sealed.len()), (ENC_LEN, 32));
        assert_eq!(key(1).open(&enc, b"info", &sealed).unwrap(), message);
        assert_eq!(key(1).open(&enc, b"other", &sealed), Err(Error::Decrypt));
        assert_eq!(key(2).open(&enc, b"info", &sealed), Err(Error::Decrypt));
        assert_eq!(key(1).open(&enc[1..], b"info", &sealed), Err(Error::Agreement));
        assert_eq!(key(1).open(&enc, b"info", &sealed[1..]), Err(Error::Decrypt));
    }

    #[test]
    fn public_keys_read_back_and_broken_ones_do_not_read() {
        let bytes = key(1).public_key().to_bytes();
        assert_eq!(bytes.len(), PUBLIC_KEY_LEN);
        assert_eq!(PublicKey::from_bytes(&bytes).unwrap(), key(1).public_key());
        assert_eq!(PublicKey::from_bytes(&bytes[1..]).unwrap_err(), Error::Agreement);
        let mut unreduced = bytes.clone();
        unreduced[..3].fill(0xff);
        assert_eq!(PublicKey::from_bytes(&unreduced).unwrap_err(), Error::Agreement);
    }

    #[test]
    fn an_x25519_part_of_low_order_is_refused_by_both_sides() {
        let mut weak = key(1).public_key().to_bytes();
        weak[1184..].fill(0);
        let message = SecretBytes::copy_of(b"x");
        assert_eq!(PublicKey::from_bytes(&weak).unwrap().seal(b"", &message), Err(Error::Agreement));
        let (mut enc, sealed) = key(1).public_key().seal(b"", &message).unwrap();
        enc[1088..].fill(0);
        assert_eq!(key(1).open(&enc, b"", &sealed), Err(Error::Agreement));
    }
}
