//! What a bootstrap makes, read by the programs that it is for: sops, age-keygen, ssh-keygen, openssl, nats-server.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Run, hecate, peers, temp_dir};

const HEAD: &str = "apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n  secrets:\n";

/// Makes a SOPS file for a fresh identity of age-keygen and gives the Secret's values as sops decrypts them.
fn made(folder: &Path, keys: &str, sops: &Path, identity: &Path) -> BTreeMap<String, String> {
    let text = format!(
        "{HEAD}    - name: app\n      namespace: web\n      target: {{ sops: {{ path: secret.yaml }} }}\n      keys:\n{keys}"
    );
    std::fs::write(folder.join("bootstrap.yaml"), text).unwrap();
    hecate().args(["bootstrap", "apply"]).env("SOPS_AGE_KEY_FILE", identity).cwd(folder).ok();
    opened(folder, sops, identity)
}

fn opened(folder: &Path, sops: &Path, identity: &Path) -> BTreeMap<String, String> {
    let run = Run::new(sops).args(["--decrypt", "--output-type", "json", "secret.yaml"]);
    let json = run.env("SOPS_AGE_KEY_FILE", identity).cwd(folder).ok();
    let secret: serde_json::Value = serde_json::from_str(json.out()).unwrap();
    assert_eq!((secret["kind"].as_str(), secret["metadata"]["name"].as_str()), (Some("Secret"), Some("app")));
    let text = |(key, value): (&String, &serde_json::Value)| (key.clone(), value.as_str().unwrap().to_owned());
    secret["stringData"].as_object().unwrap().iter().map(text).collect()
}

/// sops, an identity, and `.sops.yaml` for it.
fn workshop(folder: &Path) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let (sops, keygen) = (peers::get(&peers::SOPS)?, peers::get(&peers::AGE_KEYGEN)?);
    let identity = folder.join("identity.txt");
    Run::new(&keygen).arg("-o").arg(&identity).ok();
    let recipient = Run::new(&keygen).arg("-y").arg(&identity).ok();
    std::fs::write(folder.join(".sops.yaml"), format!("creation_rules:\n  - age: {}\n", recipient.out().trim())).unwrap();
    Some((sops, identity))
}

#[test]
fn sops_opens_what_a_bootstrap_writes_and_a_bootstrap_fills_what_sops_wrote() {
    let folder = temp_dir();
    let folder = folder.path();
    let Some((sops, identity)) = workshop(folder) else { return };
    let first = made(folder, "        PW: { password: {} }\n        USER: { literal: \"on\" }\n", &sops, &identity);
    assert_eq!((first["PW"].len(), first["USER"].as_str()), (32, "on"));
    // sops changes the file; what is missing is added, and nothing else changes.
    let set = Run::new(&sops).args(["set", "secret.yaml", "[\"stringData\"][\"OTHER\"]", "\"by sops\""]);
    set.env("SOPS_AGE_KEY_FILE", &identity).cwd(folder).ok();
    let keys =
        "        PW: { password: {} }\n        USER: { literal: \"on\" }\n        HASH: { bcrypt: { from: PW, cost: 4 } }\n";
    let second = made(folder, keys, &sops, &identity);
    assert_eq!((&second["PW"], second["OTHER"].as_str()), (&first["PW"], "by sops"));
    assert_eq!(hecate_seal::crypto::password::verify_bcrypt(first["PW"].as_bytes(), &second["HASH"]), Some(true));
    // A file that sops made itself from a plain Secret.
    let plain = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: web\nstringData:\n  PW: made-by-hand\n";
    std::fs::write(folder.join("secret.yaml"), plain).unwrap();
    let encrypt = Run::new(&sops).args(["--encrypt", "--encrypted-regex", "^(data|stringData)$", "--in-place", "secret.yaml"]);
    encrypt.cwd(folder).ok();
    let third = made(folder, keys, &sops, &identity);
    assert_eq!(third["PW"], "made-by-hand");
    assert_eq!(hecate_seal::crypto::password::verify_bcrypt(b"made-by-hand", &third["HASH"]), Some(true));
}

