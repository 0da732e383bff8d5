//! Password hashes: bcrypt in all its spellings; and what templates do with passwords: scrypt keys, sprig's AES-CBC.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::{Error, random};
use crate::secret::SecretBytes;

/// Go's `bcrypt.DefaultCost`.
const BCRYPT_COST: u32 = 10;
/// bcrypt sees no more of a password than this.
pub const BCRYPT_MOST: usize = 72;
const BLOCK: usize = 16;

/// A bcrypt hash with cost 10, `$2a$10$…`. `None` when the password is longer than [`BCRYPT_MOST`] bytes or there is no randomness.
#[must_use]
pub fn hash_bcrypt(password: &[u8]) -> Option<String> {
    if password.len() > BCRYPT_MOST {
        return None;
    }
    let mut salt = [0; 16];
    random::fill(&mut salt).ok()?;
    let parts = ::bcrypt::hash_with_salt(password, BCRYPT_COST, salt).ok()?;
    Some(parts.format_for_version(::bcrypt::Version::TwoA))
}

/// The costs that bcrypt has. A hash takes twice as long with each step; 11 is about 0.1 s.
pub const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// The marks of bcrypt's revisions. They differ for passwords above 72 bytes and in bugs of old programs; what is hashed here
/// is the same under all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BcryptIdent {
    /// `$2a$`: Go, Java.
    A,
    /// `$2b$`: OpenBSD, most libraries of today.
    #[default]
    B,
    /// `$2y$`: PHP, htpasswd.
    Y,
}

/// A bcrypt hash with a new random salt: 60 characters.
///
/// # Errors
/// [`Error::BcryptLength`] for more than [`BCRYPT_MOST`] bytes, [`Error::BcryptCost`], [`Error::Random`].
pub fn bcrypt(password: &[u8], cost: u32, ident: BcryptIdent) -> Result<String, Error> {
    if password.len() > BCRYPT_MOST {
        return Err(Error::BcryptLength(password.len()));
    }
    if !BCRYPT_COSTS.contains(&cost) {
        return Err(Error::BcryptCost(cost));
    }
    let mut salt = [0; 16];
    random::fill(&mut salt)?;
    let parts = ::bcrypt::hash_with_salt(password, cost, salt).map_err(|_| Error::BcryptCost(cost))?;
    Ok(parts.format_for_version(match ident {
        BcryptIdent::A => ::bcrypt::Version::TwoA,
        BcryptIdent::B => ::bcrypt::Version::TwoB,
        BcryptIdent::Y => ::bcrypt::Version::TwoY,
    }))
}

/// Whether a hash of 60 characters (`$2a$`, `$2b$`, `$2x$`, `$2y$`) is this password's. As everywhere, only the first
/// [`BCRYPT_MOST`] bytes count. `None` for what is no such hash. Takes as long as hashing with the hash's cost.
#[must_use]
pub fn verify_bcrypt(password: &[u8], hash: &str) -> Option<bool> {
    ::bcrypt::verify(password, hash).ok()
}

/// scrypt with N = 32768, r = 8, p = 2 and 64 bytes out, as `derivePassword` wants it.
#[must_use]
pub fn scrypt(password: &[u8], salt: &[u8]) -> Option<SecretBytes> {
    let params = scrypt::Params::new(15, 8, 2).ok()?;
    let mut key = vec![0; 64];
    scrypt::scrypt(password, salt, &params, &mut key).ok()?;
    Some(SecretBytes::new(key))
}

/// The key is the password's first 32 bytes, filled up with zeros: sprig's rule, not a good one.
fn key(password: &[u8]) -> Result<UnboundCipherKey, Error> {
    let mut key = Zeroizing::new([0; 32]);
    for (slot, byte) in key.iter_mut().zip(password) {
        *slot = *byte;
    }
    UnboundCipherKey::new(&AES_256, key.as_slice()).map_err(|_| Error::Encrypt)
}

/// AES-256-CBC with PKCS#7 padding under a random IV, which comes first.
///
/// # Errors
/// [`Error::Random`] or [`Error::Encrypt`].
pub fn encrypt_cbc(password: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let mut iv = [0; BLOCK];
    random::fill(&mut iv)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(key(password)?).map_err(|_| Error::Encrypt)?;
    let mut body = Zeroizing::new(plaintext.to_vec());
    cipher.less_safe_encrypt(&mut *body, EncryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| Error::Encrypt)?;
    Ok([iv.as_slice(), &body].concat())
}

/// Opens what [`encrypt_cbc`] made.
///
/// # Errors
/// [`Error::Decrypt`] for anything that is not a whole number of blocks or whose padding is wrong.
pub fn decrypt_cbc(password: &[u8], sealed: &[u8]) -> Result<SecretBytes, Error> {
    let (iv, body) = sealed.split_at_checked(BLOCK).ok_or(Error::Decrypt)?;
    let iv: [u8; BLOCK] = iv.try_into().map_err(|_| Error::Decrypt)?;
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(key(password)?).map_err(|_| Error::Decrypt)?;
    let mut body = Zeroizing::new(body.to_vec());
    let plain = cipher.decrypt(&mut body, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| Error::Decrypt)?;
    Ok(SecretBytes::copy_of(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_opens_under_the_same_password_only() {
        for text in [&b""[..], b"a", b"sixteen bytes!!!", b"more than sixteen bytes"] {
            let sealed = encrypt_cbc(b"password", text).unwrap();
            assert_eq!(decrypt_cbc(b"password", &sealed).unwrap().expose(), text);
            assert!(decrypt_cbc(b"other", &sealed).map(|p| p.expose() != text).unwrap_or(true));
        }
        assert!(decrypt_cbc(b"password", b"short").is_err());
    }

    #[test]
    fn hashes_verify_and_long_passwords_are_refused() {
        let hash = hash_bcrypt(b"secret").unwrap();
        assert!(hash.starts_with("$2a$10$"));
        assert!(::bcrypt::verify(b"secret", &hash).unwrap());
        assert!(hash_bcrypt(&[b'a'; 73]).is_none());
    }

    #[test]
    fn every_revision_verifies_and_the_72nd_byte_counts() {
        let long = [b'x'; 72];
        for ident in [BcryptIdent::A, BcryptIdent::B, BcryptIdent::Y] {
            let hash = bcrypt(&long, 4, ident).unwrap();
            assert_eq!(hash.len(), 60);
            assert_eq!(verify_bcrypt(&long, &hash), Some(true));
            assert_eq!(verify_bcrypt(&long[1..], &hash), Some(false));
        }
        assert_eq!(bcrypt(&[0; 73], 4, BcryptIdent::B), Err(Error::BcryptLength(73)));
        assert_eq!(bcrypt(b"a", 3, BcryptIdent::B), Err(Error::BcryptCost(3)));
        assert_eq!(verify_bcrypt(b"a", "$2b$04$short"), None);
    }
}
