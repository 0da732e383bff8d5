//! `convert` between the real programs: what sops encrypts, kubeseal opens after us, and the other way round.

use std::path::Path;

use crate::support::{Run, hecate, key, peers, temp_dir};

const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

fn recipient() -> String {
    hecate_seal::age::Identity::parse(IDENTITY, "test").unwrap().recipient().unwrap()
}

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
    name: app
    namespace: web
    labels:
        team: a
type: example.org/custom
immutable: true
stringData:
    EMPTY: \"\"
    LINES: |
        one
        two
    NUMBER: \"0o17\"
    QUOTED: 'it''s \"so\": #1'
    YES: \"yes\"
    TEXT: ünï ✓
data:
    BIN: //79AAE=
";

/// The values of a Secret in JSON, decoded.
fn values(secret: &serde_json::Value) -> std::collections::BTreeMap<String, Vec<u8>> {
    use base64::Engine as _;
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let of = |field: &str| secret[field].as_object().cloned().unwrap_or_default();
    let data = of("data").into_iter().map(|(key, value)| (key, decode(value.as_str().unwrap_or_default())));
    let text = of("stringData").into_iter().map(|(key, value)| (key, value.as_str().unwrap().as_bytes().to_vec()));
    data.chain(text).collect()
}

fn sops(folder: &Path) -> Option<Run> {
    let run = Run::new(peers::get(&peers::SOPS)?).cwd(folder);
    Some(run.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent").env("SOPS_AGE_KEY", IDENTITY))
}

#[test]
fn what_sops_encrypts_kubeseal_opens_and_back_again() {
    let (Some(_), Some(kubeseal)) = (peers::get(&peers::SOPS), peers::kubeseal()) else { return };
    let folder = temp_dir();
    let file = folder.path().join("secret.yaml");
    std::fs::write(&file, SECRET).unwrap();
    let rules = format!(
        "creation_rules:\n  - path_regex: .*\\.yaml\n    encrypted_regex: ^(data|stringData)$\n    age: {}\n",
        recipient()
    );
    std::fs::write(folder.path().join(".sops.yaml"), rules).unwrap();
    let original = sops(folder.path()).unwrap().args(["decrypt", "--output-type", "json"]);
    sops(folder.path()).unwrap().args(["--encrypt", "--in-place", "secret.yaml"]).ok();
    let original: serde_json::Value = serde_json::from_str(original.arg("secret.yaml").ok().out()).unwrap();

    let convert = |to: &str| {
        let run = hecate().cwd(folder.path()).env("SOPS_AGE_KEY", IDENTITY).args(["convert", "--in-place", "--to", to]);
        run.arg("--cert").arg(key("test-only-4096.crt.pem")).arg("-p").arg(key("test-only-4096.key.pem")).arg("secret.yaml").ok();
    };
    convert("sealed-secret");
    let opened = Run::new(&kubeseal)
        .args(["--recovery-unseal", "-o", "json", "--recovery-private-key"])
        .arg(key("test-only-4096.key.pem"))
        .stdin(std::fs::read(&file).unwrap())
        .ok();
    let opened: serde_json::Value = serde_json::from_str(opened.out()).unwrap();
    assert_eq!(values(&opened), values(&original));
    for field in ["type", "immutable"] {
        assert_eq!(opened[field], original[field], "{field}");
    }
    assert_eq!(opened["metadata"]["labels"], original["metadata"]["labels"]);

    // kubeseal seals the same Secret; ours makes a SOPS file of it that sops opens.
    let plain = original.to_string();
    let sealed = Run::new(&kubeseal).args(["-o", "yaml", "--cert"]).arg(key("test-only-4096.crt.pem")).stdin(plain).ok();
    std::fs::write(&file, sealed.out()).unwrap();
    convert("sops");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("one") && text.contains("kind: Secret"), "{text}");
    let opened = sops(folder.path()).unwrap().args(["decrypt", "--output-type", "json", "secret.yaml"]).ok();
    let opened: serde_json::Value = serde_json::from_str(opened.out()).unwrap();
    assert_eq!(values(&opened), values(&original));
    for field in ["apiVersion", "kind", "type", "immutable"] {
        assert_eq!(opened[field], original[field], "{field}");
    }
    assert_eq!(opened["metadata"]["name"], "app");
    assert_eq!(opened["metadata"]["labels"], original["metadata"]["labels"]);
}
