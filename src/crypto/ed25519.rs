//! Ed25519 signatures (RFC 8032): what NATS nkeys and JWTs sign with.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::{Error, random};
use crate::secret::SecretBytes;

/// Bytes of a seed and of a public key.
pub const LEN: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// A private key: the seed of 32 bytes that everything else follows from.
pub struct SigningKey {
    seed: SecretBytes,
    pair: Ed25519KeyPair,
    public: [u8; LEN],
}

impl SigningKey {
    /// Takes a seed of 32 bytes; any are a key.
    ///
    /// # Errors
    /// [`Error::Seed`] for another length.
    pub fn from_seed(seed: SecretBytes) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::Seed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| Error::Seed)?;
        Ok(Self { seed, pair, public })
    }

    /// A new random one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        Self::from_seed(random::secret(LEN)?)
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> &SecretBytes {
        &self.seed
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8; LEN] {
        &self.public
    }

    /// The signature of a message, 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ed25519::SigningKey")
    }
}

/// Whether the holder of this public key signed the message.
#[must_use]
pub fn verify(public: &[u8; LEN], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    /// RFC 8032 §7.1, tests 1 and 2.
    #[test]
    fn gives_the_published_signatures() {
        for (seed, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let key = SigningKey::from_seed(SecretBytes::new(bytes(seed))).unwrap();
            assert_eq!(key.public().as_slice(), bytes(public));
            let message = bytes(message);
            assert_eq!(key.sign(&message), bytes(signature));
            assert!(verify(key.public(), &message, &bytes(signature)));
            assert!(!verify(key.public(), b"other", &bytes(signature)));
        }
    }

    #[test]
    fn a_seed_has_32_bytes_and_debug_shows_none() {
        assert_eq!(SigningKey::from_seed(SecretBytes::new(vec![1; 31])).unwrap_err(), Error::Seed);
        assert_eq!(format!("{:?}", SigningKey::generate().unwrap()), "ed25519::SigningKey");
    }
}
