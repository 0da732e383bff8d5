//! Frozen values that the controller opens and kubeseal never writes (`tests/go/seal-vectors`): session keys of 16 and 24
//! bytes, and the deprecated form of an object.

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::manifest::{decode_base64, read_sealed_secrets};
use hecate_seal::seal::{Keyring, Label, Scope, SealedValue, UnsealError, UnsealOptions, unseal_secret};
use serde_json::Value;

use time::OffsetDateTime;

use crate::support::{key, root};

#[test]
fn session_keys_of_all_three_aes_sizes_open_with_pkcs1_and_pkcs8_files() {
    let text = std::fs::read_to_string(root().join("tests/it/vectors/seal-session-key-sizes.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut sizes = Vec::new();
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        let file = format!("{}.key.pem", field("key"));
        let keyring: Keyring = [PrivateKey::from_pem(&std::fs::read(key(&file)).unwrap()).unwrap()].into_iter().collect();
        let scope = match field("label") {
            "team-a/app" => Scope::Strict,
            "team-a" => Scope::NamespaceWide,
            _ => Scope::ClusterWide,
        };
        let plaintext = decode_base64(field("plaintext").as_bytes()).unwrap();
        let value = SealedValue::parse(field("sealed")).unwrap();
        assert_eq!(keyring.open(&value, &Label::new(scope, "team-a", "app")).unwrap().expose(), plaintext.as_slice());
        assert!(keyring.open(&value, &Label::new(Scope::Strict, "team-b", "app")).is_err());
        sizes.push(vector["sessionKeyBytes"].as_u64().unwrap());
    }
    sizes.dedup();
    assert_eq!((sizes.as_slice(), vectors.len()), ([16, 24, 32].as_slice(), 18));
}

#[test]
fn the_deprecated_form_opens_when_it_is_accepted_and_only_then() {
    let text = std::fs::read(root().join("tests/it/vectors/seal-deprecated-data.json")).unwrap();
    let object = read_sealed_secrets(&text, "seal-deprecated-data.json").unwrap().remove(0).object;
    let pem = std::fs::read(key("test-only-2048.key.pem")).unwrap();
    let keyring: Keyring = [PrivateKey::from_pem(&pem).unwrap()].into_iter().collect();
    assert_eq!(
        unseal_secret(&object, &keyring, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)),
        Err(UnsealError::DeprecatedData)
    );

    let accepting = UnsealOptions::new(OffsetDateTime::UNIX_EPOCH).accepting_deprecated_data();
    let secret = unseal_secret(&object, &keyring, &accepting).unwrap();
    assert_eq!(secret.data["token"].expose(), b"\xff\x00 t0ken\n");
    assert_eq!(secret.data["user"].expose(), b"admin");
    assert_eq!((secret.metadata.name.as_str(), secret.metadata.namespace.as_str()), ("app", "team-a"));
    assert_eq!(secret.metadata.labels["in"], "blob");
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));

    let mut moved = object;
    moved.metadata.name = "other".into();
    let error = unseal_secret(&moved, &keyring, &accepting).unwrap_err();
    assert_eq!(error.to_string(), "no key could decrypt secret");
}
