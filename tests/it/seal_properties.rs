//! Properties of whole objects, key files and certificates, for inputs that nobody chose.

use std::sync::LazyLock;

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::crypto::x509::Certificate;
use hecate_seal::manifest::Secret;
use hecate_seal::seal::keys::read_private_keys;
use hecate_seal::seal::{
    Keyring, Label, Scope, SealOptions, SealedValue, UnsealOptions, VerifyOptions, seal_secret, seal_value, unseal_secret, verify,
};
use hecate_seal::secret::SecretBytes;
use proptest::prelude::*;
use time::OffsetDateTime;

use crate::support::key;

static PEM: LazyLock<Vec<u8>> = LazyLock::new(|| std::fs::read(key("test-only-2048.key.pem")).unwrap());
static CERTIFICATE: LazyLock<Vec<u8>> = LazyLock::new(|| std::fs::read(key("test-only-2048.crt.pem")).unwrap());
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(&PEM).unwrap());
static KEYS: LazyLock<Keyring> = LazyLock::new(|| [KEY.clone()].into_iter().collect());

/// The same text with some bytes replaced, removed or repeated.
fn damaged(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0..text.len(), any::<u8>(), 0..3u8), 1..5).prop_map(|changes| {
        let mut bytes = text.to_vec();
        for (at, byte, kind) in changes {
            let at = at.min(bytes.len() - 1);
            match kind {
                0 => bytes[at] = byte,
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_object_opens_to_the_secret_it_was_made_of(
        data in proptest::collection::btree_map("[-._a-zA-Z0-9]{1,20}", proptest::collection::vec(any::<u8>(), 0..200), 1..5),
        string_data in proptest::collection::btree_map("[-._a-zA-Z0-9]{1,20}", "\\PC{0,60}", 0..3),
        labels in proptest::collection::btree_map("[a-z/]{1,10}", "\\PC{0,20}", 0..3),
        immutable in any::<Option<bool>>(),
        scope in prop_oneof![Just(Scope::Strict), Just(Scope::NamespaceWide), Just(Scope::ClusterWide)],
    ) {
        let mut secret = Secret { immutable, type_: Some("Opaque".into()), ..Secret::default() };
        secret.metadata.name = "app".into();
        secret.metadata.namespace = "team-a".into();
        secret.metadata.labels = labels;
        secret.data = data.into_iter().map(|(key, value)| (key, SecretBytes::new(value))).collect();
        secret.string_data = string_data.into_iter().map(|(key, text)| (key, SecretBytes::new(text.into_bytes()))).collect();

        let options = SealOptions { scope: Some(scope), ..SealOptions::default() };
        let sealed = seal_secret(&secret, KEY.public_key(), &options).unwrap();
        let opened = unseal_secret(&sealed, &KEYS, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).unwrap();

        let mut expected = secret.data.clone();
        expected.extend(secret.string_data.clone());
        prop_assert_eq!(&opened.data, &expected);
        prop_assert_eq!(&opened.metadata.labels, &secret.metadata.labels);
        prop_assert_eq!((&opened.type_, opened.immutable), (&secret.type_, secret.immutable));
        let options = VerifyOptions { certificate: Some(KEY.public_key()), keyring: Some(&KEYS), ..VerifyOptions::default() };
        let about_values = |key: &str| expected.contains_key(key) && hecate_seal::seal::is_valid_key(key);
        let findings = verify(&sealed, &options);
        prop_assert!(findings.iter().all(|finding| !finding.key.as_deref().is_some_and(about_values)), "{:?}", findings);
    }

    #[test]
    fn a_damaged_key_file_gives_the_key_or_an_error_and_never_another_key(bytes in damaged(&PEM)) {
        if let Ok(found) = read_private_keys(&bytes, "keys.pem") {
            for found in found.keys {
                prop_assert_eq!(found.key.public_key(), KEY.public_key());
            }
        }
    }

    #[test]
    fn a_damaged_certificate_is_read_or_refused_without_a_panic(bytes in damaged(&CERTIFICATE)) {
        if let Ok(certificate) = Certificate::parse_pem_first(&bytes) {
            prop_assert!((2048..=8192).contains(&certificate.public_key().bits()));
        }
    }

    #[test]
    fn any_bytes_as_a_key_file_or_certificate_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read_private_keys(&bytes, "keys").is_err());
        prop_assert!(Certificate::parse_pem_all(&bytes).is_err());
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(PrivateKey::from_pkcs1_der(&bytes).is_err());
        prop_assert!(PrivateKey::from_pkcs8_der(&bytes).is_err());
    }
}

#[test]
fn nine_hundred_kibibytes_come_back_whole() {
    let value: Vec<u8> = (0..900 << 10).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let label = Label::new(Scope::Strict, "team-a", "app");
    let text = seal_value(KEY.public_key(), &label, &value).unwrap().to_text();
    let opened = KEYS.open(&SealedValue::parse(&text).unwrap(), &label).unwrap();
    assert!(opened.expose() == value);
}
