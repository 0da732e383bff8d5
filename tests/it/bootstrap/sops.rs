//! Secrets in files that SOPS encrypts.

use std::collections::BTreeMap;

use crate::cli::Session;

/// An identity and recipient of C2SP's vectors for age.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

fn recipient() -> String {
    hecate_seal::age::Identity::parse(IDENTITY, "test").unwrap().recipient().unwrap()
}

const FILE: &str = "apiVersion: hecate.social/v1alpha1
kind: Bootstrap
spec:
  secrets:
    - name: app
      namespace: web
      target: { sops: { path: secret.yaml } }
      keys:
        PW: { password: {} }
        RAW: { bytes: { bytes: 16 } }
";

fn session() -> Session {
    let session = Session::new();
    session.write("bootstrap.yaml", FILE);
    session.write(".sops.yaml", format!("creation_rules:\n  - age: {}\n", recipient()));
    session
}

/// The plain text of the file's Secret: keys under `stringData` and `data`.
fn opened(session: &Session) -> BTreeMap<String, String> {
    use hecate_seal::age::{Identity, Unattended};
    use hecate_seal::sops::document::{Encrypted, Format, MacCheck, emit_plain};
    let text = session.read("secret.yaml");
    let file = Encrypted::load(Format::Yaml, text.as_bytes()).unwrap();
    let identity = Identity::parse(IDENTITY, "test").unwrap();
    let key = hecate_seal::sops::keys::recover(&file.metadata, &[identity], &Unattended).unwrap();
    let plain = file.decrypt(&key, MacCheck::Required).unwrap();
    let yaml = emit_plain(Format::Yaml, &plain.documents, &Default::default()).unwrap();
    let yaml = String::from_utf8(yaml.expose().to_vec()).unwrap();
    yaml.lines().filter_map(|line| line.trim().split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn a_new_file_is_for_the_recipients_of_its_rules_and_filling_needs_an_identity() {
    let session = session();
    session.run(&["bootstrap", "apply"]).ok();
    let text = session.read("secret.yaml");
    assert!(text.contains("name: app") && text.contains("encrypted_regex: ^(data|stringData)$"), "{text}");
    let first = opened(&session);
    assert_eq!(first["PW"].len(), 32);

    // Complete: nothing to do, with and without the identity.
    session.run(&["bootstrap", "plan"]).ok();
    let session = session.env("SOPS_AGE_KEY", IDENTITY);
    session.run(&["bootstrap", "plan"]).ok();
    assert_eq!(session.read("secret.yaml"), text);

    session.write("bootstrap.yaml", format!("{FILE}        HASH: {{ bcrypt: {{ from: PW, cost: 4 }} }}\n"));
    session.run(&["bootstrap", "apply"]).ok();
    let second = opened(&session);
    assert_eq!(second["PW"], first["PW"]);
    assert_eq!(hecate_seal::crypto::password::verify_bcrypt(first["PW"].as_bytes(), &second["HASH"]), Some(true));
    // What did not change keeps its ciphertext.
    let line = |text: &str| text.lines().find(|line| line.trim().starts_with("PW:")).unwrap().to_owned();
    assert_eq!(line(&session.read("secret.yaml")), line(&text));
    session.run(&["bootstrap", "plan"]).ok();
}

#[test]
fn case_25_a_file_that_no_identity_opens_is_left_alone() {
    let session = session();
    session.run(&["bootstrap", "apply"]).ok();
    let before = session.read("secret.yaml");
    session.write("bootstrap.yaml", format!("{FILE}        MORE: {{ password: {{}} }}\n        OTHER: {{ uuid: {{}} }}\n"));
    let ran = session.run(&["bootstrap", "apply"]).code(1);
    assert!(ran.err.contains("[sops-locked]") && ran.err.contains("MORE, OTHER"), "{}", ran.err);
    assert_eq!(session.read("secret.yaml"), before);
}

#[test]
fn a_plain_file_and_missing_rules_are_refused() {
    let plain = session();
    plain.write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: web}\nstringData: {PW: Canary}\n");
    let ran = plain.run(&["bootstrap", "apply"]).code(1);
    assert!(!ran.err.contains("Canary"), "{}", ran.err);
    let bare = Session::new();
    bare.write("bootstrap.yaml", FILE);
    assert!(bare.run(&["bootstrap", "apply"]).code(1).err.contains(".sops.yaml"));
    assert_eq!(bare.names(), ["bootstrap.yaml"]);
}
