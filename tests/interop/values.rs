//! Single values, library against kubeseal and the controller's library: every key size, scope and shape of value, both ways.

use crate::support::{Run, key, peers};
use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::crypto::x509::Certificate;
use hecate_seal::seal::{Keyring, Label, Scope, SealedValue, seal_value};

const SIZES: [&str; 4] = ["test-only-2048", "test-only-3072", "test-only-4096", "test-only-8192"];
const SCOPES: [Scope; 3] = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];

/// The values that trouble programs: nothing, one byte, bytes that are no text, newlines at the end, and nearly a megabyte.
pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    // Not constant, so that a lost or repeated block shows; every byte value occurs.
    let large = (0u32..900 * 1024).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        ("empty", Vec::new()),
        ("one-byte", vec![b'x']),
        ("zero-byte", vec![0]),
        ("not-utf8", vec![0xff, 0xfe, 0x00, 0x80, b'\r', b'\n', 0xc3, 0x28]),
        ("trailing-newlines", b"line\n\n\r\n".to_vec()),
        ("utf8", "pässwörd \u{1f511} $HOME `id` {{ .x }}".as_bytes().to_vec()),
        ("large", large),
    ]
}

fn private(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&std::fs::read(key(&format!("{name}.key.pem"))).unwrap()).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::parse_pem_first(&std::fs::read(key(&format!("{name}.crt.pem"))).unwrap()).unwrap()
}

#[test]
fn what_kubeseal_seals_ours_opens() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    for size in SIZES {
        let mut keys = Keyring::new();
        keys.add(private(size));
        for scope in SCOPES {
            for (shape, value) in values() {
                let raw = Run::new(&kubeseal)
                    .args(["--raw", "--namespace", "team-a", "--name", "app", "--scope", scope.as_str(), "--cert"])
                    .arg(key(&format!("{size}.crt.pem")))
                    .stdin(value.clone())
                    .ok();
                let sealed = SealedValue::parse(raw.out()).unwrap();
                assert_eq!(sealed.plaintext_len(), value.len(), "{size} {scope:?} {shape}");
                let opened = keys.open(&sealed, &Label::new(scope, "team-a", "app")).unwrap();
                assert!(opened.expose() == value, "{size} {scope:?} {shape}: other bytes");
                // The same bytes under any other label stay shut.
                for wrong in [Label::new(Scope::Strict, "team-b", "app"), Label::new(Scope::Strict, "team-a", "apq")] {
                    assert!(keys.open(&sealed, &wrong).is_err(), "{size} {scope:?} {shape}: opens under {wrong:?}");
                }
            }
        }
    }
}

#[test]
fn what_ours_seals_the_controllers_library_opens() {
    let Some(unseal) = peers::go_program("unseal") else { return };
    for size in SIZES {
        let public = certificate(size);
        for scope in SCOPES {
            let label = Label::new(scope, "team-a", "app");
            let items: Vec<String> = values()
                .iter()
                .map(|(shape, value)| {
                    format!("\"{shape}\": \"{}\"", seal_value(public.public_key(), &label, value).unwrap().to_text())
                })
                .collect();
            let annotation = scope.annotation().map_or_else(String::new, |name| format!("\"{name}\": \"true\""));
            let object = format!(
                r#"{{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                     "metadata": {{"name": "app", "namespace": "team-a", "annotations": {{{annotation}}}}},
                     "spec": {{"encryptedData": {{{}}}}}}}"#,
                items.join(",")
            );
            let secret = opened_by_the_controller(&unseal, &[size], &object).remove(0).unwrap();
            for (shape, value) in values() {
                let theirs = bytes(&secret["data"][shape]);
                assert!(theirs == value, "{size} {scope:?} {shape}: other bytes ({} of {})", theirs.len(), value.len());
            }
        }
    }
}

#[test]
fn a_certificate_of_ours_is_one_that_kubeseal_takes() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    let key = private("test-only-2048");
    let now = time::OffsetDateTime::now_utc();
    let ours = Certificate::self_signed(&key, "", now, time::Duration::days(3650)).unwrap();
    let folder = crate::support::temp_dir();
    let file = folder.path().join("ours.pem");
    std::fs::write(&file, ours.pem()).unwrap();
    let raw = Run::new(&kubeseal).args(["--raw", "--scope", "cluster-wide", "--cert"]).arg(&file).stdin("v").ok();
    let mut keys = Keyring::new();
    keys.add(key);
    let opened = keys.open(&SealedValue::parse(raw.out()).unwrap(), &Label::new(Scope::ClusterWide, "", "")).unwrap();
    assert_eq!(opened.expose(), b"v");
}

/// What the reference controller's library makes of a stream of SealedSecrets: the Secret, or its error, for each document.
pub(crate) fn opened_by_the_controller(
    unseal: &std::path::Path,
    keys: &[&str],
    stream: &str,
) -> Vec<Result<serde_json::Value, String>> {
    let output = Run::new(unseal).args(keys.iter().map(|name| key(&format!("{name}.key.pem")))).stdin(stream).ok();
    output
        .out()
        .lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            match line["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(line["secret"].take()),
            }
        })
        .collect()
}

/// The bytes of a base64 string; Go writes an empty value that it decrypted as null.
pub(crate) fn bytes(value: &serde_json::Value) -> Vec<u8> {
    use base64::Engine;
    if value.is_null() {
        return Vec::new();
    }
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_else(|| panic!("no text: {value}"))).unwrap()
}
