//! The frozen answers of kubeseal 0.27.1 (`tests/it/vectors/README.md`): what it sealed opens to the same bytes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::seal::{Keyring, Label, Scope, SealedValue};

use crate::support::{as_kubeseal, assert_same, key, root, without_ciphertext};

fn vectors() -> std::path::PathBuf {
    root().join("tests/it/vectors")
}

fn keyring(name: &str) -> Keyring {
    let mut keys = Keyring::new();
    keys.add(PrivateKey::from_pem(&std::fs::read(key(&format!("{name}.key.pem"))).unwrap()).unwrap());
    keys
}

#[test]
fn values_that_kubeseal_sealed_open_under_their_label_and_no_other() {
    let table = std::fs::read_to_string(vectors().join("raw.tsv")).unwrap();
    let mut keyrings = BTreeMap::new();
    let mut count = 0;
    for line in table.lines() {
        let [name, scope, value, sealed] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let scope: Scope = scope.parse().unwrap();
        let value = STANDARD.decode(value).unwrap();
        let keys = keyrings.entry(name).or_insert_with(|| keyring(name));

        let sealed = SealedValue::parse(sealed).unwrap();
        assert_eq!(sealed.to_text(), line.rsplit_once('\t').unwrap().1, "the text changes on the way through");
        assert_eq!(sealed.key_bits().unwrap().to_string(), name.rsplit_once('-').unwrap().1);
        assert_eq!(sealed.plaintext_len(), value.len());
        for tried in [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide] {
            let opened = keys.open(&sealed, &Label::new(tried, "team-a", "app"));
            if tried == scope {
                assert_eq!(opened.unwrap().expose(), value, "{name} {scope}");
            } else {
                assert!(opened.is_err(), "{name}: sealed {scope}, opens {tried}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 4 * 3 * 6);
}

#[test]
fn the_wrong_key_of_the_right_size_opens_nothing() {
    let table = std::fs::read_to_string(vectors().join("raw.tsv")).unwrap();
    let keys = keyring("test-only-2048-other");
    for line in table.lines().filter(|line| line.starts_with("test-only-2048\tcluster-wide")) {
        let sealed = SealedValue::parse(line.rsplit_once('\t').unwrap().1).unwrap();
        assert!(keys.open(&sealed, &Label::new(Scope::ClusterWide, "", "")).is_err());
    }
}

/// The manifests, and the flags that each was sealed with; none where it was edited afterwards.
const MANIFESTS: &[(&str, Option<&[&str]>)] = &[
    ("plain", Some(&[])),
    ("typed", Some(&[])),
    ("immutable", Some(&[])),
    ("annotated-namespace", Some(&[])),
    ("flagged-cluster", Some(&["--scope", "cluster-wide"])),
    ("metadata", Some(&[])),
    ("edited-template", None),
    ("edited-moved", None),
];

fn manifest(name: &str, state: &str) -> String {
    std::fs::read_to_string(vectors().join(format!("manifests/{name}.{state}.yaml"))).unwrap()
}

#[test]
fn objects_that_kubeseal_sealed_open_to_the_bytes_that_it_wrote() {
    for (name, _) in MANIFESTS {
        let opened = as_kubeseal()
            .args(["--recovery-unseal", "-o", "yaml", "--recovery-private-key"])
            .arg(key("test-only-2048.key.pem"))
            .stdin(manifest(name, "sealed"))
            .ok();
        // From 0.37 on a decrypted item wins over a template of its name; so it does in ours.
        let expected = match *name {
            "edited-template" => manifest(name, "opened").replace("user: QURNSU4=", "user: YWRtaW4="),
            _ => manifest(name, "opened"),
        };
        assert_same(opened.out(), &expected, name);
    }
}

#[test]
fn secrets_seal_to_the_bytes_that_kubeseal_wrote_apart_from_the_ciphertext() {
    for (name, flags) in MANIFESTS {
        let Some(flags) = flags else { continue };
        let sealed = as_kubeseal()
            .args(["-o", "yaml", "--cert"])
            .arg(key("test-only-2048.crt.pem"))
            .args(*flags)
            .stdin(manifest(name, "secret"))
            .ok();
        assert_same(&without_ciphertext(sealed.out()), &without_ciphertext(&manifest(name, "sealed")), name);
    }
}
