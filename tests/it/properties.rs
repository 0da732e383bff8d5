//! Properties of sealing that hold for any input, not for chosen ones.

use std::sync::LazyLock;

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::seal::{Keyring, Label, Scope, SealedValue, seal_value};
use proptest::prelude::*;

use crate::support::key;

static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(&std::fs::read(key("test-only-2048.key.pem")).unwrap()).unwrap());

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let mut keys = Keyring::new();
    keys.add(PrivateKey::from_pem(&std::fs::read(key("test-only-2048.key.pem")).unwrap()).unwrap());
    keys
});

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::Strict), Just(Scope::NamespaceWide), Just(Scope::ClusterWide)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn sealing_and_opening_gives_back_any_bytes_under_any_scope(
        value in proptest::collection::vec(any::<u8>(), 0..5000),
        scope in scope(),
        namespace in "\\PC{0,40}",
        name in "\\PC{0,40}",
    ) {
        let label = Label::new(scope, &namespace, &name);
        let sealed = seal_value(KEY.public_key(), &label, &value).unwrap();
        prop_assert_eq!(sealed.as_bytes().len(), 2 + 256 + value.len() + 16);
        let read = SealedValue::parse(&sealed.to_text()).unwrap();
        let opened = KEYS.open(&read, &label).unwrap();
        prop_assert!(opened.expose() == value);
    }

    #[test]
    fn any_other_label_opens_nothing(
        scope in scope(), namespace in "[a-z]{0,8}", name in "[a-z]{0,8}",
        other_scope in scope(), other_namespace in "[a-z]{0,8}", other_name in "[a-z]{0,8}",
    ) {
        let label = Label::new(scope, &namespace, &name);
        let other = Label::new(other_scope, &other_namespace, &other_name);
        prop_assume!(label != other);
        let sealed = seal_value(KEY.public_key(), &label, b"value").unwrap();
        prop_assert!(KEYS.open(&sealed, &other).is_err());
    }

    #[test]
    fn text_that_is_no_sealed_value_is_refused_without_a_panic(text in "\\PC{0,600}", bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(sealed) = SealedValue::parse(&text) {
            prop_assert!(KEYS.open(&sealed, &Label::new(Scope::ClusterWide, "", "")).is_err());
        }
        if let Ok(sealed) = SealedValue::from_bytes(bytes) {
            prop_assert!(KEYS.open(&sealed, &Label::new(Scope::ClusterWide, "", "")).is_err());
        }
    }
}

#[test]
fn any_flipped_bit_fails() {
    let label = Label::new(Scope::Strict, "team-a", "app");
    let sealed = seal_value(KEY.public_key(), &label, b"sixteen bytes ok").unwrap();
    let good = sealed.as_bytes().to_vec();
    assert!(KEYS.open(&sealed, &label).is_ok());
    for bit in 0..good.len() * 8 {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = SealedValue::from_bytes(changed).ok().and_then(|value| KEYS.open(&value, &label).ok());
        assert!(opened.is_none(), "opens with bit {bit} flipped");
    }
}

#[test]
fn any_shorter_or_longer_value_fails() {
    let label = Label::new(Scope::NamespaceWide, "team-a", "app");
    let good = seal_value(KEY.public_key(), &label, b"sixteen bytes ok").unwrap().as_bytes().to_vec();
    let opens = |bytes: Vec<u8>| SealedValue::from_bytes(bytes).is_ok_and(|value| KEYS.open(&value, &label).is_ok());
    assert!(opens(good.clone()));
    for len in 0..good.len() {
        assert!(!opens(good[..len].to_vec()), "opens with {len} bytes");
    }
    for more in [vec![0], vec![0; 16], good.clone()] {
        assert!(!opens([good.clone(), more].concat()));
    }
}
