//! Random bytes for session keys and serial numbers, from AWS-LC's generator (seeded by the kernel and the CPU).

use super::Error;
use crate::secret::SecretBytes;

/// `len` random bytes that nobody may see.
///
/// # Errors
/// [`Error::Random`] when the operating system gives none.
pub fn secret(len: usize) -> Result<SecretBytes, Error> {
    let mut bytes = vec![0; len];
    fill(&mut bytes)?;
    Ok(SecretBytes::new(bytes))
}

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`Error::Random`] when the operating system gives none.
pub fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Error::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(secret(32).unwrap(), secret(32).unwrap());
        assert_eq!(secret(24).unwrap().len(), 24);
    }
}
