//! `convert`: both ways, what stays, what is refused, and that nothing is lost.

use super::{SECRET, Session, key_path};

/// An identity of C2SP's vectors for age, and its recipient.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

fn recipient() -> String {
    hecate_seal::age::Identity::parse(IDENTITY, "test").unwrap().recipient().unwrap()
}

/// A session with rules for its files, the identity that opens them, and certificate and key of a cluster.
fn session() -> Session {
    let session = Session::new()
        .env("SOPS_AGE_KEY", IDENTITY)
        .env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem"))
        .env("HECATE_SEAL_PRIVATE_KEYS", key_path("test-only-2048.key.pem"));
    session.write(".sops.yaml", format!("creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: {}\n", recipient()));
    session
}

/// The Secret of a SealedSecret file, as `unseal` prints it.
fn unsealed(session: &Session, file: &str) -> String {
    session.run(&["unseal", file]).ok().out
}

fn decrypted(session: &Session, file: &str) -> String {
    session.run(&["sops", "decrypt", file]).ok().out
}

const RICH: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: app
  namespace: web
  labels:
    team: a
  annotations:
    sealedsecrets.bitnami.com/namespace-wide: 'true'
    note: 'yes'
type: example.org/custom
immutable: true
stringData:
  EMPTY: ''
  LINES: |
    one
    two
  OCTAL: '0o17'
  YES: 'yes'
  ÜBER: no
data:
  BIN: //79AAE=
";

