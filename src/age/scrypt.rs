//! The `scrypt` stanza: a file under a passphrase. Read only: sops has no passphrase recipients, just identity files.

use super::Error;
use super::file::{Unwrapped, decode_arg, first_match, open_file_key, require_args};
use super::format::Stanza;
use crate::crypto::kdf;
use crate::secret::SecretString;

pub(super) const KIND: &str = "scrypt";
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const SALT_LEN: usize = 16;
/// The largest work factor that is computed, as in age: 4 GiB and a quarter of a minute.
const MAX_LOG_N: u8 = 22;

/// Whether the file is under a passphrase.
///
/// # Errors
/// [`Error::Header`] when other recipients stand beside the passphrase: then it was not its holder who wrote the file.
pub(super) fn is_passphrase_file(stanzas: &[Stanza]) -> Result<bool, Error> {
    match stanzas {
        [only] => Ok(only.kind == KIND),
        several if several.iter().any(|stanza| stanza.kind == KIND) => {
            Err(Error::Header("a scrypt stanza is not the only one".to_owned()))
        }
        _ => Ok(false),
    }
}

pub(super) fn unwrap(passphrase: &SecretString, stanzas: &[Stanza]) -> Result<Unwrapped, Error> {
    if !is_passphrase_file(stanzas)? {
        return Ok(Unwrapped::NoMatch);
    }
    first_match(stanzas, |stanza| {
        let [salt, log_n] = require_args(stanza)?;
        let salt: [u8; SALT_LEN] = decode_arg(stanza, salt)?;
        let log_n = work_factor(log_n)?;
        let key = kdf::scrypt(passphrase.expose().as_bytes(), &[LABEL, &salt].concat(), log_n)?;
        open_file_key(&key, stanza)
    })
}

/// A decimal number without sign or leading zero.
fn work_factor(text: &str) -> Result<u8, Error> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse::<u64>().ok() } else { None };
    match number {
        Some(number) => match u8::try_from(number) {
            Ok(log_n) if log_n <= MAX_LOG_N => Ok(log_n),
            _ => Err(Error::Header(format!("the scrypt work factor {number} is more than {MAX_LOG_N}"))),
        },
        None => Err(Error::Header("the scrypt work factor is not a decimal number".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_factor_has_one_spelling_and_a_limit() {
        assert_eq!(work_factor("1").unwrap(), 1);
        assert_eq!(work_factor("22").unwrap(), 22);
        for text in ["", "0", "01", "+1", "-1", "1x", "0x1", "99999999999999999999999"] {
            assert!(
                matches!(work_factor(text), Err(Error::Header(reason)) if reason.ends_with("not a decimal number")),
                "{text}"
            );
        }
        assert_eq!(work_factor("23").unwrap_err().to_string(), "malformed age header: the scrypt work factor 23 is more than 22");
        assert!(work_factor("999").is_err());
    }
}
