//! Frozen values with session keys of 16, 24 and 32 bytes (`tests/go/seal-vectors`): kubeseal writes 32 only, the controller
//! opens all three.

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::manifest::decode_base64;
use hecate_seal::seal::{Keyring, Label, Scope, SealedValue};
use serde_json::Value;

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
