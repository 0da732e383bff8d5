//! What is shown, and what never is: names from files that would drive the terminal, values that YAML made keys of, passwords in URLs.
//! And sources that nobody should seal with: certificates without TLS, variables that are no text.

use std::os::unix::ffi::OsStringExt as _;

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::crypto::x509::Certificate;
use time::Duration;

use super::{Session, key_path};

/// Nothing in it does anything to a terminal, or forges a line.
fn assert_harmless(text: &str, lines: usize) {
    assert!(!text.contains(|c: char| c.is_control() && c != '\n') && !text.contains('\u{202e}'), "{text:?}");
    assert_eq!(text.lines().count(), lines, "{text}");
}

#[test]
fn names_in_findings_cannot_drive_the_terminal() {
    let session = Session::new();
    let name = "x\u{1b}[31m\u{202e}red\nhint: all good.yaml";
    session.write(
        name,
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: \"a\\e]0;pwned\\a\\nerror: no\", namespace: ns}\nspec: {encryptedData: {\"K\\e[2J\": AgBx}}\n",
    );
    let ran = session.run(&["verify"]).code(1);
    assert!(ran.out.contains("x\\u{1b}[31m\\u{202e}red\\nhint: all good.yaml:"), "{}", ran.out);
    assert_harmless(&ran.out, ran.out.matches(".yaml:").count());
    for command in ["doctor", "scan"] {
        let out = session.run(&[command]).out;
        assert_harmless(&out, out.lines().count());
    }
    // JSON has escapes of its own.
    let json = session.run(&["verify", "--format", "json"]).code(1).out;
    assert!(json.contains(r"x\u001b[31m") && !json.contains('\u{1b}'), "{json}");
}

#[test]
fn a_subject_cannot_drive_the_terminal() {
    let session = Session::new();
    let key = PrivateKey::from_pem(&std::fs::read(key_path("test-only-2048.key.pem")).unwrap()).unwrap();
    let evil =
        Certificate::self_signed(&key, "a\u{1b}[31mx\nkey  RSA", session.now - Duration::days(1), Duration::days(9)).unwrap();
    session.write("evil.pem", evil.pem());
    let shown = session.run(&["cert", "show", "evil.pem"]).ok().out;
    assert!(shown.contains("CN=a\\u{1b}[31mx\\nkey"), "{shown}");
    assert_harmless(&shown, 7);
}

#[test]
fn a_value_that_became_a_key_or_a_name_is_not_shown() {
    let session = Session::new();
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: ns}\n";
    let cases = [
        (format!("{head}stringData: {{password:hunter2}}\n"), "line 4: a key of stringData is not a valid Secret key"),
        (format!("{head}stringData:\n  good: v\n  password=hunter2:\n"), "line 6: a key of stringData is not a valid Secret key"),
        (format!("{head}data:\n  \"a hunter2\": dg==\n"), "line 5: a key of data is not a valid Secret key"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata:\n  namespace: ns\n  name: a\n   hunter2\nstringData: {k: v}\n".to_owned(),
            "the name (not shown: it may hold a value) is not a valid Secret name",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: ns\n   hunter2\nstringData: {k: v}\n".to_owned(),
            "the namespace (not shown: it may hold a value) is not a valid namespace",
        ),
        ("kind: Secret\n password: hunter2\nmetadata: {name: a}\n".to_owned(), ""),
        ("kind: Secret\n  hunter2\nmetadata: {name: a}\n".to_owned(), "found kind something else (not shown"),
        ("kind: Secret\napiVersion: v1\n  hunter2\nmetadata: {name: a}\n".to_owned(), "found something else (not shown"),
    ];
    for (text, why) in cases {
        session.write("in.yaml", &text);
        let ran = session.run(&["-v", "seal", "--cert", &key_path("test-only-2048.crt.pem"), "in.yaml"]);
        assert_ne!(ran.code, 0);
        assert!(ran.err.contains(why) && !ran.err.contains("hunter2"), "{text}\n{}", ran.err);
        assert_eq!(ran.out, "");
    }
    for option in ["--from-file=in.yaml", "--from-env"] {
        let ran = session.run(&["A=hunter2", option]).code(2);
        assert!(ran.err.contains("exclude each other") && !ran.err.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn kubeseal_warns_of_keys_that_the_cluster_refuses() {
    let session = Session::new();
    session.write("in.yaml", "kind: Secret\nmetadata: {name: a, namespace: ns}\nstringData: {password:hunter2}\n");
    let ran = session.run(&["kubeseal", "--cert", &key_path("test-only-2048.crt.pem"), "-f", "in.yaml"]).ok();
    assert!(
        ran.err.starts_with("warning: in.yaml: line 3: a key of stringData is not a valid Secret key (not shown"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[test]
fn the_password_of_a_url_is_not_shown() {
    // Nobody listens there.
    let url = "http://user:passw0rd@127.0.0.1:1/c.pem";
    let session = Session::new();
    session.write("in.yaml", super::SECRET);
    let commands: [&[&str]; 5] = [
        &["-v", "K", "v", "--name", "a", "-n", "b", "--cert", url],
        &["-v", "seal", "in.yaml", "--cert", url],
        &["-v", "cert", "show", url],
        &["-v", "cert", "check", url],
        &["kubeseal", "--cert", url, "-f", "in.yaml"],
    ];
    for command in commands {
        let ran = session.run(command).code(1);
        assert!(ran.err.contains("http://user:***@127.0.0.1:1/c.pem"), "{}", ran.err);
        assert!(!ran.err.contains("passw0rd") && ran.out.is_empty(), "{}", ran.err);
    }
}

#[test]
fn a_certificate_without_tls_is_refused_by_our_verbs_and_warned_about_by_kubeseal() {
    let session = Session::new();
    session.write("in.yaml", super::SECRET);
    // This machine, but not by a name that says so; nobody listens there.
    let url = "http://0.0.0.0:1/c.pem";
    let refused = format!(
        "error: cannot fetch the certificate {url}\n  cause: over http:// anybody on the way can put a certificate of theirs in its place\nhint: use https://, or fetch it once, compare its fingerprint and keep it in git\n"
    );
    session.run(&["K", "v", "--name", "a", "-n", "b", "--cert", url]).fails(1, &refused);
    session.run(&["cert", "check", url]).fails(1, &refused);
    session.write(".hecate-seal.yaml", format!("certificate: {url}\n"));
    session.run(&["seal", "in.yaml"]).fails(1, &refused);
    let ran = session.run(&["kubeseal", "--cert", url, "-f", "in.yaml"]).code(1);
    assert!(ran.err.starts_with(&format!("warning: {url}: over http:// anybody on the way")), "{}", ran.err);
}

#[test]
fn a_variable_that_is_no_text_is_an_error_not_unset() {
    for name in ["HECATE_SEAL_FILE", "HECATE_SEAL_CERT", "HECATE_SEAL_NAME", "HECATE_SEAL_NAMESPACE", "HECATE_SEAL_SCOPE"] {
        let session = Session::new().env(name, std::ffi::OsString::from_vec(b"bad\xff.yaml".to_vec()));
        let words = ["K", "v", "--cert", &key_path("test-only-2048.crt.pem"), "--name", "a", "-n", "b"];
        session.run(&words).fails(2, &format!("error: the environment variable {name} is not UTF-8 text\n"));
        assert!(session.names().is_empty());
    }
}
