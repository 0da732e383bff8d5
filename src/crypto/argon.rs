//! argon2id hashes of passwords, in the PHC text form that other programs read.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::{Error, random};

/// Most memory of one hash: 1 GiB in KiB.
const MAX_MEMORY: u32 = 1 << 20;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// How much work a hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Memory in KiB, at least 8 for each lane, at most 1 GiB.
    pub memory: u32,
    /// Passes, at least 1.
    pub time: u32,
    /// Lanes, at least 1.
    pub lanes: u32,
}

impl Work {
    fn params(self) -> Option<Params> {
        if self.memory > MAX_MEMORY || self.time > 64 {
            return None;
        }
        Params::new(self.memory, self.time, self.lanes, Some(HASH_LEN)).ok()
    }

    /// Whether there are hashes of this work.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.params().is_some()
    }
}

/// `$argon2id$v=19$m=…,t=…,p=…$salt$hash` with a new random salt.
///
/// # Errors
/// [`Error::Random`]; [`Error::Memory`] for work that there is none of, or that the system has no memory for.
pub fn hash(password: &[u8], work: Work) -> Result<String, Error> {
    let failed = Error::Memory { mebibytes: usize::try_from(work.memory >> 10).unwrap_or(usize::MAX) };
    let params = work.params().ok_or_else(|| failed.clone())?;
    let mut salt = [0; SALT_LEN];
    random::fill(&mut salt)?;
    let mut out = [0; HASH_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password, &salt, &mut out).map_err(|_| failed)?;
    let Work { memory, time, lanes } = work;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(format!("$argon2id$v=19$m={memory},t={time},p={lanes}${salt}${hash}"))
}

/// Whether a hash is this password's. `None` for what is no argon2id hash of version 19, or asks for more than 1 GiB.
#[must_use]
pub fn verify(password: &[u8], hash: &str) -> Option<bool> {
    let rest = hash.strip_prefix("$argon2id$v=19$")?;
    let mut parts = rest.split('$');
    let (work, salt, expected) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = [0_u32; 3];
    for ((slot, name), part) in numbers.iter_mut().zip(["m=", "t=", "p="]).zip(work.split(',')) {
        *slot = part.strip_prefix(name)?.parse().ok()?;
    }
    let [memory, time, lanes] = numbers;
    let (salt, expected) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(expected).ok()?);
    if parts.next().is_some() || memory > MAX_MEMORY || time > 64 {
        return None;
    }
    let params = Params::new(memory, time, lanes, Some(expected.len())).ok()?;
    let mut out = vec![0; expected.len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password, &salt, &mut out).ok()?;
    Some(out.ct_eq(&expected).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_and_work_without_bounds_is_refused() {
        let work = Work { memory: 64, time: 1, lanes: 1 };
        let made = hash(b"secret", work).unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{made}");
        assert_eq!((verify(b"secret", &made), verify(b"Secret", &made)), (Some(true), Some(false)));
        for not_a_hash in ["", "$argon2i$v=19$m=64,t=1,p=1$YWFhYWFhYWE$YWFhYWE", "$argon2id$v=19$m=9999999,t=1,p=1$YQ$YQ", "$2a$"]
        {
            assert_eq!(verify(b"x", not_a_hash), None);
        }
        assert!(hash(b"x", Work { memory: u32::MAX, time: 1, lanes: 1 }).is_err());
    }

    /// A vector of the reference implementation's own tests (`src/test.c`).
    #[test]
    fn the_published_hash_verifies() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verify(b"password", hash), Some(true));
    }
}
