//! Credentials files: a user's JWT and seed in one, as clients read it.
//!
//! Source: nats-io/jwt 2.8.2, `creds_utils.go`. The lines around JWT and seed, unequal dashes and all, are part of the format:
//! clients find both by them.

use zeroize::Zeroizing;

use super::jwt::{self, Claims, JwtError};
use super::nkey::{KeyPair, NkeyError, Role};
use crate::secret::SecretString;

/// Why a text is no credentials file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredsError {
    /// No line of dashes with a JWT behind it.
    #[error("there is no JWT between lines of dashes")]
    NoJwt,
    /// No seed behind the JWT.
    #[error("there is no seed between lines of dashes")]
    NoSeed,
    /// The JWT is not good.
    #[error("the JWT is not good")]
    Jwt(#[from] JwtError),
    /// The seed is not good.
    #[error("the seed is not good")]
    Seed(#[from] NkeyError),
    /// The two are not one user's.
    #[error("the seed is not that of the JWT's user")]
    Mismatch,
}

/// The file's text.
///
/// # Errors
/// [`CredsError::Jwt`], [`CredsError::Mismatch`].
pub fn write(token: &str, user: &KeyPair) -> Result<SecretString, CredsError> {
    if jwt::read_as(token, Role::User)?.subject != user.public() {
        return Err(CredsError::Mismatch);
    }
    let seed = user.seed();
    let mut text = Zeroizing::new(String::with_capacity(token.len() + 512));
    for part in [
        "-----BEGIN NATS USER JWT-----\n",
        token,
        "\n------END NATS USER JWT------\n\n",
        "************************* IMPORTANT *************************\n",
        "NKEY Seed printed below can be used to sign and prove identity.\n",
        "NKEYs are sensitive and should be treated as secrets.\n\n",
        "-----BEGIN USER NKEY SEED-----\n",
        seed.expose(),
        "\n------END USER NKEY SEED------\n\n",
        "*************************************************************\n",
    ] {
        text.push_str(part);
    }
    Ok(SecretString::new(std::mem::take(&mut *text)))
}

/// Reads a credentials file: the user's claims and key, which belong together.
///
/// # Errors
/// [`CredsError`].
pub fn read(text: &str) -> Result<(Claims, KeyPair), CredsError> {
    let mut parts = text.lines().map(str::trim).zip(text.lines().skip(1).map(str::trim)).filter_map(|(before, line)| {
        let is_mark = before.starts_with("---") && before.ends_with("---") && before.contains("BEGIN");
        (is_mark && !line.is_empty()).then_some(line)
    });
    let claims = jwt::read_as(parts.next().ok_or(CredsError::NoJwt)?, Role::User)?;
    let pair = KeyPair::from_seed_as(parts.next().ok_or(CredsError::NoSeed)?, Role::User)?;
    if claims.subject == pair.public() { Ok((claims, pair)) } else { Err(CredsError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_parts_of_two_users_are_not_mixed() {
        let (account, user) = (KeyPair::generate(Role::Account).unwrap(), KeyPair::generate(Role::User).unwrap());
        let token = jwt::sign(&account, &user.public(), "me", jwt::user(None, &[], None), 1, None);
        let text = write(&token, &user).unwrap();
        let (claims, pair) = read(text.expose()).unwrap();
        assert_eq!((claims.name.as_str(), pair.public()), ("me", user.public()));
        let other = KeyPair::generate(Role::User).unwrap();
        assert_eq!(write(&token, &other).unwrap_err(), CredsError::Mismatch);
        let mixed = text.expose().replace(user.seed().expose(), other.seed().expose());
        assert_eq!(read(&mixed).unwrap_err(), CredsError::Mismatch);
        assert_eq!(read("").unwrap_err(), CredsError::NoJwt);
    }
}
