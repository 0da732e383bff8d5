//! The data key split over groups of recipients, so that a threshold of groups must agree to open a file.
//!
//! Shamir's scheme as Vault and SOPS have it (sops-age.md §1.8): one random polynomial over GF(2⁸) for each byte of the secret,
//! with that byte as its constant term; share *i* is the values at x = *i* followed by x itself, one byte longer than the
//! secret. The field is Rijndael's, modulo x⁸+x⁴+x³+x+1. No table and no branch depends on a secret byte.
//!
//! The random coefficients come in as an argument. Who holds which share is `sops::metadata`'s and `sops::keys`' business.

use crate::secret::SecretBytes;

/// Most shares that one secret can have: x is a byte and never zero.
pub const MAX_SHARES: usize = 255;

/// Why a secret could not be split or put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A threshold below two would give the secret to everyone, and one above the number of shares to no one.
    #[error("the threshold must be at least 2 and at most the number of key groups ({shares}), not {threshold}")]
    Threshold {
        /// What was asked for.
        threshold: usize,
        /// How many shares there would be.
        shares: usize,
    },
    /// More shares than x values.
    #[error("at most {MAX_SHARES} key groups are possible, not {0}")]
    TooManyShares(usize),
    /// An empty secret, or the wrong amount of randomness for it.
    #[error("the secret or the randomness for its shares has the wrong length")]
    Length,
    /// Fewer than two shares.
    #[error("at least two shares are needed")]
    TooFewShares,
    /// The shares are empty or of different lengths.
    #[error("the shares do not have the same length")]
    UnequalShares,
    /// Two shares claim the same x, or one claims x = 0.
    #[error("two shares are the same, or one is not valid")]
    DuplicateShare,
}

/// How many random bytes [`split`] needs for a secret of this length.
#[must_use]
pub fn randomness_needed(secret_len: usize, threshold: usize) -> usize {
    secret_len.saturating_mul(threshold.saturating_sub(1))
}

/// Splits a secret into `shares` shares of which any `threshold` restore it.
///
/// `randomness` holds [`randomness_needed`] bytes from a cryptographic generator, used for nothing else.
///
/// # Errors
/// [`Error::Threshold`], [`Error::TooManyShares`] and [`Error::Length`].
pub fn split(secret: &SecretBytes, shares: usize, threshold: usize, randomness: &SecretBytes) -> Result<Vec<SecretBytes>, Error> {
    if threshold < 2 || threshold > shares {
        return Err(Error::Threshold { threshold, shares });
    }
    let last = u8::try_from(shares).map_err(|_| Error::TooManyShares(shares))?;
    if secret.is_empty() || randomness.len() != randomness_needed(secret.len(), threshold) {
        return Err(Error::Length);
    }
    let share_at = |x: u8| {
        let coefficients = randomness.expose().chunks_exact(threshold - 1);
        let mut share: Vec<u8> =
            secret.expose().iter().zip(coefficients).map(|(&byte, higher)| evaluate(byte, higher, x)).collect();
        share.push(x);
        SecretBytes::new(share)
    };
    Ok((1..=last).map(share_at).collect())
}

/// Restores a secret from at least a threshold of its shares; all shares given are used.
///
/// Too few shares, or one changed share, give a wrong secret and not an error: only what the secret opens can tell.
///
/// # Errors
/// [`Error::TooFewShares`], [`Error::UnequalShares`] and [`Error::DuplicateShare`].
pub fn combine(shares: &[SecretBytes]) -> Result<SecretBytes, Error> {
    let [first, _, ..] = shares else { return Err(Error::TooFewShares) };
    if first.len() < 2 || shares.iter().any(|share| share.len() != first.len()) {
        return Err(Error::UnequalShares);
    }
    let points: Vec<(u8, &[u8])> =
        shares.iter().filter_map(|share| share.expose().split_last()).map(|(&x, values)| (x, values)).collect();
    for (at, (x, _)) in points.iter().enumerate() {
        // Zero is where the secret itself lies; no honest share is there.
        if *x == 0 || points.iter().take(at).any(|(other, _)| other == x) {
            return Err(Error::DuplicateShare);
        }
    }
    let mut secret = vec![0; first.len() - 1];
    for (x, values) in &points {
        // Lagrange at zero: the product of xj / (xi + xj) over all other points.
        let weight = points
            .iter()
            .filter(|(other, _)| other != x)
            .fold(1, |weight, (other, _)| multiply(weight, multiply(*other, invert(x ^ other))));
        for (byte, value) in secret.iter_mut().zip(*values) {
            *byte ^= multiply(weight, *value);
        }
    }
    Ok(SecretBytes::new(secret))
}

