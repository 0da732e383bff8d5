//! Sealing again for a new key: what key rotation asks of files in git.
//!
//! Every item is opened with the keys at hand and sealed for the new one under the same label; all else stays as it is, also
//! the templates, which the reference's rotation renders or loses (`sealed-secrets.md` §3.6). Items that the new key opens
//! already keep their bytes, so that a second run changes nothing.

use super::unseal::{Attempt, label_of, open_all, open_item};
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
}

/// Opens every item and seals it for `key`.
///
/// # Errors
/// [`ResealError`], with all items that do not open in one.
pub fn reseal(sealed: &SealedSecret, keyring: &Keyring, key: &PublicKey) -> Result<Resealed, ResealError> {
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
        let (plaintext, by) = open_item(blob, keyring, &label).map_err(UnsealError::Blob)?;
        if by == key.fingerprint() {
            result.kept.push(String::new());
        } else {
            result.sealed.spec.data = Some(again("", &plaintext)?);
            result.changed.push(String::new());
        }
        return Ok(result);
    }
    let Attempt { opened, problems } = open_all(sealed, keyring);
    if !problems.is_empty() {
        return Err(UnsealError::Items(ItemErrors::new(problems)).into());
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
