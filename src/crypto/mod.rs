//! Layer 0: the only place that names a cryptography library.
//!
//! Everything above speaks of keys, labels and session keys, never of `aws-lc-rs`, `rcgen` or `x509-parser`. What is here:
//! RSA-OAEP-SHA256 with a label ([`rsa`]), AES-GCM under a one-time key ([`gcm`]) and with SOPS's 32-byte nonce ([`gcm32`]),
//! certificates as the sealed-secrets controller makes them ([`x509`]) and as templates ask for them ([`issue`]), password hashes
//! ([`password`]), digests ([`digest`], [`sha512`]), PEM text that is wiped after reading ([`pem`]), and random bytes
//! ([`random`]).
//! For NATS: Ed25519 signatures ([`ed25519`]). For secrets that are made: passwords and identifiers ([`generate`]).
//! For age: X25519 ([`x25519`]), post-quantum HPKE ([`hpke`]), ChaCha20-Poly1305 ([`chacha`]), key derivation ([`kdf`]), and
//! what keys in OpenSSH's own format need ([`openssh`]).
//! What is not here: formats of sealed values, scopes and Kubernetes objects; those are layers 1 and 2.
//!
//! Follows `sealed-secrets.md` §1.1 and §1.3. RSA is constant-time and blinded in AWS-LC; failures of private-key operations
//! carry no detail on purpose.

pub mod argon;
pub mod chacha;
pub mod digest;
pub mod ed25519;
mod error;
pub mod gcm;
pub mod gcm32;
pub mod generate;
pub mod hpke;
pub mod issue;
pub mod kdf;
pub mod openssh;
pub mod password;
pub mod pem;
pub mod random;
pub mod rsa;
pub mod sha512;
pub mod x25519;
pub mod x509;

pub use error::Error;

/// Throw-away keys of 2048 bits for unit tests, made once per process.
#[cfg(test)]
pub(crate) mod test_keys {
    use std::sync::OnceLock;

    use super::rsa::PrivateKey;

    pub(crate) fn first() -> &'static PrivateKey {
        static KEY: OnceLock<PrivateKey> = OnceLock::new();
        KEY.get_or_init(|| PrivateKey::generate(2048).unwrap())
    }

    pub(crate) fn second() -> &'static PrivateKey {
        static KEY: OnceLock<PrivateKey> = OnceLock::new();
        KEY.get_or_init(|| PrivateKey::generate(2048).unwrap())
    }
}
