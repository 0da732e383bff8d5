//! Whether an object opens, yes or no: what the network may learn, decided from the items alone.
//!
//! Templates are neither looked at nor executed, so that no answer depends on what they would make of the values
//! (`sealed-secrets.md` §3.6, 0.39 and later). The reason stays inside; [`super::unseal_secret`] tells it to the owner.

use super::Keyring;
use super::unseal::{open_blob, open_while};
use crate::manifest::SealedSecret;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// Every item opens.
    Yes,
    /// At least one does not.
    No,
    /// `go_on` said no before that was known.
    Stopped,
}

/// Opens items until one fails, and throws the plaintext away. `go_on` is asked before each: an item may cost a private-key
/// operation for every key. The deprecated form opens only if `accept_deprecated_data`.
#[must_use]
pub fn opens(sealed: &SealedSecret, keyring: &Keyring, accept_deprecated_data: bool, go_on: &dyn Fn() -> bool) -> Opens {
    if let Some(blob) = &sealed.spec.data {
        if !go_on() {
            return Opens::Stopped;
        }
        let alone = sealed.spec.encrypted_data.is_empty();
        let opens = alone && accept_deprecated_data && open_blob(sealed, blob, keyring, None).is_ok();
        return if opens { Opens::Yes } else { Opens::No };
    }
    let attempt = open_while(sealed, keyring, &|attempt| attempt.problems.is_empty() && go_on());
    match (attempt.problems.is_empty(), attempt.stopped) {
        (false, _) => Opens::No,
        (true, true) => Opens::Stopped,
        (true, false) => Opens::Yes,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::test_objects::sealed;
    use crate::seal::{CLUSTER_WIDE_ANNOTATION, Scope, label_of, seal_value};

    fn keyring() -> Keyring {
        [test_keys::first().clone()].into_iter().collect()
    }

    fn ask(object: &SealedSecret) -> Opens {
        opens(object, &keyring(), true, &|| true)
    }

    #[test]
    fn the_items_decide_and_no_template_does() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1"), ("b", b"2")]);
        for template in ["{{ fail \"x\" }}", "{{", "{{ .a }}"] {
            object.spec.template.data = Some([("t".to_owned(), Some(template.to_owned()))].into());
            object.spec.template.metadata.annotations.insert(CLUSTER_WIDE_ANNOTATION.into(), "true".into());
            assert_eq!(ask(&object), Opens::Yes, "{template}");
            let mut moved = object.clone();
            moved.metadata.name = "moved".into();
            assert_eq!(ask(&moved), Opens::No, "{template}");
        }
        object.spec.encrypted_data.clear();
        assert_eq!(ask(&object), Opens::Yes);
    }

    #[test]
    fn it_ends_at_the_first_failure_and_when_it_is_told_to() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1"), ("b", b"2"), ("c", b"3")]);
        let asked = Cell::new(0);
        let counting = || {
            asked.set(asked.get() + 1);
            asked.get() < 3
        };
        assert_eq!(opens(&object, &keyring(), true, &counting), Opens::Stopped);
        assert_eq!(asked.get(), 3);
        object.spec.encrypted_data.insert("a".into(), "AA".into());
        asked.set(0);
        assert_eq!(opens(&object, &keyring(), true, &counting), Opens::No);
        assert_eq!(asked.get(), 1);
    }

    #[test]
    fn the_deprecated_form_opens_where_it_is_accepted() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[]);
        let secret = br#"{"kind":"Secret","apiVersion":"v1","data":{"foo":"c2VjcmV0"}}"#;
        object.spec.data = Some(seal_value(test_keys::first().public_key(), &label_of(&object), secret).unwrap().to_text());
        assert_eq!(ask(&object), Opens::Yes);
        assert_eq!(opens(&object, &keyring(), false, &|| true), Opens::No);
        assert_eq!(opens(&object, &keyring(), true, &|| false), Opens::Stopped);
        object.spec.encrypted_data.insert("a".into(), String::new());
        assert_eq!(ask(&object), Opens::No);
    }
}
