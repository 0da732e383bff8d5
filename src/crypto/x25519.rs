//! X25519, and Ed25519 keys turned into X25519 keys.
//!
//! The agreement is AWS-LC's and constant-time; a shared secret of all zeros is refused (RFC 7748 §6.1), as age demands. The
//! map from Ed25519 to X25519 is the birational one that age uses for `ssh-ed25519`.

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{Error, random};
use crate::secret::SecretBytes;

/// Bytes of a secret, a public key and a shared secret.
pub const LEN: usize = 32;

/// A secret scalar with its public key.
#[derive(Clone)]
pub struct Secret {
    scalar: Zeroizing<[u8; LEN]>,
    public: [u8; LEN],
}

impl Secret {
    /// Takes 32 bytes; any are a secret.
    ///
    /// # Errors
    /// [`Error::Agreement`], which 32 bytes do not give.
    pub fn new(scalar: Zeroizing<[u8; LEN]>) -> Result<Self, Error> {
        let key = agreement::PrivateKey::from_private_key(&X25519, scalar.as_slice()).map_err(|_| Error::Agreement)?;
        let mut public = [0; LEN];
        let computed = key.compute_public_key().map_err(|_| Error::Agreement)?;
        public.copy_from_slice(computed.as_ref().get(..LEN).ok_or(Error::Agreement)?);
        Ok(Self { scalar, public })
    }

    /// A new random one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        let mut scalar = Zeroizing::new([0; LEN]);
        random::fill(scalar.as_mut_slice())?;
        Self::new(scalar)
    }

    /// The X25519 secret that belongs to an Ed25519 seed: the first half of its SHA-512.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_ed25519_seed(seed: &[u8; LEN]) -> Result<Self, Error> {
        let hash = digest::digest(&digest::SHA512, seed);
        let mut scalar = Zeroizing::new([0; LEN]);
        scalar.copy_from_slice(hash.as_ref().get(..LEN).ok_or(Error::Agreement)?);
        Self::new(scalar)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8; LEN] {
        &self.public
    }

    /// The secret shared with the holder of another public key.
    ///
    /// # Errors
    /// [`Error::Agreement`] for a point of low order.
    pub fn agree(&self, public: &[u8; LEN]) -> Result<Zeroizing<[u8; LEN]>, Error> {
        agree(&self.scalar, public)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x25519::Secret")
    }
}

/// X25519 of any scalar and point.
///
/// # Errors
/// [`Error::Agreement`] when the result is all zeros.
pub fn agree(scalar: &[u8; LEN], public: &[u8; LEN]) -> Result<Zeroizing<[u8; LEN]>, Error> {
    let key = agreement::PrivateKey::from_private_key(&X25519, scalar).map_err(|_| Error::Agreement)?;
    agreement::agree(&key, UnparsedPublicKey::new(&X25519, public), Error::Agreement, |secret| {
        let mut shared = Zeroizing::new([0; LEN]);
        shared.copy_from_slice(secret.get(..LEN).ok_or(Error::Agreement)?);
        Ok(shared)
    })
}

/// An Ed25519 public key as an X25519 public key.
///
/// # Errors
/// [`Error::Agreement`] for bytes that are no point of the curve.
pub fn public_from_ed25519(public: &[u8; LEN]) -> Result<[u8; LEN], Error> {
    let point = curve25519_dalek::edwards::CompressedEdwardsY(*public).decompress().ok_or(Error::Agreement)?;
    Ok(point.to_montgomery().to_bytes())
}

/// The Ed25519 public key of a seed.
///
/// # Errors
/// [`Error::Agreement`] for a seed of other than 32 bytes.
pub fn ed25519_public(seed: &SecretBytes) -> Result<[u8; LEN], Error> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::Agreement)?;
    let mut public = [0; LEN];
    public.copy_from_slice(pair.public_key().as_ref().get(..LEN).ok_or(Error::Agreement)?);
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> [u8; 32] {
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    /// RFC 7748 §5.2, the first vector.
    #[test]
    fn gives_the_published_vector() {
        let scalar = bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let point = bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let expected = bytes("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(*agree(&scalar, &point).unwrap(), expected);
    }

    #[test]
    fn two_secrets_share_what_each_computes() {
        let (one, two) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one.public(), two.public());
        assert_eq!(one.agree(two.public()).unwrap(), two.agree(one.public()).unwrap());
    }

    #[test]
    fn points_of_low_order_are_refused() {
        let secret = Secret::generate().unwrap();
        assert_eq!(secret.agree(&[0; 32]).unwrap_err(), Error::Agreement);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(secret.agree(&one).unwrap_err(), Error::Agreement);
    }

    /// The two maps agree: the public key of the mapped secret is the mapped public key.
    #[test]
    fn ed25519_keys_map_to_matching_x25519_keys() {
        for seed in [[0; 32], [1; 32], [0xa5; 32]] {
            let public = ed25519_public(&SecretBytes::copy_of(&seed)).unwrap();
            let secret = Secret::from_ed25519_seed(&seed).unwrap();
            assert_eq!(secret.public(), &public_from_ed25519(&public).unwrap());
        }
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(public_from_ed25519(&no_point).unwrap_err(), Error::Agreement);
    }
}
