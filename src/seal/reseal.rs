//! Sealing again for a new key: what key rotation asks of files in git.
//!
//! Every item is opened with the keys at hand and sealed for the new one under the same label; all else stays as it is, also
//! the templates, which the reference's rotation renders or loses (`sealed-secrets.md` §3.6). Items that the new key opens
//! already keep their bytes, so that a second run changes nothing.

use super::unseal::{Attempt, label_of, open_item, open_while};
use super::{ItemErrors, Keyring, SealError, UnsealError, seal_value};
use crate::crypto::rsa::PublicKey;
use crate::manifest::SealedSecret;
use crate::secret::SecretBytes;

/// A resealed object.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// The object with its new items.
    pub sealed: SealedSecret,
    /// Keys of the items that were sealed again, sorted. The deprecated blob is the empty key.
    pub changed: Vec<String>,
    /// Keys of the items that were sealed for the new key already, sorted.
    pub kept: Vec<String>,
}

/// Why an object cannot be resealed; it is unchanged then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResealError {
    /// It does not open.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// It does not seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The caller did not want to go on ([`reseal_while`]).
    #[error("stopped before every item was tried")]
    Stopped,
}

/// Opens every item and seals it for `key`.
///
/// # Errors
/// [`ResealError`], with all items that do not open in one.
pub fn reseal(sealed: &SealedSecret, keyring: &Keyring, key: &PublicKey) -> Result<Resealed, ResealError> {
    reseal_all(sealed, keyring, key, &|_| true)
}

/// As [`reseal`] for objects that a stranger sent: it ends at the first item that does not open, and before an item for which
/// `go_on` says no, since each item may cost a private-key operation for every key.
///
/// # Errors
/// [`ResealError`]; [`ResealError::Stopped`] when it was `go_on` that ended it.
pub fn reseal_while(
    sealed: &SealedSecret,
    keyring: &Keyring,
    key: &PublicKey,
    go_on: &dyn Fn() -> bool,
) -> Result<Resealed, ResealError> {
    reseal_all(sealed, keyring, key, &|attempt| attempt.problems.is_empty() && go_on())
}

fn reseal_all(
    sealed: &SealedSecret,
    keyring: &Keyring,
    key: &PublicKey,
    go_on: &dyn Fn(&Attempt) -> bool,
) -> Result<Resealed, ResealError> {
    let label = label_of(sealed);
    let mut result = Resealed { sealed: sealed.clone(), changed: Vec::new(), kept: Vec::new() };
    let again = |item: &str, plaintext: &SecretBytes| {
        seal_value(key, &label, plaintext.expose())
            .map(|value| value.to_text())
            .map_err(|source| SealError::Item { key: item.to_owned(), source })
    };
    if let Some(blob) = &sealed.spec.data {
        if !sealed.spec.encrypted_data.is_empty() {
            return Err(UnsealError::BothForms.into());
        }
        let (plaintext, by) = open_item(blob, keyring, &label, None).map_err(UnsealError::Blob)?;
        if by == key.fingerprint() {
            result.kept.push(String::new());
        } else {
            result.sealed.spec.data = Some(again("", &plaintext)?);
            result.changed.push(String::new());
        }
        return Ok(result);
    }
    let Attempt { opened, problems, stopped } = open_while(sealed, keyring, go_on);
    if !problems.is_empty() {
        return Err(UnsealError::Items(ItemErrors::new(problems)).into());
    }
    if stopped {
        return Err(ResealError::Stopped);
    }
    for (item, (plaintext, by)) in opened {
        if by == key.fingerprint() {
            result.kept.push(item);
            continue;
        }
        result.sealed.spec.encrypted_data.insert(item.clone(), again(&item, &plaintext)?);
        result.changed.push(item);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::test_objects::sealed;
    use crate::seal::{Scope, UnsealOptions, unseal_secret};

    fn both() -> Keyring {
        [test_keys::first().clone(), test_keys::second().clone()].into_iter().collect()
    }

    #[test]
    fn items_move_to_the_new_key_and_all_else_stays() {
        let mut object = sealed(test_keys::first(), Scope::NamespaceWide, &[("a", b"1\n"), ("b", b"\xff")]);
        object.spec.template.data = Some([("t".to_owned(), Some("{{ .a }}".to_owned()))].into());
        let before = object.clone();
        let result = reseal(&object, &both(), test_keys::second().public_key()).unwrap();
        assert_eq!(result.changed, ["a", "b"]);
        let only_new: Keyring = [test_keys::second().clone()].into_iter().collect();
        let mut opens = result.sealed.clone();
        opens.spec.template.data = None;
        let secret = unseal_secret(&opens, &only_new, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).unwrap();
        assert_eq!((secret.data["a"].expose(), secret.data["b"].expose()), (b"1\n".as_slice(), b"\xff".as_slice()));
        object.spec.encrypted_data = result.sealed.spec.encrypted_data.clone();
        assert_eq!(object, result.sealed, "nothing but the items may change");
        assert_ne!(before.spec.encrypted_data, result.sealed.spec.encrypted_data);
    }

    #[test]
    fn a_second_run_changes_no_byte() {
        let object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        let once = reseal(&object, &both(), test_keys::second().public_key()).unwrap();
        let twice = reseal(&once.sealed, &both(), test_keys::second().public_key()).unwrap();
        assert_eq!((twice.changed, twice.kept), (vec![], vec!["a".to_owned()]));
        assert_eq!(twice.sealed, once.sealed);
    }

    #[test]
    fn one_item_that_does_not_open_stops_the_whole_object() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1"), ("b", b"2")]);
        object.spec.encrypted_data.insert("b".into(), "AA=A".into());
        let error = reseal(&object, &both(), test_keys::second().public_key()).unwrap_err();
        assert_eq!(error.to_string(), "illegal base64 data at input byte 2 (b)");
    }

    #[test]
    fn the_caller_can_end_it() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1"), ("c", b"2")]);
        let new = test_keys::second().public_key();
        assert_eq!(reseal_while(&object, &both(), new, &|| false).unwrap_err(), ResealError::Stopped);
        assert!(reseal_while(&object, &both(), new, &|| true).is_ok());
        object.spec.encrypted_data.insert("b".into(), String::new());
        let error = reseal_while(&object, &both(), new, &|| true).unwrap_err();
        assert_eq!(error.to_string(), "no key could decrypt secret (b)", "the reason counts, not that it ended there");
    }

    #[test]
    fn the_deprecated_blob_is_resealed_as_it_is() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[]);
        let blob = seal_value(test_keys::first().public_key(), &label_of(&object), b"{}").unwrap().to_text();
        object.spec.data = Some(blob.clone());
        let result = reseal(&object, &both(), test_keys::second().public_key()).unwrap();
        assert_eq!(result.changed, [""]);
        assert_ne!(result.sealed.spec.data, Some(blob));
        let again = reseal(&result.sealed, &both(), test_keys::second().public_key()).unwrap();
        assert_eq!((again.kept, again.sealed), (vec![String::new()], result.sealed));
    }
}
