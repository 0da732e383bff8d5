//! Keys from other keys and from passphrases: SHA-256, HMAC-SHA256, HKDF-SHA256 of at most 32 bytes, scrypt.
//!
//! HKDF (RFC 5869) is written out over HMAC because HPKE needs the extracted key itself, which AWS-LC's interface keeps to
//! itself; for 32 bytes its second step is a single HMAC.

use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use super::Error;

/// scrypt's block size in age.
const SCRYPT_R: u32 = 8;

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// HMAC-SHA256 over the concatenated parts.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut tag = Zeroizing::new([0; 32]);
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

/// HKDF's first step.
#[must_use]
pub fn hkdf_extract(salt: &[u8], key_material: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    hmac_sha256(salt, key_material)
}

/// The first 32 bytes of HKDF's second step.
#[must_use]
pub fn hkdf_expand(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let parts: Vec<&[u8]> = info.iter().copied().chain([[1].as_slice()]).collect();
    hmac_sha256(key, &parts)
}

/// 32 bytes of HKDF-SHA256.
#[must_use]
pub fn hkdf(salt: &[u8], key_material: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    hkdf_expand(&hkdf_extract(salt, &[key_material]), &[info])
}

/// 32 bytes of scrypt with N = 2^`log_n`, r = 8, p = 1. Takes 2^`log_n` KiB of memory, and 0.3 s at 18.
///
/// # Errors
/// [`Error::Memory`] when the system does not give the memory, instead of an end of the process.
pub fn scrypt(passphrase: &[u8], salt: &[u8], log_n: u8) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mebibytes = 1_usize.checked_shl(u32::from(log_n)).unwrap_or(usize::MAX) / 1024;
    let memory = Error::Memory { mebibytes };
    let bytes = mebibytes.checked_mul(1024 * 1024).ok_or_else(|| memory.clone())?;
    // The crate would abort the process; asking first is the best that can be done about it.
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| memory.clone())?;
    let params = scrypt::Params::new(log_n, SCRYPT_R, 1).map_err(|_| memory.clone())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase, salt, &params, key.as_mut_slice()).map_err(|_| memory)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 5869, cases 1 and 3; the first 32 bytes.
    #[test]
    fn hkdf_gives_the_published_vectors() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        assert_eq!(hex(hkdf(&salt, &[0x0b; 22], &info).as_slice()), expected);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(hex(hkdf(b"", &[0x0b; 22], b"").as_slice()), expected);
    }

    /// RFC 7914 §12: the cases with r = 8 and p = 1, first 32 bytes.
    #[test]
    fn scrypt_gives_the_published_vector() {
        let key = scrypt(b"pleaseletmein", b"SodiumChloride", 14).unwrap();
        assert_eq!(hex(key.as_slice()), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
    }

    #[test]
    fn more_memory_than_there_is_gives_an_error() {
        assert!(matches!(scrypt(b"x", b"y", 60), Err(Error::Memory { .. })));
        assert!(matches!(scrypt(b"x", b"y", 255), Err(Error::Memory { .. })));
    }
}
