//! SHA-512 fed piece by piece: the document hash under SOPS's MAC.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA512};

/// Length of the digest in bytes.
pub const DIGEST_LEN: usize = 64;

/// A running SHA-512.
#[derive(Clone)]
pub struct Sha512(Context);

impl Sha512 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA512))
    }

    /// Appends bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest as upper-case hexadecimal, 128 characters.
    #[must_use]
    pub fn finish_upper_hex(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

impl Default for Sha512 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha512")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_as_the_whole() {
        let mut hash = Sha512::new();
        hash.update(b"a");
        hash.update(b"");
        hash.update(b"bc");
        // FIPS 180-4, "abc".
        let expected = "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A\
                        2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F";
        assert_eq!(hash.finish_upper_hex(), expected);
    }
}