#[test]
fn keys_are_what_their_programs_read() {
    let folder = temp_dir();
    let folder = folder.path();
    let Some((sops, identity)) = workshop(folder) else { return };
    let values = made(
        folder,
        "        age: { age: { outputs: { identity: id.agekey, recipient: recipient } } }
        ed: { keypair: { algorithm: ssh-ed25519, comment: flux@cluster, outputs: { private: ed, public: ed.pub } } }
        rsa: { keypair: { algorithm: ssh-rsa, outputs: { private: rsa, public: rsa.pub } } }
        pem: { keypair: { algorithm: rsa, outputs: { private: pem, public: pem.pub } } }
        ca: { x509: { cn: Root, isCA: true } }
",
        &sops,
        &identity,
    );
    let file = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, &values[name]).unwrap();
        std::os::unix::fs::PermissionsExt::set_mode(&mut std::fs::metadata(&path).unwrap().permissions(), 0o600);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    let keygen = peers::get(&peers::AGE_KEYGEN).unwrap();
    assert_eq!(Run::new(keygen).arg("-y").arg(file("id.agekey")).ok().out().trim(), values["recipient"]);
    let there = |program: &str| Path::new("/usr/bin").join(program).exists();
    if there("ssh-keygen") {
        for name in ["ed", "rsa"] {
            let public = Run::new("ssh-keygen").args(["-y", "-f"]).arg(file(name)).ok();
            let ours: Vec<&str> = values[&format!("{name}.pub")].split_whitespace().take(2).collect();
            assert_eq!(public.out().split_whitespace().take(2).collect::<Vec<_>>(), ours, "{name}");
        }
    }
    if there("openssl") {
        let public = Run::new("openssl").args(["pkey", "-pubout", "-in"]).arg(file("pem")).ok();
        assert_eq!(public.out(), values["pem.pub"]);
        let checked = Run::new("openssl").args(["verify", "-CAfile"]).arg(file("tls.crt")).arg(folder.join("tls.crt")).ok();
        assert!(checked.out().contains("OK"), "{}", checked.out());
    }
}

#[test]
fn nats_server_takes_the_configuration_and_a_damaged_one_is_never_written() {
    let folder = temp_dir();
    let folder = folder.path();
    let Some((sops, identity)) = workshop(folder) else { return };
    let Some(server) = peers::get(&peers::NATS_SERVER) else { return };
    let keys = "        PW: { password: {} }
        HASH: { bcrypt: { from: PW, cost: 4 } }
        account: { nkey: { role: account } }
        seed: { nkey: { role: user, outputs: { seed: seed, public: public } } }
        user.creds: { natsCreds: { account: account, seed: seed, user: app, permissions: { publish: 'a.>' } } }
        auth.conf:
          natsAuth:
            timeout: 5s
            users:
              - { user: default, hash: HASH }
              - { user: other, password: PW, permissions: { publish: { allow: ['dyn.>', '$JS.API.>'] }, allowResponses: true } }
              - { nkey: public }
";
    let values = made(folder, keys, &sops, &identity);
    assert!(!values["auth.conf"].contains(&values["PW"]), "no password of a client is in it");
    assert!(values["auth.conf"].contains(&values["public"]));
    std::fs::write(folder.join("auth.conf"), &values["auth.conf"]).unwrap();
    std::fs::write(folder.join("nats.conf"), "port: -1\ninclude auth.conf\n").unwrap();
    Run::new(&server).args(["-t", "-c", "nats.conf"]).cwd(folder).ok();
    assert!(values["user.creds"].contains("-----BEGIN NATS USER JWT-----") && values["user.creds"].contains(&values["seed"]));
    // Nothing changes on a second run, creds and hashes included.
    assert_eq!(made(folder, keys, &sops, &identity), values);

    // An empty password: no configuration is made of it.
    let set = Run::new(&sops).args(["set", "secret.yaml", "[\"stringData\"][\"PW\"]", "\"\""]);
    set.env("SOPS_AGE_KEY_FILE", &identity).cwd(folder).ok();
    let before = std::fs::read(folder.join("secret.yaml")).unwrap();
    let ran = hecate().args(["bootstrap", "apply"]).env("SOPS_AGE_KEY_FILE", &identity).cwd(folder).output().code(1);
    assert!(ran.err().contains("[empty-value]"), "{}", ran.err());
    assert_eq!(std::fs::read(folder.join("secret.yaml")).unwrap(), before);
}
