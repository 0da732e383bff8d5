//! Digests: as lower-case hexadecimal text what templates compute, as bytes what formats need.

use aws_lc_rs::digest;

/// SHA-1, for templates that ask for it. Nothing of ours relies on it.
#[must_use]
pub fn sha1_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-512.
#[must_use]
pub fn sha512_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA512, bytes).as_ref())
}

/// SHA-512/256, the bytes: identifiers of NATS JWTs.
#[must_use]
pub fn sha512_256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512_256, bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_those_of_the_standards() {
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(sha512_hex(b"abc").starts_with("ddaf35a193617abacc417349ae204131"));
    }
}