/// The polynomial `constant + higher[0]·x + higher[1]·x² + …` at x, by Horner's rule.
fn evaluate(constant: u8, higher: &[u8], x: u8) -> u8 {
    multiply(higher.iter().rev().fold(0, |sum, coefficient| multiply(sum, x) ^ coefficient), x) ^ constant
}

/// Product in GF(2⁸), by shifts and masks: the same steps for every pair of factors.
fn multiply(left: u8, right: u8) -> u8 {
    (0..8).rev().fold(0u8, |product, bit| {
        let reduce = (product >> 7).wrapping_neg() & 0x1b;
        let add = ((right >> bit) & 1).wrapping_neg() & left;
        (product << 1) ^ reduce ^ add
    })
}

/// The inverse is the 254th power: 254 = 2 + 4 + … + 128. Zero has none and gives zero.
fn invert(value: u8) -> u8 {
    let (mut power, mut product) = (value, 1);
    for _ in 0..7 {
        power = multiply(power, power);
        product = multiply(product, power);
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_field_is_rijndaels() {
        // FIPS 197, 4.2 and the S-box's inverses.
        assert_eq!((multiply(0x57, 0x83), multiply(0x57, 0x13), multiply(0x53, 0xca)), (0xc1, 0xfe, 0x01));
        for value in 1..=255 {
            assert_eq!(multiply(value, invert(value)), 1);
        }
    }

    #[test]
    fn shares_have_the_layout_of_sops() {
        let secret = SecretBytes::copy_of(b"key");
        // f(x) = byte + r·x: at x = 1 the plain sum, x itself at the end.
        let shares = split(&secret, 3, 2, &SecretBytes::new(vec![1, 2, 4])).unwrap();
        assert_eq!(shares[0].expose(), [b'k' ^ 1, b'e' ^ 2, b'y' ^ 4, 1]);
        assert_eq!(shares[1].expose(), [b'k' ^ 2, b'e' ^ 4, b'y' ^ 8, 2]);
        assert_eq!(shares[2].expose().last(), Some(&3));
    }

    #[test]
    fn impossible_splits_are_refused() {
        let (secret, none) = (SecretBytes::copy_of(b"k"), SecretBytes::default());
        for (shares, threshold) in [(3, 0), (3, 1), (3, 4), (0, 0)] {
            assert_eq!(split(&secret, shares, threshold, &none), Err(Error::Threshold { threshold, shares }));
        }
        assert_eq!(split(&secret, 256, 2, &none), Err(Error::TooManyShares(256)));
        assert_eq!(split(&secret, 2, 2, &none), Err(Error::Length));
        assert_eq!(split(&none, 2, 2, &none), Err(Error::Length));
    }

    #[test]
    fn broken_sets_of_shares_are_refused() {
        let share = |bytes: &[u8]| SecretBytes::copy_of(bytes);
        assert_eq!(combine(&[share(b"a\x01")]), Err(Error::TooFewShares));
        assert_eq!(combine(&[share(b"a\x01"), share(b"ab\x02")]), Err(Error::UnequalShares));
        assert_eq!(combine(&[share(b"\x01"), share(b"\x02")]), Err(Error::UnequalShares));
        assert_eq!(combine(&[share(b"a\x01"), share(b"b\x01")]), Err(Error::DuplicateShare));
        assert_eq!(combine(&[share(b"a\x00"), share(b"b\x01")]), Err(Error::DuplicateShare));
    }

    proptest! {
        #[test]
        fn any_threshold_of_shares_restores_the_secret(
            secret in proptest::collection::vec(any::<u8>(), 1..40),
            (shares, threshold) in (2usize..9).prop_flat_map(|shares| (Just(shares), 2..=shares)),
            randomness in proptest::collection::vec(any::<u8>(), 40 * 8),
            order in any::<u64>(),
        ) {
            let secret = SecretBytes::new(secret);
            let randomness = SecretBytes::copy_of(&randomness[..randomness_needed(secret.len(), threshold)]);
            let mut all = split(&secret, shares, threshold, &randomness).unwrap();
            all.rotate_left(usize::try_from(order % shares as u64).unwrap());
            prop_assert_eq!(&combine(&all[..threshold]).unwrap(), &secret);
            prop_assert_eq!(&combine(&all).unwrap(), &secret);
        }
    }
}