#[test]
fn a_secret_goes_there_and_back_with_everything_it_has() {
    let session = session();
    session.write("s.yaml", RICH.replace("  ÜBER: no\n", ""));
    session.run(&["sops", "encrypt", "--in-place", "s.yaml"]).ok();
    let before = session.read("s.yaml");
    let ran = session.run(&["convert", "--to", "sealed-secret", "s.yaml", "-o", "sealed.yaml"]).ok();
    assert_eq!(ran.err, "note: wrote sealed.yaml: 1 Secret of 5 values sealed\n");
    assert_eq!(session.read("s.yaml"), before, "the source stays");
    session.run(&["verify", "sealed.yaml"]).ok();
    let first = unsealed(&session, "sealed.yaml");
    for line in ["    sealedsecrets.bitnami.com/namespace-wide: \"true\"", "  BIN: //79AAE=", "immutable: true", "    team: a"] {
        assert!(first.contains(line), "{line} in {first}");
    }
    let ran = session.run(&["convert", "--to", "sops", "-i", "sealed.yaml"]).ok();
    assert_eq!(ran.err, "note: wrote sealed.yaml: 1 Secret of 5 values encrypted\n");
    let text = session.read("sealed.yaml");
    assert!(text.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n    name: app\n") && !text.contains("one"), "{text}");
    let plain = decrypted(&session, "sealed.yaml");
    assert!(plain.contains("    LINES: |\n        one\n        two\n") && plain.contains("    BIN: //79AAE=\n"), "{plain}");
    // And once more, in place: the Secret is what it was.
    session.run(&["convert", "--to", "sealed-secret", "-i", "sealed.yaml"]).ok();
    assert_eq!(unsealed(&session, "sealed.yaml"), first);
    assert_eq!(session.names(), [".sops.yaml", "s.yaml", "sealed.yaml"]);
}

#[test]
fn several_documents_files_and_json_are_converted() {
    let session = session();
    let two = format!("{SECRET}---\n{}", SECRET.replace("name: app", "name: other"));
    session.write("a.yaml", &two);
    session.write("b.yaml", SECRET);
    for file in ["a.yaml", "b.yaml"] {
        session.run(&["sops", "encrypt", "--in-place", file]).ok();
    }
    session.run(&["convert", "--to", "sealed-secret", "-i", "a.yaml", "b.yaml"]).ok();
    assert_eq!(unsealed(&session, "a.yaml").matches("kind: Secret").count(), 2);
    session.run(&["convert", "--to", "sops", "-i", "a.yaml"]).ok();
    assert_eq!(decrypted(&session, "a.yaml").matches("PASSWORD: hunter2").count(), 2);
    let sealed = session.read("b.yaml");
    session.run(&["convert", "--to", "sops", "b.yaml", "-o", "b.json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&decrypted(&session, "b.json")).unwrap();
    assert_eq!(json["stringData"]["PASSWORD"], "hunter2");
    session.run(&["convert", "--to", "sealed-secret", "b.json", "-o", "c.json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&session.read("c.json")).unwrap();
    assert_eq!(json["kind"], "SealedSecret");
    // Standard input to standard output.
    let piped = self::session().stdin(sealed);
    let ran = piped.run(&["convert", "--to", "sops", "-"]).ok();
    assert!(ran.out.contains("PASSWORD: ENC[AES256_GCM,") && ran.err.is_empty(), "{}{}", ran.out, ran.err);
    piped.run(&["convert", "--to", "sops", "-i", "-"]).code(2);
    session.run(&["convert", "--to", "sops", "a.yaml", "b.yaml"]).code(2);
}

#[test]
fn the_rule_must_encrypt_the_values_and_decides_in_which_field_they_are() {
    let session = session();
    session.write("plain.yaml", SECRET);
    let sealed = session.run(&["seal", "plain.yaml"]).ok().out;
    session.write("s.yaml", &sealed);
    let with = |rule: &str| {
        session.write(".sops.yaml", format!("creation_rules:\n  - age: {}\n{rule}", recipient()));
        session.run(&["convert", "--to", "sops", "s.yaml"])
    };
    let data = with("    encrypted_regex: ^data$\n").ok().out;
    assert!(data.contains("\ndata:\n    PASSWORD: ENC["), "{data}");
    let default = with("").ok().out;
    assert!(default.contains("kind: Secret") && default.contains("encrypted_regex: ^(data|stringData)$"), "{default}");
    let refused = with("    encrypted_regex: ^PASSWORD$\n").code(1);
    let expected = "error: cannot convert s.yaml\n  cause: the rule `encrypted_regex: ^PASSWORD$` would leave data.USER in plain text\n\
                    hint: for Secrets use `encrypted_regex: ^(data|stringData)$` in .sops.yaml\n";
    assert_eq!(refused.err, expected);
    with("    encrypted_regex: ^nothing$\n").code(1);
    session.write(".sops.yaml", "creation_rules:\n  - path_regex: other\n    age: age1x\n");
    assert!(session.run(&["convert", "--to", "sops", "s.yaml"]).code(1).err.contains("no matching creation rules found"));
    std::fs::remove_file(session.path(".sops.yaml")).unwrap();
    assert!(session.run(&["convert", "--to", "sops", "s.yaml"]).code(1).err.contains("name the recipients with --age"));
    session.run(&["convert", "--to", "sops", "--age", &recipient(), "s.yaml"]).ok();
    session.run(&["convert", "--to", "sops", "--age", "age1broken", "s.yaml"]).code(1);
    assert_eq!(session.read("s.yaml"), sealed);
}

#[test]
fn what_would_be_lost_is_refused_unless_told() {
    let session = session();
    session.write("plain.yaml", SECRET);
    let sealed = session.run(&["seal", "plain.yaml"]).ok().out;
    let template = sealed.replace("  template:\n", "  template:\n    data:\n      url: 'u:{{ .USER }}'\n");
    session.write("t.yaml", &template);
    let ran = session.run(&["convert", "--to", "sops", "-i", "t.yaml"]).code(1);
    assert!(ran.err.contains("it has a template, which SOPS does not"), "{}", ran.err);
    assert_eq!(session.read("t.yaml"), template);
    session.run(&["convert", "--to", "sops", "-i", "--allow-loss", "t.yaml"]).ok();
    assert!(decrypted(&session, "t.yaml").contains("    url: u:admin\n"));
    session.write("a.yaml", sealed.replacen("  name: app\n", "  name: app\n  annotations:\n    wave: '1'\n", 1));
    let ran = session.run(&["convert", "--to", "sops", "a.yaml"]).code(1);
    assert!(ran.err.contains("the SealedSecret has the annotation wave, and its Secret does not"), "{}", ran.err);
    session.run(&["convert", "--to", "sops", "--allow-loss", "a.yaml"]).ok();
}

#[test]
fn what_is_something_else_is_told_with_the_command_that_fits_and_nothing_is_written() {
    let session = session();
    session.write("plain.yaml", SECRET);
    session.write("sealed.yaml", session.run(&["seal", "plain.yaml"]).ok().out);
    session.write("config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n");
    session.run(&["sops", "encrypt", "-i", "config.yaml"]).ok();
    session.write("good.yaml", SECRET);
    session.run(&["sops", "encrypt", "-i", "good.yaml"]).ok();
    let to = |kind: &str, file: &str, said: &str| {
        let before = session.read(file);
        let good = session.read("good.yaml");
        let files = if kind == "sealed-secret" { vec!["good.yaml", file] } else { vec![file] };
        let ran = session.run(&[&["convert", "-i", "--to", kind], files.as_slice()].concat()).code(1);
        assert!(ran.err.contains(said), "{file}: {}", ran.err);
        assert!(!ran.err.contains("hunter2"));
        assert_eq!((session.read(file), session.read("good.yaml")), (before, good), "{file}");
    };
    to("sealed-secret", "plain.yaml", "`hecate-seal seal` makes a SealedSecret of it");
    to("sealed-secret", "sealed.yaml", "the other way round is --to sops");
    to("sealed-secret", "config.yaml", "only Secrets can be sealed");
    to("sops", "plain.yaml", "a plain Secret is encrypted with `sops encrypt --in-place`");
    let no_key = Session::new();
    no_key.write("s.yaml", session.read("sealed.yaml"));
    assert!(no_key.run(&["convert", "--to", "sops", "s.yaml"]).code(2).err.contains("--private-key"));
    let wrong = Session::new().env("HECATE_SEAL_PRIVATE_KEYS", key_path("test-only-2048-other.key.pem"));
    wrong.write("s.yaml", session.read("sealed.yaml"));
    assert!(wrong.run(&["convert", "--to", "sops", "--age", &recipient(), "s.yaml"]).code(1).err.contains("cannot open web/app"));
    let stranger = Session::new().env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem")).env("HOME", "/nonexistent");
    stranger.write("s.yaml", session.read("good.yaml"));
    let ran = stranger.run(&["convert", "--to", "sealed-secret", "s.yaml"]).code(1);
    assert!(ran.err.contains("data key"), "{}", ran.err);
    // A changed file does not become a SealedSecret.
    session.write("good.yaml", session.read("good.yaml").replace("name: app", "name: evil"));
    let ran = session.run(&["convert", "--to", "sealed-secret", "good.yaml"]).code(1);
    assert!(ran.err.contains("MAC mismatch"), "{}", ran.err);
}
