//! The MAC of a document: a hash over its values in document order, sealed under the data key.
//!
//! SHA-512 over the plain bytes of every leaf that is not a comment, with nothing between them, as upper-case hexadecimal
//! (sops-age.md §1.4). Of the two kinds, [`Scope::Encrypted`] covers only leaves that are encrypted and starts from a fixed
//! prefix, so that the two never agree. Keys, structure, types, nulls and comments are not covered: keys are bound through each
//! value's associated data, the rest is not. The hash is stored sealed as a string, bound to `lastmodified`.
//!
//! Which leaves there are and in which order is the walk's business (`sops::tree`).

use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use super::go;
use super::value::{Cipher, Error, Scalar};
use crate::crypto::sha512::Sha512;

/// SHA-256 of `sops`: what sops hashes first when only encrypted values are covered.
const ENCRYPTED_ONLY_PREFIX: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4,
    0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Which leaves a MAC covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Every leaf of the document.
    #[default]
    All,
    /// `mac_only_encrypted: true`: plain leaves may be changed by anyone.
    Encrypted,
}

/// A MAC being computed, fed leaf by leaf.
#[derive(Debug, Clone)]
pub struct Mac {
    hash: Sha512,
    scope: Scope,
}

impl Mac {
    /// Nothing covered yet.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let mut hash = Sha512::new();
        if scope == Scope::Encrypted {
            hash.update(&ENCRYPTED_ONLY_PREFIX);
        }
        Self { hash, scope }
    }

    /// Adds the next leaf in document order, in its decrypted form. Comments, and plain leaves under [`Scope::Encrypted`], add
    /// nothing: callers feed every leaf and need not know.
    pub fn leaf(&mut self, value: &Scalar, encrypted: bool) {
        if matches!(value, Scalar::Comment(_)) || (self.scope == Scope::Encrypted && !encrypted) {
            return;
        }
        value.with_plain(|plain| self.hash.update(plain));
    }

    /// The finished MAC: 128 upper-case hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.hash.finish_upper_hex())
    }
}

/// A computed MAC. Compared in constant time; not shown, since it is a hash of the plaintext.
#[derive(Clone)]
pub struct Digest(String);

impl Digest {
    /// Seals the MAC for the metadata, bound to `last_modified`.
    ///
    /// # Errors
    /// Those of [`Cipher::seal`].
    pub fn seal(&self, cipher: &Cipher, last_modified: OffsetDateTime) -> Result<String, Error> {
        let sealed = cipher.seal(&Scalar::text(self.0.as_bytes()), &go::time_seconds(last_modified))?;
        Ok(sealed.map(|value| value.to_string()).unwrap_or_default())
    }

    /// Whether the metadata's sealed MAC is this one.
    ///
    /// # Errors
    /// Those of [`Cipher::open_text`], when the stored MAC itself does not open.
    pub fn verify(&self, cipher: &Cipher, sealed: &str, last_modified: OffsetDateTime) -> Result<bool, Error> {
        let stored = cipher.open_text(sealed, &go::time_seconds(last_modified))?;
        Ok(matches!(stored, Scalar::Text(text) if bool::from(text.expose().ct_eq(self.0.as_bytes()))))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::tests::{VECTOR, vector_cipher};
    use super::*;

    const STORED: &str = "ENC[AES256_GCM,data:AHLuiDSg7kAKqNH8FnS0r8YKBKeTj7EjvqDdw0PeKWIXBGoTL2EFxmrhOFspHdk9dE3D6gAFF9Rd0VJ39qK3FRXSeiiEg0gSr9Nolluqfi3e1UeqJWTW0eovSvTr9V+BhSbjuRIZwOa1F8lF+FU+V1xMI9JcEyS/yKQQo7AUkwY=,iv:nlMHsXR9Di81PK/+KBPfTDBCM9wNAZxvVKOf/dqh944=,tag:NMU9onGNAXwRwMA8gD7UGw==,type:str]";

    fn vector_mac(scope: Scope) -> Digest {
        let cipher = vector_cipher();
        let mut mac = Mac::new(scope);
        for (path, text, _) in VECTOR {
            mac.leaf(&cipher.open_text(text, path).unwrap(), true);
        }
        mac.leaf(&Scalar::text(""), true);
        mac.finish()
    }

    #[test]
    fn the_mac_that_sops_stored_is_the_one_we_compute() {
        let (cipher, mac) = (vector_cipher(), vector_mac(Scope::All));
        assert!(mac.0.starts_with("47E11DFD9B8D320F"));
        let at = |text| go::parse_time(text).unwrap();
        assert_eq!(mac.verify(&cipher, STORED, at("2026-11-21T02:55:28Z")), Ok(true));
        // Other spellings of the same second are the same to sops, another second is not.
        assert_eq!(mac.verify(&cipher, STORED, at("2026-11-21T02:55:28.5+00:00")), Ok(true));
        assert!(mac.verify(&cipher, STORED, at("2026-11-21T02:55:29Z")).is_err());
    }

    #[test]
    fn a_sealed_mac_verifies_and_another_document_does_not() {
        let (cipher, mac) = (vector_cipher(), vector_mac(Scope::All));
        let now = go::parse_time("2026-01-02T03:04:05Z").unwrap();
        let sealed = mac.seal(&cipher, now).unwrap();
        assert_eq!(mac.verify(&cipher, &sealed, now), Ok(true));
        assert_eq!(Mac::new(Scope::All).finish().verify(&cipher, &sealed, now), Ok(false));
        assert_eq!(mac.verify(&cipher, "", now), Ok(false));
    }

    #[test]
    fn the_two_kinds_never_agree() {
        assert_ne!(vector_mac(Scope::All).0, vector_mac(Scope::Encrypted).0);
        // SHA-512 of SHA-256("sops") alone, by sha256sum and sha512sum.
        let expected = "1EE9AD533B409ABB860E3F836F93434DD393834C3D25963ED4DF84DA948472B4\
                        C0FE49F92A6E7EB408269999429CF03720535D236983DC0A551DB5AF3D466F7B";
        assert_eq!(Mac::new(Scope::Encrypted).finish().0, expected);
    }

    #[test]
    fn only_encrypted_leaves_count_when_asked() {
        let leaves = [(Scalar::Int(1), true), (Scalar::Int(2), false), (Scalar::comment("c"), true)];
        let digest = |scope, leaves: &[(Scalar, bool)]| {
            let mut mac = Mac::new(scope);
            leaves.iter().for_each(|(leaf, encrypted)| mac.leaf(leaf, *encrypted));
            mac.finish().0
        };
        assert_eq!(digest(Scope::Encrypted, &leaves), digest(Scope::Encrypted, &leaves[..1]));
        assert_eq!(digest(Scope::All, &leaves), digest(Scope::All, &leaves[..2]));
        assert_ne!(digest(Scope::All, &leaves), digest(Scope::All, &leaves[..1]));
    }
}
