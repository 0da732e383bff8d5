//! Why an object does not open, in words for its owner.
//!
//! The ciphertext cannot tell a wrong key from a wrong name, so [`super::UnsealError`] says only that no key fits. Whoever holds
//! the private keys may know more: whether a value was cut, was sealed for a key of another size, or opens under another
//! scope or name, which is the usual accident. These answers are an oracle about labels, so they are never given to the network
//! (`sealed-secrets.md` §1.1), and their cost is bounded.

use super::unseal::label_of;
use super::{CLUSTER_WIDE_ANNOTATION, ItemProblem, Keyring, Label, NAMESPACE_WIDE_ANNOTATION, Scope, SealedValue, UnsealError};
use crate::manifest::SealedSecret;

/// How many failing items are tried under other labels.
const MAX_ITEMS: usize = 3;
/// How many private-key operations that may take in all: under a second at 4096 bits.
const MAX_ATTEMPTS: usize = 120;

/// Hints for the owner of the keys: what is wrong with the items that did not open, as far as it can be found out. One
/// sentence each, without a full stop; empty when there is nothing to add.
#[must_use]
pub fn explain(sealed: &SealedSecret, keyring: &Keyring, error: &UnsealError) -> Vec<String> {
    let UnsealError::Items(errors) = error else { return Vec::new() };
    let mut hints = Vec::new();
    if keyring.is_empty() {
        hints.push("there is no private key to try".to_owned());
    }
    let mut unopened = Vec::new();
    for (key, problem) in errors.iter() {
        match problem {
            ItemProblem::Sealed(Some(structural)) => hints.push(format!("item {key:?}: {structural}")),
            ItemProblem::Sealed(None) => {
                if let Some(Ok(value)) = sealed.spec.encrypted_data.get(key).map(|text| SealedValue::parse(text)) {
                    unopened.push((key, value));
                }
            }
            _ => {}
        }
    }
    hints.extend(other_sizes(&unopened, keyring));
    hints.extend(other_labels(sealed, &unopened, keyring));
    hints
}

