//! Values that are made from randomness alone, and what can be said of their strength.

use time::OffsetDateTime;

use super::kinds::{Kind, Password, Random, UuidVersion};
use crate::crypto::generate::{self, Alphabet, Encoding, GenerateError};
use crate::crypto::{self, random};
use crate::secret::{SecretBytes, SecretString};

/// Fewer bits than this are refused unless `allowWeak` says otherwise.
pub const LEAST_BITS: f64 = 64.0;
/// Fewer bits than this are warned about.
pub const GOOD_BITS: f64 = 128.0;
/// Most random bytes of one value.
pub const MOST_BYTES: usize = 64 << 10;

/// The alphabet that a password names.
///
/// # Errors
/// [`GenerateError`] for characters that cannot be an alphabet.
pub fn alphabet(password: &Password) -> Result<Alphabet, GenerateError> {
    match password.alphabet.as_str() {
        "alnum" => Ok(Alphabet::alnum()),
        "url" => Ok(Alphabet::url()),
        "hex" => Ok(Alphabet::hex()),
        characters => Alphabet::literal(characters),
    }
}

/// Bits of randomness in a generated value; `None` for kinds whose strength is their algorithm's.
#[must_use]
pub fn bits(kind: &Kind) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "numbers of bytes are small")]
    let of_bytes = |bytes: usize| Some(bytes as f64 * 8.0);
    match kind {
        Kind::Password(password) => alphabet(password).ok().map(|alphabet| alphabet.bits(password.length)),
        Kind::Hex(random) | Kind::Base64(random) | Kind::Base64url(random) => of_bytes(random.bytes),
        Kind::Bytes(raw) => of_bytes(raw.bytes),
        _ => None,
    }
}

/// Whether every value of the kind can stand in a URL as it is. `None` where that is not known before it is made.
#[must_use]
pub fn is_url_safe(kind: &Kind) -> Option<bool> {
    let plain = |text: &str| text.bytes().all(super::template::is_unreserved);
    match kind {
        Kind::Password(password) => {
            let alphabet = alphabet(password).ok()?;
            Some(alphabet.is_url_safe() && plain(&password.prefix) && plain(&password.suffix))
        }
        Kind::Hex(random) => Some(plain(&random.prefix)),
        Kind::Base64(_) => Some(false),
        Kind::Base64url(random) => Some(plain(&random.prefix) && (!random.pad || random.bytes % 3 == 0)),
        Kind::Uuid(_) => Some(true),
        _ => None,
    }
}

/// Why a value could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The parameters cannot be met.
    #[error(transparent)]
    Password(#[from] GenerateError),
    /// No randomness, or a key that cannot be made.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    /// Something else, in words.
    #[error("{0}")]
    Other(String),
}

/// Makes a value of the kinds that are one value: passwords, random bytes, UUIDs. `None` for other kinds.
///
/// # Errors
/// [`Error`].
pub fn value(kind: &Kind, now: OffsetDateTime) -> Result<Option<SecretBytes>, Error> {
    Ok(Some(match kind {
        Kind::Password(spec) => {
            let require = generate::Require {
                upper: spec.require.upper,
                lower: spec.require.lower,
                digit: spec.require.digit,
                symbol: spec.require.symbol,
            };
            let made = generate::password(&alphabet(spec)?, spec.length, require)?;
            around(&spec.prefix, &made, &spec.suffix)
        }
        Kind::Hex(spec) => encoded(spec, Encoding::Hex)?,
        Kind::Base64(spec) => encoded(spec, Encoding::Base64 { pad: spec.pad })?,
        Kind::Base64url(spec) => encoded(spec, Encoding::Base64Url { pad: spec.pad })?,
        Kind::Bytes(spec) => random::secret(spec.bytes.min(MOST_BYTES))?,
        Kind::Uuid(spec) => match spec.version {
            UuidVersion::V4 => generate::uuid_v4()?,
            UuidVersion::V7 => {
                let millis = now.unix_timestamp_nanos() / 1_000_000;
                generate::uuid_v7(u64::try_from(millis).unwrap_or_default())?
            }
        }
        .into(),
        _ => return Ok(None),
    }))
}

fn encoded(spec: &Random, encoding: Encoding) -> Result<SecretBytes, Error> {
    let bytes = random::secret(spec.bytes.min(MOST_BYTES))?;
    Ok(around(&spec.prefix, &generate::encode(&bytes, encoding), ""))
}

fn around(prefix: &str, middle: &SecretString, suffix: &str) -> SecretBytes {
    let mut whole = Vec::with_capacity(prefix.len() + middle.len() + suffix.len());
    whole.extend_from_slice(prefix.as_bytes());
    whole.extend_from_slice(middle.expose().as_bytes());
    whole.extend_from_slice(suffix.as_bytes());
    SecretBytes::new(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(yaml: serde_json::Value) -> String {
        let kind: Kind = serde_json::from_value(yaml).unwrap();
        let now = time::macros::datetime!(2026-01-02 03:04:05 UTC);
        String::from_utf8(value(&kind, now).unwrap().unwrap().expose().to_vec()).unwrap()
    }

    #[test]
    fn every_kind_has_its_form() {
        use serde_json::json;
        assert_eq!(made(json!({ "password": {} })).len(), 32);
        let password = made(json!({ "password": { "length": 20, "alphabet": "ab", "prefix": "p-", "suffix": "-s" } }));
        assert!(password.len() == 24 && password.starts_with("p-") && password.ends_with("-s"));
        assert_eq!(made(json!({ "base64": { "bytes": 24 } })).len(), 32);
        assert!(made(json!({ "base64": { "bytes": 32 } })).ends_with('='));
        assert_eq!(made(json!({ "base64url": { "bytes": 32, "pad": false } })).len(), 43);
        let key = made(json!({ "hex": { "bytes": 24, "prefix": "sk-" } }));
        assert!(key.len() == 51 && key.starts_with("sk-"));
        let uuid = made(json!({ "uuid": { "version": "v7" } }));
        assert!(uuid.starts_with("019b7cd3") || uuid.starts_with("019b"), "{uuid}");
        assert_ne!(made(json!({ "uuid": {} })), made(json!({ "uuid": {} })));
    }
}