fn other_sizes(unopened: &[(&str, SealedValue)], keyring: &Keyring) -> Vec<String> {
    let mut sizes: Vec<usize> = keyring.keys().iter().map(|key| key.public_key().bits()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let at_hand = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let fits = |value: &SealedValue| keyring.keys().iter().any(|key| value.check_size_for(key.public_key()).is_ok());
    unopened
        .iter()
        .filter(|(_, value)| !keyring.is_empty() && !fits(value))
        .map(|(key, value)| {
            let size = value.key_bits().map_or_else(|| "another size".to_owned(), |bits| format!("{bits} bits"));
            format!("item {key:?} was sealed for an RSA key of {size}; the keys at hand have {at_hand}")
        })
        .collect()
}

fn other_labels(sealed: &SealedSecret, unopened: &[(&str, SealedValue)], keyring: &Keyring) -> Vec<String> {
    let mut left = MAX_ATTEMPTS;
    let mut hints = Vec::new();
    let candidates = candidates(sealed);
    for (key, value) in unopened.iter().take(MAX_ITEMS) {
        let fitting = keyring.keys().iter().filter(|key| value.check_size_for(key.public_key()).is_ok()).count();
        for (label, meaning) in &candidates {
            let Some(rest) = left.checked_sub(fitting) else { return hints };
            left = rest;
            if keyring.open(value, label).is_ok() {
                hints.push(format!("item {key:?} opens {meaning}"));
                break;
            }
        }
    }
    hints
}

/// Other labels that the items may have been sealed under, likeliest first, each with its meaning.
fn candidates(sealed: &SealedSecret) -> Vec<(Label, String)> {
    let own = label_of(sealed);
    let (object, template) = (&sealed.metadata, &sealed.spec.template.metadata);
    let scope = |scope: Scope, annotation: &str| {
        let meaning = format!("with scope {scope}: annotate the SealedSecret itself with {annotation}: \"true\"");
        (Label::new(scope, &object.namespace, &object.name), meaning)
    };
    let named = |namespace: &str, name: &str| {
        (Label::new(Scope::Strict, namespace, name), format!("as {namespace}/{name}: it was sealed for that namespace and name"))
    };
    let all = [
        scope(Scope::ClusterWide, CLUSTER_WIDE_ANNOTATION),
        scope(Scope::NamespaceWide, NAMESPACE_WIDE_ANNOTATION),
        (
            Label::new(Scope::Strict, &object.namespace, &object.name),
            "with scope strict: remove the scope annotations from the SealedSecret".to_owned(),
        ),
        named(&template.namespace, &template.name),
        named(&object.namespace, &template.name),
        named(&template.namespace, &object.name),
        named("default", &object.name),
        named("", &object.name),
        (
            Label::new(Scope::NamespaceWide, &template.namespace, ""),
            format!("in namespace {}: it was sealed namespace-wide for that one", template.namespace),
        ),
    ];
    let mut candidates: Vec<(Label, String)> = Vec::new();
    for (label, meaning) in all {
        if label != own && candidates.iter().all(|(known, _)| *known != label) {
            candidates.push((label, meaning));
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::test_objects::sealed;
    use crate::seal::{UnsealOptions, unseal_secret};

    fn hints(object: &SealedSecret, keyring: &Keyring) -> Vec<String> {
        let error = unseal_secret(object, keyring, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).unwrap_err();
        explain(object, keyring, &error)
    }

    fn keyring() -> Keyring {
        [test_keys::first().clone()].into_iter().collect()
    }

    #[test]
    fn a_lost_scope_annotation_is_found_out() {
        let mut object = sealed(test_keys::first(), Scope::ClusterWide, &[("a", b"1")]);
        object.metadata.annotations.clear();
        assert_eq!(
            hints(&object, &keyring()),
            ["item \"a\" opens with scope cluster-wide: annotate the SealedSecret itself with \
              sealedsecrets.bitnami.com/cluster-wide: \"true\""]
        );
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        Scope::ClusterWide.annotate(&mut object.metadata.annotations);
        assert_eq!(
            hints(&object, &keyring()),
            ["item \"a\" opens with scope strict: remove the scope annotations from the SealedSecret"]
        );
    }

    #[test]
    fn a_renamed_object_and_the_default_namespace_are_found_out() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        object.metadata.name = "renamed".into();
        object.metadata.namespace = "moved".into();
        assert_eq!(hints(&object, &keyring()), ["item \"a\" opens as web/app: it was sealed for that namespace and name"]);

        let mut object = sealed(test_keys::first(), Scope::Strict, &[]);
        let label = Label::new(Scope::Strict, "default", "app");
        let value = crate::seal::seal_value(test_keys::first().public_key(), &label, b"v").unwrap();
        object.spec.encrypted_data.insert("a".into(), value.to_text());
        assert_eq!(hints(&object, &keyring()), ["item \"a\" opens as default/app: it was sealed for that namespace and name"]);
    }

    #[test]
    fn cut_values_other_sizes_and_missing_keys_are_named() {
        let mut object = sealed(test_keys::second(), Scope::Strict, &[("wrong", b"1")]);
        assert_eq!(hints(&object, &keyring()), Vec::<String>::new());
        assert_eq!(hints(&object, &Keyring::new()), ["there is no private key to try"]);
        object.spec.encrypted_data = [("cut".to_owned(), "AgBjdXQ=".to_owned())].into();
        assert_eq!(hints(&object, &keyring()), ["item \"cut\": the value is cut short, or was never sealed"]);
        let mut bytes = vec![2, 0];
        bytes.resize(2 + 512 + 16, 1);
        object.spec.encrypted_data = [("big".to_owned(), SealedValue::from_bytes(bytes).unwrap().to_text())].into();
        assert_eq!(
            hints(&object, &keyring()),
            ["item \"big\" was sealed for an RSA key of 4096 bits; the keys at hand have 2048"]
        );
    }
}
